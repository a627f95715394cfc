"""A trained model's folder: `model.keras`, and `model.json`, which says what it is. A run's are in its `models/`."""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.cases import hundredths
from data.csv_text import read_csv
from data.foreign import foreign
from data.preparation import DataError, Preparation
from data.store.disk import Store, is_store, open_store
from models.architecture import Architecture
from search.output.typed import setting, typed
from search.run import MODELS, PREPARED, TRIALS
from search.storage.settings import read_settings
from search.trained.about import ABOUT, damaged, digest_of_file, refuse_changed
from search.trained.about import read as read_about
from search.trained.made_of import drawn_alone
from search.workers.left.best import MODEL

MEMBERS = "members"  # in the folder of an ensemble, its networks' own folders
__all__ = [
    "ABOUT",
    "MEMBERS",
    "ModelFolder",
    "added_in",
    "ancestry",
    "case_texts",
    "chosen_model",
    "digest_of_cases",
    "digest_of_texts",
    "load_network",
    "models_of",
    "network_at",
    "newest",
    "open_folder",
    "opened_before",
    "parent_of",
    "prepared_otherwise",
    "read_about",
    "store_of",
    "store_with",
]


@dataclass(frozen=True)
class ModelFolder:
    path: Path
    about: dict[str, Any]  # model.json

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def architecture(self) -> Architecture:
        return Architecture.from_dict(self.about["architecture"])

    @property
    def uses_sex(self) -> bool:
        return bool(self.architecture.sex_units)

    @property
    def preparation(self) -> Preparation:
        return Preparation(**self.about["preparation"])

    @property
    def synthetic(self) -> bool:
        """Whether all data that made it were drawn."""
        return drawn_alone(self.about)

    @property
    def network(self) -> Path:
        return self.path / MODEL


def added_in(folder: Path) -> Path:
    """Where the training of a model that is there goes on: within its folder, where no other model can be."""
    return folder / f"{folder.name}.more"


def chosen_model(run: Path, named: Path | None) -> ModelFolder:
    """The model named, else the run's newest. Raises DataError where there is none, or it is damaged."""
    return open_folder(named or newest(run))


def models_of(run: Path) -> list[Path]:
    """The run's trained models, the newest last."""
    folders = [path.parent for path in (run / MODELS).glob(f"*/{ABOUT}")]
    return sorted(folders, key=lambda folder: (read_about(folder)["made"], folder.name))


def opened_before(folder: Path, tested: str, cases: Collection[str] = ()) -> int:
    """How many other models of the run, or beside this one, were tested before on the cases of this digest, or on some of `cases`.

    An ensemble and its members are one model: nobody chose among them by their tests.
    """
    folder = folder.absolute()
    own, models = one_model(folder), folder.parents[2] if folder.parent.name == MEMBERS else folder.parent
    folders = [path.parent for pattern in (f"*/{ABOUT}", f"*/{MEMBERS}/*/{ABOUT}") for path in models.glob(pattern)]
    some = frozenset(cases)
    found = {one_model(path) for path in folders if path != folder and was_tested_on(path, tested, some)}
    return len(found - {own})


def one_model(folder: Path) -> Path:
    """Of an ensemble's member, the ensemble; a model that was made from a member is its own."""
    member = folder.parent.name == MEMBERS and re.fullmatch(r"seed-\d+", folder.name)
    return folder.parents[1] if member else folder


def was_tested_on(folder: Path, tested: str, cases: frozenset[str]) -> bool:
    """Whether the model's test was of this digest, or had one of `cases`; it was not where nobody can tell."""
    try:
        about = read_about(folder)
        if about["test"] is None:
            return False
        if about.get("test_of") == tested:
            return True
        # Models of an earlier version say no digest, and a digest tells nothing of a part.
        listed = read_csv(folder / "predictions_test.csv", {"male": "bool", "age_months": "float"})
        theirs = case_texts(listed["id"], listed["age_months"], listed["male"])
        return digest_of_texts(theirs) == tested or not cases.isdisjoint(theirs)
    except (DataError, OSError, KeyError, ValueError):
        return False


def case_texts(ids: Iterable[object], age_months: Iterable[float], male: Iterable[object]) -> list[str]:
    """Of each case id, age (to a hundredth, as tables of predictions have it) and sex, in one order."""
    ages = hundredths(list(age_months))
    return sorted(f"{id!s} {age:.2f} {bool(boy)}" for id, age, boy in zip(ids, ages, male, strict=True))


def digest_of_texts(texts: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(texts).encode(errors="surrogateescape"), digest_size=16).hexdigest()


def digest_of_cases(ids: Iterable[object], age_months: Iterable[float], male: Iterable[object]) -> str:
    """A digest of cases, in whatever order."""
    return digest_of_texts(case_texts(ids, age_months, male))


def newest(run: Path) -> Path:
    found = models_of(run)
    if not found:
        raise DataError(f"{run} has no trained model: run `{typed('train', run)}` first, or name one with --model")
    return found[-1]


