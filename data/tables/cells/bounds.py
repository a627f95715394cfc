"""How large a table may be that is read at all: beyond lies a bomb, or no table of cases."""

from pathlib import Path

from data.preparation import DataError

MAX_TABLE_BYTES = 100_000_000  # of text, inflated: RSNA's largest table has 0.3 million
MAX_CELLS = 20_000_000  # of a workbook: RSNA's largest table has 0.04 million
MAX_CELLS_READ = 250_000_000  # with the blank ones at the ends of rows, which cost time alone


def too_large(path: Path, size: int) -> DataError:
    return DataError(
        f"{path} holds {size:,} bytes of text, more than {MAX_TABLE_BYTES:,}: no table of cases is that large; "
        "leave the needed columns in it"
    )
