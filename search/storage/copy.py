"""All studies of one storage, copied into another: from SQLite to a server, and back.

Optuna's own `copy_study` writes each trial in a transaction of its own, so a copy that is killed leaves studies that look whole. Here the rows of
Optuna's tables are copied as they are, in one transaction: all of them, or none. Only their keys are new, given out by the target. Numbers,
states, times, values and attributes stay the same, those of running and waiting trials too, so a search goes on from the copy.

Artifact files lie ready beside their place before the studies are committed, with a note of what the studies will be
known by in the target, and take their place after it. So a copy that was killed at any moment can be repeated: where the
target holds the very studies of the note, only the files are still to be moved, and otherwise the copy begins anew.

The folders of the trials follow once the studies are committed, one after the other: they may be large, and the database is not kept
waiting for them. A search goes on by the checkpoints in them, and studies decide by the predictions.
"""

import json
import re
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.storages._rdb.models import BaseModel
from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from data.counted import counted
from search.output.files import write_text
from search.output.terminal import log, say
from search.storage.checked.tables import refuse_unreadable, rows_of
from search.storage.checked.typed import misfit
from search.storage.identity import ID, identity
from search.storage.opening import open_storage, sqlite_path, without_password
from search.storage.patience import PatientStorage, reason, shown
from search.storage.settings import SETTINGS, read_settings, remembered, write_settings
from search.storage.settings import TRIALS as TRIAL_FOLDERS
from search.storage.sqlite import StorageError
from studies.order import EVERY

ARTIFACTS = "artifacts"  # in a run's folder; what each file is stands in the system attributes
READY, NOTE = f"{ARTIFACTS}.part", f"{ARTIFACTS}.json"  # while a copy goes on
TRIAL_READY = f"{TRIAL_FOLDERS}.part"  # a trial's folder while it is copied
STUDIES, TRIALS, OF_STUDIES = (
    BaseModel.metadata.tables[name] for name in ("studies", "trials", "study_system_attributes")
)
# Parents first; what the dashboard keeps of a trial stands among the study's attributes, under the trial's key.
TABLES = sorted(
    (table for table in BaseModel.metadata.sorted_tables if table.name != "version_info"),
    key=lambda table: table is OF_STUDIES,
)
OF_A_TRIAL = re.compile(r"(?<=^dashboard:)((?:artifacts:)?)(\d+)(?=:)")
NOTE_OF_A_TRIAL = re.compile(r"dashboard:\d+:note_str:")
LINK = re.compile(r"/artifacts/(\d+)/(\d+)/")  # to a trial's artifact

Progress = Callable[[str, int], None]  # name of a table, its rows


@dataclass(frozen=True)
class Summary:
    trials: dict[str, int]  # by study
    artifacts: int  # files
    folders: int = 0  # of trials


@dataclass(frozen=True)
class Note:
    """Whose the files are that lie ready: of which studies, in which target."""

    target: str
    keys: dict[str, int]  # of the studies there, by name
    began: dict[str, str]  # when their first trials did; keys alone are given out again after a copy that was killed


def run_copy(source_url: str, target_url: str, run_dir: Path | None = None, to_run_dir: Path | None = None) -> int:
    """The command: what it is copying goes to stderr, what has been copied to stdout."""

    def progress(table: str, rows: int) -> None:
        log(f"{table.replace('_', ' ')}: {rows:,}")

    summary = copy_storage(source_url, target_url, progress, run_dir, to_run_dir)
    for study, trials in summary.trials.items():
        say(f"{study}: {counted(trials, 'trial')}")
    if run_dir:
        say(counted(summary.artifacts, "artifact file"))
        say(counted(summary.folders, "folder of trials", "folders of trials"))
    return 0


