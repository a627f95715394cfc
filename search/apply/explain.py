"""Where in radiographs a trained model's predictions come from: which radiographs, their maps, the shares of regions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.cases import spread_cases
from data.films.images import decode
from data.films.looks import shrunk
from data.phantom.hand import Anatomy, anatomy, phantom_cases
from data.preparation import DataError
from data.store.disk import Store
from models.cells import Cells, cells, spread
from search.apply.hand_mask import hand_of
from search.apply.occlusion import occluded, places
from search.apply.predict import Wanted, judge, read
from search.output.notices import of_drawn_hands
from search.output.terminal import log
from search.show.overlay import scale_of
from search.trained.folder import ModelFolder, load_network, prepared_otherwise
from search.trained.left.looks import LOOKS
from search.trained.measures import as_ages
from search.trained.predictor import looks_in
from studies.preset import StudyError

FINE = "occlusion"
DETAIL_PX = 360  # side of the picture that a map is laid over


@dataclass(frozen=True)
class Shown:
    """One radiograph to be explained."""

    name: str
    seen: np.ndarray  # uint8 (image_px, image_px), as the network sees it
    detail: np.ndarray  # uint8 (DETAIL_PX, DETAIL_PX), the same frame, as sharp as the file has it
    male: bool | None  # None where nobody said
    age_months: float | None = None
    parts: Anatomy | None = None  # of a drawn hand
    notes: tuple[str, ...] = ()  # as `predict` has them

    @cached_property
    def hand(self) -> np.ndarray | None:
        """bool (DETAIL_PX, DETAIL_PX); None where it cannot be told from the ground."""
        return self.parts.hand if self.parts else hand_of(self.detail)


@dataclass(frozen=True)
class Explained:
    shown: Shown
    months: np.ndarray  # what each cell adds, (cells, cells)
    elsewhere_months: float
    prediction_months: float  # an age, as `predict` answers: where the parts sum to less than 0, it is 0

    def to_dict(self, fine: bool = False) -> dict[str, Any]:
        """`fine` maps do not sum to the prediction: windows overlap, and what is blurred is not gone."""
        return {
            "name": self.shown.name,
            "sex": sex_of(self.shown),
            "prediction_months": round(self.prediction_months, 2),
            "label_months": self.shown.age_months,
            "notes": list(self.shown.notes),
            "from_image_months": None if fine else round(float(self.months.sum()), 2),
            "from_sex_and_constants_months": None if fine else round(self.elsewhere_months, 2),
        }


@dataclass(frozen=True)
class Explanation:
    model: ModelFolder
    method: str
    where: Cells
    cases: list[Explained]

    @property
    def scale(self) -> float:
        return scale_of(np.stack([case.months for case in self.cases]))

    @cached_property
    def maps(self) -> np.ndarray:
        """Every case's months, spread over the picture's pixels."""
        return spread_all(self, self.cases)

    @property
    def drawn_words(self) -> str:
        return of_drawn_hands(cases=any(case.shown.parts for case in self.cases), model=self.model.synthetic)


def sex_of(shown: Shown) -> str | None:
    return None if shown.male is None else "M" if shown.male else "F"


def of_files(files: Sequence[Path], wanted: Wanted, model: ModelFolder) -> list[Shown]:
    """Read and judged as `predict` does it: with its sexes, its notes and its refusals.

    Raises DataError for the first that it would refuse, and StudyError for the first whose sex nobody says.
    """
    detail = replace(model.preparation, image_px=DETAIL_PX)
    looks = looks_in(model) if (model.path / LOOKS).is_file() else None
    shown = []
    for file in files:
        if not file.is_file():
            raise DataError(f"there is no file {file}; name radiographs (PNG, JPEG or DICOM)")
        one = read(file, model, wanted)
        if looks and one.pixels is not None:
            one = judge(looks, one, float(looks.score(shrunk([one.pixels]))[0]), wanted)
        if one.pixels is None or one.fault:
            raise DataError(one.fault)
        if model.uses_sex and one.male is None:
            raise StudyError(
                f"{model.name} uses the sex, and the sex of {file} is not known: say --sex F or --sex M, or give a --table"
            )
        for note in one.notes:
            log(f"{file.name}: {note}")
        shown.append(Shown(file.name, one.pixels, decode(file, detail).pixels, one.male, notes=one.notes))
    return shown


def of_store(store: Store, split: str, count: int, model: ModelFolder) -> list[Shown]:
    """`count` cases of a split, half of them girls, spread evenly over the ages. Raises DataError where they do not fit the model."""
    if said := prepared_otherwise(model, store):
        raise DataError(said)
    there = store.prepared_as.pixels
    for name, asked in model.preparation.pixels.items():
        if there[name] != asked:
            raise DataError(
                f"{store.path} was prepared with {name} {there[name]}, {model.name} was trained with {asked}; "
                "name the run with the model's own data"
            )
    rows = spread_cases(store.cases[store.cases["split"] == split], count)
    if not len(rows):
        raise DataError(f"{store.path} has no {split} cases")
    hands = drawn_hands(store)
    return [
        Shown(
            id,
            np.array(store.images[row]),
            enlarged(store.images[row]),
            bool(male),
            float(age_months),
            anatomy(hands[id], DETAIL_PX) if hands else None,
        )
        for row, id, male, age_months in zip(
            rows.index.astype(int), rows["id"], rows["male"], rows["age_months"], strict=True
        )
    ]


def drawn_hands(store: Store) -> dict[str, Any]:
    """The phantom's cases by id; none where the store holds radiographs."""
    kind, _, count = str(store.info["source"]).partition(":")
    return {hand.id: hand for hand in phantom_cases(int(count))} if kind == "phantom" else {}


