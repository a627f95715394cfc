"""The run in `golden_run/`, laid out anew: a search of 30 drawn hands that an earlier version made.

Its ablation is decided, and its width was killed in its second trial, on another machine. The database is kept as SQL.
"""

import json
import shutil
import sqlite3
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden_run"


def laid_out(folder: Path) -> Path:
    shutil.copytree(GOLDEN, folder)
    script = (folder / "studies.sql").read_text(encoding="utf-8")
    (folder / "studies.sql").unlink()
    database = sqlite3.connect(folder / "studies.db")
    database.executescript(script)
    database.execute("PRAGMA journal_mode=WAL")
    database.close()
    killed = {"host": "node7", "process": 1, "started": "2025-01-01 00:00:00", "refreshed": 3}
    (folder / "width.lease").write_text(json.dumps(killed), encoding="utf-8")
    return folder
