"""What a report says of a run, as sentences and rows: the same for the page, the Markdown file and the dashboard's notes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from data.counted import counted
from data.written import between, gmacs, millions, months, with_sd, yardstick
from models.architecture import Architecture, family_named
from models.paper import is_of_the_paper
from search.leader.timings import macs_of
from search.output.confirmed import NOTHING
from search.output.sentence import images_of, sentence
from search.report.cards.blocks import because
from search.report.cards.tested import how_tested
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
            f"**{months(trial.error)} months** validation MAE in epoch {trial.best_epoch} (always answering the training median: "
            f"{yardstick(given.constant_mae)}); training MAE {months(attrs.get('train_mae', 0.0))}."
        )
    else:
        outcome = f"**{trial.state}**, {reason(recorded)}."
    log = str(attrs.get("log_ends", "")).replace("`", "'")
    lines = (
        outcome,
        f"{what(trial)}; {millions(attrs['params'])} parameters, {gmacs(macs_of(attrs))} GMACs.",
        f"Taken over from {recorded.copied_from}." if recorded.copied_from else "",
        f"Files: `{TRIALS}/{trial.folder}`.",
        f"Its log ended:\n\n```\n{log}\n```" if log else "",
    )
    return "\n\n".join(filter(None, lines))


def which(report: Report, best: Best) -> Answer:
    network = best.architecture
    so_far = "" if report.next_command is None else f"{open_words(report)} {next_sentence(report)}"
    lowest = lowest_seen(with_mean(choice, best.trial)) if (choice := best.choice) else ""
    details = (f"{blocks(network)}; {head(network)}.", f"Trials: {trace(best.study, best.trial)}.", lowest, so_far)
    return Answer("Which network?", f"{network.width}, {counts_said(network)}", tuple(filter(None, details)))


def with_mean(choice: Choice, trial: Trial) -> Choice:
    """One that an earlier version stored says no mean: it is that of the network's own trainings, where those are all that decided."""
    if choice.mean is None and len(trial.best_epochs) == choice.seeds:
        return replace(choice, mean=trial.error)
    return choice


def lowest_seen(choice: Choice) -> str:
    """The training with the lowest validation MAE of all networks that could be decided for, and why another was chosen."""
    if choice.is_lowest:
        return f"In the search itself, {choice.had_the_lowest}."
    return (
        f"Lowest seen of the networks that could be chosen: {months(choice.lowest)} months, {choice.lowest_network}. It was not chosen: the surrogate expects "
        f"{with_sd(choice.lowest_expected, choice.lowest_sd)} of that network, and {with_sd(choice.expected, choice.sd)} of this one."
    )


def open_words(report: Report) -> str:
    """Where the search is not finished; what comes after its last decision does not change the network."""
    after = [name for name in left_to_do(report.statuses, report.run.preset) if comes(name) != LAST]
    return "Best so far: the search is not finished." if after else "This network is decided; later steps are open."


def how_good(report: Report, best: Best) -> Answer:
    constant, found, confirmed = report.constant_mae or 0.0, report.confirmation, report.confirmed_words
    is_confirmed = found is not None and found.mae is not None  # whose own words name the constant, too
    said = [] if is_confirmed else [f"Always answering the training median scores {yardstick(constant)}."]
    if best.trial.error >= constant and found is None and NOTHING not in confirmed:
        said.append("So it has learned nothing that helps yet.")
    said += [*confirmed, *beside_the_decided(report, sex.NAME)]
    headline = f"{months(best.trial.error)} months validation MAE"
    if found and is_confirmed:
        headline = f"{with_sd(found.mae, found.sd)} months validation MAE"
    elif choice := best.choice:
        headline = f"{with_sd(choice.expected, choice.sd)} months validation MAE, expected"
        said.insert(0, f"{months(best.trial.error)} was seen, which is optimistic: it decided for the network.")
    return Answer(
        "How good?",
        headline,
        (*said, *how_tested(report, best)),
    )


def how_sure(report: Report, best: Best) -> Answer:
    """Of the figure of `how_good`: with a confirmation that of its fresh seeds, and then the search's own, called so."""
    known = [run.error for run in best.trial.by_seed if run.validation_mae is not None]
    found, seen = report.confirmation, f"{months(best.trial.error)} months"
    if found is None or found.mae is None:
        spread = f": {between(min(known), max(known))}" if len(known) > 1 else f", {UNKNOWN}"
        images = over_images(report, best, f"Of the {seen} seen: " if best.choice else "")
        return Answer("How sure?", f"{counted(len(known), 'seed')}{spread}", (images, OPTIMISM))
    in_search = f"In the search itself: {seen} with {counted(len(known), 'seed')}. {over_images(report, best)}"
    failed = f" ({found.failed} more failed)" if found.failed else ""
    headline = counted(found.seeds, "fresh seed") + failed + (f", {UNKNOWN}" if found.seeds == 1 else "")
    if found.low is None or found.high is None:
        return Answer("How sure?", headline, (FRESH, in_search))
    interval = f"{headline}: {between(found.low, found.high)}"
    return Answer("How sure?", interval, ("That is the 95% interval of their mean.", FRESH, in_search))


UNKNOWN = "so the effect of another seed is unknown"


def over_images(report: Report, best: Best, of: str = "") -> str:
    errors = report.errors(best.trial)
    if errors is None:
        return "Its validation predictions are not available, so there is no interval over the images."
    assert report.store is not None  # else no errors are known
    patients = tuple(report.store.patients_in("validation").tolist())
    low, high = interval_of_mean(errors, patients)
    images = images_of(len(errors), len(set(patients)), "validation")
    return f"{of}95% interval over {images}: {between(low, high)}."


def interval_of_mean(sample: Any, patients: tuple[int, ...]) -> tuple[float, float]:
    from studies.statistics.resampling import interval  # brings SciPy

    return interval(tuple(sample), patients)


def how_big(report: Report, best: Best) -> Answer:
    cost, cap = best.study.cost(best.trial), best.study.cap()
    return Answer(
        "How big?",
        f"{millions(cost.params)} of at most {millions(cap)} parameters",
        (
            f"{cost.params / cap:.0%} of the cap; {cost.params:,} parameters.",
            *(f"{other.measure(cost):,} of at most {other}." for other in best.study.caps()[1:]),
            f"{gmacs(cost.macs)} GMACs for one image of {report.run.preset.preparation.image_px} px.",
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
    """What a study after all came to, where that was asked for."""
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
    if any(status.get("led_by") for status in report.statuses):
        return f"A search was under way when this was written. Next, once that has ended: {report.next_command}"
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


def caps_of(studies: Sequence[StudyReport]) -> dict[int, list[str]]:
    """Each cap on parameters, rising, with the studies whose networks had to meet it."""
    begun = [study for study in studies if study.given]
    return {
        cap: [study.name for study in begun if study.cap() == cap] for cap in sorted({study.cap() for study in begun})
    }


def cap_words(caps: Mapping[int, Sequence[str]]) -> str:
    """the cap is 70M in ablation, width, depth; 80M in refinement"""
    if len(caps) == 1:
        return f"the cap is {millions(*caps)}"
    return "the cap is " + "; ".join(f"{millions(cap)} in {', '.join(names)}" for cap, names in caps.items())
