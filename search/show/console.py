"""Where tables are printed."""

import sys

from rich.console import Console

WIDE = 160  # a table that is not shown on a terminal is not folded to 80 columns


def console() -> Console:
    """On stdout; what is in square brackets is a name there, no colour."""
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)
