"""A trained model's figures as rows and cards, in its page and printed; and what others have published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from data.counted import counted
from data.written import between, change_between, gmacs, months, signed, yardstick
from models.architecture import Architecture
from search.output.confirmed import model_learned_nothing
from search.output.sentence import capital, images_of, sentence
from search.output.terminal import log, say
from search.show import tables
from search.show.html import Answer
from search.trained.conformal import CENTRE
from search.trained.made_of import (
    changed,
    constant_words,
    drawn_words,
    lineage,
    lineage_words,
    looked_words,
    made_of,
    notice_words,
    validation_role,
)
from search.trained.measures import AGE_BANDS_MONTHS, FEW, contradictions, edges

TITLES = {  # by split
    "validation": "validation",
    "test": "test",
    "test_flipped": "test, with mirror images",
    "evaluated": "this set",
    "unseen": "this set, hands it was not trained on",
}
IMAGES = {  # the same, in a sentence
    "validation": "validation images",
    "test": "test images",
    "test_flipped": "test images with their mirror images",
    "evaluated": "images of this set",
    "unseen": "images of this set that it was not trained on",
}


def splits_of(about: dict[str, Any]) -> list[str]:
    return [split for split in TITLES if about.get(split)]


def measures_rows(about: dict[str, Any]) -> list[dict[str, Any]]:
    """A row per split: months unless a share."""
    return [
        {
            "split": TITLES[split],
            "images": found["n"],
            "MAE": months(found["mae"]),
            "95% interval": between(found["mae_low"], found["mae_high"]),
            "constant": yardstick(found["constant_mae"]),
            "RMSE": months(found["rmse"]),
            "median": months(found["median_ae"]),
            "bias": signed(found["bias"]),
            "slope": signed(found["slope"]),
            "limits of agreement": change_between(found["loa_low"], found["loa_high"]),
            "≤ 6 months": f"{found['within_6']:.0%}",
            "≤ 12 months": f"{found['within_12']:.0%}",
            "≤ 24 months": f"{found['within_24']:.0%}",
        }
        for split in splits_of(about)
        for found in [about[split]]
    ]


def turned(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per measure instead of one per split."""
    return [
        {"": measure} | {column["split"]: column[measure] for column in columns}
        for measure in columns[0]
        if measure != "split"
    ]


def band_name(group: dict[str, Any]) -> str:
    begins, ends = group["from_months"] // 12, group["to_months"]
    return (
        f"{begins} years and more"
        if ends is None
        else f"{begins} to {ends // 12} years"
        if begins
        else f"under {ends // 12} years"
    )


def middle_words(conformal: dict[str, Any]) -> str:
    line = conformal.get(CENTRE)
    if line is None:
        return "the prediction"
    return f"{months(line['offset_months'])} + {line['slope']:.3f} · predicted, as predictions lie too near the middle of the ages"


def coverage_rows(covered: dict[str, Any]) -> list[dict[str, Any]]:
    """By band of true age; models of before have the whole alone."""
    return [
        {
            "label's age": band_name(band),
            "images": band["n"],
            "inside": f"{band['share']:.0%}",
            "95% interval": f"{band['low']:.0%} to {band['high']:.0%}",
        }
        for band in covered.get("by_true_age", [])
    ]


def cards(about: dict[str, Any]) -> list[Answer]:
    """What a reader wants to know first."""
    return [how_good(about), how_sure(about), which_network(about), trained_on(about), what_it_is_not(about)]


def best_split(about: Mapping[str, Any]) -> str:
    """Whose figures tell most of it."""
    return "test" if about["test"] else "validation"


def how_good(about: Mapping[str, Any]) -> Answer:
    split = best_split(about)
    found = about[split]
    chose = () if split == "test" else ("There is no test split.", validation_role(about).short)
    nothing = ("So it has learned nothing that helps.",) if model_learned_nothing(about) else ()
    return Answer(
        "How good?",
        f"{months(found['mae'])} months {split} MAE",
        (
            f"On {images_of(found['n'], found['patients'], split)}.",
            *chose,
            f"Always answering {constant_words(about)} scores {yardstick(found['constant_mae'])}.",
            *nothing,
        ),
    )


def how_sure(about: Mapping[str, Any]) -> Answer:
    found, covered = about[best_split(about)], about["conformal"]["coverage"]
    holds = (
        f"Its {about['conformal']['level']:.0%} prediction intervals hold {covered['share']:.0%} of {counted(covered['n'], 'test label')}."
        if covered
        else "There is no test split to measure its prediction intervals on."
    )
    known, drawn = found["mae_low"] is not None, "patients" if found["patients"] < found["n"] else "images"
    return Answer(
        "How sure?",
        f"{between(found['mae_low'], found['mae_high'])} months" if known else "not known: too few images",
        (
            f"95% interval of the MAE over the {drawn}, for this trained network only: another seed gives another one.",
            holds,
        ),
    )


