"""What a whole search says last: its best networks, and the commands that go on from it."""

from typing import Any

from search.output.typed import put_on_the_path, typed
from search.report.read import Report
from search.report.rows import best_trials
from search.run import Run
from search.trained.choose import name_of

TOP = 5


def top_rows(report: Report) -> list[dict[str, Any]]:
    """The trainings with the lowest validation MAE, of all studies of the run."""
    return [
        {
            "trial": f"{study.name} #{trial.number}",
            "network": name_of(study.architecture(trial)),
            "validation_mae": trial.error,
            "params_m": study.cost(trial).params / 1e6,
            "gmacs": study.cost(trial).macs / 1e9,
        }
        for study, trial in best_trials(report, TOP)
    ]


def next_commands(run: Run) -> list[tuple[str, str]]:
    """Each as it is pasted into a shell, and what it does; in this order every one of them works."""
    return [
        (typed("dashboard", run.folder), "studies, trials and maps in the browser"),
        (typed("train", run.folder), "the winner in full, tested once, saved as a model"),
        (typed("explain", run.folder, "--sheet", "6"), "where its predictions come from"),
        (typed("export", run.folder, "--format", "keras"), "the model for other programs, with a model card"),
    ]


def next_lines(run: Run) -> list[str]:
    """The last lines of a search; pasted in this order they work in a terminal that does not find the command yet, too."""
    path = put_on_the_path()
    first = [(path, "first, once in each terminal: it finds boneage-search by this")] if path else []
    return ["next:", *(f"  {line}  # {does}" for line, does in [*first, *next_commands(run)])]
