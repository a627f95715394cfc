"""Which network `train` trains in full, and with which seed: the winner of this or another run, a trial, or one given by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.counted import counted
from models.architecture import STOCK, Architecture, changed
from models.paper import is_of_the_paper
from search.output.typed import typed
from search.run import Run, open_run
from search.storage.opening import open_storage
from search.storage.records import decisions, given, load, trials_of
from search.storage.status import refuse_missing, storage_exists
from search.storage.stored import meaning
from search.trained.left.begun import begun_seed
from studies.order import EVERY
from studies.preset import StudyError
from studies.statistics.fresh import IN_FULL, OF_SEARCH, fresh_seed, within


class Chosen(NamedTuple):
    architecture: Architecture
    origin: str  # `refinement #7`, `depth #4 of runs/cpu`, `by hand`


def chosen(run: Run, trial: str, by_hand: Mapping[str, Any], searched: Path | None = None) -> Chosen:
    """`trial` is written depth:4; `by_hand` has fields of an architecture, the others are those of the preset's reference.
    `searched` is the folder of another run, whose winner or trial is meant.

    Raises StudyError where there is no such run or trial, or nothing is decided yet.
    """
    named = [f"{option} {given}" for option, given in (("--trial", trial), ("--network-of", searched)) if given]
    if named and by_hand:
        option = named[0].split()[0]
        raise StudyError(f"either {option}, or an architecture by hand; got both {named[0]} and {', '.join(by_hand)}")
    if by_hand:
        return Chosen(changed(run.preset.reference, by_hand), "by hand")
    if searched is None:
        return of_trial(run, trial) if trial else winner(run)
    other = open_run(searched, None, {}, None, None)
    refuse_missing(other)
    found = of_trial(other, trial) if trial else winner(other)
    return Chosen(found.architecture, f"{found.origin} of {other.folder}")


def of_trial(run: Run, written: str) -> Chosen:
    name, _, number = written.partition(":")
    name = next((study.NAME for study in EVERY.values() if name in (study.NAME, study.COMMAND)), "")
    if not name or not number.isdecimal():
        raise StudyError(
            f"a trial is written STUDY:NUMBER, as depth:4, with studies {', '.join(EVERY)}; got {written!r}"
        )
    study = load(open_storage(run.storage), name, run.folder) if storage_exists(run) else None
    start = given(run, study) if study and "constant_mae" in study.user_attrs else None
    trials = {trial.number: trial for trial in trials_of(study, meaning(EVERY[name], start))} if study and start else {}
    if study is None or start is None or int(number) not in trials:
        raise StudyError(f"{name} has {counted(len(trials), 'trial')} in {run.folder}, none with number {number}")
    point = trials[int(number)].point
    return Chosen(EVERY[name].architecture(start, point), f"{name} #{int(number)}")


def winner(run: Run) -> Chosen:
    """The newest decision's network, with the trial that showed it."""
    storage = open_storage(run.storage) if storage_exists(run) else None
    made = decisions(storage, run.folder) if storage else {}
    if storage is None or not made:
        raise StudyError(
            f"nothing is decided in {run.folder}: run `{typed('run', run.folder)}` first, name a trial with --trial, "
            "or give an architecture by hand, as --beta 1.4 --blocks 4/3/3"
        )
    name, decision = list(made.items())[-1]
    study = load(storage, name, run.folder)
    assert study is not None
    start = given(run, study)
    shown = [
        trial
        for trial in trials_of(study, meaning(EVERY[name], start))
        if trial.state == "complete" and EVERY[name].architecture(start, trial.point) == decision.architecture
    ]
    best = min(shown, key=lambda trial: trial.error, default=None)
    return Chosen(decision.architecture, f"{name} #{best.number}" if best else name)


def name_of(architecture: Architecture) -> str:
    """b1.4-4-3-3-fc3072: β, n5/n7/n9 (all six groups where the others are not stock), and what else the head has.

    Another family goes before it: densenet121-b1-6-12-24-16.
    """
    blocks, of_the_paper = architecture.blocks, is_of_the_paper(architecture)
    counts = blocks[-3:] if of_the_paper and blocks[:3] == STOCK[:3] else blocks
    parts = [*([] if of_the_paper else [architecture.family]), f"b{architecture.beta:g}", *map(str, counts)]
    if architecture.fc_units:
        parts.append(f"fc{architecture.fc_units}")
    if architecture.dropout:
        parts.append(f"d{architecture.dropout:g}")
    if architecture.se_ratio:
        parts.append(f"se{architecture.se_ratio:g}")
    parts += [f"{group}x{factor:g}" for group, factor in architecture.group_betas]
    if architecture.input_px:
        parts.append(f"{architecture.input_px}px")
    if not architecture.sex_units:
        parts.append("nosex")
    return "-".join(parts)


def seed_of(run: Run, folder: Path) -> int:
    """Where none is named: the seed of the training that the folder holds, else one that no study of the run uses."""
    begun = begun_seed(folder)
    return fresh_seed(run.preset.seed, IN_FULL) if begun is None else begun


def seed_words(run: Run, seeds: Sequence[int]) -> str:
    """seed 2000, which the search has not used."""
    of_search = (run.preset.seed, *(fresh_seed(run.preset.seed, later) for later in OF_SEARCH))
    used = any(within(seed, first) for seed in seeds for first in of_search)
    named = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return named if used else f"{named}, which the search has not used"
