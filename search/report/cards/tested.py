"""What a test says of the network, and where none does, why not and what to type."""

from collections.abc import Mapping
from typing import Any

from data.counted import counted
from data.written import months
from models.architecture import Architecture
from search.output.typed import typed
from search.report.read import Best, Report
from search.run import MODELS
from search.trained.choose import name_of
from search.trained.folder import ABOUT
from search.trained.made_of import STOPPED, early_words, lineage, short


def how_tested(report: Report, best: Best) -> list[str]:
    """Sentences, the last of which may end with a command."""
    tested = report.tested(best.architecture)
    if tested:
        return [of_a_test(about) for about in tested]
    return [*tested_elsewhere(report, best.architecture), untested(report, best)]


def of_a_test(about: Mapping[str, Any]) -> str:
    """Of a model of the best network, or of several of them taken together."""
    return f"Test MAE {months(about['test']['mae'])} ({model_words(about)}, {counted(about['test']['n'], 'image')})."


def model_words(about: Mapping[str, Any]) -> str:
    """final, the mean of 3 such networks; final, which was stopped after 3 of 14 epochs."""
    ensemble = about.get("ensemble")
    several = f", the mean of {len(ensemble['members'])} such networks" if ensemble else ""
    early = f", which {early_words(about)}" if about.get(STOPPED) else ""
    return f"{about['name']}{several}{early}"


def tested_elsewhere(report: Report, network: Architecture) -> list[str]:
    """Of models of this network whose test is of other cases than the run's: its figure stands beside none of the run's."""
    if report.digest is None:  # what data the run's own were nobody knows any more
        return []
    return [
        f"{about['name']} {'is a mean of such networks' if about.get('ensemble') else 'has this network'} and was tested on other data{of_source(about)}."
        for _, about in report.models
        if about["test"] and about["architecture"] == network.to_dict()
    ]


def of_source(about: Mapping[str, Any]) -> str:
    source = lineage(about)[-1].get("source")
    return f", {short(source)}" if source else ""


def untested(report: Report, best: Best) -> str:
    if report.store is not None and not (report.store.cases["split"] == "test").any():
        return "No test MAE: these data have no test split."
    usual, models = name_of(best.architecture), report.run.folder / MODELS
    begun = [name for name, job in report.begun.items() if job.get("architecture") == best.architecture.to_dict()]
    if begun:
        name = usual if usual in begun else begun[0]
        return f"No test MAE yet: its training in {MODELS}/{name} has begun and is not finished. The command that began it goes on with it."
    # A folder of the usual name may hold a model of other data, or one that was made otherwise.
    named = ["--name", free(usual, report)] if (models / usual / ABOUT).exists() or usual in report.begun else []
    return f"No test MAE yet: {typed('train', report.run.folder, *which_trial(report, best), *named)}"


def which_trial(report: Report, best: Best) -> list[str]:
    """`train` takes the network that was decided for; before the first decision there is none."""
    decided = any(study.decision for study in report.studies)
    return [] if decided else ["--trial", f"{best.study.name}:{best.trial.number}"]


def free(name: str, report: Report) -> str:
    """Of a model's folder that is not there yet."""
    places = (f"{name}-{count}" for count in range(2, len(report.models) + len(report.begun) + 3))
    return next(place for place in places if not (report.run.folder / MODELS / place).exists())
