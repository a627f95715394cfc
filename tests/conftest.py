"""Fixtures: small real things, made in a temporary folder."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from data.phantom.hand import draw, phantom_cases
from data.preparation import Preparation
from data.store.disk import Store
from data.store.prepare import prepare
from models.architecture import Architecture, Blocks
from models.training.settings import Training
from search.run import Run
from search.storage.sqlite import sqlite_url
from studies.preset import Preset
from studies.presets import demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from postgres import Server

    from models.training.settings import Precision
    from search.evaluate.labelled import Labelled
    from search.trained.predictor import Model
    from search.workers.job import Job

# How long an example takes depends on what else the machine does; a property that hangs is ended by pytest's own timeout.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Ray's trials step back behind every other process of the machine, by 15 of nice's 19: beside two test processes they hardly got on.
os.environ.setdefault("RAY_worker_niceness", "0")

# Files of minutes are begun first, so that at the end of the slow suite no process works alone; `make test-slow` prints durations.
MINUTES = (
    "test_trainings.py",
    "test_search.py",
    "test_starting.py",
    "test_added_epochs.py",
    "test_phantom_learning.py",
    "test_ray.py",
    "test_optuna_conformance.py",
    "test_python_page.py",
    "test_verdicts.py",
)

RSNA_HEADER = "id,boneage,male"


drawn = cache(draw)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(MINUTES)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True, scope="session")
def migrations_read_once() -> Iterator[None]:
    """Optuna imports its whole history of schemas whenever a database is opened, four fifths of the time that takes."""
    from optuna.storages._rdb.storage import _VersionManager

    newest: list[str] = []
    read = _VersionManager.get_head_version

    def remembered(manager: _VersionManager) -> str:
        newest[:] = newest or [read(manager)]
        return newest[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_VersionManager, "get_head_version", remembered)
        yield


def needs(precision: "Precision") -> None:
    """Skips a test where a setting keeps oneDNN from this precision, which the program then refuses (test_precision.py)."""
    from models.backend import tf

    from models.training.precision import held_back

    if not tf.config.list_physical_devices("GPU") and (setting := held_back(precision)):
        pytest.skip(f"{setting} keeps oneDNN from {precision}")


@pytest.fixture
def float32_again() -> Iterator[None]:
    """Afterwards this process' networks are float32 again, whatever the test has made them."""
    yield
    from models.backend import keras  # not above: most tests need no TensorFlow

    keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture
def rsna_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes an official RSNA training folder of `count` drawn hands, `width` by `height` pixels."""

    def write(count: int = 12, width: int = 40, height: int = 48) -> Path:
        folder = tmp_path / "rsna"
        images = folder / "boneage-training-dataset"
        images.mkdir(parents=True)
        rows = [RSNA_HEADER]
        for number, case in enumerate(phantom_cases(count), 1377):
            rows.append(f"{number},{round(case.age_months)},{case.male}")
            Image.fromarray(drawn(case, 64)).resize((width, height)).save(images / f"{number}.png")
        (folder / "train.csv").write_text("\n".join(rows) + "\n")
        return folder

    return write


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from chromium import CHROMIUM, chromium  # brings playwright, which few tests need

    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def server() -> Iterator["Server"]:
    """PostgreSQL."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install '.[postgres]'")
    from postgres import BINARIES, started  # after the check; and few tests need it

    if not BINARIES:
        pytest.skip("needs a PostgreSQL server: apt-get install postgresql")
    with started() as made:
        yield made


@pytest.fixture
def database(server: "Server", request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    server.do(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.do(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """60 drawn hands of 40 px."""
    return prepare("phantom:60", tiny_preset().preparation, tmp_path_factory.mktemp("tiny") / "prepared")


def tiny_preset() -> Preset:
    """A search of a minute: the smallest images, widths and repeats that still are what the real ones are."""
    return replace(
        demo(),
        data="phantom:60",
        preparation=Preparation(image_px=40, fit="squash", validation_fraction=0.3, test_fraction=0.1),
        training=Training(epochs=2, batch=8, learning_rate=3e-3, loss="mae", bn_momentum=0.9, precision="float32"),
        reference=Architecture(
            beta=0.0625,
            blocks=Blocks(mixed0=0, mixed1=1, mixed4=0, mixed5=1, mixed7=0, mixed9=1),
            stem_pools=(False, False),
        ),
        max_params=100_000,
        margin_months=0.5,
        equivalence_months=4.0,
        width_trials=3,
        refine_trials=4,
        width_factors=(0.7, 1.0, 1.4),
        depth_trials=3,
        depth_patience=3,
        depth_extra=1,
        fc_choices=(16,),
        dropouts=(0.3,),
    )


def tiny_network() -> Architecture:
    """The tiny model's: one block group, so that it is built and read in half the time."""
    return replace(tiny_preset().reference, blocks=Blocks(0, 0, 0, 0, 0, mixed9=1))


@pytest.fixture(scope="session")
def tiny_model(tiny_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_in(tmp_path_factory.mktemp("modelled"), tiny_store)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> "Model":
    from search.trained.predictor import open_model

    return open_model(tiny_model)


@pytest.fixture(scope="module")
def labelled(model: "Model", tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> "Labelled":
    """Sixty drawn hands that the tiny model was not trained on, as another clinic's folder."""
    from labelled_sets import lay_out

    from search.evaluate.labelled import opened
    from search.trained.folder import open_folder

    folder = lay_out(tmp_path_factory.mktemp("set") / "clinic", [str(n) for n in range(60)])
    return opened(str(folder), model, open_folder(tiny_model), Path("none"), model.preparation, lambda *_: None)


def tiny_model_in(folder: Path, tiny_store: Store) -> Path:
    """The folder of a whole model: a real network, as training leaves it, but none of its epochs."""
    from search.trained.choose import Chosen
    from search.trained.train import Order, job_of

    run = Run(folder, tiny_preset(), {}, str(tiny_store.path), sqlite_url(folder / "studies.db"))
    job = job_of(run, tiny_store, Order(Chosen(tiny_network(), "by hand"), {}, "tiny"), deterministic=False)
    leave_untrained(job, tiny_store)
    return job.folder


def leave_untrained(job: "Job", tiny_store: Store) -> None:
    """In the job's folder, a whole model with the weights that its seed begins with."""
    from models.backend import keras

    from models import saved
    from models.network import build
    from search.trained.left.finish import Origin, finish
    from search.trained.predictor import months_of
    from search.workers.left.best import MODEL, TEST, VALIDATION
    from search.workers.local import lay_out

    lay_out(job)
    keras.utils.set_random_seed(job.seed)
    ages = tiny_store.split("train").age_months
    network = build(job.architecture, job.image_px, job.training, float(ages.mean()))
    saved.save(network, job.folder / MODEL)
    for name, split in ((VALIDATION, "validation"), (TEST, "test")):
        examples = tiny_store.split(split)
        np.save(job.folder / name, months_of(network, tiny_store.images[examples.rows], examples.male))
    told = {"train_mae": 40.0, "validation_mae": 39.0, "seconds": 1.0}
    history = [{"epoch": epoch} | told for epoch in range(1, job.training.epochs + 1)]
    finish(job, tiny_store, Origin("by hand"), history, flip=False)
