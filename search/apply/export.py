"""`export`: a trained model in a format that other programs read, kept only where it predicts what the model predicts."""

import json
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.films.images import to_bytes
from data.phantom.hand import draw, phantom_cases
from search.apply.model_card import beside, card
from search.output.files import write_text
from search.output.sentence import capital
from search.show.html import digest_of_folder
from search.trained.folder import ABOUT, ModelFolder, load_network, store_of
from search.workers.quiet import load_tensorflow
from studies.preset import StudyError

PACKAGES: dict[str, tuple[str, ...]] = {  # by format; those of the extra [export]
    "keras": (),
    "savedmodel": (),
    "tflite": ("ai_edge_litert",),
    "onnx": ("tf2onnx", "onnxruntime"),
}
FROM = "exported_from"  # in the JSON beside an export: a digest of the model's place
FOLDER = "exported"  # in the model's folder
HALF_MEANS = (
    "null where the model computes in float32; else the file does, and differs from the model by so many months: its figures and intervals are those "
    "of the model"
)
IN_SAVED_MODEL = re.compile(r"(saved_model|fingerprint|keras_metadata)\.pb|assets|variables(/variables\.[^/]+)?")
TOLERANCE_MONTHS = 0.01  # rounding differs by about 0.0001; predictions are read to a tenth at best
# The file of a network in half precision is another network by rounding, while the figures and intervals beside it were measured on the model. Its MAE is
# another by no more than the two differ on average: by a tenth, which is what a test of some hundred images leaves open anyway. And no film is moved by
# more than the MAE, which is about half of what an interval allows.
SHARE_OF_MAE = 0.1
INPUTS, LATENCY_RUNS, WARM_UP_RUNS = 32, 50, 5


@dataclass(frozen=True)
class Inputs:
    images: np.ndarray  # uint8 (n, image_px, image_px)
    male: np.ndarray  # float32 (n,)
    what: str


class Apart(NamedTuple):
    """By how much two networks differ on the same images, months."""

    largest: float
    mean: float


@dataclass(frozen=True)
class Rounding:
    """How far the network as it was trained is from its weights in float32."""

    apart: Apart
    precisions: tuple[str, ...]  # half ones, in which it computes; none where it rounds nothing

    @property
    def sentence(self) -> str:
        """Of a network in half precision alone."""
        if not self.precisions:
            return ""
        return (
            f"the model computes in {' and '.join(self.precisions)} and what is written in float32: they differ by up to "
            f"{self.apart.largest:.2g} months, {self.apart.mean:.2g} on average. Figures and intervals are the model's own"
        )

    def to_dict(self) -> dict[str, Any] | None:
        if not self.precisions:
            return None
        months = {f"{name}_months": float(f"{value:.3g}") for name, value in self.apart._asdict().items()}
        return {"computed_in": list(self.precisions), **months}


@dataclass(frozen=True)
class Exported:
    format: str
    path: Path  # a file; of a SavedModel a folder
    size_mb: float
    latency_ms: float  # median of single images on the CPU
    difference_months: float  # the largest, from the weights in Keras and float32

    def row(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "size_mb": round(self.size_mb, 3),
            "latency_ms": round(self.latency_ms, 2),
            "difference_months": float(f"{self.difference_months:.2g}"),
        }


@dataclass(frozen=True)
class Export:
    inputs: Inputs
    rows: tuple[Exported, ...]  # the first is the network as it was trained
    faults: tuple[str, ...]  # of formats that were not written, each with its reason
    rounding: Rounding


def missing(format: str) -> str:
    """Which packages the format lacks, and how they come; empty where it lacks none."""
    lacking = [name for name in PACKAGES[format] if find_spec(name) is None]
    if not lacking:
        return ""
    return (
        f"{format} needs {' and '.join(lacking).replace('_', '-')}, which {'are' if len(lacking) > 1 else 'is'} not installed: "
        "make install EXTRAS=dev,export, or pip install '.[export]'"
    )