def copy_storage(
    source_url: str,
    target_url: str,
    progress: Progress,
    run_dir: Path | None = None,
    to_run_dir: Path | None = None,
) -> Summary:
    """Copies every study, and the artifact files and the trials' folders of `run_dir` to `to_run_dir` where these are given.

    A search that goes on in the source is copied as it stands at one moment. Raises StorageError where there is nothing
    to copy, or where the target holds studies or artifacts of these names already.
    """
    path = sqlite_path(source_url)
    if path and not path.exists():
        raise StorageError(f"{path} does not exist; name the storage to copy with --from")
    if (run_dir is None) != (to_run_dir is None):
        raise StorageError("artifacts are copied from --run-dir to --to-run-dir: give both, or neither")
    if run_dir and to_run_dir:
        refuse_another_run(run_dir, to_run_dir)
    source = open_storage(source_url)
    names = {study.study_name for study in source.get_all_studies()}
    if not names:
        raise StorageError(f"{shown(source_url)} holds no studies; name the storage to copy with --from")
    if run_dir and to_run_dir:
        refuse_others_files(run_dir, names, source_url)
        with suppress(OSError):  # the database may lie in it; what cannot be made is said where it is needed
            to_run_dir.mkdir(parents=True, exist_ok=True)
    target = open_storage(target_url)
    place = target_place(target_url)
    if run_dir and to_run_dir and (noted := note_of(to_run_dir)):
        committed = held(target, noted.keys, noted.target) == noted
        if committed and noted.began.items() <= held(source, names, place).began.items():
            trials = {name: target.get_n_trials(key) for name, key in sorted(noted.keys.items())}
            return Summary(trials, *take_place(run_dir, to_run_dir, target_url, progress))
        if committed or noted.target != place:  # in another target they may be committed, too
            raise StorageError(
                f"{to_run_dir} holds the artifacts of another copy, to {noted.target}, which was not finished; "
                f"repeat that copy, or move {READY} and {NOTE} away"
            )
    there = sorted(names & {study.study_name for study in target.get_all_studies()})
    if there:
        raise StorageError(f"{shown(target_url)} already holds {', '.join(map(repr, there))}; name another with --to")
    if run_dir and to_run_dir:
        refuse_artifacts(run_dir, to_run_dir)
    try:
        with snapshot(source.engine) as reading, target.engine.begin() as writing:
            trials = copy_rows(reading, writing, progress, shown(source_url))
            if run_dir and to_run_dir:
                lay_ready(run_dir, to_run_dir, note_on(writing, names, place))
    except IntegrityError:
        raise StorageError(f"another process has just written such studies to {shown(target_url)}") from None
    except SQLAlchemyError as error:
        said = reason(error, source_url, target_url)
        raise StorageError(f"the copy failed ({said}) and was undone; repeat the command") from None
    return Summary(trials, *(take_place(run_dir, to_run_dir, target_url, progress) if run_dir and to_run_dir else (0,)))


def snapshot(engine: sqlalchemy.Engine) -> Any:
    """A transaction that sees one moment of the source. SQLite's hold the lock and need no more."""
    if engine.name != "sqlite":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    return engine.begin()


def copy_rows(reading: Connection, writing: Connection, progress: Progress, source: str) -> dict[str, int]:
    """The number of trials by study. Raises StorageError where a row of the source cannot be read, or belongs to none."""
    keys: dict[str, dict[int, int]] = {}  # by table: the key in the source, the key in the target
    for table in TABLES:
        before, rows = rows_of(reading, table, keys, source)
        if table is OF_STUDIES:
            rows = [with_new_keys(row, keys[STUDIES.name], keys[TRIALS.name]) for row in rows]
        if table in (STUDIES, TRIALS):
            # In the order of the source: Optuna numbers a new trial by counting those with smaller keys.
            after = [insert(writing, table, row) for row in rows]
            keys[table.name] = dict(zip(before, after, strict=True))
        elif rows:
            writing.execute(table.insert(), rows)
        progress(table.name, len(rows))
    refuse_unreadable(reading)
    count = sqlalchemy.func.count(TRIALS.c.trial_id)
    counted = reading.execute(
        sqlalchemy.select(STUDIES.c.study_name, count).outerjoin(TRIALS).group_by(STUDIES.c.study_id)
    )
    return dict(sorted((name, trials) for name, trials in counted))


