"""A finished run's folder that no connection of this process has open."""

import shutil
import sqlite3
from pathlib import Path


def at_rest(folder: Path) -> Path:
    """A copy beside the folder, its database without log and shared memory.

    SQLite's locks are the process's: a test that reads or copies a database's files while a forgotten connection of its own process
    has them open drops that connection's locks. The next process then takes itself for the first, truncates the shared memory, and the
    connection that is closed at last, by the garbage collector, ends this process with SIGBUS.
    """
    with sqlite3.connect(folder / "studies.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return shutil.copytree(folder, folder.with_name("ended"), ignore=shutil.ignore_patterns("*.db-*"))