def export(model: ModelFolder, formats: list[str], folder: Path, run: Path) -> Export:
    """Writes each format with its card beside it, as far as it can be.

    Differences are from the weights in float32: for a network that computes in half precision its own row says how far that
    rounds. A format that predicts otherwise than these is not left behind. Raises StudyError where no format can be
    written, before anything is done if packages are why.
    """
    if (folder / ABOUT).exists():
        raise StudyError(f"{folder} is a model's own folder, and an export does not write into it: name another --to")
    places = {format: folder / f"{model.name}.{format}" for format in formats}
    found = {format: missing(format) or taken(place) or others(place, model) for format, place in places.items()}
    faults = {format: fault for format, fault in found.items() if fault}
    refuse_none_left(formats, faults)
    inputs = inputs_for(model, run)
    load_tensorflow()
    from models.export import on_the_cpu  # after TensorFlow was loaded without its chatter

    with on_the_cpu():
        return compared(model, load_network(model), inputs, formats, faults, folder)


def compared(
    model: ModelFolder, network: Any, inputs: Inputs, formats: list[str], faults: dict[str, str], folder: Path
) -> Export:
    from models.export import for_inference, runner_of
    from models.network import half_precisions

    trained = runner_of(network)
    plain = for_inference(network, model.architecture, model.preparation.image_px)
    expected = runner_of(plain)(inputs.images, inputs.male)
    rounding = Rounding(apart(trained(inputs.images, inputs.male), expected), tuple(sorted(half_precisions(network))))
    if rounding.precisions:
        refuse_other_figures(rounding, model)
    else:
        refuse_beyond(rounding.apart.largest, f"{model.name} without augmentation")
    took = latency_ms(trained, inputs)
    rows = [Exported("as trained", model.network, megabytes(model.network), took, rounding.apart.largest)]
    for format in formats:
        if format not in faults:
            try:
                rows.append(exported(model, format, plain, expected, rounding, inputs, folder))
            except StudyError as error:
                faults[format] = str(error)
    refuse_none_left(formats, faults)
    return Export(inputs, tuple(rows), tuple(faults.values()), rounding)


def refuse_none_left(formats: list[str], faults: dict[str, str]) -> None:
    if len(faults) == len(formats):
        raise StudyError("; ".join(faults.values()))


def exported(
    model: ModelFolder, format: str, plain: Any, expected: np.ndarray, rounding: Rounding, inputs: Inputs, folder: Path
) -> Exported:
    """Raises StudyError where what was written predicts otherwise than `expected`."""
    from models.export import FORMATS

    folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))  # no name that somebody else may have given
    try:
        written = part / f"{model.name}.{format}"
        FORMATS[format].write(plain, written)
        predict = FORMATS[format].runner(written)
        difference = apart(predict(inputs.images, inputs.male), expected).largest
        refuse_beyond(difference, f"{model.name} as {format}")
        made = Exported(format, folder / written.name, megabytes(written), latency_ms(predict, inputs), difference)
        about = (
            f"Largest difference from the weights in Keras: {difference:.2g} months on {len(inputs.images)} {inputs.what} "
            f"(tolerance {TOLERANCE_MONTHS}); the network as trained differs by {rounding.apart.largest:.2g}. {made.size_mb:.3g} MB; one image took {made.latency_ms:.3g} ms on the exporting "
            "machine's CPU (median)."
        )
        about += f" {capital(rounding.sentence)}." if rounding.sentence else ""
        put(written, made.path, part)
        facts = beside(model, format, made.path.name) | {FROM: digest_of_folder(model.path)}
        facts |= {"half_precision": rounding.to_dict(), "half_precision_means": HALF_MEANS}
        write_text(facts_of(made.path), json.dumps(facts, indent=1) + "\n")
        write_text(card_of(made.path), card(model, format, made.path.name, about))
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return made


def apart(predicted: np.ndarray, expected: np.ndarray) -> Apart:
    differences = np.abs(np.asarray(predicted, float) - expected)
    return Apart(float(differences.max()), float(differences.mean()))