def with_new_keys(row: dict[str, Any], studies: dict[int, int], trials: dict[int, int]) -> dict[str, Any]:
    """A study's attribute that names a trial, or in a note a trial's artifact, by keys of the source: by those of the target."""

    def of(keys: dict[int, int], before: str) -> str:
        return str(keys.get(int(before), before))

    name = OF_A_TRIAL.sub(lambda found: f"{found[1]}{of(trials, found[2])}", row["key"])
    value = row["value_json"]
    if NOTE_OF_A_TRIAL.match(name):
        value = LINK.sub(lambda found: f"/artifacts/{of(studies, found[1])}/{of(trials, found[2])}/", value)
    return row | {"key": name, "value_json": value}


def insert(writing: Connection, table: Table, row: dict[str, Any]) -> int:
    """The key that the row was given."""
    given = writing.execute(table.insert().values(row)).inserted_primary_key
    assert given is not None
    return int(given[0])


def target_place(url: str) -> str:
    """The target as a note names it, the same from every folder."""
    path = sqlite_path(url)
    return str(path.resolve()) if path else without_password(url)


def held(storage: PatientStorage, names: Collection[str], place: str) -> Note:
    def read() -> Note:
        with storage.engine.connect() as connection:
            return note_on(connection, names, place)

    return storage.made(read)


def note_on(connection: Connection, names: Collection[str], place: str) -> Note:
    """Those of the named studies that the database holds."""
    began = sqlalchemy.func.min(TRIALS.c.datetime_start)
    chosen = sqlalchemy.select(STUDIES.c.study_name, STUDIES.c.study_id, began).outerjoin(TRIALS)
    chosen = chosen.where(STUDIES.c.study_name.in_(names)).group_by(STUDIES.c.study_id)
    rows = [(str(name), int(key), str(first or "")) for name, key, first in connection.execute(chosen)]
    return Note(place, {name: key for name, key, _ in rows}, {name: first for name, _, first in rows})


def refuse_another_run(run_dir: Path, to_run_dir: Path) -> None:
    """The studies carry their run's id, and would not be those of a folder that has another."""
    if not run_dir.is_dir():
        raise StorageError(f"{run_dir} is no folder; name the folder of the run that is copied with --run-dir")
    ids = [read_settings(folder).get(ID) for folder in (run_dir, to_run_dir)]
    if ids[1] and ids[0] != ids[1]:
        raise StorageError(f"{to_run_dir} is the folder of another run ({ids[1]}); name another --to-run-dir")


def refuse_others_files(run_dir: Path, names: Collection[str], source_url: str) -> None:
    """The files of one run beside the studies of another would be taken for theirs."""
    settings = read_settings(run_dir)
    called = {each for study in EVERY for each in identity(settings, lambda: names).names(study)}
    if ID in settings and called.isdisjoint(names):
        raise StorageError(
            f"{shown(source_url)} holds no study of the run in {run_dir}: name its run's folder with --run-dir"
        )


def refuse_artifacts(run_dir: Path, to_run_dir: Path) -> None:
    if (run_dir / ARTIFACTS).exists() and (to_run_dir / ARTIFACTS).exists():
        raise StorageError(f"{to_run_dir / ARTIFACTS} exists already; move it away, or name another --to-run-dir")


