"""What a report says of a run, as sentences and rows: the same for the page, the Markdown file and the dashboard's notes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.architecture import Architecture
from models.table1 import TABLE1
from search.job import EXIT_REASONS
from search.progress import duration
from search.report import LEAST_FOR_IMPORTANCE, Best, Recorded, Report, StudyReport
from search.run import TRIALS
from search.storage import sqlite_path
from studies.ablation import BASELINE
from studies.study import Trial, at, best_of

RULES = {
    "ablation": "A group is a key group where lowering it is found to matter, or costs more than {margin:g} months and could "
    "not be tested; where there is none, those that cost more than the margin unresolved are, or else the costliest.",
    "width": "From the reference width down, the smallest β whose mean MAE is within {margin:g} months of the reference's; "
    "from it up, the best before widening stops paying. The best goes on to the next study.",
    "depth": "The network with the lowest validation MAE among those under the cap.",
    "refinement": "The best width, then the best fully connected layer, then the largest dropout that still converges "
    "within {margin:g} months of the best.",
}
OPTIMISM = "It was chosen by these same images, so expect somewhat worse on new ones."


@dataclass(frozen=True)
class Answer:
    question: str
    headline: str
    details: tuple[str, ...] = ()


def answers(report: Report) -> list[Answer]:
    """What a reader wants to know first."""
    best = report.best
    if best is None:
        return [Answer("Which network?", "None yet", (f"No trial has ended. {next_sentence(report)}",))]
    return [
        which(report, best),
        how_good(report, best),
        how_sure(report, best),
        how_big(report, best),
        why_blocks(report),
    ]


def which(report: Report, best: Best) -> Answer:
    network = best.architecture
    decided = report.study("refinement").decision is not None
    so_far = "" if decided else f"Best so far: the search is not finished. {next_sentence(report)}"
    details = (f"{blocks(network)}; {head(network)}.", f"{trace(best.study, best.trial)}.", so_far)
    return Answer(
        "Which network?", f"β {network.beta:g}, n5/n7/n9 {paper_counts(network)}", tuple(filter(None, details))
    )


def how_good(report: Report, best: Best) -> Answer:
    constant = report.constant_mae or 0.0
    said = [f"Always answering the training median scores {constant:.1f}."]
    if best.trial.error >= constant:
        said.append("So it has learned nothing that helps yet.")
    tests = [
        f"Test MAE {about['test']['mae']:.2f} ({about['name']}, {about['test']['n']:,} images)."
        for _, about in report.models
        if about["test"]
    ]
    return Answer(
        "How good?",
        f"{best.trial.error:.2f} months validation MAE",
        (*said, *(tests or ["No test MAE yet: boneage-search train."])),
    )


def how_sure(report: Report, best: Best) -> Answer:
    known = [run.error for run in best.trial.by_seed if run.validation_mae is not None]
    spread = (
        f": {min(known):.2f} to {max(known):.2f}" if len(known) > 1 else ", so what another seed would give is unknown"
    )
    headline = f"{len(known)} seed{'s' * (len(known) != 1)}{spread}"
    errors = report.errors(best.trial)
    if errors is None:
        images = "Its validation predictions are not at hand, so there is no interval."
    else:
        low, high = interval_of_mean(errors)
        images = f"95 % interval over {len(errors):,} validation images: {low:.2f} to {high:.2f}."
    return Answer("How sure?", headline, (images, OPTIMISM))


def interval_of_mean(sample: Any) -> tuple[float, float]:
    from studies.resampling import interval  # brings SciPy

    return interval(tuple(sample))


def how_big(report: Report, best: Best) -> Answer:
    cost, cap = best.study.cost(best.trial), best.study.cap()
    return Answer(
        "How big?",
        f"{millions(cost.params)} of at most {millions(cap)} parameters",
        (
            f"{cost.params / cap:.0%} of the cap; {cost.params:,} parameters.",
            f"{cost.macs / 1e9:.3g} GMACs for one image of {report.run.preset.preparation.image_px} px.",
        ),
    )


def why_blocks(report: Report) -> Answer:
    decision = report.study("ablation").decision
    if decision is None:
        return Answer("Why these blocks?", "Not known yet", ("The ablation is not decided.",))
    keys = decision.findings["key_groups"]
    rows = [row for row in decision.findings.get("verdicts", ()) if row["variant"].partition("=")[0] in keys]
    return Answer(
        "Why these blocks?",
        f"Key groups: {', '.join(keys)}",
        (sentence(decision.summary), *(verdict_sentence(row) for row in rows)),
    )


def verdict_sentence(row: dict[str, Any]) -> str:
    seeds = f"{row['seeds']} seed{'s' * (row['seeds'] != 1)}"
    if row["change"] is None:
        return f"{row['variant']}: {row['verdict']} ({seeds})."
    worse = "worse" if row["change"] >= 0 else "better"
    within = f" (95 % interval {signed(row['low'])} to {signed(row['high'])})" if row["low"] is not None else ""
    return (
        f"{row['variant']}: {abs(row['change']):.2f} months {worse}{within}; {row['verdict']} ({seeds}; speaks of "
        f"{'the architectures' if row['scope'] == 'architectures' else row['scope']})."
    )


def signed(months: float) -> str:
    return f"{months:.2f}".replace("-", "−")


def next_sentence(report: Report) -> str:
    return f"Next: boneage-search {report.next_command}." if report.next_command else "All four studies are decided."


def sentence(words: str) -> str:
    first = words[:1].upper() if words[:1].isascii() else words[:1]  # β stays β
    return first + words[1:] + "." * (not words.endswith("."))


def millions(count: int) -> str:
    """21.8M, 85.6k."""
    return f"{count / 1e6:.3g}M" if count >= 1e6 else f"{count / 1e3:.3g}k"


def paper_counts(network: Architecture) -> str:
    return f"{network.blocks.mixed5}/{network.blocks.mixed7}/{network.blocks.mixed9}"


def head(network: Architecture) -> str:
    layer = f"a fully connected layer of {network.fc_units}" if network.fc_units else "no fully connected layer more"
    sex = "" if network.sex_units else ", without the sex"
    return f"{layer}, dropout {network.dropout:g}{sex}"


def blocks(network: Architecture) -> str:
    return ", ".join(f"{group} {count}" for group, count in network.blocks._asdict().items())


def numbers(trial: Trial) -> str:
    return ", ".join(f"#{run.number}" for run in trial.by_seed)


def trace(study: StudyReport, trial: Trial) -> str:
    """Where a number comes from: study, trial numbers, folders."""
    folders = dict.fromkeys(f"{TRIALS}/{run.folder}" for run in trial.by_seed if run.folder)
    return f"{study.label} {numbers(trial)}" + (f" in {', '.join(folders)}" if folders else "")


def counts(study: StudyReport) -> str:
    """24 trials: 20 complete, 3 pruned, 1 failed; 90 of 120 configurations fit ..., 12 proposals turned away."""
    states = Counter(recorded.trial.state for recorded in study.trials)
    said = f"{len(study.trials)} trials: " + ", ".join(f"{count} {state}" for state, count in states.items())
    if copied := sum(bool(recorded.copied_from) for recorded in study.trials):
        said += f" ({copied} taken over from another study)"
    if fit := study.status.get("configurations"):
        said += f"; {fit}"
    return f"{said}; {study.status.get('turned_away') or 0} proposals turned away."


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
    counted = {short: getattr(network.blocks, group) for short, group in SHORT.items()}
    return {"network": name, "of": whose, "β": round(network.beta, 4), **counted}


SHORT = {"n5": "mixed5", "n7": "mixed7", "n9": "mixed9"}


def ours_beside(report: Report, name: str, network: Architecture) -> Iterator[tuple[str, Best]]:
    """Of the same role where the run has one: baseline, widened, deepened, final; of the same network elsewhere."""
    ablation, width, depth, refinement = report.studies
    if name == "Baseline":
        if found := at(ablation.pooled, {"variant": BASELINE}):
            yield from existing("Baseline", ablation, found)
        yield from existing("Best width", width, best_of(width.pooled))
    elif name.startswith("Modified"):
        for trial in depth.pooled:
            same = depth.architecture(trial)
            if (same.beta, same.blocks) == (network.beta, network.blocks):
                yield from existing(name, depth, trial)
        if name == TABLE1_LAST_MODIFIED:
            yield from existing("Best depth", depth, best_of(depth.pooled))
    elif refinement.decision:
        final = refinement.decision.architecture
        for trial in refinement.pooled:
            ours = refinement.architecture(trial)
            without = name == "Final no FC layer" and not ours.fc_units and bool(final.fc_units) and not ours.dropout
            sexless = name == "Final no FC and gender info." and not ours.sex_units
            if (without and ours.beta == final.beta and ours.sex_units) or sexless:
                yield from existing("Final, without the sex" if sexless else name, refinement, trial)
            elif name == "Final" and ours == final:
                yield from existing(name, refinement, trial)


TABLE1_LAST_MODIFIED = [row.name for row in TABLE1 if row.name.startswith("Modified")][-1]


def existing(name: str, study: StudyReport, trial: Trial | None) -> Iterator[tuple[str, Best]]:
    if trial is not None and trial.validation_mae is not None:
        yield name, Best(study, trial)


def train_mae(trial: Trial) -> float | None:
    """Of the best epoch."""
    at_best = trial.train_mae[(trial.best_epoch or 1) - 1 :]
    return round(at_best[0], 2) if at_best else None


def test_mae(report: Report, network: Architecture) -> float | None:
    """Of the newest model of this network that was trained in full."""
    tested = [about for _, about in report.models if about["test"] and about["architecture"] == network.to_dict()]
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
        for study in report.studies
        for recorded in study.trials
        if recorded.trial.state in ("failed", "pruned")
    ]


def reason(recorded: Recorded) -> str:
    attrs, why = recorded.attrs, recorded.trial.exit_reason
    if recorded.trial.state == "pruned":
        return f"after epoch {attrs.get('pruned_after_epoch', '?')}: {EXIT_REASONS['pruned']}"
    return f"{why}: {attrs.get('exit_detail', EXIT_REASONS.get(why, 'not recorded'))}"


def what(trial: Trial) -> str:
    """The point in words, with the seed."""
    values = [str(value) if name == "variant" else f"{name}={value}" for name, value in trial.point.items()]
    return ", ".join([*values, f"seed {trial.seed}"])


def trial_rows(report: Report) -> list[dict[str, Any]]:
    """One row per trial: where each number comes from."""
    return [
        {
            "study": study.label,
            "trial": f"#{recorded.trial.number}",
            "what": what(recorded.trial),
            "outcome": recorded.trial.exit_reason or recorded.trial.state,
            "valid. MAE": None if recorded.trial.validation_mae is None else round(recorded.trial.validation_mae, 2),
            "train MAE": recorded.attrs.get("train_mae"),
            "best epoch": recorded.trial.best_epoch,
            "params": recorded.attrs.get("params"),
            "GMACs": recorded.attrs.get("gmacs"),
            "seconds": round(recorded.trial.seconds),
            "taken over from": recorded.copied_from or None,
            "folder": f"{TRIALS}/{recorded.trial.folder}",
        }
        for study in report.studies
        for recorded in study.trials
    ]


def machine_rows(report: Report) -> list[dict[str, str]]:
    """What the search ran on, as far as it was recorded; trials taken over are not counted twice."""
    trained = [recorded for study in report.studies for recorded in study.trials if not recorded.copied_from]
    machines = dict.fromkeys(
        machine for study in report.studies if study.attrs for machine in study.attrs.get("machines", "").split("\n")
    )
    conditions = Counter(recorded.trial.conditions for recorded in trained if recorded.trial.conditions)
    seeds = sorted({recorded.trial.seed for recorded in trained})
    memory = [int(recorded.attrs["peak_memory_mb"]) for recorded in trained if "peak_memory_mb" in recorded.attrs]
    said = {
        "machine and versions, of the leader": "; ".join(filter(None, machines)),
        "trained on": "; ".join(f"{what} ({count} trials)" for what, count in conditions.items()),
        "seeds": ", ".join(map(str, seeds)),
        "training time, all trials": duration(sum(recorded.trial.seconds for recorded in trained)) if trained else "",
        "most memory of a worker": f"{max(memory):,} MB" if memory else "",
        "GPU energy": "",
        "data": f"{report.store.info['source']}, digest {report.store.digest}" if report.store else "",
        "preset": settings(report),
        "storage": "SQLite" if sqlite_path(report.run.storage) else "a database server",
    }
    return [{"what": what, "recorded": value or "not recorded"} for what, value in said.items()]


def settings(report: Report) -> str:
    changed = [f"{name}={value}" for name, value in report.run.overrides.items()]
    return report.run.preset.name + (f" with {', '.join(changed)}" if changed else "")


def importance_sentence(study: StudyReport) -> str:
    complete = sum(recorded.trial.state == "complete" for recorded in study.trials)
    if study.importance is None:
        return (
            f"{study.label} has {complete} complete trials; fewer than {LEAST_FOR_IMPORTANCE}, or fewer than two parameters "
            "that varied, say nothing of what was important. Left out."
        )
    return f"By PED-ANOVA over {complete} complete trials: what the best tenth of them have in common."


def model_rows(report: Report) -> list[dict[str, Any]]:
    """The models trained in full, a row for each of their splits."""
    return [
        {
            "model": about["name"],
            "from": about["from"],
            "split": split,
            "images": about[split]["n"],
            "MAE": round(about[split]["mae"], 2),
            "95 % interval": f"{about[split]['mae_low']:.2f} to {about[split]['mae_high']:.2f}",
            "constant": round(about[split]["constant_mae"], 1),
            "RMSE": round(about[split]["rmse"], 2),
            "within 12 months": f"{about[split]['within_12']:.0%}",
            "params": about["params"],
            "best epoch": about["best_epoch"],
        }
        for _, about in report.models
        for split in ("validation", "test")
        if about[split]
    ]


def best_trials(report: Report, most: int) -> Sequence[tuple[StudyReport, Trial]]:
    """The best single trials of all studies, each network once."""
    every = [
        (study, recorded.trial)
        for study in report.studies
        for recorded in study.trials
        if recorded.trial.state == "complete" and not recorded.copied_from
    ]
    return sorted(every, key=lambda found: (found[1].error, found[0].label, found[1].number))[:most]
