"""What several trainings of one network come to: each has a best epoch and a training MAE there, and none stands for the others."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from conftest import tiny_preset
from hypothesis import given
from hypothesis import strategies as st

from studies import refinement
from studies.study import Decision, Given, Trial, pool, row
from studies.width import WidthFindings

CURVES = st.lists(st.tuples(st.floats(3, 90), st.floats(3, 90)), min_size=1, max_size=6)  # training, validation


def trained(number: int, curve: Sequence[tuple[float, float]]) -> Trial:
    validation = tuple(mae for _, mae in curve)
    best = validation.index(min(validation))
    return Trial(
        number,
        {"beta": 0.25},
        "complete",
        validation[best],
        best + 1,
        tuple(mae for mae, _ in curve),
        validation_mae_by_epoch=validation,
        seed=number,
    )


@given(st.lists(CURVES, min_size=1, max_size=4), st.integers(0, 2))
def test_best_epochs_and_training_mae_are_of_every_training_that_gave_a_result(
    curves: list[list[tuple[float, float]]], failed: int
) -> None:
    runs = [trained(number, curve) for number, curve in enumerate(curves)]
    fails = [Trial(9 + n, {"beta": 0.25}, "failed", seed=9 + n) for n in range(min(failed, len(runs)))]

    [point] = pool([*runs, *fails])

    assert point.best_epochs == tuple(run.best_epoch for run in runs)
    assert point.best_train_mae == fmean(
        curve[run.best_epoch - 1][0] for run, curve in zip(runs, curves, strict=True) if run.best_epoch
    )
    assert point.best_epoch == (runs[0].best_epoch if len(runs) == 1 else None)


def test_tables_list_the_best_epoch_of_every_seed() -> None:
    start = Given(tiny_preset(), {}, 33.0)
    two = [trained(0, [(9.0, 8.0), (7.0, 9.0)]), trained(1, [(8.0, 9.0), (6.0, 7.0)])]

    def shown(trials: list[Trial]) -> object:
        return row(start, pool(trials)[0], start.preset.reference)["best_epoch"]

    assert shown(two[:1]) == 1
    assert shown(two) == "1, 2"
    assert shown([replace(two[0], state="failed", validation_mae=None, best_epoch=None)]) is None


def test_the_refinements_table_has_the_training_mae_of_the_best_epochs_and_not_of_the_last() -> None:
    preset = tiny_preset()
    start = Given(preset, {"width": Decision("", preset.reference, WidthFindings(best_beta=0.25))}, 33.0)
    start = replace(start, decisions=start.decisions | {"depth": Decision("", preset.reference)})
    runs = [trained(0, [(9.0, 8.0), (7.0, 9.0)]), trained(1, [(8.0, 9.0), (6.0, 7.0)])]

    [shown] = refinement.table(start, pool(runs))

    assert shown["train_mae"] == 7.5
