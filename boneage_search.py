"""The command `boneage-search`: sees to it that this program's packages are found, and no others of their names.

`search`, `studies`, `models` and `data` are names that other people's packages and folders have, too. Whoever has imported this
module gets ours, in whatever folder and with whatever PYTHONPATH: the command, `python -m boneage_search`, and each worker,
which imports it first. Where another package was installed over ours, the command says so.

The command looks for all others in its working directory last: somebody's random.py or optuna.py there is not meant.
"""

import atexit
import gc
import os
import sys

# New values before Python looks for unused ones. Imports and plans make many that stay: at its usual 700 it looks through them so often that
# it takes a third of a plan's time.
COLLECT_EVERY = 50_000
STOPPED, STOPPED_CODE = "stopped; run the same command again to continue", 130  # by Ctrl-C


def stopped() -> int:
    """The exit code."""
    print(f"\n{STOPPED}", file=sys.stderr, flush=True)
    return STOPPED_CODE


def here_last() -> None:
    """Python puts the working directory first where it is asked for a module, or where PYTHONPATH names it."""
    sys.path.sort(key=is_here)


def is_here(place: str) -> bool:
    try:
        return os.path.samefile(place or os.curdir, os.curdir)
    except OSError:
        return False


if __name__ == "__main__":
    here_last()
try:
    import signal
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec, PathFinder
    from pathlib import Path
    from types import ModuleType
    from typing import Any
except KeyboardInterrupt:
    sys.exit(stopped())

HOME = Path(__file__).resolve().parent
PACKAGES, ENTRY = ("search", "studies", "models", "data"), "boneage_search"
OURS = b"boneage-search"  # stands in the first line of each package's own file


class OwnPackages:
    """Finds our packages beside this file, before anybody looks along `sys.path`; and this file, which `-m` runs by another name."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [str(HOME)]) if name in (*PACKAGES, ENTRY) else None


if OwnPackages not in sys.meta_path:
    sys.meta_path.insert(0, OwnPackages)


def shadowed() -> str:
    """What stands in the place of one of our packages, as a sentence; empty where nothing does."""
    for name in PACKAGES:
        own = HOME / name / "__init__.py"
        found = Path(
            getattr(sys.modules.get(name), "__file__", None) or own
        ).resolve()  # of a package without a file, ours
        if found != own or not own.is_file() or OURS not in own.read_bytes().partition(b"\n")[0]:
            there = f"{found}{owners(name)}" if found.exists() else f"nothing in {HOME}"
            return (
                f"its package `{name}` is not its own: in its place is {there}. Install boneage-search in an environment of its "
                "own, by pipx or `python -m venv`"
            )
    return ""


def owners(name: str) -> str:
    """of otherproject; empty where no other distribution says that it has a package of this name."""
    from importlib.metadata import packages_distributions  # takes longer than all else here

    others = sorted({*packages_distributions().get(name, ())} - {"boneage-search"})
    return f", of {', '.join(others)}" if others else ""


def main() -> int:
    gc.set_threshold(COLLECT_EVERY)
    # Else Python looks through all that is left once more at its end: 25 ms, where a plan takes 150.
    atexit.register(gc.freeze)
    try:
        before = signal.getsignal(signal.SIGINT)
        if before is signal.default_int_handler:  # else whoever started us has said what Ctrl-C does
            signal.signal(signal.SIGINT, leave_at_once)
        here_last()
        if said := shadowed():
            print(f"boneage-search: {said}", file=sys.stderr)
            return 2
        from search.cli import main as command

        signal.signal(signal.SIGINT, before)
        return command()
    except KeyboardInterrupt:
        return stopped()


def leave_at_once(*_: object) -> None:
    """At Ctrl-C while packages are imported: nothing has begun, and some of what imports does drops an exception."""
    os._exit(stopped())


def trained_on_ray(job: Any) -> Iterator[Any]:
    """What a worker of Ray runs. It imports where this is from before it reads the job, whose type is of one of our packages."""
    from search.workers.ray_cluster import train

    yield from train(job)


if __name__ == "__main__":
    sys.exit(main())
