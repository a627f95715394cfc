"""Caps on parameters, MACs and training memory: every study, rival and command keeps them, by arithmetic alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from models.cost import training_bytes
from search.cli import main
from search.commands import values
from search.compare.rivals.fresh import Fresh
from search.leader.engine import run_study
from search.planning.feasible import fitting
from search.planning.unfit import why_unfit
from search.run import Run, record
from search.storage.sqlite import sqlite_url
from studies import ablation, depth, joint, refinement, width
from studies.order import STUDIES
from studies.preset import Preset, StudyError
from studies.presets import demo
from studies.study import Decision, Given, feasible_points, points


def after(preset: Preset) -> Given:
    decisions = {
        "ablation": Decision("", preset.reference, ablation.AblationFindings(key_groups=("mixed5",))),
        "width": Decision("", preset.reference, width.WidthFindings(best_beta=preset.reference.beta)),
        "depth": Decision("", preset.reference, depth.DepthFindings()),
    }
    return Given(preset, decisions, 30.0)


@pytest.mark.parametrize("strategy", ["surrogate", "paper"])
@pytest.mark.parametrize("study", [ablation, width, depth, refinement], ids=lambda study: str(study.NAME))
@given(share=st.tuples(*[st.floats(0.2, 3)] * 3), batch=st.integers(1, 64))
@settings(max_examples=4, deadline=None)
def test_what_a_study_may_train_meets_every_cap(
    study: object, strategy: str, share: tuple[float, float, float], batch: int
) -> None:
    preset = tiny_preset()
    own = Given(preset, {}, 30.0).cost(preset.reference)
    preset = replace(
        preset,
        strategy=strategy,  # type: ignore[arg-type]
        training=replace(preset.training, batch=batch),
        max_params=round(own.params * share[0]),
        max_macs=round(own.macs * share[1]),
        max_memory=round(training_bytes(own, batch) * share[2]),
    )
    given = after(preset)
    feasible = feasible_points(study, given)  # type: ignore[arg-type]

    for point in points(study.space(given)):  # type: ignore[attr-defined]
        cost = given.cost(study.architecture(given, point))  # type: ignore[attr-defined]
        meets = (
            cost.params <= preset.max_params
            and cost.macs <= preset.max_macs
            and training_bytes(cost, batch) <= preset.max_memory
        )
        assert (point in feasible) == meets


@pytest.mark.parametrize(
    ("caps", "says"),
    [
        ({"max_macs": 1_000}, r"no point of ablation fits 1,000 MACs: .* raise --max-macs"),
        ({"max_memory": 1_000}, r"no point of ablation fits 1,000 bytes in training: .* raise --max-memory"),
        (
            {"max_params": 1_000, "max_macs": 10**12},
            r"no point of ablation fits 1,000 parameters: .* raise --max-params",
        ),
    ],
)
def test_a_study_for_which_nothing_fits_says_which_cap_it_is(
    caps: dict[str, int], says: str, tiny_store: Store, tmp_path: Path
) -> None:
    run = Run(tmp_path, replace(tiny_preset(), **caps), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    record(run)

    with pytest.raises(StudyError, match=says):
        run_study(run, tiny_store, "ablation", FormulaExecutor, silent())


@pytest.mark.parametrize(
    ("caps", "says"),
    [
        ({"max_macs": 1_000}, r"fits 1,000 MACs with the sex: .* has [\d,]+; raise --max-macs"),
        ({"max_memory": 1_000}, r"fits 1,000 bytes in training with the sex: .* has [\d,]+; raise --max-memory"),
        ({"refine_max_params": 1_000}, r"fits 1,000 parameters with the sex: .* has [\d,]+; raise --refine-max-params"),
        (
            {"max_params": 900, "max_macs": 7},
            r"fits 900 parameters and 7 MACs with the sex: .* has [\d,]+ and [\d,]+; raise --max-params or --max-macs",
        ),
    ],
)
def test_a_refinement_for_which_nothing_fits_names_the_caps_that_bind(caps: dict[str, int], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        refinement.decide(after(replace(tiny_preset(), strategy="paper", **caps)), [])  # type: ignore[arg-type]


def test_a_whole_search_trains_nothing_over_a_cap_on_macs(tiny_store: Store, tmp_path: Path) -> None:
    preset = tiny_preset()
    most = round(1.1 * Given(preset, {}, 30.0).cost(preset.reference).macs)
    preset = replace(preset, max_macs=most, confirm=0)
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    record(run)
    executor = FormulaExecutor()
    for name in list(STUDIES)[:3]:
        run_study(run, tiny_store, name, lambda: executor, silent())

    assert max(Given(preset, {}, 30.0).cost(network).macs for network in executor.seen) <= most
    free = after(replace(preset, max_macs=0))
    assert len(fitting(width, free)) > len(fitting(width, after(preset)))  # it has left some out


def test_a_point_that_somebody_enqueues_over_a_cap_is_refused_with_that_cap() -> None:
    preset = tiny_preset()
    given = after(replace(preset, max_macs=1_000_000, strategy="paper"))
    point = {"beta": width.betas(given)[-1]}

    why = why_unfit(width, given, fitting(width, given), point | {"seed": 0}, [])
    assert why.endswith("MACs, over the cap of 1,000,000")


def test_rivals_keep_every_cap() -> None:
    preset = tiny_preset()
    free, capped = (
        Fresh(preset),
        Fresh(replace(preset, max_macs=round(joint.cost_of(preset, reference(preset)).macs * 1.2))),
    )

    every = list(points(joint.space(preset)))
    assert any(free.fits(point) and not capped.fits(point) for point in every)
    for point in every:
        over = joint.cost_of(preset, point).macs > capped.preset.max_macs or not free.fits(point)
        assert capped.fits(point) == (not over) == (capped.excess(point) <= 0) == joint.fits(capped.preset, point)


def reference(preset: Preset) -> dict[str, object]:
    return joint.point(preset, preset.reference)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "value"), [("5G", 5 * 10**9), ("1.5T", 1.5 * 10**12), ("800m", 8 * 10**8), ("0", 0), ("2e9", 2 * 10**9)]
)
def test_an_amount_is_read_as_it_is_written(text: str, value: float) -> None:
    assert values.AMOUNT_OR_0(text) == value


@pytest.mark.parametrize("text", ["", "G", "-1", "nan", "5 gigabytes", "1e99", "9999T"])
def test_an_amount_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", f"--max-memory={text}"])
    assert "5G, 800M" in capsys.readouterr().err


@pytest.mark.parametrize("cap", [["--max-macs", "1G"], ["--max-memory", "1G"], ["--max-params", "1M"]])
def test_count_says_which_cap_is_exceeded(cap: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "--family", "densenet121", *cap]) == 2
    assert "over the cap of" in capsys.readouterr().err
    assert main(["count", "--family", "densenet121", "--beta", "0.1", *cap, "--image-px", "75"]) == 0


def test_no_cap_but_that_on_parameters_is_set_unless_asked_for() -> None:
    assert [str(cap) for cap in after(demo()).caps(10)] == ["10 parameters"]
