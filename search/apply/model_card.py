"""The card beside an exported model: what it takes and gives, what it was trained on, how wrong it is, what it is not for."""

import re
from collections.abc import Mapping, Sequence
from inspect import getsource
from typing import Any

from data.films import field
from data.films.traits import TRAITS, shown, spanned
from data.preparation import Shrink
from data.written import between, gmacs, months, signed, yardstick
from models.architecture import family_named
from search.apply import card_reader
from search.output.confirmed import MODEL_NOTHING, model_learned_nothing
from search.output.markdown import code, escaped
from search.output.notices import NO_DEVICE
from search.output.sentence import capital
from search.trained.about import INTERVALS, MORE_MEASURES, misfit
from search.trained.folder import ModelFolder
from search.trained.made_of import (
    EARLIER,
    TESTED,
    changed,
    constant_words,
    drawn_words,
    lineage,
    lineage_words,
    looked_words,
    made_of,
    owned_weights,
    short,
    source_words,
    starting_weights,
    trained_words,
    validation_role,
    when_words,
)
from search.trained.measures import contradictions

RUNS_WITH = {
    "keras": "Keras 3 (`keras.saving.load_model`)",
    "savedmodel": "TensorFlow (`tf.saved_model.load`, signature `serving_default`)",
    "tflite": "LiteRT (`ai_edge_litert.interpreter.Interpreter`, its signature runner)",
    "onnx": "any ONNX runtime",
}
RSNA = (
    "If they are RSNA's of 2017: academic research, education and other non-commercial use, no passing on of images, no "
    "re-identification, and citing Halabi et al., Radiology 2019; 290(2):498-503. Whether a network trained on them may be "
    "passed on is for those terms to say, not for this card."
)
COMPARED = {"validation": MORE_MEASURES, "test": MORE_MEASURES, "conformal": INTERVALS}
FIGURES = {
    "n": "cases",
    "mae": "MAE",
    "rmse": "RMSE",
    "median_ae": "median absolute error",
    "bias": "mean signed error",
    "within_6": "within 6 months",
    "within_12": "within 12",
    "within_24": "within 24",
}


def card(model: ModelFolder, format: str, file: str, about_file: str) -> str:
    """Markdown, from model.json alone and the sentence about the file."""
    about = model.about
    parts = [
        f"# {escaped(model.name)}: bone age from a hand radiograph",
        f"{code(file)}: {RUNS_WITH[format]}. {about_file}",
    ]
    parts.append(" ".join(f"**{capital(words)}.**" for words in (NO_DEVICE, drawn_words(about)) if words))
    parts += [
        "## Input and output",
        bullets(interface(model)),
        "In this order a picture becomes the input:",
        numbered(steps(model)),
        f"In the program's words: {', '.join(f'`{name}` {value}' for name, value in model.preparation.pixels.items())}.",
    ]
    parts += ["The same as a program, which reads PNG and JPEG:", f"```python\n{reader(model)}```"]
    parts += ["## Training data", bullets(training_data(about))]
    parts += [
        "## Figures",
        *figures(about),
        "## Limits",
        bullets(limits(model)),
        "## Licence of the data",
        licence(model),
    ]
    made = ", ".join(f"{escaped(name)} {escaped(version)}" for name, version in about["versions"].items())
    parts.append(f"{escaped(capital(when_words(about)))}; its network was trained with {made}; {trained_words(about)}.")
    return "\n\n".join(parts) + "\n"


def interface(model: ModelFolder) -> list[str]:
    architecture, side = model.architecture, model.preparation.image_px
    count = len(made_of(model.about))
    together = f"mean of {count} networks of this kind: " if count > 1 else ""
    said = [
        f"`image`: uint8 (batch, {side}, {side}, 1), grey, bone bright",
        "`male`: float32 (batch, 1), 1 for boys, 0 for girls" if architecture.sex_units else "the sex is not asked for",
        "`age_months`: float32 (batch, 1), bone age in months; an answer below 0 means 0",
        f"{together}{family_named(architecture.family).title} variant: {architecture.width}, {architecture.blocks}, FC {architecture.fc_units or 'none'}; "
        f"{model.about['params']:,} parameters{' in all' * (count > 1)}, {gmacs(model.about['macs'])} G multiply-accumulates",
    ]
    if makes_alike := architecture.makes_alike:
        said.insert(1, f"the network itself takes each image and {makes_alike}; leave that to it")
    return said


SHRINKS: dict[Shrink, str] = {"lanczos": "Lanczos", "nearest": "nearest neighbour"}


