"""A real PostgreSQL server of the tests' own: on loopback, in a temporary folder. Debian: apt-get install postgresql."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from ports import free_port

PASSWORD = "s3cret:p@ss/w%rd"  # every character that a URL gives a meaning
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT  # PostgreSQL's names of its ways to shut down
STARTING = ThreadPoolExecutor(1)  # servers end with the thread that started them, so it has to be one that stays
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass
class Server:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it accepts connections."""
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with (self.folder / "log.txt").open("ab") as written:
            command = as_its_user(self.folder, "postgres", "-D", str(self.folder / "data"), *arguments)
            self.process = STARTING.submit(subprocess.Popen, command, stdout=written, stderr=written).result()
        for _ in range(600):
            with suppress(sqlalchemy.exc.OperationalError):
                self.do("SELECT 1")
                return
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()
            time.sleep(0.1)
        raise AssertionError("PostgreSQL does not answer")

    def stop(self, how: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(how)
        self.process.wait(60)

    def url(self, database: str = "postgres", password: str = PASSWORD, port: int | None = None) -> str:
        made = sqlalchemy.URL.create("postgresql+psycopg", "reader", password, "127.0.0.1", port or self.port, database)
        return made.render_as_string(hide_password=False)

    def do(self, statement: str, database: str = "postgres") -> None:
        engine = sqlalchemy.create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()


def as_its_user(folder: Path, program: str, *arguments: str) -> list[str]:
    """The command, for a process that ends with this one, however that ends. PostgreSQL refuses to run as root."""
    user = []
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
    return ["setpriv", *user, "--pdeathsig=INT", "--", str(BINARIES[-1] / program), *arguments]


@contextmanager
def started() -> Iterator[Server]:
    """One in a folder of its own, for as long as it is needed."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # not in pytest's, which another user cannot enter
    made = Server(folder, free_port())
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    how = [
        "--username=reader",
        f"--pwfile={folder / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-sync",
    ]
    subprocess.run(
        as_its_user(folder, "initdb", "-D", str(folder / "data"), *how), check=True, capture_output=True, cwd="/"
    )
    try:
        made.start()
        yield made
    finally:
        if made.process and made.process.poll() is None:
            made.stop(IMMEDIATE)
        shutil.rmtree(folder)
