"""What lies in a folder of radiographs: its tables and images, wherever below it they are, and what was passed over.

Links to folders are followed, but not to a folder that the data lie in, and no folder is entered twice, by whatever names it
is reached. What is no
regular file (a pipe, a socket, a device) is passed over by its kind alone and never opened.
"""

import json
import os
import re
import stat
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from data.counted import counted
from data.films.dicom import is_dicom
from data.foreign import AWAY
from data.preparation import DataError
from data.tables.cells.splits import may_say_a_split, names_a_list, split_by_words
from data.tables.headings import IMAGE_SUFFIXES, OTHER_IMAGES
from data.tables.paired.header_ids import is_readable_dicom
from data.tables.sheets import TABLE_SUFFIXES

SPEAKS_OF_CASES = re.compile(r"split|partition|patient|subject", re.IGNORECASE)
MAX_ENTRIES = 2_000_000  # files and folders; beyond, a link leads out of the data, as to the whole disk
LINK_BYTES = 255  # of a path
NAMED = 3  # of what was passed over
# Ours: a prepared store, one that is being made, a run, a trained model. They hold tables and pictures of their own. Other programs call
# files so, too: what each of ours has in it tells them apart.
OURS = {"store.json": "digest", "request.json": "settings", "run.json": "preset", "model.json": "architecture"}
SYSTEM_FOLDERS = (  # in small letters; what was thrown away must not compete with what was kept
    *("lost+found", "$recycle.bin", "recycler", "recycled", "system volume information"),
    *(
        "@eadir",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
    ),  # of a NAS: thumbnails and what was there before
    *("site-packages", "node_modules"),  # programs' own data
)
HIDDEN = (".", "__", "~$")  # .git, ._1377.png and __MACOSX of macOS, the mark of a workbook that is open in Excel
OTHER_TABLES = (".xls", ".ods", ".numbers", ".parquet", ".sav", ".dta")
ARCHIVES = (
    *(".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz", ".tbz2", ".tar.zst", ".tzst"),
    *(".7z", ".rar"),
)
# Of images; others that are packed so may be tables.
PACKED = tuple(f"{image}{packed}" for image in IMAGE_SUFFIXES for packed in (".gz", ".bz2", ".xz", ".zst"))
WHAT_TO_DO = {  # ending to what helps
    **dict.fromkeys(OTHER_IMAGES, "save as PNG"),
    **dict.fromkeys(OTHER_TABLES, "save as CSV or xlsx"),
    **dict.fromkeys((*ARCHIVES, *PACKED), "unpack"),
}
# Programs, and what they say while they run: numbers of any meaning.
PROGRAMS = (
    *(".py", ".pyc", ".ipynb", ".r", ".m", ".sh", ".bat", ".ps1", ".js", ".ts"),
    *(".c", ".h", ".cpp", ".java", ".go", ".rs", ".sql", ".css", ".log", ".out", ".err"),
)
STRUCTURED = (".json", ".jsonl", ".yaml", ".yml", ".toml")  # may list the cases by split, whatever they are called
FEW_STRUCTURED = 50  # more are one for each image
# What else may hold a table: any folder has some of these, so they are looked at only where their name says a split.
TEXTS = (".tab", ".dat", ".json", ".jsonl", ".ndjson", ".psv")
MAY_BE_TABLES = {
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst"), "unpack"),
    **dict.fromkeys(TEXTS, "save as CSV or xlsx"),
    **dict.fromkeys((".xlsb", ".xlt", ".fods", ".feather", ".arrow", ".orc", ".avro"), "save as CSV or xlsx"),
    **dict.fromkeys((".sas7bdat", ".xpt", ".por", ".rds", ".rda", ".rdata"), "save as CSV or xlsx"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".mdb", ".accdb"), "save as CSV or xlsx"),
}
# In these networks' programs keep pictures, and lists of cases where their name says so.
ARRAYS = (".npy", ".npz", ".pkl", ".pickle", ".joblib", ".pt", ".pth", ".h5", ".hdf5", ".mat", ".msgpack")
# What helps for a table in any of these.
SAVED = WHAT_TO_DO | MAY_BE_TABLES | dict.fromkeys(ARRAYS, "save as CSV or xlsx")
OF_IMAGES = re.compile(
    r"(?:\w*?)(?:images?|pictures?|pngs?|jpe?gs?|dicoms?|radiographs?|xrays?|pixels?|arrays?)"
)  # a word of a name, or its end
A_TABLE = (*TABLE_SUFFIXES, *OTHER_TABLES, ".tab", ".xlsb")