def steps(model: ModelFolder) -> list[str]:
    """What `data/films/images.py` does to a file, in its order."""
    preparation = model.preparation
    side, pad = preparation.image_px, preparation.fit == "crop_pad"
    greys = (
        "the 1st to 99th percentile of the greys inside the exposed field, white letters left out, is spread over 0 to 255"
        if preparation.stretch_field
        else "the 1st to 99th percentile of these greys is spread over 0 to 255"
        if preparation.stretch
        else "greys of 8 bits stay; wider ones are scaled from 0 and their own maximum to 0 to 255"
    ) + ", at the file's own size and before any resizing"
    return [
        "the file is turned upright (EXIF) and made grey; DICOM is windowed as it says, MONOCHROME1 inverted, so that bone is bright",
        *(["edge rows and columns whose greys differ by at most 4% of the image's range are cut off"] if pad else []),
        greys,
        *(["black is added on both sides of the shorter one, to a square"] if pad else []),
        f"resized to {side}×{side}{'' if pad else ' without keeping the aspect'}: {SHRINKS[preparation.shrink]} where a side is longer than {side} px, else bicubic (Pillow)",
    ]


def reader(model: ModelFolder) -> str:
    """The source of `card_reader.py`, with this model's settings, and what finds the exposed field where the model has that."""
    preparation = model.preparation
    values = {
        "SIDE, FIT": f'{preparation.image_px}, "{preparation.fit}"',
        "SHRINK": f"Image.Resampling.{preparation.shrink.upper()}",
        "STRETCH": '"field"' if preparation.stretch_field else str(preparation.stretch),
    }
    source = getsource(card_reader)
    for name, value in values.items():
        source = re.sub(rf"^{name}(: [a-z |]+)? = .*$", f"{name} = {value}", source, flags=re.MULTILINE)
    if not preparation.stretch_field:
        return re.sub(r"^.*# field\n\n?", "", source, flags=re.MULTILINE)
    source = source.replace("Needs numpy and Pillow;", "Needs numpy, Pillow and SciPy;")
    return re.sub(r"^from data.films.field .*\n", lambda _: getsource(field), source, flags=re.MULTILINE)


def beside(model: ModelFolder, format: str, file: str) -> dict[str, Any]:
    """For programs: what the exported file itself does not hold. Intervals are those of `search/trained/conformal.py`."""
    about = model.about
    return {
        "file": file,
        "format": format,
        "name": model.name,
        "notice": NO_DEVICE,
        "synthetic": model.synthetic,
        "inputs": {"image": [None, model.preparation.image_px, model.preparation.image_px, 1]}
        | ({"male": [None, 1]} if model.architecture.sex_units else {}),
        "output": "age_months",
        "preparation": model.preparation.pixels
        | {"steps": steps(model), "filter": {"smaller": model.preparation.shrink, "larger": "bicubic"}},
        "lineage": [passed_on(one) for one in lineage(about)],
        "lineage_means": "the data that made the network, the first of them first; the figures are of the last; synthetic: drawn by this program, "
        "null where that is not known; weights: the file that a training started from",
        "tests_opened_before": about.get(TESTED),
        "tests_opened_before_means": "how many other models, or this one as it was earlier, were tested before on some or all of the test cases",
        "contradictions": contradicted(about),
        "validation_cases": validation_role(about).figures,
        "training_films": about.get("films"),
        "training_films_mean": "percentiles 0.5, 5, 50, 95 and 99.5 (low to high) of the training films; size_px is a file's longer side, sharpness "
        "how much neighbouring pixels differ against pixels two apart, in percent; levels the 1st to 99th percentile of the greys inside the exposed "
        "field, of 255; field the exposed share of the picture; filter the shares of files that preparing shrank, enlarged or left at their size",
        "intervals": about.get("conformal"),
        "intervals_mean": "age_months below 0 is 0; centre -/+ half_width of the group of this sex whose band holds age_months, where centre = offset_months + slope * age_months, or "
        "age_months itself where centre is null; widened to hold age_months, and never below 0; a half_width of null is without limit",
        "hand_check": about.get("looks"),
        "hand_check_means": "scores of the model folder's looks.npz below which a picture is refused or doubted; the exported file checks nothing",
        "recalibration": passed_on(about.get("recalibration")),
        "fine_tuning": passed_on(about.get("fine_tuning")),
        "ensemble": about.get("ensemble"),
        "validation": about["validation"],
        "test": about["test"],
        "learned_nothing": model_learned_nothing(about),
        "learned_nothing_means": f"true: {MODEL_NOTHING}",
    }


