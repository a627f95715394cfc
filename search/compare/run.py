"""`boneage-search compare`: searches on real trainings, or on recorded ones; what a person and a script get to see."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from data.cases import constant_mae
from data.counted import counted
from data.preparation import DataError
from data.shown import one_line
from search.audit.said import say_worries
from search.compare.compare import (
    Played,
    compare,
    ends_of,
    goal_of,
    own_seeds,
    recorded_seeds,
    share_of_epochs,
    summary,
)
from search.compare.curves import read
from search.compare.learner import FOLDER, underway
from search.compare.page import compare_page, shown, traces_json
from search.compare.rivals import INSTALLED, chosen_rivals
from search.compare.staged import said_alike
from search.compare.standing import standing, verdict
from search.compare.usable import refuse_unusable, without_another_caps_truth
from search.leader.sampler import distribution
from search.machine.devices import announcing
from search.output.files import write_text
from search.output.notices import notice, of_drawn_hands
from search.output.sentence import sentence
from search.output.terminal import log, say, show_json
from search.prepared import prepared
from search.run import Run
from search.show import tables
from search.show.progress import counting, preparing
from search.storage.opening import open_storage
from search.storage.records import OPTUNA_STATES, identity_of
from search.workers.executor import Executor, Make, executor_of
from studies import joint
from studies.preset import Preset, StudyError

REAL_REPETITIONS, REPLAYED_REPETITIONS = 3, 100
REPLAY = "replay"  # what is left of a comparison on recorded trainings has this name


@dataclass(frozen=True)
class Comparison:
    """Who is compared, how often, and at which price."""

    repetitions: int
    rivals: tuple[str, ...] = INSTALLED
    budget: int = 0  # epochs of every search; 0: what the staged one spends itself

    def __post_init__(self) -> None:
        if self.repetitions < 1 or self.budget < 0:
            raise StudyError(
                "--repetitions is at least 1, --budget is 0 or more epochs; "
                f"got {counted(self.repetitions, 'repetition')}, {counted(self.budget, 'epoch')}"
            )


def run_compare(arguments: argparse.Namespace, run: Run) -> int:
    repetitions = arguments.repetitions or (REPLAYED_REPETITIONS if arguments.replay else REAL_REPETITIONS)
    rivals, skipped = chosen_rivals(arguments.rivals)
    for words in (*skipped, *said_alike(run.preset)):
        log(words)
    comparison = Comparison(repetitions, rivals, arguments.budget)
    found = (
        replayed(run, arguments.replay, comparison, arguments.simulate_workers)
        if arguments.replay
        else trained(run, comparison, executor_for(arguments, run))
    )
    show(arguments, found)
    return 0


def executor_for(arguments: argparse.Namespace, run: Run) -> Make:
    make, precision = executor_of(arguments.executor, arguments.workers), run.preset.training.precision
    return announcing(make, arguments.device, arguments.executor, precision, run.deterministic)


def replayed(run: Run, table: Path, comparison: Comparison, simulate_workers: Sequence[int] = (1,)) -> dict[str, Any]:
    """The searches on the recorded trainings of `table`; what was found, as the JSON says it."""
    if any(workers < 1 for workers in simulate_workers):
        raise StudyError(f"--simulate-workers are at least 1; got {', '.join(map(str, simulate_workers))}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    recorded = read(table)
    refuse_unusable(recorded, run)
    if (told := without_another_caps_truth(recorded, run.preset)) is not recorded:
        log("some recorded networks are over today's cap, and the table's truth is of those, too: no regret is told")
        recorded = told
    about = recorded.about
    scaling, first = {}, None
    left_out: dict[int, dict[int, str]] = {}  # by the number of workers
    for workers in simulate_workers:
        done = 0
        with counting(f"searches with {workers} workers" if workers > 1 else "searches") as (count, _):

            def ended(_: Played) -> None:
                nonlocal done
                done += 1
                count(done, comparison.repetitions * (len(comparison.rivals) + 1))

            played = compare(
                run.preset,
                float(about["constant_mae"]),
                recorded,
                recorded_seeds(recorded),
                comparison.repetitions,
                comparison.rivals,
                comparison.budget,
                workers,
                ended,
                left_out.setdefault(workers, {}),
            )
        first = first or played
        scaling[workers] = summary(played, recorded)
    assert first is not None
    what = f"{repeated(comparison)} on {counted(len(recorded.points), 'recorded network')} ({table.name})"
    without = next(iter(left_out.values()))
    return finished(run, REPLAY, first, scaling, what, float(about["constant_mae"]), about["synthetic"], without)


def trained(run: Run, comparison: Comparison, make_executor: Callable[[], Executor]) -> dict[str, Any]:
    """The searches on trainings that are made when first asked for; what was found, as the JSON says it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with preparing() as progress:
        store = prepared(run, progress)
    say_worries(run.folder, store)
    if not len(store.split("validation")):
        raise DataError("there is no validation split to compare on; raise --validation-fraction")
    constant = constant_mae(store.cases)
    done = 0
    left_out: dict[int, str] = {}
    with underway(run, store, "searches", make_executor) as (curves, count):
        storage = open_storage(run.storage)

        def ended(one: Played) -> None:
            nonlocal done
            done += 1
            keep(storage, run.preset, one, identity_of(storage, run.folder).id)
            count(done, comparison.repetitions * (len(comparison.rivals) + 1))

        played = compare(
            run.preset,
            constant,
            curves,
            own_seeds(run.preset),
            comparison.repetitions,
            comparison.rivals,
            comparison.budget,
            ended=ended,
            left_out=left_out,
        )
    what = f"{repeated(comparison)}, {counted(len(curves.curves), 'training')} of preset {run.preset.name}"
    return finished(run, "compare", played, {1: summary(played)}, what, constant, store.synthetic, left_out)


