"""A study's trials as Optuna's own functions draw them, from a copy that holds what counts and nothing more."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.show.figures import LEGEND, MAE, steps
from search.show.html import BLUE, ORANGE
from search.storage.checked.trained import Means
from search.storage.records import counted
from studies.study import SEED

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LEAST = 5  # complete trials, from which on a parameter's slices show something


def copied(study: optuna.Study, means: Means | None = None) -> optuna.Study:
    """In memory, under the same numbers, its first objective alone, which is the MAE; without attributes, which Optuna would
    write into the page at every trial.

    A trial that does not count waits for ever, so that none of Optuna's figures shows it.
    """
    counts = {trial.number: trial for trial in counted(study, means=means)}
    made = optuna.create_study()
    made.add_trials([bare(counts[n]) if n in counts else WAITING for n in range(max(counts, default=-1) + 1)])
    return made


WAITING = create_trial(state=TrialState.WAITING)


def bare(trial: FrozenTrial) -> FrozenTrial:
    shown = copy.copy(trial)
    shown.values = None if trial.values is None else [trial.values[0]]
    shown.user_attrs, shown.system_attrs, shown.intermediate_values = {}, {}, {}
    return shown


def complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def varied(study: optuna.Study) -> list[str]:
    """The parameters that differ between complete trials, but the seed."""
    trials = complete(study)
    names = dict.fromkeys(name for trial in trials for name in trial.params)
    return [name for name in names if name != SEED and len({trial.params.get(name) for trial in trials}) > 1]


def history(study: optuna.Study) -> "Figure":
    """Every complete trial, and the best so far."""
    drawn = optuna.visualization.plot_optimization_history(study, target_name=MAE)
    drawn.data = [trace for trace in drawn.data if trace.name != "Infeasible Trial"]
    for trace, name, colour in zip(drawn.data, ("complete", "best so far"), (BLUE, ORANGE), strict=True):
        trace.update(name=name, marker={"color": colour, "size": 8}, line={"color": colour, "shape": "hv"})
    return plain(drawn).update_xaxes(dtick=steps(len(study.trials), 10))


def parallel(study: optuna.Study, names: Sequence[str]) -> "Figure":
    return plain(optuna.visualization.plot_parallel_coordinate(study, params=list(names), target_name="valid. MAE"))


def slices(study: optuna.Study, names: Sequence[str]) -> "dict[str, Figure]":
    """One for each parameter: a phone has no room for them side by side."""
    return {name: plain(optuna.visualization.plot_slice(study, params=[name], target_name=MAE)) for name in names}


def importances(study: optuna.Study, names: Sequence[str]) -> "Figure":
    drawn = optuna.visualization.plot_param_importances(
        study,
        evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
        params=list(names),
        target_name=MAE,
    )
    drawn.update_traces(marker={"color": BLUE})
    return plain(drawn).update_layout(margin={"l": 8, "r": 20, "t": 10, "b": 40}).update_yaxes(automargin=True)


def plain(drawn: "Figure") -> "Figure":
    """Without Optuna's title, which the page's caption says."""
    return drawn.update_layout(title=None, margin={"l": 64, "r": 16, "t": 40, "b": 52}, legend=LEGEND)