def which_network(about: Mapping[str, Any]) -> Answer:
    network, networks = Architecture.from_dict(about["architecture"]), len(made_of(about))
    several = f"the mean of {networks} such networks; " if networks > 1 else ""
    return Answer(
        "Which network?",
        network.width,
        (
            f"{str(network.blocks).replace(',', ', ')}; {several}{about['params']:,} parameters, {gmacs(about['macs'])} GMACs; "
            f"{about['from']}.",
        ),
    )


HANDS = {True: ("drawn hand", "drawn hands"), False: ("radiograph", "radiographs"), None: ("image", "images")}


def trained_on(about: Mapping[str, Any]) -> Answer:
    """The data that its network has seen, the first of them first."""
    seen = [
        counted(one["counts"]["train"], *HANDS[one["synthetic"]]) for one in lineage(about) if "train" in one["counts"]
    ]
    return Answer(
        "Trained on?",
        ", then ".join(seen) or "not recorded",
        tuple(f"{capital(words)}." for words in lineage_words(about)),
    )


def what_it_is_not(about: Mapping[str, Any]) -> Answer:
    split = best_split(about)
    images = {band["from_months"]: band["n"] for band in about[split]["by_age"]}
    bands = map(edges, range(len(AGE_BANDS_MONTHS)))
    few = [band_name(band) for band in bands if images.get(band["from_months"], 0) < FEW]
    drawn = drawn_words(about)
    return Answer(
        "What is it not?",
        "No medical device",
        (
            *((sentence(drawn),) if drawn else ()),
            *(
                (f"Fewer than {FEW} {split} images show how good it is at these ages: {', '.join(few)}.",)
                if few
                else ()
            ),
            "Its figures are of the data that it was made from; boneage-search evaluate measures it on others.",
        ),
    )


def show_model(about: dict[str, Any], folder: Path) -> None:
    """A trained model's figures, months, each beside the constant predictor's."""
    tables.show(f"{about['name']} (from {about['from']})", measures_rows(about))
    for split in splits_of(about):
        groups = (*about[split]["by_sex"], *about[split]["by_age"])
        rows = [{"group": group.get("sex") or band_name(group)} | figures_of(group) for group in groups]
        tables.show(f"{TITLES[split]}: by sex and label age", rows)
    covered = about["conformal"]["coverage"]
    if covered:
        say(f"90% intervals hold {covered['share']:.1%} of {counted(covered['n'], 'test label')}.")
        tables.show("test: inside the intervals, by label age", coverage_rows(covered))
    if len(told := lineage_words(about)) > 1:
        for words in told:
            say(f"{capital(words)}.")
    for _, words in changed(about):
        say(words)
    for contradiction in contradictions(about):
        log(f"worry: {contradiction}")
    if looked := looked_words(about):
        say(looked)
    say(f"{folder / 'report.html'}")
    constant = about["validation"].get("constant_mae", about["constant_mae"])  # by models of before, of other cases
    say(
        f"MAE in months; on the validation split, always answering {constant_words(about)} scores {yardstick(constant)}."
    )
    say(sentence(notice_words(about)))


def figures_of(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "images": group["n"],
        "MAE": months(group["mae"]),
        "low": months(group["low"]),
        "high": months(group["high"]),
        "constant": yardstick(group["constant_mae"]),
        "bias": signed(group["bias"]),
    }


# On RSNA's official test set (200 images, mean of six readings), months; each was read in its source.
class Published(NamedTuple):
    method: str
    mae: str
    remark: str = ""


OFFICIAL_TEST = (
    Published("the paper's Final (Ma 2021)", "5.6", "300 px, 78M parameters"),
    Published("16Bit, the 2017 winner", "4.26", "500 px, about 123M parameters"),
    Published("Deeplasia (Rassmann 2024)", "3.87", "three EfficientNets, masked hands, mean of several views"),
    Published("ConvNeXt, five folds (Bram 2025)", "3.68", "ensemble"),
    Published("Attention Eraser (Shu and Yu 2025)", "4.42", "with measured sizes of bones"),
    Published("ConvNeXt-Tiny (nhattoan235, code)", "4.73", "512 px, 28M parameters, mean of five folds"),
    Published("EfficientNetV2-L (jonathancolledge, code)", "4.35", "tuned against this test set"),
    Published("the same, three networks", "3.67", "tuned against this test set"),
    Published("refine9, a small network (service)", "6.63", ""),
)
PAPER_VALIDATION_MAE = 7.21  # its Final, on RSNA's validation set
