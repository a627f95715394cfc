"""A study's trials in their order and over time, and as Optuna draws its parameters where trials tell of them; with the tables of what is drawn."""

from datetime import datetime
from itertools import accumulate

from data.written import months
from search.report import plotted, timeline
from search.report.parts import Part, Plot, Plots, Rows
from search.report.read import StudyReport
from search.report.rows import heading
from studies.order import EVERY


def of(study: StudyReport) -> list[Part]:
    """What Optuna itself draws of a study, small, side by side; of its parameters where enough trials tell of several."""
    if study.study is None or not study.trials:
        return []
    copied, label = plotted.copied(study.study, study.means), study.label
    plots = []
    if done := plotted.complete(copied):
        best = accumulate((trial.values[0] for trial in done), min)
        rows: Rows = [
            {"trial": f"#{trial.number}", "valid. MAE": months(trial.value), "best so far": months(lowest)}
            for trial, lowest in zip(done, best, strict=True)
        ]
        plots.append(
            Plot(plotted.history(copied), f"{label}: its trials in their order, and the best so far.", 320, rows)
        )
    plots.append(timeline.plot(label, study.trials, datetime.now()))
    varied = plotted.varied(copied)
    if EVERY[study.name].SEEDED or len(done) < plotted.LEAST or len(varied) < 2:
        return [Plots(tuple(plots))]
    points: Rows = [{"trial": f"#{trial.number}", **trial.params, "valid. MAE": months(trial.value)} for trial in done]
    across = Plot(plotted.parallel(copied, varied), f"{label}: every trial as a line through its values.", 380, points)
    each = [
        Plot(drawn, f"{label}: {heading(name)} against validation MAE, every trial.", 300, points)
        for name, drawn in plotted.slices(copied, varied).items()
    ]
    return [Plots(tuple(plots)), across, Plots(tuple(each))]
