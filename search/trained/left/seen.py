"""`seen.csv` in a model's folder: a row for each film that the model was fitted on, or that has chosen its epoch or its correction.

    case        a digest of its id
    age_months  the label
    male
    checksum    of its prepared pixels, as stores have it
    patient     a hash of the patient's number, as stores have it; '' unknown
    number      of an id with letters before a number, a digest of the number: another copy may call the film by it alone; else ''
    step        months between two ages as their table writes them; only where films of several tables made the model

By them a film is known again where the prepared data are gone. Models of earlier versions have no such file.
"""

import hashlib
from pathlib import Path

import pandas as pd

from data.csv_text import Kind, read_csv, write_csv
from data.foreign import foreign
from data.store.disk import Store
from search.output.files import written
from search.trained.about import DIGESTS, SEEN, refuse_changed
from search.trained.folder import ModelFolder

COLUMNS = ["case", "age_months", "male", "checksum", "patient"]
STEP, NUMBER = "step", "number"  # which not every file has
KINDS: dict[str, Kind] = {"age_months": "float", "male": "bool"}
LETTERS = "letters before "  # and a number: so that x1 is not known as b1


def bare(ids: pd.Series) -> pd.Series:
    """A number without letters before it: RSNA's b1377.png is 1377.png in other copies."""
    return ids.astype(str).str.replace(r"^[^\W\d]+[\s_\-.]*(?=\d+$)", "", regex=True)


def case_of(ids: pd.Series) -> list[str]:
    return [hashlib.blake2b(str(id).encode(errors="surrogateescape"), digest_size=8).hexdigest() for id in ids]


def films_of_store(store: Store) -> pd.DataFrame:
    """Those of validation are among them: they have chosen the epoch and made the intervals."""
    cases = store.cases.assign(patient=store.patients)
    return films_of_cases(cases[cases["split"].isin(["train", "validation"])])


def films_of_cases(cases: pd.DataFrame) -> pd.DataFrame:
    """The same of cases with their ids; what is not known of them is ''."""
    known = {name: cases.get(name, "") for name in ("checksum", "patient")}
    films = cases[["age_months", "male"]].assign(case=case_of(cases["id"]), **known)
    numbers = bare(cases["id"])
    lettered = (numbers != cases["id"].astype(str)) & (films["checksum"] != "")
    films[NUMBER] = pd.Series(case_of(LETTERS + numbers), films.index).where(lettered, "")
    texts = ("case", "checksum", "patient", NUMBER)
    return films[[*COLUMNS, NUMBER]].reset_index(drop=True).astype(dict.fromkeys(texts, str))


def leave_seen(folder: Path, films: pd.DataFrame) -> None:
    with written(folder / SEEN) as part:
        write_csv(films, part)


def read_seen(model: ModelFolder) -> pd.DataFrame | None:
    """None where the model has none. Raises DataError where it is damaged."""
    path = model.path / SEEN
    if SEEN not in model.about.get(DIGESTS, {}) or not path.exists():
        return None
    refuse_changed(model.path, model.about, SEEN)
    with foreign(f"{path} is damaged: restore a copy, or train the model again"):
        films = read_csv(path, KINDS)
        known = films[COLUMNS].assign(**{NUMBER: films.get(NUMBER, "")})
        return known.assign(**{STEP: films[STEP].astype(float)}) if STEP in films else known
