"""Damaged or edited models, predictions, checkpoints and databases: one sentence each, and nothing is taken for something else."""

import copy
import json
import math
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_rest import at_rest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from golden_runs import laid_out
from hypothesis import given, settings
from hypothesis import strategies as st

from data.preparation import DataError
from data.store.disk import Store
from search.cli import main
from search.compare.curves import Curve
from search.compare.learner import append, read
from search.leader.engine import run_study
from search.run import Run, open_run, record
from search.storage.copy import copy_storage
from search.storage.opening import open_storage
from search.storage.sqlite import StorageError, sqlite_url
from search.storage.status import refuse_unusable
from search.trained import about as model_about
from search.trained.folder import load_network, open_folder
from search.trained.predictor import open_model
from search.workers.job import EpochDone
from search.workers.left import checkpoint
from search.workers.left.best import load_predictions, save_predictions


def flip(path: Path, at: float, bit: int = 0) -> None:
    """One bit, so far from the beginning to the end."""
    content = bytearray(path.read_bytes())
    content[min(int(at * len(content)), len(content) - 1)] ^= 1 << bit
    path.write_bytes(content)


def refused(call: Callable[[], Any]) -> str:
    """What it says; empty where it goes through."""
    try:
        call()
    except DataError as error:
        return str(error)
    return ""


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "models" / "tiny")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any], by_hand: bool) -> None:
    """model.json edited; `by_hand` also takes its digests away, as models of earlier versions have none."""
    about = json.loads((folder / "model.json").read_text())
    change(about)
    if by_hand:
        about.pop("checksum", None), about.pop("digests", None)
    (folder / "model.json").write_text(json.dumps(about))


def test_a_whole_model_opens_and_so_does_one_without_digests(model: Path) -> None:
    whole = open_folder(model, whole=True)
    assert set(whole.about["digests"]) == {
        "model.keras",
        "looks.npz",
        "predictions.npy",
        "seen.csv",
        "test_predictions.npy",
    }
    rewrite(model, lambda about: None, by_hand=False)  # other white space is no change
    assert open_folder(model, whole=True).about == whole.about
    rewrite(model, lambda about: None, by_hand=True)
    assert "digests" not in open_folder(model, whole=True).about


@settings(deadline=None, max_examples=60)
@given(at=st.floats(0, 1), bit=st.integers(0, 7), name=st.sampled_from(["model.keras", "looks.npz", "model.json"]))
def test_one_flipped_bit_anywhere_in_a_model_is_found(
    tiny_model: Path, tmp_path_factory: Any, at: float, bit: int, name: str
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("flipped") / "tiny")
    before = json.loads((folder / "model.json").read_text())
    flip(folder / name, at, bit)
    said = refused(lambda: open_folder(folder, whole=True)) or refused(
        lambda: model_about.refuse_changed(folder, before, "looks.npz")
    )
    if said:
        assert name in said
        assert len(said.splitlines()) == 1
    else:  # of model.json white space may change, or a digit of a number that is the same number with another one
        assert name == "model.json"
        assert open_folder(folder).about == open_folder(tiny_model).about


def test_a_changed_bit_in_the_name_of_the_checksum_is_found(model: Path) -> None:
    path = model / "model.json"
    path.write_text(path.read_text().replace('"checksum"', '"checjsum"'))

    assert "it was changed after it was written" in refused(lambda: open_folder(model, whole=True))


FIELDS = [(name,) for name in model_about.WHOLE] + [
    ("data", "digest"), ("validation", "mae"), ("conformal", "groups"), ("training", "flip_horizontal"), ("architecture", "blocks"),
    ("architecture", "stem_pools"), ("preparation", "image_px"),
]  # fmt: skip
VALUES: list[Any] = [None, "x", 3.5, -1, [], {}, [1], {"a": 1}, True, 10**30, "../../x"]


