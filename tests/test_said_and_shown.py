"""What reports and decisions say in states that are rare: an earlier study's network, failed seeds, a changed margin, one seed."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent
from searched import a_run, search

from data.store.disk import Store
from models.architecture import Architecture, Blocks
from search.leader.engine import run_study
from search.report.read import Report, StudyReport, read
from search.report.words import answers, because, verdict_sentence
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.status import CONFIRMATION
from search.storage.stored import DECIDED_UNDER
from search.workers.job import Job
from studies import ablation, width
from studies.around import baseline, confirmation, sex
from studies.findings import Choice, Compared, Evidence, VerdictWord
from studies.preset import Preset
from studies.presets import PRESETS
from studies.statistics.fresh import AFTER_ALL, IN_FULL, RESOLUTION, fresh_seed
from studies.statistics.keys import keys_of, reason
from studies.study import Decision, Given, Trial

REFERENCE = Architecture(0.25, Blocks(0, 0, 0, 2, 0, 1), stem_pools=(False, True))
PRESET = replace(PRESETS["cpu"](), reference=REFERENCE, margin_months=1.0)
GIVEN = Given(PRESET, {}, 33.0)


def row(variant: str, verdict: VerdictWord, change: float | None, seeds: int) -> Compared:
    return Compared(variant, verdict, change, None, None, None, None, seeds, "architectures")


# the network that was decided for


def test_the_report_speaks_of_the_decided_network_where_an_earlier_study_has_trained_it() -> None:
    """Width may decide for one of the ablation's variants that its own space does not have."""
    decided = replace(REFERENCE, blocks=REFERENCE.blocks._replace(mixed5=1))
    ablated = [
        Trial(0, {"variant": "baseline"}, "complete", 14.0),
        Trial(1, {"variant": "mixed5=1"}, "complete", 12.0),
    ]
    widths = [Trial(0, {"beta": 0.25}, "complete", 14.0), Trial(1, {"beta": 0.35}, "complete", 11.0)]
    choice = Choice(12.4, 0.3, 1, 4, 0.5, 11.0, "β 0.35", 13.0, 0.4, is_lowest=False)
    first = Decision("", REFERENCE, ablation.AblationFindings(key_groups=("mixed5",)))
    after = replace(GIVEN, decisions={"ablation": first})
    second = Decision("", decided, width.WidthFindings(best_beta=0.25, choice=choice))
    studies = (studied("ablation", GIVEN, first, ablated), studied("width", after, second, widths))

    best = Report(Run(Path("none"), PRESET, {}, "", "sqlite://"), studies, None).best

    assert best is not None
    assert best.architecture == decided
    assert (best.study.name, best.trial.number) == ("ablation", 1)
    assert best.choice == choice


class Known(StudyReport):
    """A study as a report has it, with its trials given."""

    @property
    def pooled(self) -> list[Trial]:  # type: ignore[override]
        return list(self.attrs["pooled"]) if self.attrs else []


def studied(name: str, given: Given, decision: Decision, trials: list[Trial]) -> StudyReport:
    return Known(name, {"decision": decision.to_dict()}, attrs={"pooled": trials}, given=given)


# groups that could not be trained


def evident(rows: list[Compared], known: dict[str, Evidence]) -> tuple[tuple[str, ...], str, str]:
    found = ablation.evident(GIVEN, rows, known)
    keys, by = keys_of(("mixed5", "mixed9"), found)
    return keys, by, reason(keys, by, found)


def test_one_training_that_failed_is_no_verdict_and_hides_no_estimate() -> None:
    rows = [row("mixed5=1", "not trainable", None, 1), row("mixed9=0", "not tested", 5.0, 1)]

    keys, by, said = evident(rows, {"mixed9": Evidence(5.0, 0.5)})

    assert (keys, by) == (("mixed5", "mixed9"), "estimate")
    assert "no verdict from 1 seed; lowered, mixed5 could not be trained; by estimate" in said
    assert "mixed9 (5.00 ± 0.50) costs more than 1 month" in said


def test_with_one_seed_a_failure_alone_is_said_as_that() -> None:
    rows = [row("mixed5=1", "not trainable", None, 1), row("mixed9=0", "not tested", 0.2, 1)]

    keys, by, said = evident(rows, {"mixed9": Evidence(0.2, 0.5)})

    assert (keys, by) == (("mixed5",), "estimate")
    assert said == "no verdict from 1 seed; lowered, mixed5 could not be trained; depth tries all groups"
    decision = Decision(
        said,
        REFERENCE,
        ablation.AblationFindings(key_groups=keys, key_by="estimate", estimates={}, verdicts=tuple(rows)),
    )
    assert because(GIVEN, decision, REFERENCE).headline == "Could not be trained when lowered: mixed5"


def test_most_of_three_seeds_that_failed_are_a_verdict_and_are_not_called_worse() -> None:
    rows = [row("mixed5=1", "not trainable", None, 3), row("mixed9=0", "does not matter", 0.1, 3)]

    keys, by, said = evident(rows, {"mixed9": Evidence(0.1, 0.5)})

    assert (keys, by) == (("mixed5",), "verdict")
    assert "key groups: mixed5 (lowering one makes it untrainable, 3 seeds)" in said


