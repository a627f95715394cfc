"""Which column of a table is which, under any of the headings in circulation; and what names say: of a split, of a case.

Three naming schemes of RSNA's tables are found in the wild, and people rename columns; so a table is known by its
headings, never by its file's name.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import pandas as pd

from data.films import dicom
from data.problems import Problem
from data.shown import one_line
from data.tables.cells.splits import split_by_words, split_of
from data.tables.dicom_cases import is_header_age
from data.tables.sheets import NO_FIT, Fit, read_sheet

IMAGE_SUFFIXES = (*dicom.PICTURE_SUFFIXES, *dicom.SUFFIXES)
# Which are not read.
OTHER_IMAGES = (
    *(".tif", ".tiff", ".bmp", ".gif", ".webp", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jpx", ".jxl", ".psd"),
    *(".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".npy", ".svg", ".pdf"),
)

# Normalised headings: lower case, one space between words, no marks that join them. The first of each is RSNA's training table's.
HEADINGS = {
    "id": ("id", "image id", "case id", "fileid", "image", "file", "filename", "file name"),
    "age_months": (
        *("boneage", "bone age (months)", "ground truth bone age (months)", "bone age", "age months"),
        *("bone age months", "boneage months", "boneage (months)", "bone age in months", "ground truth bone age"),
    ),
    "sex": ("male", "sex", "gender"),
    "split": ("split", "set", "subset", "partition", "data split", "dataset split"),
    "patient": (
        *("patient id", "patientid", "patient", "patient number"),
        *("subject id", "subjectid", "subject", "participant id", "participant", "person id"),
        *(
            "subject no",
            "subject nr",
            "subject number",
            "participant no",
            "participant nr",
            "participant number",
            "pseudonym",
        ),
        *("proband", "probandin", "probanden", "proband id", "probanden id", "probandennummer", "probanden nr"),
        *(
            "uhid",
            "nhs number",
            "hospital number",
            "hospital no",
            "subject code",
            "participant code",
            "patient identifier",
        ),
        *("person no", "person nr", "person number", "individual", "individual id", "medical record no", "patient uid"),
        *("patient no", "patient nr", "patient code", "pat id", "mrn", "medical record number", "child id", "person"),
        *("patienten id", "patientenid", "patientennummer", "patienten nr", "patient nummer", "pat nr"),
        *("patid", "pt id", "ptid", "subj id", "subjid", "usubjid"),  # the last are of CDISC, as trials are handed in
        *("paciente", "id paciente", "paciente id", "paziente", "id paziente", "id patient", "numero patient"),
    ),
}
KNOWN = frozenset(name for names in HEADINGS.values() for name in names)
JOINING = str.maketrans(dict.fromkeys("_.-", " ") | {"\ufeff": ""})
NEEDED = ("id", "sex")
AS_WRITTEN = ("row", "named", "folder")  # of a case, what does not make it another one
LOG = frozenset(("epoch", "step", "iteration", "loss", "val loss", "learning rate", "lr"))
PATH_BEGINS = re.compile(r"([A-Za-z]:|\.{0,2})[/\\]")  # C:\, /, ./, ../
COUNTED_GAPS = 1.2  # times as far as there are cases, numbers may go that count them
ONE_AGE_MONTHS = 12  # apart, as two readings of one hand may be
ONE_CASE = (
    0.5  # of the ids that two splits share have such labels and one sex, from which on they may be the same cases
)
OPTIONS = {  # that name a heading of one's own
    "id": "--id-column",
    "age_months": "--age-column",
    "sex": "--sex-column",
    "patient": "--patient-column",
    "split": "--split-column",
}
WHAT = {"id": "ids", "age_months": "bone ages", "sex": "sexes", "split": "splits", "patient": "patients"}


@dataclass(frozen=True)
class Unused:
    """A column that nothing is taken from, and what it may be."""

    heading: str
    may_be_ages: bool
    has_ages: bool  # most cells are numbers that ages may be
    speaks_of_patients: bool
    groups_few: bool  # cells that come again in a few rows each, as those of one patient do
    different: int  # cells
    splits: frozenset[str]  # that it may put the cases into


@dataclass(frozen=True)
class Table:
    """A table's usable rows: `cases` has id, age_months (NaN where the table has no ages), male, split and patient ('' unknown),
    row, `named`: the name that the case's image has by this table, with folders where the id has them, and `folder`: the split
    that the folders before the id name."""

    path: Path
    cases: pd.DataFrame
    problems: tuple[Problem, ...]
    has_ages: bool
    has_sexes: bool  # `male` is False throughout where it has none; None where it need not be said and is not
    split: str  # of the table as a whole, by its headings: '' where they do not tell
    said: str = ""  # what had to be guessed
    to_a_year: frozenset[str] = frozenset()  # ids whose age is one since birth, of which the year alone is known
    columns: Mapping[str, str] = field(default_factory=dict)  # our name of a column to its heading, normalised
    unused: tuple[Unused, ...] = ()
    of_headers: bool = False  # no table: the cases are the DICOM files of the folder `path`


def with_column(table: Table, name: str) -> str:
    """What the owner of the cases does so that a column says more of them."""
    if table.of_headers:
        return f"add a table of the cases with a column `{name}`"
    return f"add a column `{name}` to {table.path}"


def fitting(headings: Sequence[str], asked: Mapping[str, str]) -> Fit:
    """How well these serve as the headings of cases: by ids with ages, or with sexes alone, before all that a case may also have."""
    columns = found_columns(headings, asked)
    if "id" not in columns or len(columns) == 1:
        return NO_FIT
    named = [ours for ours, name in columns.items() if name == normalised(asked.get(ours, ""))]
    of_ages = "age_months" in columns
    needed = (3 if of_ages else 2 if "sex" in columns else 1) + len({*NEEDED, "age_months"} & {*named})
    return Fit(needed, len(columns) + len(named), of_ages)


def normalised(heading: str) -> str:
    """Patienten-ID, patienten_id and R's patienten.id are one."""
    return " ".join(heading.translate(JOINING).lower().split())


