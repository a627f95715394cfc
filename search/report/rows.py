"""The tables of a report: rows of plain values, each with where it comes from."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.counted import counted
from models.architecture import Architecture
from models.paper import PAPER_NAMES, TABLE1
from search.output.sentence import millions
from search.output.time_words import duration, error_words
from search.report.parts import Rows
from search.report.read import Best, Recorded, Report, StudyReport
from search.report.words import numbers, reason, what
from search.run import TRIALS, settings_in_full
from search.show.tables import latest_timing
from search.storage.opening import sqlite_path
from search.trained.made_of import best_epochs
from studies import ablation, depth, refinement, width
from studies.ablation import BASELINE
from studies.around import sex
from studies.preset import PRESETS
from studies.study import Trial, at, best_of


def table1_rows(report: Report) -> list[dict[str, Any]]:
    """The paper's rows, each with this run's trial of the same role or the same network below it."""
    rows = []
    for paper in TABLE1:
        rows.append(
            table1_row(paper.name, "paper", paper.architecture)
            | {
                "train MAE": paper.train_mae,
                "valid. MAE": paper.validation_mae,
                "params": f"~{paper.paper_millions}M",
                "test MAE": paper.test_mae if paper.test_mae is not None else "N/A",
                "trial": None,
            }
        )
        rows += [
            table1_row(name, "this run", ours.architecture)
            | {
                "train MAE": train_mae(ours.trial),
                "valid. MAE": round(ours.trial.error, 2),
                "params": millions(ours.study.cost(ours.trial).params),
                "test MAE": test_mae(report, ours.architecture),
                "trial": f"{ours.study.label} {numbers(ours.trial)}",
            }
            for name, ours in ours_beside(report, paper.name, paper.architecture)
        ]
    return rows


def table1_row(name: str, whose: str, network: Architecture) -> dict[str, Any]:
    repeats = {short: getattr(network.blocks, group) for group, short in PAPER_NAMES.items()}
    return {"network": name, "of": whose, "β": round(network.beta, 4), **repeats}


def ours_beside(report: Report, name: str, network: Architecture) -> Iterator[tuple[str, Best]]:
    """Of the same role where the run has one: baseline, widened, deepened, final; of the same network elsewhere."""
    of = report.study
    if name == "Baseline":
        if found := at(of(ablation.NAME).pooled, {"variant": BASELINE}):
            yield from existing("Baseline", of(ablation.NAME), found)
        yield from existing("Best width", of(width.NAME), best_of(of(width.NAME).pooled))
    elif name.startswith("Modified"):
        searched = of(depth.NAME)
        for trial in searched.pooled:
            same = searched.architecture(trial)
            if (same.beta, same.blocks) == (network.beta, network.blocks):
                yield from existing(name, searched, trial)
        if name == TABLE1_LAST_MODIFIED:
            yield from existing("Best depth", searched, best_of(searched.pooled))
    elif decision := of(refinement.NAME).decision:
        refined, final = of(refinement.NAME), decision.architecture
        for trial in refined.pooled:
            ours = refined.architecture(trial)
            without = name == "Final no FC layer" and not ours.fc_units and bool(final.fc_units) and not ours.dropout
            sexless = name == "Final no FC and gender info." and not ours.sex_units
            if (without and ours.beta == final.beta and ours.sex_units) or sexless:
                yield from existing("Final, without the sex" if sexless else name, refined, trial)
            elif name == "Final" and ours == final:
                yield from existing(name, refined, trial)
        for beside in report.after:
            if name == "Final no FC and gender info." and beside.name == sex.NAME:
                yield from existing("Final, without the sex", beside, at(beside.pooled, {sex.UNITS: 0}))


TABLE1_LAST_MODIFIED = [row.name for row in TABLE1 if row.name.startswith("Modified")][-1]


def existing(name: str, study: StudyReport, trial: Trial | None) -> Iterator[tuple[str, Best]]:
    if trial is not None and trial.validation_mae is not None:
        yield name, Best(study, trial)


def train_mae(trial: Trial) -> float | None:
    """Of the best epoch."""
    at_best = trial.train_mae[(trial.best_epoch or 1) - 1 :]
    return round(at_best[0], 2) if at_best else None


def test_mae(report: Report, network: Architecture) -> float | None:
    """Of the newest model of this network that was trained in full. An ensemble is not one network: its error stands beside no paper's."""
    tested = [about for about in report.tested(network) if not about.get("ensemble")]
    return round(tested[-1]["test"]["mae"], 2) if tested else None


def failed_rows(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "study": study.label,
            "trial": f"#{recorded.trial.number}",
            "what": what(recorded.trial),
            "outcome": recorded.trial.state,
            "reason": reason(recorded),
            "folder": f"{TRIALS}/{recorded.trial.folder}",
        }
        for study in report.every
        for recorded in study.trials
        if recorded.trial.state in ("failed", "pruned")
    ]


