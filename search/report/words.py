"""What a report says of a run, as sentences and rows: the same for the page, the Markdown file and the dashboard's notes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from data.counted import counted
from models.architecture import Architecture, family_named
from models.paper import is_of_the_paper
from search.output.confirmed import NOTHING
from search.output.sentence import millions, sentence
from search.output.typed import typed
from search.report.cards.blocks import because
from search.report.cards.verdict import verdict_sentence
from search.report.read import LEAST_FOR_IMPORTANCE, Best, Recorded, Report, StudyReport
from search.run import TRIALS
from search.show.html import Answer
from search.storage.status import NO_WAY_ON, contradicted, left_to_do
from search.workers.job import EXIT_REASONS
from studies import ablation
from studies.around import sex, winner
from studies.findings import Choice
from studies.order import EVERY, LAST, all_studies, comes, stored_decision
from studies.study import Decision, Given, Trial

OPTIMISM = "The network was chosen by these same images, so expect a somewhat higher MAE on new images."
FRESH = "These seeds were not used to choose the network, but the images were, so expect a somewhat higher MAE on new images."


def answers(report: Report) -> list[Answer]:
    """What a reader wants to know first."""
    best = report.best
    if best is None:
        return [Answer("Which network?", "None yet", (f"No trial has given a result. {next_sentence(report)}",))]
    return [
        which(report, best),
        how_good(report, best),
        how_sure(report, best),
        how_big(report, best),
        why_blocks(report, best),
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
    so_far = "" if report.next_command is None else f"{open_words(report)} {next_sentence(report)}"
    lowest = lowest_seen(choice) if (choice := best.choice) else ""
    details = (f"{blocks(network)}; {head(network)}.", f"Trials: {trace(best.study, best.trial)}.", lowest, so_far)
    return Answer("Which network?", f"{network.width}, {counts_said(network)}", tuple(filter(None, details)))


def lowest_seen(choice: Choice) -> str:
    """The training with the lowest validation MAE of all networks that could be decided for, and why another was chosen."""
    if choice.is_lowest:
        return f"It also had the lowest MAE seen of the networks that could be chosen, {choice.lowest:.2f} months."
    return (
        f"Lowest seen of the networks that could be chosen: {choice.lowest:.2f} months, {choice.lowest_network}. It was not chosen: the surrogate expects "
        f"{choice.lowest_expected:.2f} ± {choice.lowest_sd:.2f} of that network, and {choice.expected:.2f} ± {choice.sd:.2f} of this one."
    )


def open_words(report: Report) -> str:
    """Where the search is not finished; what comes after its last decision does not change the network."""
    after = [name for name in left_to_do(report.statuses, report.run.preset) if comes(name) != LAST]
    return "Best so far: the search is not finished." if after else "This network is decided; later steps are open."


def how_good(report: Report, best: Best) -> Answer:
    constant, found, confirmed = report.constant_mae or 0.0, report.confirmation, report.confirmed_words
    said = [f"Always answering the training median scores {constant:.1f}."]
    if best.trial.error >= constant and found is None and NOTHING not in confirmed:
        said.append("So it has learned nothing that helps yet.")
    said += [*confirmed, *beside_the_decided(report, sex.NAME)]
    tests = [test_words(about) for about in report.tested(best.architecture)]
    headline = f"{best.trial.error:.2f} months validation MAE"
    if found and found.mae is not None:
        spread = "" if found.sd is None else f" ± {found.sd:.2f}"
        headline = f"{found.mae:.2f}{spread} months validation MAE"
    elif choice := best.choice:
        headline = f"{choice.expected:.2f} ± {choice.sd:.2f} months validation MAE, expected"
        said.insert(0, f"{best.trial.error:.2f} was seen, which is optimistic: it decided for the network.")
    return Answer(
        "How good?",
        headline,
        (*said, *(tests or [f"No test MAE yet: {typed('train', report.run.folder)}"])),
    )


def test_words(about: Mapping[str, Any]) -> str:
    """Of a model of the best network, or of several of them taken together."""
    ensemble = about.get("ensemble")
    several = f"the mean of {len(ensemble['members'])} such networks, " if ensemble else ""
    return f"Test MAE {about['test']['mae']:.2f} ({about['name']}, {several}{counted(about['test']['n'], 'image')})."


def how_sure(report: Report, best: Best) -> Answer:
    """Of the figure of `how_good`: with a confirmation that of its fresh seeds, and then the search's own, called so."""
    known = [run.error for run in best.trial.by_seed if run.validation_mae is not None]
    found, seen = report.confirmation, f"{best.trial.error:.2f} months"
    if found is None or found.mae is None:
        spread = f": {min(known):.2f} to {max(known):.2f}" if len(known) > 1 else f", {UNKNOWN}"
        images = over_images(report, best, f"Of the {seen} seen: " if best.choice else "")
        return Answer("How sure?", f"{counted(len(known), 'seed')}{spread}", (images, OPTIMISM))
    in_search = f"In the search itself: {seen} with {counted(len(known), 'seed')}. {over_images(report, best)}"
    failed = f" ({found.failed} more failed)" if found.failed else ""
    headline = counted(found.seeds, "fresh seed") + failed + (f", {UNKNOWN}" if found.seeds == 1 else "")
    if found.low is None or found.high is None:
        return Answer("How sure?", headline, (FRESH, in_search))
    interval = f"{headline}: {found.low:.2f} to {found.high:.2f}"
    return Answer("How sure?", interval, ("That is the 95% interval of their mean.", FRESH, in_search))


