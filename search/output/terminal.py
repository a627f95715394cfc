"""What a person sees: lines on stdout and stderr, and JSON. All that is printed goes through here; tables: `search/show/tables.py`.

Names come from elsewhere: files, tables, databases. Whatever of them a terminal would obey instead of showing it (colours,
cursor movements, line breaks, a change of the direction of writing) is shown as an escape.
"""

import json
import sys
from typing import Any

from data.shown import plain


def say(text: object = "") -> None:
    """A line on stdout."""
    print(plain(text), flush=True)


def log(text: object) -> None:
    """A line on stderr."""
    print(plain(text), file=sys.stderr, flush=True)


def show_json(value: Any) -> None:
    """On stdout, in ASCII."""
    print(json.dumps(value, indent=1))