def lay_ready(run_dir: Path, to_run_dir: Path, note: Note) -> None:
    """All files beside their place, then the note; what an earlier copy left that was killed is replaced."""
    try:
        to_run_dir.mkdir(parents=True, exist_ok=True)
        (to_run_dir / NOTE).unlink(missing_ok=True)
        if (run_dir / ARTIFACTS).exists():  # runs from before there were artifacts have none
            copy_folder(run_dir / ARTIFACTS, to_run_dir / READY)
        else:
            remove(to_run_dir / READY)
        write_text(to_run_dir / NOTE, json.dumps(asdict(note)))
    except OSError as error:
        shutil.rmtree(to_run_dir / READY, ignore_errors=True)
        raise StorageError(f"{run_dir / ARTIFACTS} cannot be copied to {to_run_dir}: {of_file(error)}") from None


def note_of(to_run_dir: Path) -> Note | None:
    path = to_run_dir / NOTE
    try:
        note = Note(**json.loads(path.read_text(encoding="utf-8")))
        if wrong := misfit(note):
            raise TypeError(wrong)
        return note
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise StorageError(f"{path} is not a note of a copy ({error}); move it away") from None


def take_place(run_dir: Path, to_run_dir: Path, target_url: str, progress: Progress) -> tuple[int, int]:
    """The numbers of artifact files and of trials' folders, which are where they belong once the note is gone; the run's settings go
    with them."""
    settings = read_settings(run_dir)
    try:
        if settings and not (to_run_dir / SETTINGS).exists():
            settings.pop("storage", None)
            write_settings(to_run_dir, settings | remembered(target_url, to_run_dir))
        if (to_run_dir / READY).exists():
            (to_run_dir / READY).rename(to_run_dir / ARTIFACTS)
    except OSError as error:
        raise StorageError(
            f"the studies are copied, but {to_run_dir / READY} cannot be moved to {to_run_dir / ARTIFACTS} ({error}); "
            "move away what is there and repeat the command"
        ) from None
    try:
        folders = copy_trials(run_dir / TRIAL_FOLDERS, to_run_dir / TRIAL_FOLDERS, to_run_dir / TRIAL_READY, progress)
        (to_run_dir / NOTE).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"the studies are copied, but {run_dir / TRIAL_FOLDERS} cannot be copied to {to_run_dir / TRIAL_FOLDERS} "
            f"({of_file(error)}); remove the cause and repeat the command"
        ) from None
    if not (run_dir / ARTIFACTS).exists():
        return 0, folders  # the artifacts that are there are not of this copy
    return sum(path.is_file() for path in (to_run_dir / ARTIFACTS).rglob("*")), folders


def copy_trials(source: Path, target: Path, ready: Path, progress: Progress) -> int:
    """Those that are in the target already stay: a copy that was killed goes on, and a search may have gone on from it."""
    folders = sorted(folder for folder in source.glob("*/*") if folder.is_dir())
    new = [folder for folder in folders if not (target / folder.relative_to(source)).exists()]
    if new:
        progress(f"folders of trials, {sum(map(bytes_of, new)) / 1e6:,.0f} MB", len(new))
    for folder in new:
        copy_folder(folder, ready, copied_if_there)
        place = target / folder.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        ready.rename(place)
    return len(folders)


def copy_folder(source: Path, target: Path, copy_file: Callable[[str, str], object] = shutil.copy2) -> None:
    """In place of what an earlier copy left there. Its owner may write to the copy, whatever is so of the source: a search goes on there."""
    remove(target)
    shutil.copytree(source, target, copy_function=copy_file)
    make_writable(target)


def remove(folder: Path) -> None:
    if folder.exists():
        make_writable(folder)
        shutil.rmtree(folder)


def make_writable(folder: Path) -> None:
    """Folders first, as one that may not be entered shows no files."""
    folder.chmod(folder.stat().st_mode | 0o700)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | (0o700 if path.is_dir() else 0o600))


def copied_if_there(source: str, target: str) -> None:
    """A search that goes on replaces its checkpoints."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def bytes_of(folder: Path) -> int:
    found = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def of_file(error: OSError) -> str:
    """What befell the first file: shutil.Error is a list of what befell each."""
    return str(error.args[0][0][2]) if isinstance(error, shutil.Error) else str(error)