@pytest.mark.parametrize("field", FIELDS, ids=".".join)
def test_a_field_that_is_missing_or_of_another_type_is_a_sentence(field: tuple[str, ...], model: Path) -> None:
    """In a model without digests. What fits by chance opens; nothing else than DataError is raised."""
    written = (model / "model.json").read_text()
    for value in [..., *VALUES]:

        def change(about: dict[str, Any], value: Any = value) -> None:
            *outer, last = field
            for name in outer:
                about = about[name]
            if value is ...:
                del about[last]
            else:
                about[last] = value

        (model / "model.json").write_text(written)
        rewrite(model, change, by_hand=True)
        said = refused(lambda: open_folder(model, whole=True))
        assert "model.json is damaged" in said or (not said and value is not ...)
        (model / "model.json").write_text(written)
        rewrite(model, change, by_hand=False)
        if json.loads((model / "model.json").read_text()) == json.loads(written):
            continue  # it was that already
        with pytest.raises(DataError, match=r"model\.json is damaged"):
            open_folder(model)


ENDS = dict.fromkeys(("low", "usual_low", "median", "usual_high", "high"), 3.0)
SHAPES = {"image_px": 40, "filter": {"shrunk": 1.0}}
BEFORE = {"source": "x", "fitted_on": 3, "reported_on": 3, "before": {"mae": 1.0, "bias": 0.0}}
# Of fields that not every model has: what a model of ours may hold, and what is refused.
LEFT_OUT: dict[str, tuple[list[Any], list[Any]]] = {
    "films": (
        [None, {}, SHAPES | {"size_px": ENDS}],
        [
            5,
            [SHAPES],
            {"size_px": {}},
            {"image_px": "x"},
            SHAPES | {"size_px": 5},
            SHAPES | {"size_px": {}},
            SHAPES | {"size_px": None},
            SHAPES | {"field": ENDS | {"low": "a"}},
            SHAPES | {"levels": ENDS | {"high": None}},
            SHAPES | {"levels": ENDS | {"median": math.nan}},
            SHAPES | {"filter": {"shrunk": "x"}},
            SHAPES | {"image_px": "x"},
        ],
    ),
    "training_median_months": ([None, 132, 132.5], ["abc", [1], True, math.nan, math.inf]),
    "made_from": (
        [None, {"name": "tiny"}, {"name": "tiny", "network": "0" * 32}],
        ["x", {}, {"name": "../../x"}, {"name": ""}, {"name": ".."}, {"name": 3}],
    ),
    "recalibration": (
        [None, BEFORE | {"offset_months": 1.0, "slope": 1.0}],
        ["x", {}, BEFORE, BEFORE | {"offset_months": "x", "slope": 1.0}],
    ),
    "fine_tuning": ([None, BEFORE | {"trained_on": 9, "validation_mae_before": 3.0}], [5, "x", {}, BEFORE]),
    "test_films": ([None, [], ["flatter"]], ["x", [3], {}]),
}


@pytest.mark.parametrize("field", LEFT_OUT)
def test_a_field_that_not_every_model_has_is_of_its_kind_where_it_is_there(field: str, model: Path) -> None:
    """In a model without digests; so no command meets another value later."""
    fitting, others = LEFT_OUT[field]
    for value in fitting:
        rewrite(model, lambda about, value=value: about.update({field: value}), by_hand=True)
        assert open_folder(model, whole=True).about[field] == value
    for value in others:
        rewrite(model, lambda about, value=value: about.update({field: value}), by_hand=True)
        assert f"model.json is damaged ({field}" in refused(lambda: open_folder(model, whole=True)), value


@pytest.mark.parametrize("level", [0, 1, 5, -0.9, "0.9", None, True])
def test_a_level_of_intervals_that_is_no_share_is_a_sentence(level: Any, model: Path) -> None:
    rewrite(model, lambda about: about["conformal"].update(level=level), by_hand=True)
    assert "conformal.level is a share between 0 and 1" in refused(lambda: open_folder(model, whole=True))


@pytest.mark.parametrize("value", [math.nan, math.inf, "x"])
def test_an_interval_that_is_no_number_is_a_sentence(value: Any, model: Path) -> None:
    rewrite(model, lambda about: about["conformal"]["groups"][0].update(half_width=value), by_hand=True)
    assert "half_width is a finite number or null" in refused(lambda: open_folder(model, whole=True))
    rewrite(model, lambda about: about["conformal"]["groups"][0].update(half_width=None), by_hand=True)
    rewrite(model, lambda about: about["conformal"].update(centre={"offset_months": value, "slope": 1}), by_hand=True)
    assert "conformal.centre is an offset and a slope" in refused(lambda: open_folder(model, whole=True))


