"""What `explain` leaves: one picture with all maps, and a page that says how to read them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.written import fixed, signed
from models.cells import Cells
from search.apply.explain import (
    DETAIL_PX,
    FINE,
    Explained,
    Explanation,
    on_the_hand,
    outside_shares,
    region_rows,
    sex_of,
)
from search.output.confirmed import MODEL_NOTHING, model_learned_nothing
from search.output.files import file_name, write_text, written
from search.output.notices import notice
from search.show.html import Picture, notices, page, pictures, section, table, text
from search.show.overlay import Tile, laid_over, legend, sheet
from search.trained.about import digest_of_file
from search.trained.made_of import made_of

FOLDER = "explained"  # in the model's folder
LEAST_PX = 300  # of a case on the page, its two pictures together

MEANS = {
    "CAM": "The map is exact: the network's output is linear in the mean of its last feature map, so what all cells add, what "
    "the sex and the constants add, and the prediction agree to rounding (less than 0 is the age 0).",
    "HiResCAM": "A fully connected layer stands between the feature map and the output, so the map is a gradient's (HiResCAM): "
    "it sums to the prediction for this image (less than 0 is the age 0), but how the months are shared between cells and constants holds for this image only.",
    FINE: "Each place says by how many months the prediction falls when a small window around it is blurred (occlusion). Windows overlap, "
    "and the network may take from one place what it misses at another, so these months do not sum to the prediction.",
}
CAUTION = (
    "A map shows which parts of the image this network's output comes from. It does not show that the network reads what a "
    "radiologist reads, and neighbouring orange and blue may cancel."
)


def name_of(found: Explanation, of_what: str = "") -> str:
    """Of the picture and the page: what is shown (else the first radiograph), the method, and a digest of all that makes the maps.

    So the same command writes over its own, and never over another radiograph's, sex's, method's or network's.
    """
    first, others = found.cases[0].shown.name, len(found.cases) - 1
    named = file_name(of_what or Path(first).stem) or "image"
    more = f"-and-{others}-more" if others and not of_what else f"-{others + 1}" if of_what else ""
    made = hashlib.blake2b(f"{digest_of_file(found.model.network)} {found.method}".encode(), digest_size=8)
    for shown in (case.shown for case in found.cases):
        made.update(f"{shown.name!r} {shown.male} {shown.notes!r}".encode(errors="surrogateescape"))
        made.update(shown.seen.tobytes() + shown.detail.tobytes())
    return f"{named}{more}-{found.method.lower()}-{made.hexdigest()}"


def write(found: Explanation, folder: Path, name: str) -> tuple[Path, Path]:
    """The sheet (PNG) and the page (HTML), each renamed when whole."""
    folder.mkdir(parents=True, exist_ok=True)
    picture, html = folder / f"{name}.png", folder / f"{name}.html"
    over = [
        laid_over(case.shown.detail, months, found.scale)
        for case, months in zip(found.cases, on_the_hand(found), strict=True)
    ]
    bar = legend(found.scale, unit(found.where, found.model.preparation.image_px))
    tiles = [
        Tile((case.shown.seen, coloured), caption_lines(case, found.method, outside))
        for case, coloured, outside in zip(found.cases, over, outside_shares(found), strict=True)
    ]
    with written(picture) as part:
        drawn = sheet(tiles, bar, [heading(found.model.name, found.method)], [notice(found.drawn_words)])
        drawn.save(part, "PNG", optimize=True)
    write_text(html, explain_page(found, over, bar))
    return picture, html


def heading(name: str, method: str) -> str:
    said = {"CAM": "class activation map, exact", "HiResCAM": "HiResCAM", FINE: "occlusion"}[method]
    return f"{name}: {said}; left as the network sees it, right what each place adds"


def unit(where: Cells, image_px: int) -> str:
    return f"months added by a cell of {where.step_px:g} of {image_px} px"


def caption_lines(case: Explained, method: str = "CAM", outside: float | None = None) -> tuple[str, ...]:
    shown = case.shown
    said = [shown.name, *([] if shown.male is None else ["boy" if shown.male else "girl"])]
    made = f"image {case.months.sum():+.1f}, sex and constants {case.elsewhere_months:.1f}"
    predicted = f"predicted {case.prediction_months:.1f} months"
    if shown.age_months is not None:
        error = case.prediction_months - shown.age_months
        predicted += f", label {shown.age_months:g} ({error:+.1f})"
    if method == FINE:
        made = f"blurring a window changes it by {-case.months.max():+.1f} to {-case.months.min():+.1f}"
    share = [] if outside is None else [f"{outside:.0%} of the map lies outside the hand, not shown"]
    return (", ".join(said), predicted, made, *share, *shown.notes)


def explain_page(found: Explanation, over: Sequence[np.ndarray], bar: np.ndarray) -> str:
    """It holds radiographs, so it belongs beside the model and nowhere else."""
    where, model = found.where, found.model
    about = [
        text(
            "Orange places make the prediction older, blue ones younger, and the colour's strength says by how many months; "
            "all maps here share one scale. Left, the image as the network sees it; right, the map over it, as far as it lies on the hand."
        ),
        pictures(
            [Picture((bar,), f"The scale: {unit(found.where, model.preparation.image_px)}.")], 2, bar.shape[1], LEAST_PX
        ),
        text(MEANS[found.method] + together(found)),
        text(
            f"{'The map' if found.method == FINE else 'The last feature map of the network'} has {where.across}×{where.across} cells, {where.step_px:g} px apart in an image of "
            f"{model.preparation.image_px} px; the colours between their centres are interpolated."
        ),
        notices(warnings(found)),
    ]
    shown = [
        Picture((case.shown.seen, coloured), "; ".join(caption_lines(case, found.method, outside)))
        for case, coloured, outside in zip(found.cases, over, outside_shares(found), strict=True)
    ]
    sections = [
        section("What is shown", *about),
        section("Radiographs", pictures(shown, 2, DETAIL_PX, LEAST_PX)),
        section(
            "Months",
            table([month_row(case, found.method) for case in found.cases], "Months; error is predicted minus label."),
        ),
    ]
    if rows := region_rows(found):
        shares = [{key: f"{value:.1%}" if "share" in key else value for key, value in row.items()} for row in rows]
        sections.append(
            section(
                "Where on the drawn hands",
                text(
                    "In drawn hands the place of every bone is known exactly. A map that knows nothing of the hand would have a "
                    "ratio of 1; bone and growth zones overlap, and a cell is wider than most of them."
                ),
                table(shares, "Share of the map, and of the image, by what is drawn there."),
            )
        )
    subtitle = f"{model.name}, {model.about['params']:,} parameters; {model.path}"
    return page("Where predictions come from", sections, subtitle, found.drawn_words)


def together(found: Explanation) -> str:
    """What the map of an ensemble is."""
    count = len(made_of(found.model.about))
    if count == 1:
        return ""
    mean = (
        "the prediction is their mean" if found.method == FINE else "the prediction and its map are the means of theirs"
    )
    return f" The model is an ensemble of {count} networks: {mean}."


def month_row(case: Explained, method: str) -> dict[str, Any]:
    shown, predicted = case.shown, case.prediction_months
    return {
        "image": shown.name,
        "sex": sex_of(shown),
        "predicted": f"{predicted:.1f}",
        "label": None if shown.age_months is None else f"{shown.age_months:g}",
        "error": None if shown.age_months is None else signed(predicted - shown.age_months, 1),
        **(
            {}
            if method == FINE
            else {
                "from the image": signed(case.months.sum(), 1),
                "from sex and constants": fixed(case.elsewhere_months, 1),
            }
        ),
    }


def warnings(found: Explanation) -> list[tuple[str, str]]:
    said = [("note", CAUTION)]
    if found.where.across < 4:
        said.append(
            (
                "worry",
                f"The last feature map has {found.where.across}×{found.where.across} cells: it hardly tells one place from "
                "another. Larger images, or fewer poolings in the stem, give more.",
            )
        )
    if model_learned_nothing(found.model.about):
        said.append(("worry", MODEL_NOTHING))
    return said
