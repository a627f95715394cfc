"""Models that were made from others, whose folders were moved since: which hands have they seen?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import tiny_model_in

from data.preparation import DataError
from data.store.disk import Store
from models import saved
from search.evaluate.recalibrate import free_beside, made_from
from search.trained.folder import ModelFolder, load_network, open_folder, parent_of
from search.trained.keep import write_about
from search.trained.left.known import known_to
from search.workers.left.best import MODEL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    return tiny_model_in(tmp_path_factory.mktemp("one"), tiny_store)


@pytest.fixture
def models(one: Path, tmp_path: Path, tiny_store: Store) -> Path:
    """A run's models: `tiny`."""
    shutil.copytree(one, tmp_path / "models" / "tiny")
    shutil.copytree(tiny_store.path, tmp_path / "prepared")
    return tmp_path / "models"


def made(parent: Path, name: str, origin: Callable[[ModelFolder], dict[str, Any]] = made_from) -> Path:
    """Another network beside it, which says that it was made from `parent`."""
    model = open_folder(parent)
    folder = shutil.copytree(parent, parent.with_name(name))
    network = load_network(model)
    for weight in network.weights:
        weight.assign(weight + 0.001)
    saved.save(network, folder / MODEL)
    about = {key: value for key, value in model.about.items() if key not in ("digests", "checksum")}
    write_about(folder, about | {"name": name, "made_from": origin(model)})
    return folder


def by_name(model: ModelFolder) -> dict[str, Any]:
    """As earlier versions say it."""
    return {"name": model.name}


def exchange(models: Path) -> Path:
    """The corrected model takes the place of the one that it was made from."""
    (models / "tiny").rename(models / "tiny-old")
    return (models / "tiny-recalibrated").rename(models / "tiny")


def test_a_model_is_known_by_its_network_whatever_its_folder_is_called(models: Path) -> None:
    made(models / "tiny", "tiny-recalibrated")
    new = open_folder(exchange(models))

    parent, sure = parent_of(new, {new.path.resolve()})

    assert (parent and parent.path.name, sure) == ("tiny-old", True)
    known = known_to(new, models.parent)
    assert known.complete
    assert len(known.films) == 56  # train and validation
    assert known.films.equals(known_to(open_folder(models / "tiny-old"), models.parent).films)


def test_a_model_of_an_earlier_version_that_has_its_parents_name_ends_the_search(models: Path) -> None:
    made(models / "tiny", "tiny-recalibrated", by_name)

    assert known_to(open_folder(models / "tiny-recalibrated"), models.parent).complete
    assert not known_to(open_folder(exchange(models)), models.parent).complete


def test_two_models_that_each_say_they_were_made_from_the_other_end_the_search(models: Path) -> None:
    made(models / "tiny", "a", by_name)
    about = json.loads((models / "a" / "model.json").read_text())
    for name, parent in (("a", "tiny"), ("tiny", "a")):
        rest = {key: value for key, value in about.items() if key not in ("digests", "checksum")}
        write_about(models / name, rest | {"name": name, "made_from": {"name": parent}})

    assert not known_to(open_folder(models / "a"), models.parent).complete


def test_where_the_parents_network_is_gone_the_model_of_its_name_counts_and_is_not_sure(models: Path) -> None:
    """So no hand that may have been seen is taken for a new one."""
    child = made(made(models / "tiny", "other"), "child", lambda model: made_from(model) | {"name": "tiny"})
    shutil.rmtree(models / "other")

    parent, sure = parent_of(open_folder(child), set())

    assert (parent and parent.path.name, sure) == ("tiny", False)
    assert not known_to(open_folder(child), models.parent).complete


def test_what_made_a_model_is_known_though_its_data_are_gone_but_of_a_model_of_an_earlier_version(models: Path) -> None:
    with_data = known_to(open_folder(models / "tiny"), models.parent)
    shutil.rmtree(models.parent / "prepared")
    shutil.move(models, elsewhere := models.parent / "elsewhere")
    model = open_folder(elsewhere / "tiny")
    recorded = known_to(model, Path("none"))

    assert (recorded.complete, recorded.without_picture) == (True, 0)
    assert recorded.films.equals(with_data.films)
    forgotten = {key: value for key, value in model.about.items() if key not in ("digests", "checksum")}
    (model.path / "seen.csv").unlink()
    write_about(model.path, forgotten)
    assert not known_to(open_folder(model.path), Path("none")).complete


def test_a_record_of_the_films_that_was_changed_is_refused(models: Path) -> None:
    path = models / "tiny" / "seen.csv"
    path.write_text(path.read_text().replace("True", "False", 1))

    with pytest.raises(DataError, match=r"seen\.csv is damaged \(it was changed"):
        known_to(open_folder(models / "tiny"), models.parent)


def test_a_link_to_a_model_is_that_model(models: Path) -> None:
    child = made(models / "tiny", "child")
    (models / "latest").symlink_to(child)
    (models / "a-link").symlink_to(models / "tiny")

    assert known_to(open_folder(models / "latest"), models.parent).complete


def test_the_new_models_folder_is_beside_the_one_that_is_named_by_a_dot(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models / "tiny")

    assert free_beside(open_folder(Path()), "new") == models / "new"