@pytest.mark.parametrize(
    "place",
    [
        ("conformal", "groups", 0, "half_width"),
        ("training_median_months",),
        ("recalibration", "offset_months"),
        ("films", "image_px"),
    ],
)
def test_a_whole_number_beyond_a_double_is_a_sentence(place: tuple[Any, ...], model: Path) -> None:
    def change(about: dict[str, Any]) -> None:
        about |= {"recalibration": BEFORE | {"offset_months": 1.0, "slope": 1.0}, "films": dict(SHAPES)}
        *outer, last = place
        inner: Any = about
        for name in outer:
            inner = inner[name]
        inner[last] = 10**400

    rewrite(model, change, by_hand=True)
    assert f"model.json is damaged ({place[0]}" in refused(lambda: open_folder(model, whole=True))


@pytest.mark.parametrize(
    "coverage", [5, "x", [1], {"n": 3}, {"n": 3, "share": 1, "low": 0, "high": 1, "by_true_age": [3]}]
)
def test_a_coverage_that_no_page_can_show_is_a_sentence(coverage: Any, model: Path) -> None:
    rewrite(model, lambda about: about["conformal"].update(coverage=coverage), by_hand=True)
    assert "conformal.coverage is" in refused(lambda: open_folder(model, whole=True))
    rewrite(model, lambda about: about["conformal"].pop("coverage"), by_hand=True)
    assert open_folder(model, whole=True).about["conformal"]["coverage"] is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"x"', "{}", "[" * 100_000, '{"name": "x"}', "\ufeff{}"])
def test_what_is_no_model_json_is_a_sentence(text: str, model: Path) -> None:
    (model / "model.json").write_text(text)
    with pytest.raises(DataError, match=r"model\.json is damaged"):
        open_folder(model)
    (model / "model.json").write_bytes(b"\xff\xfe\x00" + text.encode()[:10])
    with pytest.raises(DataError, match=r"model\.json is damaged"):
        open_folder(model)


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "", "x" * 300, "a\nb", "a\0b", "a\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, model: Path) -> None:
    """`export` writes files of that name."""
    rewrite(model, lambda about: about.update(name=name), by_hand=True)
    with pytest.raises(DataError, match="name is the name of a file"):
        open_folder(model)


def test_another_models_network_is_refused_with_digests_and_without(model: Path, tmp_path: Path) -> None:
    from models import saved
    from models.network import build
    from models.training.settings import Training

    other = build(tiny_preset().reference, 48, Training())
    saved.save(other, model / "model.keras")
    with pytest.raises(DataError, match="changed after it was written"):
        open_folder(model)
    rewrite(model, lambda about: None, by_hand=True)
    with pytest.raises(DataError, match="it takes"):
        load_network(open_folder(model))


