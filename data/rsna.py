"""The official RSNA training folder: `train.csv` (id, boneage, male) beside `boneage-training-dataset/<id>.png`."""

from pathlib import Path

import pandas as pd

from data.cases import MAX_AGE_MONTHS, MIN_AGE_MONTHS
from data.preparation import DataError

TABLE = "train.csv"
IMAGES = "boneage-training-dataset"
SEX = {"true": True, "false": False, "m": True, "f": False, "male": True, "female": False}


def read_training_folder(folder: Path) -> pd.DataFrame:
    """Cases with columns id, age_months, male and path (of the image), in the order of the table.

    Raises DataError where a file, column or value is not what the RSNA challenge published.
    """
    path = folder / TABLE
    if not path.is_file():
        raise DataError(
            f"{folder} is no RSNA training folder: it has no {TABLE}. Expected {TABLE} beside {IMAGES}/<id>.png"
        )
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors, so is a wrong encoding
        raise DataError(f"{path} cannot be read as CSV: {error}") from None
    table.columns = [str(name).strip() for name in table.columns]
    missing = [name for name in ("id", "boneage", "male") if name not in table.columns]
    if missing:
        raise DataError(
            f"{path} lacks the column {missing[0]!r}: RSNA's table has id, boneage, male; this one has {', '.join(table.columns)}"
        )
    if table.empty:
        raise DataError(f"{path} has no rows")
    ids = table["id"].str.strip().str.removesuffix(".png")
    cases = pd.DataFrame(
        {
            "id": ids,
            "age_months": [age_of(text, path, row) for row, text in enumerate(table["boneage"], 2)],
            "male": [sex_of(text, path, row) for row, text in enumerate(table["male"], 2)],
            "path": [image_of(folder, id, path, row) for row, id in enumerate(ids, 2)],
        }
    )
    repeated = cases.index[cases["id"].duplicated()]
    if len(repeated):
        raise DataError(
            f"{path} row {repeated[0] + 2}: the id {cases['id'][repeated[0]]} occurs twice; keep one of the rows"
        )
    return cases


def age_of(text: str, path: Path, row: int) -> float:
    try:
        age_months = float(text)
    except ValueError:
        age_months = float("nan")
    if not MIN_AGE_MONTHS <= age_months <= MAX_AGE_MONTHS:
        raise DataError(f"{path} row {row}: boneage is in months, {MIN_AGE_MONTHS} to {MAX_AGE_MONTHS}; got {text!r}")
    return age_months


def sex_of(text: str, path: Path, row: int) -> bool:
    sex = SEX.get(text.strip().lower())
    if sex is None:
        raise DataError(f"{path} row {row}: male is True or False; got {text!r}")
    return sex


def image_of(folder: Path, id: str, path: Path, row: int) -> Path:
    """Where the case's image is; ids are names of files in the folder and cannot leave it."""
    if not id or id.startswith(".") or "/" in id or "\\" in id or "\0" in id:
        raise DataError(f"{path} row {row}: an id names an image file in {IMAGES}/; got {id!r}")
    image = folder / IMAGES / f"{id}.png"
    if not image.is_file():
        raise DataError(f"{path} row {row}: the image {image} is missing; restore it or remove the row")
    return image
