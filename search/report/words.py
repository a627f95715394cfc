"""What a report says of a run, as sentences and rows: the same for the page, the Markdown file and the dashboard's notes."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from models.architecture import Architecture, family_named
from models.paper import is_of_the_paper
from search.output.typed import typed
from search.report.read import LEAST_FOR_IMPORTANCE, Best, Recorded, Report, StudyReport
from search.run import TRIALS
from search.workers.job import EXIT_REASONS
from studies import ablation
from studies.around import winner
from studies.findings import Choice, Compared
from studies.order import EVERY, all_studies, stored_decision
from studies.study import Given, Trial

OPTIMISM = "It was chosen by these same images, so expect a somewhat higher MAE on new ones."


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


def asked(name: str) -> str:
    """The question of a study."""
    return sentence(EVERY[name].QUESTION)[:-1] + "?"


def trial_words(recorded: Recorded, given: Given) -> str:
    """One trial that has ended, as Markdown."""
    trial, attrs = recorded.trial, recorded.attrs
    if trial.state == "complete":
        outcome = (
            f"**{trial.error:.2f} months** validation MAE in epoch {trial.best_epoch} (always answering the training median: "
            f"{given.constant_mae:.1f}); training MAE {attrs.get('train_mae', 0.0):.2f}."
        )
    else:
        outcome = f"**{trial.state}**, {reason(recorded)}."
    log = str(attrs.get("log_ends", "")).replace("`", "'")
    lines = (
        outcome,
        f"{what(trial)}; {millions(attrs['params'])} parameters, {attrs['gmacs']:g} GMACs.",
        f"Taken over from {recorded.copied_from}." if recorded.copied_from else "",
        f"Files: `{TRIALS}/{trial.folder}`.",
        f"Its log ended:\n\n```\n{log}\n```" if log else "",
    )
    return "\n\n".join(filter(None, lines))


def which(report: Report, best: Best) -> Answer:
    network = best.architecture
    so_far = "" if report.next_command is None else f"Best so far: the search is not finished. {next_sentence(report)}"
    decision = best.study.decision
    lowest = lowest_seen(decision.findings.choice) if decision and decision.findings.choice else ""
    details = (f"{blocks(network)}; {head(network)}.", f"Trials: {trace(best.study, best.trial)}.", lowest, so_far)
    return Answer("Which network?", f"{network.width}, {counts_said(network)}", tuple(filter(None, details)))


def lowest_seen(choice: Choice) -> str:
    """The training with the lowest validation MAE of the study that decided, and why another network was chosen."""
    if choice.is_lowest:
        return f"It also had the lowest seen, {choice.lowest:.2f} months."
    return (
        f"Lowest seen: {choice.lowest:.2f} months, {choice.lowest_network}. Not chosen: of that network "
        f"{choice.lowest_expected:.2f} ± {choice.lowest_sd:.2f} is expected, of this one {choice.expected:.2f} ± {choice.sd:.2f}."
    )


def how_good(report: Report, best: Best) -> Answer:
    constant = report.constant_mae or 0.0
    said = [f"Always answering the training median scores {constant:.1f}."]
    if best.trial.error >= constant:
        said.append("So it has learned nothing that helps yet.")
    said += report.confirmed_words
    tests = [
        f"Test MAE {about['test']['mae']:.2f} ({about['name']}, {about['test']['n']:,} images)."
        for _, about in report.models
        if about["test"]
    ]
    found = report.confirmation
    headline = f"{best.trial.error:.2f} months validation MAE"
    if found and found.mae is not None:
        spread = "" if found.sd is None else f" ± {found.sd:.2f}"
        headline = f"{found.mae:.2f}{spread} months validation MAE"
    return Answer(
        "How good?",
        headline,
        (*said, *(tests or [f"No test MAE yet: {typed('train', report.run.folder)}"])),
    )


def how_sure(report: Report, best: Best) -> Answer:
    known = [run.error for run in best.trial.by_seed if run.validation_mae is not None]
    spread = (
        f": {min(known):.2f} to {max(known):.2f}" if len(known) > 1 else ", so what another seed would give is unknown"
    )
    headline = f"{len(known)} seed{'s' * (len(known) != 1)}{spread}"
    errors = report.errors(best.trial)
    if errors is None:
        images = "Its validation predictions are not available, so there is no interval."
    else:
        low, high = interval_of_mean(errors)
        images = f"95 % interval over {len(errors):,} validation images: {low:.2f} to {high:.2f}."
    return Answer("How sure?", headline, (images, OPTIMISM))


def interval_of_mean(sample: Any) -> tuple[float, float]:
    from studies.statistics.resampling import interval  # brings SciPy

    return interval(tuple(sample))


def how_big(report: Report, best: Best) -> Answer:
    cost, cap = best.study.cost(best.trial), best.study.cap()
    return Answer(
        "How big?",
        f"{millions(cost.params)} of at most {millions(cap)} parameters",
        (
            f"{cost.params / cap:.0%} of the cap; {cost.params:,} parameters.",
            *(f"{other.measure(cost):,} of at most {other}." for other in best.study.caps()[1:]),
            f"{cost.macs / 1e9:.3g} GMACs for one image of {report.run.preset.preparation.image_px} px.",
        ),
    )


def why_blocks(report: Report) -> Answer:
    decision = report.study(ablation.NAME).decision
    if decision is None:
        return Answer("Why these blocks?", "Not known yet", ("The ablation is not decided.",))
    assert isinstance(decision.findings, ablation.AblationFindings)
    findings = decision.findings
    rows = evidence(findings)
    called = "Key groups" if findings.key_by == "verdict" else "Repeated, by estimate"
    if findings.key_by is None:  # an earlier version did not say what called them so
        called = "Repeated"
    return Answer(
        "Why these blocks?",
        f"{called}: {', '.join(findings.key_groups)}",
        (sentence(decision.summary), *(verdict_sentence(row) for row in rows), *around_the_winner(report)),
    )


def around_the_winner(report: Report) -> list[str]:
    """What lowering the blocks of the decided network came to, where that was asked for."""
    status = report.studies[-1].status.get(winner.NAME)
    if not status or not status["decision"]:
        return []
    decision = stored_decision(winner.NAME, status["decision"])
    return [sentence(decision.summary), *(verdict_sentence(row) for row in decision.findings.compared)]


def evidence(findings: ablation.AblationFindings) -> list[Compared]:
    """Of the groups that depth repeats: what calls them key, or where only an estimate does, all that is known of them."""
    rows = [row for row in findings.verdicts if ablation.lowering(row.variant)[0] in findings.key_groups]
    sure = [row for row in rows if row.verdict in ("matters", "not trainable")]
    return sure if findings.key_by == "verdict" else rows


def verdict_sentence(row: Compared) -> str:
    seeds = f"{row.seeds} seed{'s' * (row.seeds != 1)}"
    if row.change is None:
        return f"{row.variant}: {row.verdict} ({seeds})."
    worse = "worse" if row.change >= 0 else "better"
    within = ""
    if row.low is not None and row.high is not None:
        within = f" (95 % interval {signed(row.low)} to {signed(row.high)})"
    if row.scope == "architectures":
        said = f"{row.verdict} ({seeds}; speaks of the architectures)"
    elif row.verdict == "these trained models differ":
        said = f"these trained models differ over the images ({seeds}; no verdict on the architectures)"
    else:
        said = f"{row.verdict} ({seeds}; speaks of these trained models)"
    return f"{row.variant}: {abs(row.change):.2f} months {worse}{within}; {said}."


def signed(months: float) -> str:
    return f"{months:.2f}".replace("-", "−")


def next_sentence(report: Report) -> str:
    if report.next_command is None:
        return sentence(f"{all_studies()} are decided")
    return f"Next: {report.next_command}"


def sentence(words: str) -> str:
    first = words[:1].upper() if words[:1].isascii() else words[:1]  # β stays β
    return first + words[1:] + "." * (not words.endswith("."))


def millions(count: int) -> str:
    """21.8M, 85.6k."""
    return f"{count / 1e6:.3g}M" if count >= 1e6 else f"{count / 1e3:.3g}k"


def counts_said(network: Architecture) -> str:
    """n5/n7/n9 4/3/3; of another family its name, and the counts of all of its groups."""
    if is_of_the_paper(network):
        return f"n5/n7/n9 {network.blocks.mixed5}/{network.blocks.mixed7}/{network.blocks.mixed9}"
    return f"{family_named(network.family).title} {'/'.join(map(str, network.blocks))}"


def head(network: Architecture) -> str:
    layer = (
        f"a fully connected layer of {network.fc_units}" if network.fc_units else "no additional fully connected layer"
    )
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
    states = Counter(recorded.state for recorded in study.trials)
    said = f"{len(study.trials)} trials: " + ", ".join(f"{count} {state}" for state, count in states.items())
    if copied := sum(bool(recorded.copied_from) for recorded in study.trials):
        said += f" ({copied} taken over from another study)"
    if fit := study.status.get("configurations"):
        said += f"; {fit}"
    return f"{said}; {study.status.get('turned_away') or 0} proposals turned away."


def left_out(study: StudyReport) -> list[str]:
    if not study.left_out:
        return []
    said = "; ".join(left.sentence for left in study.left_out)
    return [
        f"Left out of every figure, proposal and decision, because this program did not train it to the end: {said}."
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


def importance_sentence(study: StudyReport) -> str:
    complete = sum(recorded.trial.state == "complete" for recorded in study.trials)
    if study.importance is None:
        return (
            f"{study.label} has {complete} complete trials. Importance is left out: it needs at least {LEAST_FOR_IMPORTANCE} of them, "
            "and two parameters that varied."
        )
    return f"By PED-ANOVA over {complete} complete trials: what the best tenth of them have in common."