@dataclass(frozen=True)
class Files:
    """In the order of their names, the same everywhere."""

    tables: tuple[Path, ...]
    images: tuple[Path, ...]
    texts: tuple[Path, ...]  # that may be tables: .txt whose name speaks of a split
    plain_texts: tuple[Path, ...]  # other .txt, of which one may be the table
    lists: tuple[
        Path, ...
    ]  # that may say more of the cases: texts of any ending whose name speaks of splits or patients
    foreign_tables: tuple[Path, ...]  # of other programs, which are not read, and archives that hold tables
    dangling: tuple[Path, ...]  # images by their names, which cannot be reached: links to nothing
    gone: tuple[Path, ...]  # other links to nothing, which may have led to folders, or to lists of cases
    upward: tuple[Path, ...]  # links to folders that the data lie in
    unreadable: tuple[Path, ...]  # folders
    lost_said: tuple[
        str, ...
    ]  # of links that lead nowhere or are none any more, and of names that are paths, a sentence each
    said: tuple[str, ...]  # what was passed over, a sentence each

    @cached_property
    def with_dicom(self) -> bool:
        """Whether any image is DICOM by its name or its content: those that are so by their names need not be opened."""
        return any(map(is_unnamed_dicom, self.images)) or any(map(is_readable_dicom, self.images))


def files_below(folder: Path) -> Files:
    """Raises DataError where the folder holds more than any data set; PermissionError where it may not be read itself."""
    tables: list[Path] = []
    images: list[Path] = []
    texts: list[Path] = []
    plain_texts: list[Path] = []
    structured: list[Path] = []
    unended: list[Path] = []
    lists: list[Path] = []
    foreign_tables: list[Path] = []
    dangling: list[Path] = []
    gone: list[Path] = []
    upward: list[Path] = []
    unreadable: list[Path] = []
    irregular: list[Path] = []
    flattened: list[str] = []
    others: Counter[str] = Counter()
    for count, entry in enumerate(entries(folder, unreadable, upward)):
        if count > MAX_ENTRIES:
            raise DataError(f"{folder} holds more than {MAX_ENTRIES:,} files: name the folder of the data set alone")
        name, path = entry.name.lower(), Path(entry.path)
        mode = mode_of(entry)
        if mode == 0:  # a link to nothing
            if name.endswith(TABLE_SUFFIXES):
                tables.append(path)  # whose reading says it
            elif name.endswith(IMAGE_SUFFIXES):
                dangling.append(path)
            elif not name.endswith(PROGRAMS):
                gone.append(path)
            continue
        if not stat.S_ISREG(mode):
            irregular.append(path)
        elif name.endswith(TABLE_SUFFIXES):
            tables.append(path)
        elif name.endswith(IMAGE_SUFFIXES) or is_unnamed_dicom(path):
            images.append(path)
        elif name.endswith(ARRAYS) and names_a_list(stem_of(path)):
            foreign_tables.append(path)
        elif ending := next((ending for ending in WHAT_TO_DO if name.endswith(ending)), ""):
            others[ending] += 1
            if ending in OTHER_TABLES or (ending in ARCHIVES and holds_a_table(path)):
                foreign_tables.append(path)
        elif name.endswith(".txt") and split_by_words(path.stem):
            texts.append(path)
        elif target := flattened_link(entry):
            flattened.append(f"{path.relative_to(folder)} (to {target})")
        else:
            if not path.suffix and is_picture(path):
                unended.append(path)
            if name.endswith(".txt"):
                plain_texts.append(path)
            if name.endswith(PROGRAMS):
                continue
            foreign = name.endswith((*MAY_BE_TABLES,))
            if (not foreign or name.endswith(TEXTS)) and (SPEAKS_OF_CASES.search(name) or may_say_a_split(name)):
                lists.append(path)
            elif name.endswith(STRUCTURED):
                structured.append(path)
            if foreign:
                foreign_tables.append(path)
    said = [
        f"{counted(count, f'{ending} file is', f'{ending} files are')} not read and passed over: {WHAT_TO_DO[ending]}"
        for ending, count in sorted(others.items())
    ]
    if unended:
        are = counted(len(unended), "picture without an ending is", "pictures without an ending are")
        said.append(f"{are} passed over ({some(folder, unended)}): name them .png or .jpg")
    if irregular:
        said.append(f"passed over, as no regular file (a pipe, a socket or a device): {some(folder, irregular)}")
    lost = []
    if flattened:
        lost.append(
            f"passed over: a link to a folder became a small file when it was copied, {', '.join(flattened[:NAMED])}"
        )
    if of_windows := [path for path in images if "\\" in path.name]:
        have = counted(len(of_windows), "file has", "files have")
        lost.append(
            f"{have} a folder in the name ({some(folder, of_windows)}), as where an archive of Windows was unpacked by a "
            "program that does not know its \\: unpack it with another one, or move the files into folders"
        )
    if dangling or gone:
        lost.append(f"a link leads to nothing: {some(folder, [*dangling, *gone])}")
    if upward:
        lost.append(f"passed over, as a link to a folder that the data lie in: {some(folder, upward)}")
    said += lost
    if unreadable:
        said.append(f"passed over, as this user may not read it: {some(folder, unreadable)}")
    return Files(
        tables=tuple(tables),
        images=tuple(images),
        texts=tuple(texts),
        plain_texts=tuple(plain_texts),
        lists=(*lists, *(structured if len(structured) <= FEW_STRUCTURED else ())),
        foreign_tables=tuple(foreign_tables),
        dangling=tuple(dangling),
        gone=tuple(gone),
        upward=tuple(upward),
        unreadable=tuple(unreadable),
        lost_said=tuple(lost),
        said=tuple(said),
    )