@pytest.mark.parametrize("at", [0.001, 0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_flipped_bit_in_a_network_without_digests_is_a_sentence_or_harmless(at: float, model: Path) -> None:
    rewrite(model, lambda about: None, by_hand=True)
    flip(model / "model.keras", at, 3)
    said = refused(lambda: open_model(model))
    assert not said or "model.keras" in said


def test_no_command_ends_with_a_traceback_over_a_damaged_model(
    model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hand = tmp_path / "hand.png"
    hand.write_bytes((Path(__file__).parents[1] / "docs/screenshots/cam-sheet.png").read_bytes())
    flip(model / "model.keras", 0.5)
    for call in (
        ["predict", str(hand), "--sex", "M", "--model", str(model)],
        ["explain", str(hand), "--sex", "M", "--model", str(model)],
        ["export", "--format", "keras", "--model", str(model)],
    ):
        assert main(call) == 2
        assert "model.keras is damaged" in capsys.readouterr().err
    flip(model / "model.json", 0.5)
    (tmp_path / "run.json").write_text('{"preset": "demo", "overrides": {}, "data": ""}')
    for call in (
        ["predict", str(hand), "--sex", "M", "--model", str(model)],
        ["predict", str(hand), "--sex", "M", "--run-dir", str(tmp_path)],
        ["report", "--run-dir", str(tmp_path)],
    ):
        assert main(call) == 2
        assert "model.json is damaged" in capsys.readouterr().err


@settings(deadline=None)
@given(st.lists(st.floats(width=32), max_size=20), st.floats(0, 1), st.integers(0, 7))
def test_predictions_are_what_was_written_or_refused(
    tmp_path_factory: Any, months: list[float], at: float, bit: int
) -> None:
    path = tmp_path_factory.mktemp("predictions") / "predictions.npy"
    saved = np.array(months, np.float32)
    save_predictions(path, saved)
    for found in (load_predictions(path), np.load(path, allow_pickle=False)):  # a plain file to others
        np.testing.assert_array_equal(found, saved)
    flip(path, at, bit)
    said = refused(lambda: load_predictions(path))
    if said:
        assert "predictions.npy is damaged" in said
    else:
        np.testing.assert_array_equal(load_predictions(path), saved)


def test_predictions_of_earlier_versions_are_read_and_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npy"
    np.save(path, np.arange(4, dtype=np.float32))
    np.testing.assert_array_equal(load_predictions(path), np.arange(4))
    for content in (b"", b"\x93NUMPY", b"PK\x03\x04", path.read_bytes()[:-3], b"x" * 500):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is damaged"):
            load_predictions(path)
    with pytest.raises(OSError, match="No such file"):
        load_predictions(tmp_path / "none.npy")


@pytest.mark.parametrize("all_of_them", [True, False])
def test_a_damaged_checkpoint_is_said_and_the_one_before_is_taken_or_none(all_of_them: bool, tmp_path: Path) -> None:
    for epochs in (1, 2):
        history = tuple(EpochDone(0, n, 1.0, 1.0, 1.0, 1.0) for n in range(1, epochs + 1))
        state = checkpoint.Checkpoint(history, np.zeros(3, np.float32), [np.ones(50, np.float32)], "float32")
        checkpoint.save(tmp_path, "a", state)
    for path in checkpoint.written(tmp_path)[: None if all_of_them else 1]:
        path.write_bytes(path.read_bytes()[:200])
    said: list[str] = []
    found = checkpoint.latest(tmp_path, "a", said.append)

    assert (found is None) is all_of_them
    assert len(said) == (2 if all_of_them else 1)
    assert "epoch-0002.npz is damaged" in said[0]
    quiet: list[str] = []
    assert checkpoint.latest(tmp_path, "another training", quiet.append) is None
    assert len(quiet) == len(said)


@pytest.mark.slow
def test_a_trial_with_damaged_checkpoints_begins_anew_and_says_so(tmp_path: Path, tiny_store: Store) -> None:
    from search.workers.job import Finished, Job, Paused, Remark
    from search.workers.local import InProcess

    preset = tiny_preset()
    job = Job(
        0,
        preset.reference,
        preset.training,
        0,
        tiny_store.path,
        tiny_store.digest,
        tiny_store.image_px,
        tmp_path / "trial",
    )
    first = InProcess()
    first.stop()
    first.start(job)
    assert isinstance(first.wait(0)[-1], Paused)
    for path in checkpoint.written(job.folder):
        path.write_bytes(b"PK")
    second = InProcess()
    second.start(job)
    messages = second.wait(0)

    assert [type(message) for message in messages] == [Remark, EpochDone, EpochDone, Finished]
    assert messages[0].sentence.startswith("the checkpoint epoch-0001.npz is damaged")
    assert messages[0].sentence.endswith("it starts again")


def test_lines_of_curves_that_say_none_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    append(path, "a", Curve((1.0,), (2.0,), (3.0,)))
    with path.open("ab") as file:
        file.write(b"\xff\xfe\n" + b"[" * 100_000 + b"\n")
    with path.open("a") as file:
        file.write(
            '3\n[]\n{"network": "b"}\n{"network": "c", "validation_mae": 3}\n{"network": "d", "validation_mae": ["x"]}\n{'
        )

    assert list(read(path)) == ["a"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    folder = tmp_path_factory.mktemp("searched") / "run"
    run = Run(folder, tiny_preset(), {"image_px": 40}, str(tiny_store.path), sqlite_url(folder / "studies.db"))
    run_study(run, tiny_store, "ablation", FormulaExecutor, silent())
    record(run)
    return at_rest(folder)


def pages(path: Path) -> list[int]:
    """Where the pages begin that a damage of the file's order is found in: all but those that hold nothing."""
    with closing(sqlite3.connect(path)) as connection:
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    return list(range(0, path.stat().st_size, size))


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "no database": lambda path: path.write_bytes(b"no database at all\n" * 500),
    "empty": lambda path: path.write_bytes(b""),
    "cut in the middle": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut in a page": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "a page of zeros": lambda path: overwrite(path, pages(path)[2], bytes(4096)),
    "a page of noise": lambda path: overwrite(path, pages(path)[3], np.random.default_rng(0).bytes(4096)),
    "the header": lambda path: overwrite(path, 0, b"SQLite format 4"),
    "the header's page size": lambda path: overwrite(path, 16, b"\x03\x07"),
    "the tables' list": lambda path: overwrite(path, 100, b"\xff" * 30),
}


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_one_sentence_in_every_command(
    damage: str, searched: Path, tiny_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(searched, tmp_path / "run")
    (folder / "trials").mkdir(exist_ok=True)
    DAMAGES[damage](folder / "studies.db")
    run = ["--run-dir", str(folder)]
    source = sqlite_url(folder / "studies.db")
    for call in (
        ["status", *run],
        ["status", "--json", *run],
        ["status", *run, "--storage", source],
        ["report", *run],
        ["dashboard", *run, "--port", "8123"],
        ["ablate", *run],
        ["train", *run],
        ["storage", "copy", "--from", source, "--to", sqlite_url(tmp_path / "copy.db")],
    ):
        assert main(call) == 2, call
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1, (call, said)
        assert "studies.db" in said[0]


def test_a_bit_in_the_order_of_an_index_is_noticed(
    searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By it alone a study or trial would silently not be found."""
    folder = shutil.copytree(searched, tmp_path / "run")
    content = (folder / "studies.db").read_bytes()
    name = b"1 ablation"
    places = [at for at in range(len(content)) if content.startswith(name, at)]
    noticed = 0  # the row, and the index of names; it stands in sentences, too
    for at in places:
        shutil.copy(searched / "studies.db", folder / "studies.db")
        overwrite(folder / "studies.db", at, b"2")
        code = main(["status", "--run-dir", str(folder)])
        noticed += code == 2 and "is damaged" in capsys.readouterr().err
    assert noticed >= 2


@pytest.mark.slow
def test_what_cannot_be_read_of_a_trial_is_the_databases_damage(
    searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(searched, tmp_path / "run")
    for statement in (
        "UPDATE trials SET state = 'COMPLETF'",
        "UPDATE trials SET datetime_start = 'yesterday'",
        "UPDATE trial_user_attributes SET value_json = '{'",
        "UPDATE trial_params SET distribution_json = '[]'",
    ):
        shutil.copy(searched / "studies.db", folder / "studies.db")
        with sqlite3.connect(folder / "studies.db") as connection:
            connection.execute(statement)
        connection.close()
        for command in ("report", "ablate"):
            assert main([command, "--run-dir", str(folder)]) == 2, (command, statement)
            assert "is damaged" in capsys.readouterr().err


def test_an_empty_file_where_there_never_were_trials_is_a_new_database(tmp_path: Path) -> None:
    from search.storage.opening import open_storage

    (tmp_path / "studies.db").touch()
    assert open_storage(sqlite_url(tmp_path / "studies.db")).get_all_studies() == []
    (tmp_path / "trials").mkdir()
    (tmp_path / "studies.db").write_bytes(b"")
    with pytest.raises(StorageError, match="is empty, although there were trials"):
        open_storage(sqlite_url(tmp_path / "studies.db"))


def test_a_run_whose_database_or_settings_are_gone_is_no_new_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a disk that they are links to is not mounted: a search that began again would mix its trials with theirs."""
    folder = tmp_path / "run"
    laid_out(folder)
    database, settings = folder / "studies.db", folder / "run.json"
    gone = tmp_path / "unmounted" / "x"
    for break_it, said in (
        (database.unlink, "studies.db is not there, although there were trials"),
        (lambda: database.symlink_to(gone), "studies.db is a link to"),
        (lambda: (database.unlink(), database.symlink_to("studies.db")), "studies.db is a link to"),  # to itself
        (lambda: (settings.unlink(), settings.symlink_to(gone)), "run.json cannot be read"),
    ):
        break_it()
        for command in ("status", "report", "plan", "ablate"):
            assert main([command, "--run-dir", str(folder)]) == 2
            assert said in capsys.readouterr().err


def test_a_run_whose_database_elsewhere_is_gone_or_another_than_it_remembers_is_no_new_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a share is not mounted, or a URL is mistyped. `settings` names the database, as after a search that was given it."""
    folder, share = laid_out(tmp_path / "run"), tmp_path / "share"
    share.mkdir()
    settings, elsewhere = folder / "run.json", share / "x.db"
    recorded = json.loads(settings.read_text())
    settings.write_text(json.dumps(recorded | {"storage": sqlite_url(elsewhere)}))
    (folder / "studies.db").rename(elsewhere)
    trials = {path: path.read_bytes() for path in folder.rglob("trials/**/*") if path.is_file()}
    assert trials
    assert main(["status", "--run-dir", str(folder)]) == 0

    elsewhere.rename(share / "y.db")
    for command in ("status", "report", "plan", "ablate", "train"):
        assert main([command, "--run-dir", str(folder)]) == 2
        assert "x.db is not there (not mounted?), although there were trials" in capsys.readouterr().err
    elsewhere.touch()
    assert main(["ablate", "--run-dir", str(folder)]) == 2
    assert "x.db is empty, although there were trials" in capsys.readouterr().err
    elsewhere.unlink()
    (share / "y.db").rename(elsewhere)

    another = share / "another.db"
    sqlite3.connect(another).close()
    open_storage(sqlite_url(another))
    for command in ("ablate", "width", "run"):
        assert main([command, "--run-dir", str(folder), "--storage", sqlite_url(another)]) == 2
        assert "another.db has no study of the run in" in capsys.readouterr().err
    assert json.loads(settings.read_text())["storage"] == sqlite_url(elsewhere)
    assert {path: path.read_bytes() for path in folder.rglob("trials/**/*") if path.is_file()} == trials


def test_a_database_to_which_the_studies_were_copied_is_gone_on_with_and_one_whose_studies_were_deleted_is_still_the_runs(
    tmp_path: Path,
) -> None:
    folder = laid_out(tmp_path / "run")
    copied, run = sqlite_url(tmp_path / "copied.db"), open_run(folder, None, {}, None, None)
    copy_storage(run.storage, copied, lambda *_: None)

    refuse_unusable(replace(run, storage=copied))
    storage = open_storage(run.storage)
    for study in storage.get_all_studies():
        storage.delete_study(study._study_id)
    storage.engine.dispose()
    refuse_unusable(run)
    with pytest.raises(StorageError, match=r"another\.db is not there"):
        refuse_unusable(replace(run, storage=sqlite_url(tmp_path / "another.db")))


def test_numbers_of_a_model_may_be_infinite_but_no_truth(model: Path) -> None:
    """An epoch that came to nothing has an infinite error."""
    about = json.loads((model / "model.json").read_text())
    changed = copy.deepcopy(about)
    changed["history"][0]["validation_mae"] = math.inf
    assert model_about.misfit(changed, model_about.WHOLE) == ""
    for patients in ("5", 0, None):
        wrong = changed | {"validation": changed["validation"] | {"patients": patients}}
        assert model_about.misfit(wrong, model_about.WHOLE).startswith("validation.patients is a number from 1")
    changed["history"][0]["validation_mae"] = True
    assert model_about.misfit(changed, model_about.WHOLE) == "history[0].validation_mae is a number, got true"