UNKNOWN = "so the effect of another seed is unknown"


def over_images(report: Report, best: Best, of: str = "") -> str:
    errors = report.errors(best.trial)
    if errors is None:
        return "Its validation predictions are not available, so there is no interval over the images."
    low, high = interval_of_mean(errors)
    return f"{of}95% interval over {counted(len(errors), 'validation image')}: {low:.2f} to {high:.2f}."


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


def why_blocks(report: Report, best: Best) -> Answer:
    """Of the groups that the network has, those that its own ablation or else the reference's found to matter; then each by itself."""
    study = report.study(ablation.NAME)
    if study.decision is None:
        return Answer("Why these blocks?", "Not known yet", ("The ablation is not decided.",))
    assert isinstance(study.decision.findings, ablation.AblationFindings)
    given = study.given or Given(report.run.preset, {}, 0.0)
    return replace(
        because(given, study.decision, best.architecture, decided_after(report, winner.NAME)),
        question="Why these blocks?",
    )


def beside_the_decided(report: Report, name: str) -> list[str]:
    """What leaving out the sex came to, where that was asked for."""
    decision = decided_after(report, name)
    return [sentence(decision.summary), *map(verdict_sentence, decision.findings.compared)] if decision else []


def decided_after(report: Report, name: str) -> Decision | None:
    """Of a study that comes after all, where that was asked for and is decided."""
    status = report.studies[-1].status.get(name)
    return stored_decision(name, status["decision"]) if status and status["decision"] else None


def next_sentence(report: Report) -> str:
    if contradictory := contradicted(report.statuses):
        return " ".join(map(sentence, (*contradictory, NO_WAY_ON)))
    if report.next_command is None:
        return sentence(f"{all_studies()} are decided")
    return f"Next: {report.next_command}"


def counts_said(network: Architecture) -> str:
    """n5/n7/n9 4/3/3; of another family its name, and the counts of all of its groups."""
    if is_of_the_paper(network):
        return f"n5/n7/n9 {network.blocks.mixed5}/{network.blocks.mixed7}/{network.blocks.mixed9}"
    return f"{family_named(network.family).title} {'/'.join(map(str, network.blocks))}"


def head(network: Architecture) -> str:
    layer = (
        f"a fully connected layer of {network.fc_units}" if network.fc_units else "no additional fully connected layer"
    )
    untold = "" if network.sex_units else ", without the sex"
    return f"{layer}, dropout {network.dropout:g}{untold}"


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
    by_state = ", ".join(f"{count} {state}" for state, count in states.items())
    said = counted(len(study.trials), "trial") + f": {by_state}" * bool(by_state)
    if copied := sum(bool(recorded.copied_from) for recorded in study.trials):
        said += f" ({copied} taken over from another study)"
    if fit := study.status.get("configurations"):
        said += f"; {fit}"
    return f"{said}; {counted(study.status.get('turned_away') or 0, 'proposal')} turned away."


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
            f"{study.label} has {counted(complete, 'complete trial')}. Importance is left out: it needs at least {LEAST_FOR_IMPORTANCE} of them, "
            "and two parameters that varied."
        )
    return f"By PED-ANOVA over {complete} complete trials: what the best tenth of them have in common."