def entries(folder: Path, unreadable: list[Path], upward: list[Path]) -> Iterator[os.DirEntry[str]]:
    """Everything that is no folder; folders before the links to folders, so that a file is found by its own path."""
    seen: set[tuple[int, int]] = set()
    waiting = deque([folder])
    linked: deque[Path] = deque()
    outside = set(folder.resolve().parents)  # the whole disk among them
    while waiting or linked:
        at = waiting.popleft() if waiting else linked.popleft()
        try:
            about = at.stat()
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(at) as scanned:
                here = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            if at == folder or error.errno in AWAY:
                raise
            unreadable.append(at)
            continue
        if at != folder and any(entry.name == "pyvenv.cfg" for entry in here):
            continue  # programs
        if any(is_ours(entry) for entry in here if at != folder or entry.name == "store.json"):
            continue  # the folder that was named itself may be a run's, too
        below = []
        for entry in here:
            if entry.name.startswith(HIDDEN) or entry.name.lower() in SYSTEM_FOLDERS:
                continue
            if not stat.S_ISDIR(mode_of(entry)):
                yield entry
            elif not entry.is_symlink():
                below.append(Path(entry.path))
            elif Path(entry.path).resolve() not in outside:
                linked.append(Path(entry.path))
            else:
                upward.append(Path(entry.path))
        waiting.extendleft(reversed(below))


def holds_a_table(archive: Path) -> bool:
    """By its own name, test.csv.zip, or by the names in it. Images that were left packed beside the unpacked ones hold none."""
    if {suffix.lower() for suffix in archive.suffixes} & set(A_TABLE):
        return True
    try:
        with ZipFile(archive) as opened:
            return any(name.lower().endswith(A_TABLE) for name in opened.namelist())
    except (BadZipFile, OSError, NotImplementedError, ValueError):
        return False


def is_named_as_images(path: Path) -> bool:
    """test_images.json, not test_images.csv.gz."""
    words = re.findall(r"[^\W\d_]+", stem_of(path).lower())
    return any(map(OF_IMAGES.fullmatch, words)) and not {suffix.lower() for suffix in path.suffixes} & {*A_TABLE}


def stem_of(path: Path) -> str:
    """The name without all endings of tables and archives: test of test.csv.gz."""
    name = path.name
    while (ending := Path(name).suffix).lower() in {".txt", *A_TABLE, *SAVED}:
        name = name[: -len(ending)]
    return name


def what_to_do(path: Path) -> str:
    """To have a foreign table read."""
    name = path.name.lower()
    return next(said for ending, said in SAVED.items() if name.endswith(ending))


def is_unnamed_dicom(path: Path) -> bool:
    """As PACS and CDs name their files; one that may not be read is none."""
    try:
        return is_dicom(path)
    except OSError:
        return False


def is_picture(path: Path) -> bool:
    """A PNG or a JPEG, by its content."""
    try:
        with path.open("rb") as file:
            return file.read(8).startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))
    except OSError:
        return False


def is_ours(entry: os.DirEntry[str]) -> bool:
    """Whether its folder is one of this program's own."""
    try:
        found = json.loads(Path(entry.path).read_bytes()) if entry.name in OURS and entry.is_file() else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and OURS[entry.name] in found


def mode_of(entry: os.DirEntry[str]) -> int:
    """Its kind, or that of what it links to; 0 where that is nothing."""
    try:
        return entry.stat().st_mode
    except OSError as error:
        if error.errno in AWAY:
            raise
        return 0


def flattened_link(entry: os.DirEntry[str]) -> str:
    """Where a link to a folder led that git or an archive has written as a file of its text; '' for any other file."""
    try:
        if "." in entry.name or not 0 < entry.stat().st_size <= LINK_BYTES:
            return ""
        target = Path(entry.path).read_text(encoding="utf-8")
        return target if (Path(entry.path).parent / target).is_dir() else ""
    except (OSError, ValueError):  # ValueError: not text, or no path
        return ""


def some(folder: Path, paths: Iterable[Path]) -> str:
    """The first few, below the folder."""
    names = [str(path.relative_to(folder)) for path in paths]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