def refuse_other_figures(rounding: Rounding, model: ModelFolder) -> None:
    """Raises StudyError where a network in half precision is so far from its weights in float32 that its figures are not the file's."""
    (largest, mean), mae = rounding.apart, model.about["validation"]["mae"]
    if not (mean <= SHARE_OF_MAE * mae and largest <= mae):  # so that not a number is refused too
        raise StudyError(
            f"{model.name} computes in {' and '.join(rounding.precisions)}, and its weights in float32 answer {mean:.3g} months otherwise on average "
            f"and {largest:.3g} at most, where a tenth of its validation MAE, and all of it, {mae:.3g}, are accepted: its figures and intervals would not be "
            "the file's. Train it with --precision float32 to export it"
        )


def refuse_beyond(difference: float, what: str) -> None:
    if not difference <= TOLERANCE_MONTHS:  # so that not a number is refused too
        raise StudyError(
            f"{what} differs by up to {difference:.3g} months from the model's predictions; at most {TOLERANCE_MONTHS} is accepted, so "
            "this file was not kept"
        )


def put(written: Path, path: Path, part: Path) -> None:
    """What an earlier export left there goes with `part`."""
    if fault := taken(path):
        raise StudyError(fault)
    if path.is_dir():
        os.replace(path, part / "before")
    os.replace(written, path)


def taken(path: Path) -> str:
    """Why what is there is not replaced; empty where there is nothing, or what an export leaves: a file, or a saved model."""
    if not path.is_symlink() and not path.exists():
        return ""
    folder = path.suffix == ".savedmodel"
    if is_saved_model(path) if folder else path.is_file():
        return ""
    what = "a saved model as an export leaves it" if folder else "a file"
    return f"{path} is not {what}, so it is not replaced: move it away, or name another --to"


def card_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.md")


def facts_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def others(path: Path, model: ModelFolder) -> str:
    """Why what lies there, or beside it, is not an earlier export of this model; empty where it is one, or nothing is there.

    Within the model's folder all is its own; elsewhere the JSON beside an export tells.
    """
    if path.resolve().is_relative_to(model.path.resolve()):
        return ""
    if not any(one.exists() for one in (path, card_of(path), facts_of(path))):
        return ""
    try:
        facts = json.loads(facts_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        facts = None
    if isinstance(facts, dict):
        # Exports of earlier versions do not say which folder they came from; the figures are then the model's.
        figures = [(one.get("name"), one.get("validation")) for one in (facts, model.about)]
        if facts[FROM] == digest_of_folder(model.path) if FROM in facts else figures[0] == figures[1]:
            return ""
    return f"{path}, or what lies beside it, is not an export of {model.path}, so it is not replaced: move it away, or name another --to"


def is_saved_model(path: Path) -> bool:
    """A folder with all that TensorFlow leaves, and nothing that somebody put there."""
    if path.is_symlink() or not (path / "saved_model.pb").is_file():
        return False
    return all(IN_SAVED_MODEL.fullmatch(inside.relative_to(path).as_posix()) for inside in path.rglob("*"))


def inputs_for(model: ModelFolder, run: Path) -> Inputs:
    """Validation cases of the store that the model was trained on, where it is still there; else drawn hands."""
    store = store_of(model, run)
    validation = store.split("validation") if store else None
    if store and validation:
        rows = validation.rows[:INPUTS]
        return Inputs(np.array(store.images[rows]), validation.male[:INPUTS], "validation images of its own data")
    size, stretch = model.preparation.image_px, model.preparation.stretch
    hands = phantom_cases(INPUTS)
    return Inputs(
        np.stack([to_bytes(draw(hand, size), stretch) for hand in hands]),
        np.array([hand.male for hand in hands], np.float32),
        "drawn hands",
    )


def latency_ms(predict: Callable[[np.ndarray, np.ndarray], np.ndarray], inputs: Inputs) -> float:
    """Median of single predictions, after a few that do not count."""
    took = []
    for number in range(WARM_UP_RUNS + LATENCY_RUNS):
        one = slice(number % len(inputs.images), number % len(inputs.images) + 1)
        began = time.perf_counter()
        predict(inputs.images[one], inputs.male[one])
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took[WARM_UP_RUNS:])


def megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6