def repeated(comparison: Comparison) -> str:
    return counted(comparison.repetitions, "repetition")


def keep(storage: optuna.storages.BaseStorage, preset: Preset, played: Played, run_id: str = "") -> None:
    """The search's trials as an Optuna study of their own, for the dashboard, in place of the run's earlier comparison's."""
    name = f"compare: {played.rival}, repetition {played.repetition}" + (f" [{run_id}]" if run_id else "")
    with suppress(KeyError):
        optuna.delete_study(study_name=name, storage=storage)
    study = optuna.create_study(study_name=name, storage=storage)
    distributions = {name: distribution(values) for name, values in joint.space(preset).items()}
    for tried in sorted(played.trace.tried, key=lambda tried: tried.number):
        study.add_trial(
            optuna.trial.create_trial(
                state=OPTUNA_STATES[tried.state],
                value=tried.best if tried.state == "complete" else None,
                params=dict(tried.point),
                distributions=distributions,
                intermediate_values=dict(enumerate(tried.curve.validation_mae, 1)),
                user_attrs={"seed": tried.seed, "exit_reason": tried.curve.failed or tried.state},
            )
        )


def finished(
    run: Run,
    name: str,
    played: Sequence[Played],
    scaling: dict[int, list[dict[str, Any]]],
    what: str,
    constant: float,
    synthetic: bool,
    left_out: Mapping[int, str],
) -> dict[str, Any]:
    """Write the page and the JSON; what was found."""
    folder = run.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    rows = next(iter(scaling.values()))
    share = share_of_epochs(played)
    first = standing(ends_of(played))
    said = verdict(rows, first, share, table=name == REPLAY, left_out=left_out)
    found = {
        "verdict": " ".join(said),
        "winner": first.first if first and first.clear else None,
        "what": what,
        "constant_mae": constant,
        "synthetic": synthetic,
        "summary": rows,
        "staged_against_best": share,
        "left_out": [{"repetition": repetition, "why": why} for repetition, why in sorted(left_out.items())],
        "by_workers": scaling if len(scaling) > 1 else None,
    }
    say_replaced(folder / f"{name}.json", what)
    write_text(
        folder / f"{name}.json", json.dumps(found | {"searches": traces_json(played, goal_of(played))}, indent=1) + "\n"
    )
    path = folder / f"{name}.html"
    write_text(path, compare_page(played, rows, said, constant, synthetic, what, scaling))
    return found | {"page": str(path)}


def say_replaced(path: Path, what: str) -> None:
    """A run keeps its last comparison; that it was of something else is said."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["what"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if before != what:
        log(f"{path} and its page were of {one_line(str(before))}: they are replaced")


def show(arguments: argparse.Namespace, found: dict[str, Any]) -> None:
    if arguments.json:
        show_json(found)
        return
    say(found["verdict"])
    say()
    tables.show(found["what"], [shown(row) for row in found["summary"]])
    for workers, rows in (found["by_workers"] or {}).items():
        tables.show(
            f"{workers} simulated workers",
            [{key: row[key] for key in ("search", "simulated_seconds", "validation_mae")} for row in rows],
        )
    tables.print_constant(found["constant_mae"])
    say(sentence(notice(of_drawn_hands(cases=found["synthetic"]))))
    say(found["page"])
