"""The tables of a report: rows of plain values, each with where it comes from."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.counted import counted
from data.written import between, gmacs, millions, months, yardstick
from models.architecture import Architecture
from models.paper import PAPER_NAMES, TABLE1
from search.leader.timings import macs_of
from search.output.time_words import duration, error_words
from search.report.parts import Rows
from search.report.read import Best, Recorded, Report, StudyReport
from search.report.words import numbers, reason, what
from search.run import TRIALS, settings_in_full
from search.show.cells import named
from search.show.tables import latest_timing
from search.storage.opening import sqlite_path
from search.trained.made_of import best_epochs
from studies import ablation, depth, refinement, width
from studies.ablation import BASELINE
from studies.around import sex
from studies.presets import PRESETS
from studies.study import Trial, at


def table1_rows(report: Report) -> list[dict[str, Any]]:
    """The paper's rows, each with what this run has of the same role or network below it."""
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
                "train MAE": months(ours.trial.best_train_mae),
                "valid. MAE": months(ours.trial.error),
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
    """Of the same role where the run has one: its baseline, and what its studies decided for; of the same network elsewhere."""
    of = report.study
    if name == "Baseline":
        if found := at(of(ablation.NAME).pooled, {"variant": BASELINE}):
            yield from existing("Baseline", of(ablation.NAME), found)
        yield from decided_by(report, width.NAME)
    elif name.startswith("Modified"):
        searched = of(depth.NAME)
        for trial in searched.pooled:
            same = searched.architecture(trial)
            if (same.beta, same.blocks) == (network.beta, network.blocks):
                yield from existing(name, searched, trial)
        if name == TABLE1_LAST_MODIFIED:
            yield from decided_by(report, depth.NAME)
    elif decision := of(refinement.NAME).decision:
        refined, final = of(refinement.NAME), decision.architecture
        for trial in refined.pooled:
            ours = refined.architecture(trial)
            without = name == "Final no FC layer" and not ours.fc_units and bool(final.fc_units) and not ours.dropout
            sexless = name == "Final no FC and gender info." and not ours.sex_units
            if (without and ours.beta == final.beta and ours.sex_units) or sexless:
                yield from existing("Final, without the sex" if sexless else name, refined, trial)
        if name == "Final":
            yield from decided_by(report, refinement.NAME, name)
        for beside in report.after:
            if name == "Final no FC and gender info." and beside.name == sex.NAME:
                yield from existing("Final, without the sex", beside, at(beside.pooled, {sex.UNITS: 0}))


TABLE1_LAST_MODIFIED = [row.name for row in TABLE1 if row.name.startswith("Modified")][-1]


def decided_by(report: Report, study: str, name: str = "") -> Iterator[tuple[str, Best]]:
    if found := report.decided(study):
        yield name or f"Decided by {study}", found


def existing(name: str, study: StudyReport, trial: Trial | None) -> Iterator[tuple[str, Best]]:
    if trial is not None and trial.validation_mae is not None:
        yield name, Best(study, trial)


def test_mae(report: Report, network: Architecture) -> str | None:
    """Of the newest model of this network that was trained in full. An ensemble is not one network: its error stands beside no paper's."""
    tested = [about for about in report.tested(network) if not about.get("ensemble")]
    return months(tested[-1]["test"]["mae"]) if tested else None


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
            "GMACs": gmacs(macs_of(recorded.attrs)) if "gmacs" in recorded.attrs else None,
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


def model_rows(report: Report) -> list[dict[str, Any]]:
    """The models trained in full, a row for each of their splits."""
    return [
        {
            "model": about["name"],
            "from": about["from"],
            "split": split,
            "images": about[split]["n"],
            "MAE": months(about[split]["mae"]),
            "95% interval": between(about[split]["mae_low"], about[split]["mae_high"]),
            "constant": yardstick(about[split]["constant_mae"]),
            "RMSE": months(about[split]["rmse"]),
            "within 12 months": f"{about[split]['within_12']:.0%}",
            "params": about["params"],
            "best epoch": ", ".join(map(str, best_epochs(about))),
        }
        for _, about in report.models
        for split in ("validation", "test")
        if about[split]
    ]


def best_trials(report: Report, most: int) -> Sequence[tuple[StudyReport, Trial]]:
    """The trainings with the lowest validation MAE, each once, of whatever study of the run: those before and after the order, too."""
    every = [
        (study, recorded.trial)
        for study in report.every
        for recorded in study.trials
        if recorded.trial.state == "complete" and not recorded.copied_from
    ]
    return sorted(every, key=lambda found: (found[1].error, found[0].label, found[1].number))[:most]


def headed(rows: Rows) -> Rows:
    """A study's own columns, as people read them."""
    return [{heading(name): named(name, value) for name, value in row.items()} for row in rows]


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