def places_of(headings: Sequence[str], asked: Mapping[str, str] = {}) -> dict[str, list[int]]:
    """Our name of a column to its places in the table, the best known heading's first.

    A heading that was named goes before all known ones, which hold for tables that lack it. In place of an age since birth no other will do.
    """
    there = [normalised(heading) for heading in headings]
    of_ones_own = {ours: normalised(own) for ours, own in asked.items() if own}
    if KNOWN.isdisjoint(there) and not {*of_ones_own.values()} & {*there}:  # every row of a table is asked this
        return {}
    found = {}
    for ours, known in HEADINGS.items():
        own = of_ones_own.get(ours, "")
        names = (own,) if own and (own in there or is_header_age(asked[ours])) else known
        places = [place for name in names for place, heading in enumerate(there) if heading == name]
        if places:
            found[ours] = places
    return found


def found_columns(headings: Sequence[str], asked: Mapping[str, str] = {}) -> dict[str, str]:
    """Our name of a column to the table's, normalised."""
    return {ours: normalised(headings[places[0]]) for ours, places in places_of(headings, asked).items()}


def known_headings(path: Path, asked: Mapping[str, str]) -> dict[str, str]:
    """The columns of a table that lacks some."""
    return found_columns(read_sheet(path, partial(fitting, asked=asked)).headings, asked)


def is_a_log(path: Path) -> bool:
    """Of a training, by its headings: no table of cases has these."""
    return not LOG.isdisjoint(map(normalised, read_sheet(path, partial(fitting, asked={})).headings))


