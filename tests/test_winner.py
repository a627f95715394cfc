"""The decided network's own block groups, lowered after the search where that is asked for."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from searched import a_run, search

from data.store.disk import Store
from models.architecture import Blocks
from search.leader.engine import run_study
from search.planning.amount import Budget
from search.planning.budget import design
from search.planning.images import Images
from search.planning.plan import assumed, plan
from search.report.read import read
from search.report.words import answers
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import load, table, trials_of
from search.storage.status import status
from studies.around import winner
from studies.order import STUDIES, following
from studies.statistics.fresh import fresh_seed
from studies.study import Decision, Given

pytestmark = pytest.mark.slow

WANTED = replace(tiny_preset(), ablate_winner=True)
IMAGES = Images(40, 13, 0, "counted", 0)


@pytest.fixture(scope="module")
def ablated(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> tuple[Run, Decision, FormulaExecutor]:
    run = search(a_run(tmp_path_factory.mktemp("winner"), tiny_store, WANTED), tiny_store, FormulaExecutor())
    executor = FormulaExecutor()
    return run, run_study(run, tiny_store, winner.NAME, lambda: executor, silent()), executor


def test_it_lowers_each_group_of_the_decided_network_and_decides_nothing(
    ablated: tuple[Run, Decision, FormulaExecutor],
) -> None:
    run, made, executor = ablated
    decided = load(open_storage(run.storage), "refinement", run.folder)
    assert decided is not None
    counts, fresh = made.architecture.blocks._asdict(), fresh_seed(run.preset.seed)
    study = load(open_storage(run.storage), winner.NAME, run.folder)
    assert study is not None
    lowered = {str(trial.point["variant"]) for trial in trials_of(study)}

    assert lowered == {"baseline", *(f"{group}={n}" for group, count in counts.items() for n in range(count))}
    assert made.architecture in [job.architecture for job in executor.every]  # whatever refinement has trained
    assert {job.seed for job in executor.every} == {fresh}
    assert all(
        replace(job.architecture, blocks=made.architecture.blocks) == made.architecture for job in executor.every
    )
    assert {row.variant for row in made.findings.compared} == lowered - {"baseline"}
    assert made.summary.startswith("around the decided network ")


def test_status_and_report_say_it(ablated: tuple[Run, Decision, FormulaExecutor]) -> None:
    run, made, _ = ablated
    assert [one["name"] for one in status(run)] == list(STUDIES)
    assert status(run)[-1][winner.NAME]["decision"]["summary"] == made.summary
    assert len(table(run, winner.NAME)) == len(made.findings.compared) + 1
    why = next(answer for answer in answers(read(run)) if answer.question == "Why these blocks?")
    assert f"A{made.summary[1:]}." in why.details


def test_a_search_ends_with_it_only_where_it_is_asked_for(tmp_path: Path) -> None:
    last = list(STUDIES)[-1]
    assert winner.NAME in following(last, WANTED)
    assert winner.NAME not in following(last, tiny_preset())
    assert winner.NAME not in following("width", WANTED)


def test_a_decided_network_without_blocks_is_left_alone() -> None:
    bare = replace(WANTED.reference, blocks=Blocks(0, 0, 0, 0, 0, 0))
    given = Given(WANTED, {"refinement": Decision("", bare)}, 37.0)
    assert list(winner.propose(given, []).points) == []
    assert winner.architecture(given, {"variant": "baseline"}) == bare
    assert "no block groups" in winner.decide(given, []).summary
    assert winner.table(given, []) == []


def test_a_budget_has_it_only_where_all_that_the_search_was_to_have_is_paid() -> None:
    without, planned = (
        plan(preset, IMAGES, assumed(IMAGES)) for preset in (replace(WANTED, ablate_winner=False), WANTED)
    )
    more = planned.epochs - without.epochs
    assert more > 0
    assert planned.studies[-1].study == winner.NAME

    def found(epochs: int) -> bool:
        budget = Budget(epochs, "epochs")
        made = design(WANTED, budget, lambda preset: plan(preset, IMAGES, assumed(IMAGES)))
        assert made.fits
        return made.preset.ablate_winner

    full = planned.full_epochs
    assert not found(without.epochs + full)
    assert not found(planned.epochs + full - 1)
    assert found(100 * planned.epochs)
