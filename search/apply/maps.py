"""The picture of what a trial's network looks at, drawn by the leader from the maps that the worker has left."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from data.foreign import foreign
from data.preparation import DataError
from data.store.disk import Store
from models.architecture import Architecture
from models.cells import cells, spread
from search.apply.explain import Explained, Shown
from search.apply.explain_page import caption_lines, heading, unit
from search.output.notices import notice, of_drawn_hands
from search.show.overlay import Tile, laid_over, legend, scale_of, sheet
from search.trained.measures import as_ages
from search.workers.left.best import MAPS

SIDE_PX = 144  # of a picture on the sheet
COLOURS = 256  # of a sheet, so that hundreds of trials take little room


def sheet_of(folder: Path, store: Store, architecture: Architecture, best_epoch: int | None) -> bytes | None:
    """PNG of what the trial in `folder` has left; None where it has left no maps."""
    path = folder / MAPS
    if best_epoch is None or not path.exists():
        return None
    try:
        with foreign(str(path)), np.load(path, allow_pickle=False) as left:
            rows, months, predictions = left["rows"], left["months"], left["prediction_months"]
    except DataError:  # a picture less
        return None
    where, scale = cells(architecture, store.image_px), scale_of(months)
    over = spread(months, where, store.image_px, SIDE_PX)
    tiles = []
    for row, of_cells, of_pixels, prediction in zip(rows, months, over, predictions, strict=True):
        about = store.cases.iloc[row]
        image = Image.fromarray(np.array(store.images[row]))
        seen = np.asarray(image.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))
        shown = Shown(about["id"], seen, seen, bool(about["male"]), float(about["age_months"]))
        case = Explained(shown, of_cells, float(prediction - of_cells.sum()), float(as_ages(prediction)))
        tiles.append(Tile((seen, laid_over(seen, of_pixels, scale)), caption_lines(case)))
    head = heading(f"{folder.parent.name}/{folder.name}, best epoch {best_epoch}", method_of(architecture))
    drawn = sheet(
        tiles,
        legend(scale, unit(where, store.image_px)),
        [head],
        [notice(of_drawn_hands(cases=store.synthetic))],
        SIDE_PX,
    )
    png = BytesIO()
    drawn.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(png, "PNG", optimize=True)
    return png.getvalue()


def method_of(architecture: Architecture) -> str:
    """As `models/cam.py` names it."""
    return "HiResCAM" if architecture.fc_units else "CAM"