def lacking(path: Path, asked: Mapping[str, str]) -> str:
    """Which columns of a table of cases this file has no heading for, the known ones, and what to do."""
    headings = read_sheet(path, partial(fitting, asked=asked)).headings
    found = found_columns(headings, asked)
    missing = next((name for name in (*NEEDED, "age_months") if name not in found), NEEDED[0])
    there = one_line(", ".join(headings))
    if missing in asked:
        return without_named(path, missing, asked[missing], headings)
    known = ", ".join(HEADINGS[missing])
    return (
        f"{path} lacks the column {HEADINGS[missing][0]!r}: RSNA's table has id, boneage, male; this one has {there}; "
        f"known headings are {known}; to use another column, name it with {OPTIONS[missing]}"
    )


def without_named(path: Path, ours: str, heading: str, headings: Sequence[str]) -> str:
    return f"{path} has no column {heading!r}, as {OPTIONS[ours]} asks: its columns are {one_line(', '.join(headings))}"


def ids_of(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids as they are written, and their images' names. Of files' names the folder and the ending are no part of the id, nor are
    letters that all share, as in b1377.png, b1378.png; where names of files repeat, their folders stay: p1/left.png and
    p2/left.png. A text without an image's ending is a file's only where it begins like a path: 2019/12 and N/A are ids."""
    if any(text.strip() for text in texts) and all(text.startswith("'") for text in texts if text.strip()):
        texts = [text.strip().removeprefix("'") for text in texts]  # as is typed into a spreadsheet for a text
    paths = ["/".join(re.split(r"[/\\]", without_ending(text))) for text in texts]
    ended = [without_ending(text) != text.strip() for text in texts]
    of_files = [
        with_ending or bool(PATH_BEGINS.match(text.strip())) for text, with_ending in zip(texts, ended, strict=True)
    ]
    names = [
        path.rpartition("/")[2].strip() if of_file else path for path, of_file in zip(paths, of_files, strict=True)
    ]
    ids = [name if of_file else text.strip() for name, of_file, text in zip(names, of_files, texts, strict=True)]
    if any(ids) and all(with_ending for with_ending, text in zip(ended, texts, strict=True) if text.strip()):
        ids = without_prefix(ids)
    meant = Counter(id for id, _ in set(zip(ids, paths, strict=True)))
    several = [meant[id] > 1 for id in ids]
    return (
        [path if more else id for id, path, more in zip(ids, paths, several, strict=True)],
        [path if more else name for name, path, more in zip(names, paths, several, strict=True)],
    )


def split_by_headings(columns: dict[str, str]) -> str:
    """RSNA's validation and test tables have headings of their own."""
    published = {
        ("image id", "male", "bone age (months)"): "validation",
        ("case id", "sex", "ground truth bone age (months)"): "test",
        ("case id", "sex", None): "test",
    }
    return published.get((columns["id"], columns.get("sex", ""), columns.get("age_months")), "")


def without_a_word(folder: Path, table: Table, tables: Sequence[Table]) -> Table:
    """A single table of all cases may be called the ground truth. RSNA's test table is known by its headings, too."""
    alone = len(tables) == 1 and table.split and not split_by_headings(dict(table.columns))
    alone = alone and not split_of(folder, table.path.parent)
    stem = re.sub(r"ground[\W_]*truth", " ", table.path.stem.lower())
    return replace(table, split="") if alone and not split_by_words(stem) and split_by_words(table.path.stem) else table


def bare_ids(texts: list[str]) -> list[str | None]:
    """As names of files are found by them: b1377.png is 1377 where all begin with b, and 007 is 7."""
    ids = without_prefix([id_of(text).casefold() for text in texts])
    return [(id.lstrip("0") or "0" if id.isdecimal() else id) or None for id in ids]


def id_of(text: str) -> str:
    """The text itself; of a file's name or path, the name without folder and ending."""
    return re.split(r"[/\\]", without_ending(text))[-1].strip()


def without_ending(text: str) -> str:
    """Without the ending of an image file, also of one that was converted since. `.1` of 1.2.840.1 is none, nor is `.0` of 1.0."""
    stripped = text.strip()
    lower = stripped.lower()
    ending = next((suffix for suffix in (*IMAGE_SUFFIXES, *OTHER_IMAGES) if lower.endswith(suffix)), "")
    return stripped[: len(stripped) - len(ending)]


def composed(names: Sequence[str]) -> list[str]:
    """é is one letter in one system's file names and two in another's."""
    return [unicodedata.normalize("NFC", name).strip() for name in names]


def apart(tables: Sequence[Table]) -> list[Table]:
    """Where train_0.png of one table and val_0.png of another would both be 0, these tables' ids are the whole names.

    b4361.png and 4361 stay one: RSNA's images circulate under both names.
    """
    cut: dict[str, set[str]] = {}  # id to the names that it was cut from
    for table in tables:
        for id, name in zip(table.cases["id"], table.cases["named"], strict=True):
            cut.setdefault(id, set()).add(composed([name])[0])
    clashing = {id for id, names in cut.items() if len(names) > 1 and id not in names}
    return [with_whole_names(table) if clashing & set(table.cases["id"]) else table for table in tables]


def with_whole_names(table: Table) -> Table:
    whole = dict(zip(table.cases["id"], table.cases["named"], strict=True))
    letters = next((name.removesuffix(id) for id, name in whole.items() if name != id), "")
    return renamed(table, whole, letters)


def apart_by_folders(folder: Path, tables: Sequence[Table], images: Sequence[Path]) -> list[Table]:
    """Where tables of several splits count their cases alike, 0000.png of train/ and 0000.png of test/, and each case has its image in a
    folder of its split, the ids have the splits' names before them. Cases with nearly one label in both may be one case."""
    every = pd.concat([table.cases[["id", "age_months", "male"]] for table in tables])
    again = every[every["id"].duplicated(keep=False)]
    if again.empty or not all(table.split and are_counted(table.cases["id"]) for table in tables):
        return list(tables)
    ages, sexes = (again.groupby("id")[name] for name in ("age_months", "male"))
    alike = ((ages.max() - ages.min()) <= ONE_AGE_MONTHS) & (sexes.nunique() == 1)
    split_at = cache(lambda at: split_of(folder, at))
    there = {(split_at(path.parent), composed([without_ending(path.name)])[0]) for path in images}
    found = all((table.split, name) in there for table in tables for name in composed(list(table.cases["named"])))
    if alike.mean() > ONE_CASE or not found:
        return list(tables)
    return [
        renamed(table, {id: f"{table.split}/{id}" for id in table.cases["id"]}, f"{table.split}/") for table in tables
    ]


def are_counted(ids: pd.Series) -> bool:
    """Whether they count from 0 or 1, with few gaps."""
    numbers = ids.str.extract(r"(\d+)$")[0]
    if numbers.isna().any() or numbers.empty:
        return False
    values = numbers.astype(float)
    return bool(values.min() <= 1 and values.max() <= COUNTED_GAPS * len(ids))


def renamed(table: Table, names: Mapping[str, str], letters: str) -> Table:
    """With other ids; of cases that were left out those with these letters before them."""
    problems = [
        replace(problem, id=names.get(problem.id, letters + problem.id) if problem.id else "")
        for problem in table.problems
    ]
    to_a_year = frozenset(names[id] for id in table.to_a_year if id in names)
    cases = table.cases.assign(id=[names[id] for id in table.cases["id"]])
    return replace(table, cases=cases, problems=tuple(problems), to_a_year=to_a_year)


def without_prefix(ids: list[str]) -> list[str]:
    """Ids without the letters that all of them begin with, as in b1377, b1378; ids that differ otherwise stay."""
    matched = [re.fullmatch(r"([A-Za-z_\-]+)(\d+)", id) for id in ids if id]
    if matched and all(matched) and len({match[1] for match in matched if match}) == 1:
        return [re.sub(r"^[A-Za-z_\-]+", "", id) for id in ids]
    return ids