def open_folder(path: Path, whole: bool = False) -> ModelFolder:
    """Raises DataError where there is no model, or one that is not as it was made; `whole` as `model_about.read` has it."""
    model = ModelFolder(path, read_about(path, whole))
    try:
        _ = model.architecture, model.preparation
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path / ABOUT, str(error) or repr(error)) from None
    refuse_changed(path, model.about, MODEL)
    return model


def store_of(model: ModelFolder, run: Path) -> Store | None:
    """The prepared data that the model was trained on; None where they are not there any more: in its folder, in those of the
    models that it was made from, in its run or in `run`."""
    digest, own = model.about["data"]["digest"], model.path.absolute()
    if found := store_with(digest, (*runs_of(own), run), (own / PREPARED,)):
        return found  # so that the networks of earlier models are not read for their digests
    folders = [one.path.resolve() for one in ancestry(model)[0]]
    runs = tuple(dict.fromkeys(above for folder in folders for above in runs_of(folder)))
    return store_with(digest, runs, [folder / PREPARED for folder in folders])


def prepared_otherwise(model: ModelFolder, store: Store) -> str:
    """Why the store's images are none for the model, though of the same source: somebody has prepared them anew, and what is said makes
    them what they were. Empty where that is not so."""
    there, asked = store.prepared_as.pixels, model.preparation.pixels
    other = [name for name in asked if there[name] != asked[name]]
    if not other or store.info["source"] != model.about["data"]["source"]:
        return ""
    now = ", ".join(f"{name} {there[name]}" for name in other)
    then = ", ".join(str(asked[name]) for name in other)
    again = " ".join(setting(name, asked[name]) for name in other)
    return f"{store.path} was prepared with {now}, {model.name} was trained with {then}: add {again}, and the data are prepared so again"


def ancestry(model: ModelFolder) -> tuple[list[ModelFolder], bool]:
    """The model and those that it was made from, as far as they are there, the last of them first; each once, whatever they say.
    And whether these surely are all."""
    found, sure, visited = [model], True, {model.path.resolve()}
    while found[-1].about.get("made_from"):
        parent, same = parent_of(found[-1], visited)
        if parent is None:
            return found, False
        found, sure = [*found, parent], sure and same
        visited.add(parent.path.resolve())
    return found, sure


def parent_of(model: ModelFolder, visited: Collection[Path]) -> tuple[ModelFolder | None, bool]:
    """The model that this one was made from, and whether it surely is that one: a folder's name may be another model's by now.

    Where no folder beside has its network, the one of its name is taken, so that no hand of it is overlooked; models of earlier
    versions say the name alone.
    """
    before, folder = model.about["made_from"], model.path.resolve()
    named = folder.with_name(before["name"]).resolve()
    if network := before.get("network"):
        for place in (named, *(one.resolve() for one in sorted(folder.parent.iterdir()))):
            if place not in visited and network_of(place) == network and (one := opened_at(place)):
                return one, True
    return (None, False) if named in visited else (opened_at(named), not network)


def network_of(folder: Path) -> str:
    """The digest of the model's network; empty where the folder holds none."""
    try:
        return digest_of_file(folder / MODEL) if (folder / ABOUT).exists() else ""
    except OSError:
        return ""


def opened_at(path: Path) -> ModelFolder | None:
    try:
        return open_folder(path)
    except DataError:
        return None


def runs_of(folder: Path) -> list[Path]:
    """Whose model it may be: one beside others, a member of an ensemble, the network of a trial."""
    above = [parent.parent for parent in folder.parents[:4] if parent.name in (MODELS, TRIALS)]
    return [*folder.parents[1:2], *above]


def store_with(digest: str, runs: Sequence[Path], first: Sequence[Path] = ()) -> Store | None:
    """The prepared data of this digest, in one of these folders or of one of these runs; None where they are not there."""
    named = [Path(read_settings(one).get("data", "")) for one in runs]
    for path in (*first, *(one / PREPARED for one in runs), *named):
        if is_store(path):
            try:
                store = open_store(path)
            except DataError:
                continue  # another model's, or damaged
            if store.digest == digest:
                return store
    return None


def load_network(model: ModelFolder) -> Any:
    """The Keras network. Raises DataError where it is damaged, or not the one that model.json describes; TrainingError where this
    process cannot compute in its precision."""
    network = network_at(model.network)
    side = model.preparation.image_px
    expected = {"image": (None, side, side, 1)} | ({"male": (None, 1)} if model.architecture.sex_units else {})
    with foreign(f"{model.network} is not a network of this program"):
        found = {tensor.name: tuple(tensor.shape) for tensor in network.inputs}
    if found != expected:
        raise damaged(model.network, f"it takes {found}, and {ABOUT} says {expected}")
    refuse_precision(network)
    return network


def refuse_precision(network: Any) -> None:
    from models.network import half_precisions
    from models.training.precision import refuse_held_back

    for precision in half_precisions(network):
        refuse_held_back(precision, "use the model on another machine")


def network_at(path: Path) -> Any:
    """The Keras network. Raises DataError where the file is damaged."""
    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.saved import load

    with foreign(f"{path} cannot be read: restore a copy, or train the model again"):
        network = load(path)
    network.jit_compile = False  # on a GPU Keras would compile it by XLA, which takes longer than a film's prediction
    return network
