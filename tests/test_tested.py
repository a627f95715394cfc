"""What the report says of a test of its network: of every model that there may be, and what to type where none says anything."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from golden_runs import laid_out

from search.commands.parser import parser
from search.report.cards.tested import how_tested
from search.report.read import Best, Report, read
from search.run import MODELS, open_run
from search.trained.choose import name_of
from search.trained.folder import ABOUT
from search.trained.made_of import STOPPED


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Its ablation is decided; its data have a test split."""
    report = read(open_run(laid_out(tmp_path_factory.mktemp("tested") / "run"), None, {}, None, None))
    assert report.store is not None
    assert len(report.store.split("test"))
    return report


def best_of(report: Report) -> Best:
    assert report.best is not None
    return report.best


def model(report: Report, **own: Any) -> Mapping[str, Any]:
    scores = {"n": 200, "mae": 5.6, "mae_low": 5.0, "mae_high": 6.3}
    about = {
        "name": "final",
        "from": "ablation #1",
        "architecture": best_of(report).architecture.to_dict(),
        "data": {"digest": report.digest, "source": "/data/here", "counts": {}, "synthetic": False},
        "history": [{}, {}, {}],
        "training": {"epochs": 14},
        "test": scores,
    }
    found: Mapping[str, Any] = json.loads(json.dumps(about | own))
    return found


def said(report: Report, *models: Mapping[str, Any]) -> str:
    shown = replace(report, models=tuple((report.run.folder / MODELS / str(one["name"]), one) for one in models))
    return " ".join(how_tested(shown, best_of(shown)))


ELSEWHERE = {"digest": "another", "source": "/data/another-hospital", "counts": {}, "synthetic": False}
THREE = {"members": [{}, {}, {}]}


def test_a_model_of_the_network_says_its_test_and_an_ensemble_that_it_is_one(golden: Report) -> None:
    assert said(golden, model(golden)) == "Test MAE 5.60 (final, 200 images)."
    assert (
        said(golden, model(golden, ensemble=THREE)) == "Test MAE 5.60 (final, the mean of 3 such networks, 200 images)."
    )


def test_the_test_of_a_training_that_was_stopped_says_so(golden: Report) -> None:
    assert said(golden, model(golden, **{STOPPED: 3})) == (
        "Test MAE 5.60 (final, which was stopped after 3 of 14 epochs, 200 images)."
    )


@pytest.mark.parametrize("ensemble", [None, THREE], ids=["one", "three"])
def test_a_model_of_another_hospitals_set_is_no_test_and_is_named(
    golden: Report, ensemble: dict[str, Any] | None
) -> None:
    told = said(golden, model(golden, data=ELSEWHERE, ensemble=ensemble))

    assert "was tested on other data, another-hospital. No test MAE yet: boneage-search train" in told
    assert ("mean of such networks" in told) == bool(ensemble)
    assert "5.60" not in told


def test_the_usual_name_is_not_advised_where_a_model_of_other_data_has_it(golden: Report) -> None:
    usual = name_of(best_of(golden).architecture)
    folder = golden.run.folder / MODELS / usual
    folder.mkdir(parents=True)
    (folder / ABOUT).write_text("{}")

    assert said(golden, model(golden, data=ELSEWHERE, name=usual)).endswith(f"--name {usual}-2")

    (folder / ABOUT).unlink()


@pytest.mark.parametrize("own_name", [True, False])
def test_a_training_that_has_begun_and_left_no_model_goes_on_by_the_command_that_began_it(
    golden: Report, own_name: bool
) -> None:
    usual = name_of(best_of(golden).architecture)
    name = "mine" if own_name else usual
    begun = replace(golden, begun={name: {"architecture": best_of(golden).architecture.to_dict()}})

    told = said(begun)

    assert f"its training in models/{name} has begun and is not finished" in told
    assert told.endswith("The command that began it goes on with it.")  # its options are known to nobody else


def test_a_training_of_another_network_is_none_of_this_one(golden: Report) -> None:
    other = replace(best_of(golden).architecture, beta=0.5).to_dict()

    assert said(replace(golden, begun={"other": {"architecture": other}})) == said(golden)


def test_data_without_a_test_split_are_said_to_have_none(golden: Report) -> None:
    assert golden.store is not None
    cases = golden.store.cases
    without = replace(golden.store)
    vars(without)["cases"] = cases[cases["split"] != "test"]  # as they are once they were read

    assert said(replace(golden, store=without)) == "No test MAE: these data have no test split."


def test_before_the_first_decision_the_trial_is_named(golden: Report) -> None:
    first = golden.study("ablation")
    open_yet = replace(golden, studies=(replace(first, status=dict(first.status, decision=None)), *golden.studies[1:]))
    best = best_of(open_yet)

    assert f"--trial {best.study.name}:{best.trial.number}" in said(open_yet)
    assert "--trial" not in said(golden)


def test_what_is_advised_is_a_command(golden: Report) -> None:
    program, *words = shlex.split(said(golden).rpartition(": ")[2])

    assert program == "boneage-search"
    assert parser().parse_args(words).run_dir == golden.run.folder