def trial_rows(report: Report) -> list[dict[str, Any]]:
    """One row per trial: where each number comes from."""
    return [
        {
            "study": study.label,
            "trial": f"#{recorded.trial.number}",
            "what": what(recorded.trial),
            "outcome": recorded.trial.exit_reason or recorded.state,
            "valid. MAE": months(recorded.trial.validation_mae),
            "train MAE": months(recorded.attrs.get("train_mae")),
            "best epoch": recorded.trial.best_epoch,
            "params": recorded.attrs.get("params"),
            "GMACs": recorded.attrs.get("gmacs"),
            "seconds": round(recorded.trial.seconds),
            "taken over from": recorded.copied_from or None,
            "folder": f"{TRIALS}/{recorded.trial.folder}",
        }
        for study in report.every
        for recorded in study.trials
    ]


def machine_rows(report: Report) -> list[dict[str, str]]:
    """What the search ran on, as far as it was recorded; trials taken over are not counted twice."""
    trained = [recorded for study in report.every for recorded in study.trials if not recorded.copied_from]
    machines = dict.fromkeys(
        machine for study in report.every if study.attrs for machine in study.attrs.get("machines", "").split("\n")
    )
    conditions = Counter(recorded.trial.conditions for recorded in trained if recorded.trial.conditions)
    seeds = sorted({recorded.trial.seed for recorded in trained})
    foretold = latest_timing(report.statuses)
    memory = [int(recorded.attrs["peak_memory_mb"]) for recorded in trained if "peak_memory_mb" in recorded.attrs]
    said = {
        "machine and versions, of the leader": "; ".join(filter(None, machines)),
        "trained on": "; ".join(f"{what} ({counted(count, 'trial')})" for what, count in conditions.items()),
        "seeds": ", ".join(map(str, seeds)),
        "training time, all trials": duration(sum(recorded.trial.seconds for recorded in trained)) if trained else "",
        "prediction of times": error_words(foretold[1]) if foretold else "",
        "most memory of a worker": f"{max(memory):,} MB" if memory else "",
        "GPU energy, of the whole device while trials trained": energy(trained),
        "data": f"{report.store.info['source']}, digest {report.store.digest}" if report.store else "",
        "preset": settings(report),
        "storage": "SQLite" if sqlite_path(report.run.storage) else "a database server",
    }
    return [{"what": what, "recorded": value or "not recorded"} for what, value in said.items()]


def energy(trained: Sequence[Recorded]) -> str:
    joules = [float(recorded.attrs["energy_joules"]) for recorded in trained if "energy_joules" in recorded.attrs]
    return (
        f"{sum(joules) / JOULES_PER_KWH:.3g} kWh ({len(joules)} of {counted(len(trained), 'trial')})" if joules else ""
    )


JOULES_PER_KWH = 3.6e6


def settings(report: Report) -> str:
    changed = [f"{name}={value}" for name, value in report.run.overrides.items()]
    return report.run.preset.name + (f" with {', '.join(changed)}" if changed else "")


def settings_rows(report: Report) -> list[dict[str, Any]]:
    """Every field of the run, beside the preset's own value where that is another."""
    here = settings_in_full(report.run.preset)
    preset = settings_in_full(PRESETS[report.run.preset.name]())
    return [
        {
            "field": name,
            "this run": json.dumps(value, ensure_ascii=False),
            "preset, where it differs": "" if value == preset[name] else json.dumps(preset[name], ensure_ascii=False),
        }
        for name, value in here.items()
    ]


def differs(row: Mapping[str, Any]) -> bool:
    return bool(row["preset, where it differs"])


def interval_of(measured: Mapping[str, Any]) -> str:
    """Of too few images there is none."""
    low, high = measured["mae_low"], measured["mae_high"]
    return "–" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def model_rows(report: Report) -> list[dict[str, Any]]:
    """The models trained in full, a row for each of their splits."""
    return [
        {
            "model": about["name"],
            "from": about["from"],
            "split": split,
            "images": about[split]["n"],
            "MAE": round(about[split]["mae"], 2),
            "95% interval": interval_of(about[split]),
            "constant": round(about[split]["constant_mae"], 1),
            "RMSE": round(about[split]["rmse"], 2),
            "within 12 months": f"{about[split]['within_12']:.0%}",
            "params": about["params"],
            "best epoch": ", ".join(map(str, best_epochs(about))),
        }
        for _, about in report.models
        for split in ("validation", "test")
        if about[split]
    ]


def best_trials(report: Report, most: int) -> Sequence[tuple[StudyReport, Trial]]:
    """The best single trials of all studies; a network may be among them with several seeds."""
    every = [
        (study, recorded.trial)
        for study in report.studies
        for recorded in study.trials
        if recorded.trial.state == "complete" and not recorded.copied_from
    ]
    return sorted(every, key=lambda found: (found[1].error, found[0].label, found[1].number))[:most]


def months(value: float | None) -> str | None:
    """As every page writes a MAE: two decimals."""
    return None if value is None else f"{value:.2f}"


def headed(rows: Rows) -> Rows:
    """A study's own columns, as people read them."""
    return [{heading(name): value for name, value in row.items()} for row in rows]


def heading(name: str) -> str:
    return HEADINGS.get(name, name.replace("_", " "))


HEADINGS = {
    "beta": "β",
    "params_m": "params, M",
    "gmacs": "GMACs",
    "validation_mae": "valid. MAE",
    "train_mae": "train MAE",
    "fc_units": "FC units",
}
