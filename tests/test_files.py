"""Files of ours are whole or what they were before; what a disk or a place does not allow is a sentence, and nothing is left."""

import errno
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from at_rest import as_somebody, at_rest, in_one_process, only_readable
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from golden_runs import laid_out
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import free_port

from data.foreign import AWAY
from data.store.disk import Store
from search.cli import main
from search.leader.engine import run_study
from search.output.files import OF_A_PLACE, OF_THE_DISK, STALE_SECONDS, trouble, write_bytes, write_text, written
from search.run import Run, record
from search.storage.sqlite import read_only, sqlite_url, unwritable

ROOT = Path(__file__).parents[1]


def break_off(path: Path, content: bytes, error: type[BaseException]) -> None:
    with written(path) as part:
        part.write_bytes(content)
        raise error("in the middle")


@settings(deadline=None)
@given(
    st.binary(max_size=100),
    st.binary(max_size=100),
    st.sampled_from([KeyboardInterrupt, OSError, ValueError, SystemExit]),
)
def test_a_file_is_whole_or_what_it_was_before(
    tmp_path_factory: Any, before: bytes, after: bytes, error: type[BaseException]
) -> None:
    path = tmp_path_factory.mktemp("files") / "report.html"
    write_bytes(path, before)
    with pytest.raises(error):
        break_off(path, after[: len(after) // 2], error)
    assert path.read_bytes() == before

    write_bytes(path, after)
    assert path.read_bytes() == after
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    "name", ["a", "x" * 255, "ä" * 127, "a*b[c]?.html", "é.part", b"caf\xe9.html".decode(errors="surrogateescape")]
)
def test_any_name_that_a_file_can_have_can_be_written(name: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, "1")
    write_text(tmp_path / name, "2")

    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_text_is_utf_8_whatever_it_says(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", "β × caf\udce9")

    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "β × caf\\udce9"


def test_what_a_killed_writer_has_left_goes_later_and_what_another_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    old, new, other = (
        tmp_path / name for name in ("report.html.1.part", "report.html.2.part", "report.html.md.1.part")
    )
    for file in (old, new, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - STALE_SECONDS - 60,) * 2)
    write_text(path, "whole")

    assert not old.exists()
    assert new.exists()
    assert other.exists()


@pytest.mark.parametrize("number", [*OF_THE_DISK, *OF_A_PLACE])
def test_trouble_with_a_named_place_is_a_sentence_and_with_another_a_bug(number: int, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for inside in (run, run / "trials" / "1", tmp_path):
        said = trouble(OSError(number, os.strerror(number), str(inside)), [run])
        assert said
        assert os.strerror(number) in said or number == errno.ENOENT
    outside = trouble(OSError(number, os.strerror(number), str(tmp_path / "elsewhere")), [run])
    assert (outside is None) is (number in OF_A_PLACE or number == errno.EROFS)
    assert (trouble(OSError(number, os.strerror(number)), [run]) is None) is (
        number in OF_A_PLACE or number == errno.EROFS
    )


@pytest.mark.parametrize("number", AWAY)
def test_a_place_that_is_away_is_a_sentence_and_a_lost_connection_may_be_a_bug(number: int) -> None:
    said = trouble(OSError(number, os.strerror(number), "/mnt/share/1.png"), [])

    assert said
    assert said.startswith(f"/mnt/share/1.png can no longer be reached ({os.strerror(number)})")
    assert trouble(OSError(number, os.strerror(number)), []) is None


def test_what_is_no_trouble_of_a_disk_is_a_bug(tmp_path: Path) -> None:
    for error in (OSError("no number"), OSError(errno.EBADF, "bad", str(tmp_path)), OSError(errno.ENOENT, "none", 7)):
        assert trouble(error, [tmp_path]) is None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> Path:
    """A run with two decided studies, its data, and nobody at work in it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    shutil.copytree(tiny_store.path, folder / "prepared")
    run = Run(folder, tiny_preset(), {"image_px": 40}, str(folder / "prepared"), sqlite_url(folder / "studies.db"))
    for name in ("ablation", "width"):
        run_study(run, tiny_store, name, FormulaExecutor, silent())
    record(run)
    return at_rest(folder)


@pytest.fixture
def read_only_run(finished: Path, tmp_path: Path) -> Any:
    """A copy that nobody may write to."""
    folder = tmp_path / "read only"
    shutil.copytree(finished, folder)
    only_readable(folder)
    yield folder
    only_readable(folder, False)


@pytest.mark.slow
def test_a_finished_run_that_cannot_be_written_to_can_be_read(read_only_run: Path, tmp_path: Path) -> None:
    run, to = ["--run-dir", str(read_only_run)], tmp_path / "to"
    before = sorted(path.name for path in read_only_run.rglob("*"))
    source, target = sqlite_url(read_only_run / "studies.db"), sqlite_url(tmp_path / "copy.db")
    calls = [
        ["status", *run],
        ["status", "--json", *run],
        ["status", *run, "--storage", source],
        ["report", *run, "--to", str(to / "report")],
        ["audit", *run],
        ["audit", *run, "--json"],
        ["audit", *run, "--to", str(to / "audit")],
        ["storage", "copy", "--from", source, "--to", target, *run, "--to-run-dir", str(to / "run")],
        ["report", *run],
        ["ablate", *run],
    ]
    said = in_one_process(calls, as_somebody())

    for call, (code, _, errors) in zip(calls[:-2], said[:-2], strict=True):
        assert code == 0, (call, errors)
    assert "--to" in said[4][1]
    assert json.loads(said[5][1])["page"] is None
    assert "--to" in said[5][2]
    for code, _, errors in said[-2:]:
        assert code == 2
        assert len(errors.strip().splitlines()) == 1
    assert "--to" in said[-2][2]
    copied = list((to / "run").rglob("*"))
    assert any(path.name == "trials" for path in copied)
    assert all(path.stat().st_mode & 0o200 for path in copied)  # a search goes on there
    assert sorted(path.name for path in read_only_run.rglob("*")) == before
    assert sorted(path.name for path in to.rglob("*.*")) == [
        "audit.html",
        "report.csv",
        "report.html",
        "report.md",
        "run.json",
    ]
    page = (to / "report" / "report.html").read_text(encoding="utf-8")
    assert "ablation" in page


@pytest.mark.slow
def test_the_dashboard_of_a_run_that_cannot_be_written_to_answers(read_only_run: Path) -> None:
    import urllib.request

    port = free_port()
    call = [
        *as_somebody(),
        sys.executable,
        "-m",
        "search.cli",
        "dashboard",
        "--run-dir",
        str(read_only_run),
        "--port",
        str(port),
    ]
    with subprocess.Popen(
        call, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr
            assert "http://" in server.stderr.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=60) as answer:
                names = [study["study_name"] for study in json.load(answer)["study_summaries"]]
        finally:
            server.kill()
    assert len(names) == 2


def test_changes_that_stand_in_the_log_alone_are_not_left_out(finished: Path, tmp_path: Path) -> None:
    """A folder that was copied while a search ran, onto what cannot be written to: read with its log, or refused."""

    folder = tmp_path / "copied"
    folder.mkdir()
    shutil.copy(finished / "studies.db", tmp_path / "studies.db")
    writing = sqlite3.connect(tmp_path / "studies.db")
    writing.execute("PRAGMA journal_mode=WAL")
    writing.execute("CREATE TABLE late (x)")
    writing.commit()
    for name in ("studies.db", "studies.db-wal", "studies.db-shm"):
        shutil.copy(tmp_path / name, folder / name)
    writing.close()
    script = (
        "from pathlib import Path; import sys\nfrom search.storage.sqlite import read_only, unwritable\n"
        "path = Path(sys.argv[1]); assert unwritable(path)\n"
        "print([name for (name,) in read_only(path).execute(\"SELECT name FROM sqlite_master WHERE name = 'late'\")])"
    )
    only_readable(folder)
    try:
        call = [*as_somebody(), sys.executable, "-c", script, str(folder / "studies.db")]
        ended = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    finally:
        only_readable(folder, False)

    assert ended.stdout.strip() == "['late']" or "OperationalError" in ended.stderr, ended.stderr


@pytest.mark.parametrize("temporary", ["writable", "read-only"])
def test_a_log_that_a_kill_left_in_a_folder_that_cannot_be_written_to_is_read(tmp_path: Path, temporary: str) -> None:
    """Or what to do is said, where no copy can be made either."""
    run = laid_out(tmp_path / "run")
    (tmp_path / "read-only").mkdir()
    writing = sqlite3.connect(run / "studies.db")
    writing.execute("PRAGMA journal_mode=WAL")
    writing.execute("UPDATE study_user_attributes SET value_json = '\"late\"' WHERE key = 'decision'")
    writing.commit()
    for name in ("studies.db", "studies.db-wal"):
        shutil.copy(run / name, tmp_path / name)
    writing.close()
    for name in ("studies.db", "studies.db-wal"):
        shutil.copy(tmp_path / name, run / name)
    script = (
        "import sys, tempfile; from pathlib import Path; from search.storage.sqlite import reading_file\n"
        "tempfile.tempdir = sys.argv[2]\n"
        "with reading_file(Path(sys.argv[1])) as rows:\n"
        "    print(rows(\"SELECT value_json FROM study_user_attributes WHERE key = 'decision'\"))"
    )
    places = {"writable": tmp_path, "read-only": tmp_path / "read-only"}
    only_readable(run)
    only_readable(places["read-only"])
    try:
        call = [*as_somebody(), sys.executable, "-c", script, str(run / "studies.db"), str(places[temporary])]
        ended = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    finally:
        only_readable(run, False)
        only_readable(places["read-only"], False)

    if temporary == "writable":
        assert (ended.stdout, ended.stderr) == ("[('\"late\"',)]\n", "")
    else:
        assert "its last changes stand in studies.db-wal" in ended.stderr


def test_a_database_that_can_be_written_to_is_not_taken_for_another(finished: Path) -> None:
    assert not unwritable(finished / "studies.db")
    assert not unwritable(finished / "nowhere.db")
    read_only(finished / "studies.db").close()


def limited(most: int) -> Callable[[], None]:
    """No file may become larger than this: what a full disk is, without one."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return limit


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_leaves_nothing(finished: Path, tmp_path: Path) -> None:
    """Every command that writes, at several sizes at which the disk is full."""
    run = ["--run-dir", str(finished)]
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("the one before")
    calls = [
        ["report", *run, "--to", str(tmp_path / "report")],
        ["audit", *run, "--to", str(tmp_path / "audit")],
        ["storage", "copy", "--from", sqlite_url(finished / "studies.db"), "--to", sqlite_url(tmp_path / "copy.db")],
        ["prepare", "phantom:12", "--image-px", "40", "--run-dir", str(tmp_path / "new")],
    ]
    for most in (10, 5000):
        for call, (code, _, errors) in zip(calls, in_one_process(calls, preexec_fn=limited(most)), strict=True):
            assert code == 2, (call, errors)
            assert "Traceback" not in errors
            assert errors.splitlines()[-1].startswith("boneage-search: ")
    left = [path for path in tmp_path.rglob("*.part*") if "new" not in path.parts]  # a store goes on where it stopped
    assert not left
    assert (tmp_path / "report" / "report.html").read_text() == "the one before"


@pytest.mark.parametrize("where", ["a file", "below a file", "a long name", "no such root", "zero"])
@pytest.mark.parametrize(
    "command",
    [["prepare", "phantom:12"], ["ablate", "--data", "phantom:12"], ["report"], ["audit", "--data", "phantom:12"]],
)
def test_an_impossible_run_folder_is_a_sentence(
    where: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    folders = {
        "a file": str(tmp_path / "file"),
        "below a file": str(tmp_path / "file" / "below"),
        "a long name": str(tmp_path / ("x" * 300)),
        "no such root": "/proc/nonesuch",
        "zero": "a\0b",
    }
    assert main([*command, "--run-dir", folders[where]]) == 2

    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("boneage-search: ")
    assert all(
        "find an effect of" in line for line in said[:-1]
    )  # what the ablation's design can find, said before it begins


@pytest.mark.slow
def test_a_run_folder_that_nobody_may_make_is_a_sentence(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    only_readable(locked)
    run = ["--run-dir", str(locked / "run")]
    said = in_one_process([["prepare", "phantom:12", *run], ["ablate", "--data", "phantom:12", *run]], as_somebody())

    for code, _, errors in said:
        assert code == 2, errors
        assert f"{locked / 'run'} cannot be written" in errors


@pytest.mark.slow
def test_files_and_databases_in_another_users_folder_or_of_impossible_names_are_a_sentence(
    tmp_path: Path, tiny_model: Path
) -> None:
    """Named one by one, in a list, as a database's URL, or by the run."""
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    laid_out(tmp_path / "RUN")
    private, name = tmp_path / "private", "y" * 300
    private.mkdir()
    (private / "hand.png").write_bytes(b"")
    shutil.copytree(tmp_path / "RUN", tmp_path / "moved")
    settings = tmp_path / "moved" / "run.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"storage": f"sqlite:///{private}/x.db"}))
    if os.getuid() == 0:
        os.chown(private, 65534, -1)
    private.chmod(0o700 if os.getuid() == 0 else 0)
    calls = (
        "predict private/hand.png --sex M --model private/model",
        "evaluate private --model private/model",
        f"evaluate private --model {tiny_model}",
        f"evaluate private/hands --model {tiny_model}",
        "status --run-dir RUN --storage sqlite:///private/x.db",
        "status --run-dir moved",
        "storage copy --from sqlite:///private/x.db --to sqlite:///y.db",
        "storage copy --from sqlite:///RUN/studies.db --to sqlite:///private/y.db",
        f"status --run-dir RUN --storage sqlite:///{name}",
        f"storage copy --from sqlite:///{name} --to sqlite:///y.db",
    )
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    for call in calls:
        command = [*without, sys.executable, "-m", "search.cli", *call.split()]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

        assert ended.returncode == 2, (call, ended.stderr)
        assert "Traceback" not in ended.stderr, call
    private.chmod(0o700)


@pytest.mark.parametrize(
    "words", [("status",), ("prepare", "phantom:12", "--preset", "demo"), ("plan", "--preset", "demo")]
)
def test_a_working_directory_that_was_removed_is_said(tmp_path: Path, words: tuple[str, ...]) -> None:
    root = Path(__file__).parents[1]
    command = "import os, sys; os.rmdir(os.getcwd()); import boneage_search; sys.exit(boneage_search.main())"
    (tmp_path / "gone").mkdir()
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", command, *words], cwd=tmp_path / "gone", env=environment, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert done.stderr.startswith("boneage-search: the working directory is no longer there")
    assert len(done.stderr.splitlines()) == 1