# verdicts on other counts than the network's


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ((1, 1), None),  # the verdict is on none of the group
        ((0, 1), "The reference needs mixed5; this network has fewer repeats of it."),
        ((0, 3), "The reference needs mixed5; this network has fewer repeats of it, and differs in other ways, too."),
    ],
)
def test_what_the_reference_needs_is_said_of_a_network_that_has_less_and_of_no_other(
    counts: tuple[int, int], says: str | None
) -> None:
    rows = (row("mixed5=1", "does not matter", 0.1, 3), row("mixed5=0", "matters", 3.0, 3))
    findings = ablation.AblationFindings(
        key_groups=("mixed5",), key_by="verdict", estimates={"mixed5": Evidence(3.0, 0.4)}, verdicts=rows
    )
    mixed5, mixed9 = counts
    network = replace(REFERENCE, blocks=REFERENCE.blocks._replace(mixed5=mixed5, mixed9=mixed9))

    said = [one for one in because(GIVEN, Decision("", REFERENCE, findings), network).details if "needs" in one]

    assert said == ([says] if says else [])


def test_what_was_not_tested_is_no_verdict_on_the_architectures() -> None:
    assert (
        verdict_sentence(row("mixed5=1", "not tested", 2.1, 3)) == "mixed5=1: 2.10 months worse; not tested (3 seeds)."
    )


def test_trainings_under_other_conditions_are_not_called_missing() -> None:
    assert "not made under the same conditions" in sex.summary([row("without the sex", "not tested", None, 3)])
    assert "was not trained both with the sex and without" in sex.summary([])


# the confirmation


def half_of_the_fresh_fail(job: Job) -> float:
    fresh = job.seed - fresh_seed(0)
    return float("inf") if fresh in (0, 2) else deeper_is_better(job.architecture)


@pytest.mark.slow
def test_fresh_seeds_that_failed_are_said_beside_the_figure(tmp_path: Path, tiny_store: Store) -> None:
    executor = FormulaExecutor(by_seed=half_of_the_fresh_fail)
    preset = replace(tiny_preset(), depth_trials=1, refine_trials=1, width_trials=1)
    run = search(a_run(tmp_path, tiny_store, preset), tiny_store, executor)

    found = run_study(run, tiny_store, CONFIRMATION, lambda: executor, silent())

    assert "with 1 fresh seed " in found.summary
    assert found.summary.endswith("; 2 of 3 fresh seeds failed, and those that are left may be the lucky ones")
    [sure] = [answer for answer in answers(read(run)) if answer.question == "How sure?"]
    assert sure.headline == "1 fresh seed (2 more failed), so the effect of another seed is unknown"


@pytest.mark.parametrize(
    "seeds",
    [
        {"baseline_seeds": 1},
        {"baseline_seeds": 2},
        {"seeds": 2, "baseline_seeds": 2},
        {"resolve": 6, "confirm_seeds": 7},
    ],
    ids=str,
)
def test_whatever_counts_the_searchs_seeds_the_confirmation_has_its_own(seeds: dict[str, int]) -> None:
    preset = replace(tiny_preset(), **seeds)  # type: ignore[arg-type]

    assert confirmation.fresh(preset).seeds == preset.confirm_seeds


# the margin by which a study decided


@pytest.mark.slow
def test_the_report_judges_an_ablation_by_the_margin_that_decided(tmp_path: Path, tiny_store: Store) -> None:
    run = search(a_run(tmp_path, tiny_store, replace(tiny_preset(), margin_months=1.0)), tiny_store)
    study = load(open_storage(run.storage), "ablation", run.folder)
    assert study is not None
    assert '"margin_months": 1.0' in study.user_attrs[DECIDED_UNDER]

    wider = read(replace(run, preset=replace(run.preset, margin_months=30.0)))

    ablated = wider.study("ablation").given
    assert ablated is not None
    assert ablated.preset.margin_months == 1.0
    assert not re.search(r"30 months", " ".join(detail for answer in answers(wider) for detail in answer.details))


# the figure of widths


def test_the_figure_of_widths_joins_networks_that_differ_in_width_alone() -> None:
    first = Decision("", REFERENCE, ablation.AblationFindings(key_groups=("mixed5",)))
    given = replace(GIVEN, decisions={"ablation": first})
    points = [
        {"beta": 0.25, "mixed5": 2, "mixed9": 1, "fc_units": 0},
        {"beta": 0.35, "mixed5": 2, "mixed9": 1, "fc_units": 0},
        {"beta": 0.35, "mixed5": 0, "mixed9": 1, "fc_units": 0},
    ]
    trials = [Trial(number, point, "complete", 12.0 + number) for number, point in enumerate(points)]
    other = Decision("", width.architecture(given, points[2]), width.WidthFindings(best_beta=0.35))

    sweep = width.sweep(given, trials, other)

    assert sweep is not None
    assert [trial.number for trial in sweep.trials] == [0, 1]
    assert sweep.marked == {}
    assert width.sweep(given, trials[::2], other) is None


# the families' own seeds


def test_families_are_compared_by_seeds_that_no_later_study_uses() -> None:
    wide = replace(tiny_preset().reference, beta=0.1)  # at which Xception can be as large
    preset: Preset = replace(tiny_preset(), reference=wide, families=("inception_v3", "xception"), seeds=3)

    first = baseline.propose(Given(preset, {}, 30.0), []).first_seed

    others = {preset.seed, *(fresh_seed(preset.seed, further) for further in (AFTER_ALL, IN_FULL, RESOLUTION))}
    assert first is not None
    assert first not in others
    begun = [Trial(0, {"variant": "inception_v3"}, "complete", 12.0, seed=preset.seed)]
    assert baseline.propose(Given(preset, {}, 30.0), begun).first_seed == preset.seed  # as an earlier version began it
