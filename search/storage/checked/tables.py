"""The rows of one of Optuna's tables, to be copied: as far as they can be read, and belong to rows that are copied."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Table

from data.shown import one_line
from search.storage.checked.rows import trials_in
from search.storage.identity import is_ours
from search.storage.sqlite import StorageError

TEXTS = ("key", "value_json")


def rows_of(
    reading: Connection, table: Table, keys: Mapping[str, Mapping[int, int]], source: str
) -> tuple[list[int], list[dict[str, Any]]]:
    """Their keys, and the rows without them, which name other rows by their keys in the target: `keys` has these by table and key.

    Raises StorageError for a row that cannot be read, or belongs to none.
    """
    [key] = table.primary_key.columns
    try:
        rows = [dict(row) for row in reading.execute(sqlalchemy.select(table).order_by(key)).mappings()]
        if any(not isinstance(row[name], str) for row in rows for name in TEXTS if name in row):
            raise TypeError("an attribute is no text")
    except (LookupError, TypeError, ValueError) as error:  # Optuna's columns, of what is none of their values
        raise damaged(source, f"a row of its table {table.name} cannot be read: {one_line(str(error))}") from None
    places = [row.pop(key.name) for row in rows]
    for column in table.columns:
        for reference in column.foreign_keys:
            of = reference.column.table.name
            for place, row in zip(places, rows, strict=True):
                if row[column.name] not in keys[of]:
                    none = f"{column.name} {row[column.name]!r}, which is none of {of}"
                    raise damaged(source, f"row {place} of its table {table.name} has {none}")
                row[column.name] = keys[of][row[column.name]]
    return places, rows


def refuse_unreadable(reading: Connection) -> None:
    """Raises StudyError for a trial of this program's studies that a command would not believe: a copy would hold the damage, too."""

    def rows(statement: str, **values: Any) -> list[Any]:
        return list(reading.execute(sqlalchemy.text(statement), values))

    for study_id, name in rows("SELECT study_id, study_name FROM studies ORDER BY study_id"):
        if is_ours(name):
            trials_in(name, study_id, rows)


def damaged(source: str, how: str) -> StorageError:
    return StorageError(f"{source} is damaged ({how}): somebody has changed it; restore a copy of it")