def enlarged(image: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(np.array(image)).resize((DETAIL_PX, DETAIL_PX), Image.Resampling.BICUBIC))


def explained(model: ModelFolder, shown: Sequence[Shown], fine: bool = False) -> Explanation:
    """`fine` looks through small windows instead of at the last feature map's cells: some hundred predictions an image."""
    network = load_network(model)
    if fine:
        found = [(case, *occluded(network, case.seen, bool(case.male))) for case in shown]
        cases = [Explained(case, months, 0.0, float(as_ages(np.array(predicted)))) for case, months, predicted in found]
        return Explanation(model, FINE, places(model.preparation.image_px)[0], cases)
    from models.cam import activation_maps  # after TensorFlow was loaded without its chatter

    maps = activation_maps(
        network,
        np.stack([case.seen for case in shown]),
        np.array([bool(case.male) for case in shown]),
    )
    ages = as_ages(maps.prediction_months)
    cases = [
        Explained(case, maps.months[n], float(maps.elsewhere_months[n]), float(ages[n])) for n, case in enumerate(shown)
    ]
    return Explanation(model, maps.method, cells(model.architecture, model.preparation.image_px), cases)


def outside_shares(found: Explanation) -> list[float | None]:
    """Of each case, which share of its map, whatever its sign, lies outside the hand; None where no hand was found."""
    maps = np.abs(found.maps)
    return [
        None if case.shown.hand is None else float(months[~case.shown.hand].sum() / max(float(months.sum()), 1e-9))
        for case, months in zip(found.cases, maps, strict=True)
    ]


def on_the_hand(found: Explanation) -> np.ndarray:
    """The maps as they are shown: nothing outside the hand, where there is one."""
    maps = found.maps.copy()
    for case, months in zip(found.cases, maps, strict=True):
        if case.shown.hand is not None:
            months[~case.shown.hand] = 0
    return maps


def region_rows(found: Explanation) -> list[dict[str, Any]]:
    """Where the months of drawn hands lie, pooled over the cases: a region's share of |map| beside its share of the area."""
    drawn = [case for case in found.cases if case.shown.parts]
    if not drawn:
        return []
    maps = np.abs(spread_all(found, drawn))
    total = float(maps.sum())
    if not total:  # a network that has learned nothing of the image: there is nothing to share out
        return []
    masks = {
        "bone": [case.shown.parts.bone for case in drawn if case.shown.parts],
        "growth zones": [case.shown.parts.growth for case in drawn if case.shown.parts],
        "hand": [case.shown.parts.hand for case in drawn if case.shown.parts],
        "background": [~case.shown.parts.hand for case in drawn if case.shown.parts],
    }
    rows = []
    for region, of_cases in masks.items():
        mask = np.stack(of_cases)
        share, area = float(maps[mask].sum()) / total, float(mask.mean())
        rows.append(
            {"region": region, "share of |map|": share, "share of the area": area, "ratio": round(share / area, 2)}
        )
    return rows


def spread_all(found: Explanation, cases: Sequence[Explained]) -> np.ndarray:
    months = np.stack([case.months for case in cases])
    return spread(months, found.where, found.model.preparation.image_px, DETAIL_PX)
