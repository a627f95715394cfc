"""Leaders that race for a study, fall asleep and are taken over, on SQLite; test_postgres.py has the same on a server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from leaders import RACES

from data.store import Store
from search.database import sqlite_url

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("happens", RACES, ids=lambda happens: happens.__name__)
def test_one_leader_at_a_time_writes_to_a_study(
    tmp_path: Path, tiny_store: Store, happens: Callable[[Path, Store, str], None]
) -> None:
    happens(tmp_path, tiny_store, sqlite_url(tmp_path / "shared.db"))