def passed_on(of_data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without the folders above the data, which are nobody's business."""
    return None if of_data is None else {**of_data, "source": short(of_data["source"])}


def training_data(about: Mapping[str, Any]) -> list[str]:
    """All that made the network what it is, the first of it first."""
    return [*map(capital, lineage_words(about, code, escaped)), *training_films(about.get("films"))]


def training_films(films: Mapping[str, Any] | None) -> list[str]:
    """What the training films were, a trait each: a film beyond them may be answered wrongly."""
    if not films:
        return ["what the training films were like is not known: the model is of an earlier version"]
    known = [(trait, films[trait.column]) for trait in TRAITS if trait.column in films]
    said = [
        f"{trait.name}: {shown(trait, of['median'])} in the middle, {spanned(trait, of)} in all but the extremes"
        for trait, of in known
    ]
    shares = ", ".join(f"{share:.0%} {escaped(how)}" for how, share in films["filter"].items() if share)
    return [*said, f"files at preparation: {shares}"]


def figures(about: Mapping[str, Any]) -> list[str]:
    """Months. Whatever was measured; groups where there are any."""
    splits = {name: about[name] for name in ("validation", "test") if about[name]}
    if not splits:
        return ["None were measured."]
    rows = [{"split": name, **row(figures)} for name, figures in splits.items()]
    constants = {name: of.get("constant_mae", about["constant_mae"]) for name, of in splits.items()}
    told = ", ".join(f"{yardstick(constant)} on {name}" for name, constant in constants.items())
    parts = [table(rows), f"Months. Always answering {constant_words(about)}: {told}."]
    if model_learned_nothing(about):
        parts.append(f"**{MODEL_NOTHING}**")
    if len(lineage(about)) > 1:
        parts.append(f"All figures are of cases of the last set above, {source_words(lineage(about)[-1], code)}.")
    for name, measured in splits.items():
        for group in ("by_sex", "by_age"):
            if grouped := groups(measured.get(group)):
                parts += [f"{capital(name)}, {group.replace('_', ' ')}:", table(grouped)]
    said = [escaped(words) for words in (looked_words(about), *contradicted(about)) if words]
    said += [escaped(words) for _, words in changed(about)]
    if "validation" in splits:
        said.append(validation_role(about).figures)
    return [*parts, *([bullets(said)] if said else [])]


def contradicted(about: Mapping[str, Any]) -> list[str]:
    """Where the test's figures contradict the validation's; nothing of a model of an earlier version that lacks one of them."""
    return [] if misfit(about, COMPARED) else contradictions(dict(about))


def row(measured: Mapping[str, Any]) -> dict[str, str]:
    shown = {words: number(name, measured[name]) for name, words in FIGURES.items() if measured.get(name) is not None}
    if measured.get("mae_low") is not None:
        shown["MAE"] += f" ({between(measured['mae_low'], measured['mae_high'])})"
    return shown


def number(name: str, value: float) -> str:
    if name == "n":
        return f"{value:,}"
    if name == "bias":
        return signed(value)
    return f"{value:.0%}" if name.startswith("within") else months(value)


def groups(measured: Sequence[Mapping[str, Any]] | None) -> list[dict[str, str]]:
    """Rows of figures by sex or by age."""
    return [
        ({"sex": one["sex"]} if "sex" in one else {"age in months": ages(one)})
        | row({"mae_low": one["low"], "mae_high": one["high"], **one})
        for one in measured or ()
    ]


def ages(band: Mapping[str, Any]) -> str:
    end = band["to_months"]
    return f"from {band['from_months']}" if end is None else f"{band['from_months']} to {end}"


def limits(model: ModelFolder) -> list[str]:
    said = [
        f"{NO_DEVICE}: not for diagnosis or treatment",
        "figures hold for images like those that they were measured on; other devices, populations and diseases were not tested",
        "labels of single readers differ by about five months from a mean of readers",
        "it answers for any image: this file lacks the check that refuses images that do not look like a hand; the check's limits are in "
        "the JSON beside it",
    ]
    if model_learned_nothing(model.about):
        said.insert(1, MODEL_NOTHING)
    if not model.about["test"]:
        said.append("no test split was scored")
    if model.synthetic:
        others = starting_weights(model.about)
        said.append("what its starting weights have seen is not known here" if others else "it has seen no patient")
    return said


def licence(model: ModelFolder) -> str:
    """By all data of the model, and by the weights that it started from."""
    data = lineage(model.about)
    terms = [source_words(one, code) for one in data if one["how"] != EARLIER and not one["synthetic"]]
    said = []
    if terms:
        said.append(f"The network was made of {'; '.join(terms)}. Their terms go with it. {RSNA}")
    if any(one["how"] == EARLIER for one in data):
        said.append(
            "The data that the network was first trained on are not recorded, and so neither are their terms: ask who made it."
        )
    if model.synthetic:
        said.append("The images were drawn by this program; there is no data licence to keep.")
    if files := owned_weights(model.about):
        said.append(
            f"The network started from weights of others, {', '.join(map(code, files))}: the licence of such a file, and the "
            "terms of the images that it was trained on, go with the network. Ask the file's source for them; this card does not know them."
        )
    return " ".join(said)


def numbered(said: Sequence[str]) -> str:
    return "\n".join(f"{place}. {words}" for place, words in enumerate(said, 1))


def bullets(said: Sequence[str]) -> str:
    return "\n".join(f"- {words}" for words in said)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys(column for one in rows for column in one))
    lines = [columns, ["---"] * len(columns), *([escaped(one.get(column, "")) for column in columns] for one in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
