"""The figures of a model on a labelled set: against its own validation, against the constant, with what is to be worried about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.audit.findings import unit_findings
from data.counted import counted
from data.films.body_parts import said_of_others
from data.films.looks import Looks
from data.films.traits import MANY, departures, filters, outside
from data.problems import problems_table
from data.store.patients import numbered
from data.tables.ages import said_of_few
from data.tables.dicom_cases import is_header_age
from data.tables.rsna import official_test
from data.written import months, yardstick
from search.evaluate.accounted import Accounted, accounted
from search.evaluate.labelled import Labelled
from search.output.confirmed import MODEL_NOTHING, model_learned_nothing
from search.output.notices import of_drawn_hands
from search.trained.conformal import coverage
from search.trained.folder import ModelFolder
from search.trained.left.known import GONE, RECOGNISED, said_of_known
from search.trained.made_of import OF_SET, OF_TRAINING
from search.trained.measures import FEW, metrics
from search.trained.table import band_name

OFFICIAL_CASES = 200
BIAS_MONTHS = 2.0  # what a bias has to reach before it is a worry
CASES = ["id", "male", "age_months", "predicted_months", "low", "high"]


@dataclass(frozen=True)
class Evaluation:
    model: ModelFolder
    labelled: Labelled
    constant_months: float  # what the constant predictor answers
    constant_of: str  # whose median that is
    figures: dict[
        str, dict[str, Any]
    ]  # `validation` of the model itself, `evaluated`, and `unseen` where some hands were seen
    coverage: dict[str, Any]  # of the intervals
    official: int  # how many of RSNA's official test cases these are; 0 where they are others
    said: tuple[tuple[str, str], ...]  # level, `worry` or `note`, and sentence

    @property
    def drawn_words(self) -> str:
        """What is said if the figures are of drawn hands, or the model knows no others."""
        return of_drawn_hands(cases=self.labelled.read.synthetic, model=self.model.synthetic)

    @property
    def accounted(self) -> Accounted:
        return accounted(self.labelled)

    @property
    def main(self) -> str:
        """Whose figures tell how good the model is here."""
        return "unseen" if "unseen" in self.figures else "evaluated"

    def to_dict(self) -> dict[str, Any]:
        cases = self.labelled.cases
        return {
            "model": str(self.model.path),
            "source": self.labelled.source,
            "cases": len(cases),
            "without_answer": len(self.labelled.problems),
            "without_answer_by_kind": dict(self.accounted.without),
            "seen_in_training": len(cases) - len(self.labelled.unseen),
            "known_by": dict.fromkeys(RECOGNISED, 0) | dict(self.accounted.known),
            "training_known": self.labelled.known.complete,
            "rsna_official_test": self.official,
            "constant_months": self.constant_months,
            "constant_of": self.constant_of,
            "figures": self.figures,
            "coverage": self.coverage,
            "said": [{"level": level, "text": words} for level, words in self.said],
        }


def evaluated(labelled: Labelled, model: ModelFolder, looks: Looks) -> Evaluation:
    cases = labelled.cases
    known = labelled.training_median_months
    constant = float(np.median(cases["age_months"])) if known is None else known
    figures = {"validation": model.about["validation"], "evaluated": measured(cases, constant)}
    if 0 < len(labelled.unseen) < len(cases):
        figures["unseen"] = measured(labelled.unseen, constant)
    of_test = official_test(cases["id"])
    official = int(of_test.sum()) if of_test.all() else 0
    judged = labelled.unseen if "unseen" in figures else cases
    covered = covered_by(judged, model)
    said = (
        *who(labelled, official, known is not None),
        *of_labels(labelled),
        *of_films(judged, model),
        *worries(judged, figures["unseen" if "unseen" in figures else "evaluated"], covered, model, looks),
    )
    return Evaluation(
        model,
        labelled,
        constant,
        OF_SET if known is None else OF_TRAINING,
        figures,
        covered,
        official,
        said,
    )


def measured(cases: pd.DataFrame, constant_months: float) -> dict[str, Any]:
    male = cases["male"].to_numpy(np.float32)
    predicted, age_months = cases["predicted_months"].to_numpy(), cases["age_months"].to_numpy(float)
    return metrics(predicted, age_months, male, constant_months, numbered(cases))


def covered_by(cases: pd.DataFrame, model: ModelFolder) -> dict[str, Any]:
    """The share of labels inside the intervals, in all and by band of label age."""
    predicted, age_months = cases["predicted_months"].to_numpy(), cases["age_months"].to_numpy(float)
    male = cases["male"].to_numpy(np.float32) if model.architecture.sex_units else None
    level = {"level": model.about["conformal"]["level"]}
    return level | coverage(model.about["conformal"], predicted, age_months, male, numbered(cases))


def who(labelled: Labelled, official: int, median_known: bool) -> Iterator[tuple[str, str]]:
    """Of which cases the figures are."""
    if official:
        yield (
            "note",
            f"By {'its id this is' if official == 1 else 'their ids these are'} {official:,} of the {OFFICIAL_CASES} cases of RSNA's official test set"
            + (
                ": published figures are of the same images."
                if official == OFFICIAL_CASES
                else "; published figures are of all of them."
            ),
        )
    if words := said_of_known(labelled.cases["known_by"]):
        yield "worry", words
    if equal := int(labelled.cases["checksum"].duplicated().sum()):
        yield (
            "worry",
            f"{counted(equal, 'image of this set is', 'images of this set are')} the same picture as another one, and the figures count each.",
        )
    if labelled.numbers_of_others:
        are = counted(labelled.numbers_of_others, "patient's number is", "patients' numbers are")
        yield (
            "note",
            f"{are} also in the model's training data, but too many of them have another "
            "sex there: they are treated as other patients' numbers.",
        )
    if not labelled.known.complete:
        yield "note", GONE
    elif without := labelled.known.without_picture:
        yield (
            "note",
            f"An earlier version made this model. Of {without:,} of its images it kept only ids, ages and sexes, so {'it is' if without == 1 else 'they are'} not "
            "recognised here under other ids.",
        )
    if not median_known:
        yield (
            "note",
            "The model does not record the median of its training ages: the constant here is the median of this set, which is harder to beat.",
        )
    if labelled.problems:
        yield (
            "note",
            f"{counted(len(labelled.problems), 'case has', 'cases have')} no answer ({accounted(labelled).why_without}); the first: {labelled.problems[0].reason}",
        )


def of_labels(labelled: Labelled) -> Iterator[tuple[str, str]]:
    """What is to be worried about in any set of cases, trained on or not."""
    for sentence in labelled.read.worries:
        yield "worry", f"{sentence[0].upper()}{sentence[1:]}."
    if few := said_of_few(labelled.cases["age_months"].to_numpy(float), labelled.settings.age_unit):
        yield "worry", f"{few[0].upper()}{few[1:]}."
    if len(labelled.cases) >= FEW:
        since_birth = is_header_age(labelled.settings.age_column)
        for finding in unit_findings(labelled.cases, problems_table(labelled.problems), since_birth):
            yield finding.level, finding.text


def of_films(cases: pd.DataFrame, model: ModelFolder) -> Iterator[tuple[str, str]]:
    """Where these films are others than those of the training: the set as a whole, and single ones."""
    films = model.about.get("films")
    if unlike := departures(films, cases):
        yield "worry", f"The films are of another kind than the training films: {'; '.join(unlike)}."
    notes = [(id, notes) for id, notes in zip(cases["id"], outside(films, cases), strict=True) if notes]
    if notes:
        id, first = notes[0]
        of = f"of {counted(len(cases), 'film')}"
        yield (
            "note",
            f"{counted(len(notes), f'{of} lies', f'{of} lie')} beyond the training films; the first, {id}: {'; '.join(first)}.",
        )
    if parts := said_of_others(list(cases["id"]), list(cases["part"])):
        yield "worry", f"{parts[0].upper()}{parts[1:]}."
    now = filters(cases["size_px"], model.preparation.image_px)["shrunk"]
    if films and now > MANY and not films["filter"]["shrunk"] and model.preparation.shrink != "nearest":
        yield (
            "note",
            f"{now:.0%} of these films are shrunk for the network, and none of its training films was. If somebody made the training "
            "files small by nearest neighbour, such a network reads shrunk films as older: train it anew with --shrink nearest.",
        )


def worries(
    cases: pd.DataFrame, found: dict[str, Any], covered: dict[str, Any], model: ModelFolder, looks: Looks
) -> Iterator[tuple[str, str]]:
    """Where the figures contradict what the model promises."""
    own, level = model.about["validation"], covered["level"]
    if model_learned_nothing(model.about):
        yield "worry", MODEL_NOTHING
    if found["n"] < FEW:
        yield "note", f"{counted(found['n'], 'image is', 'images are')} too few to tell how good the model is."
        return
    if found["mae"] >= found["constant_mae"]:
        yield (
            "worry",
            f"Here the model is no better than a constant: MAE {months(found['mae'])} months, the constant's {yardstick(found['constant_mae'])}.",
        )
    else:
        bands = [
            band_name(band) for band in found["by_age"] if band["n"] >= FEW and band["mae"] >= band["constant_mae"]
        ]
        if bands:
            yield "worry", f"At these label ages the model is no better than a constant: {', '.join(bands)}."
    if found["mae_low"] is not None and own["mae_high"] is not None and found["mae_low"] > own["mae_high"]:
        yield (
            "worry",
            f"The error is larger than on the model's validation images: MAE {months(found['mae'])} months against {months(own['mae'])}.",
        )
    error = cases["predicted_months"] - cases["age_months"]
    if abs(found["bias"]) > max(BIAS_MONTHS, 1.96 * float(error.std()) / len(error) ** 0.5):
        yield (
            "worry",
            f"Ages are predicted {months(abs(found['bias']))} months too {'low' if found['bias'] < 0 else 'high'} on average; --recalibrate corrects that.",
        )
    if covered["high"] < level:
        yield (
            "worry",
            f"The intervals hold {covered['share']:.0%} of the labels; they should hold {level:.0%}. --recalibrate makes new intervals.",
        )
    refused, doubted = (int((cases["score"] < line).sum()) for line in (looks.refuse_below, looks.doubt_below))
    if doubted:
        yield (
            "note",
            f"Of the {counted(len(cases), 'image')} that the figures are of, the hand check doubts {doubted:,}, and `predict` would refuse "
            f"{refused:,}. The figures include them.",
        )


def predictions(cases: pd.DataFrame) -> pd.DataFrame:
    """As a model's own tables of predictions: id, male, age_months, predicted_months, low, high (NaN where there is no limit)."""
    high = cases["high"].where(np.isfinite(cases["high"]))
    return cases[CASES].assign(high=high).reset_index(drop=True)
