"""What is said of the training with the lowest validation MAE does not contradict the mean that stands beside it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.written import months
from search.report.words import lowest_seen, with_mean
from studies.findings import Choice
from studies.study import Trial

CHOICE = Choice(14.78, 0.45, 3, 17, 0.97, 13.898145, "β 0.1, mixed7=1", 14.78, 0.45, True, 14.118096)


@given(st.lists(st.floats(3, 90), min_size=1, max_size=6))
def test_the_lowest_is_called_one_trainings_where_the_network_has_several(maes: list[float]) -> None:
    choice = replace(CHOICE, seeds=len(maes), lowest=min(maes), mean=sum(maes) / len(maes))

    for said in (choice.sentence, lowest_seen(choice)):
        assert (f"ne of its {len(maes)} trainings had the lowest MAE seen" in said) == (len(maes) > 1)
        assert ("t also had the lowest MAE seen" in said) == (len(maes) == 1)
        assert (f"; their mean is {months(choice.mean)}" in said) == (len(maes) > 1)
        assert months(min(maes)) in said


def test_the_decision_and_the_card_say_it_in_the_same_words() -> None:
    assert lowest_seen(CHOICE) == (
        "In the search itself, one of its 3 trainings had the lowest MAE seen of the networks that could be chosen, 13.90; their mean is 14.12."
    )
    assert CHOICE.sentence.endswith(f"; {CHOICE.had_the_lowest}")


@pytest.mark.parametrize(("seeds", "known"), [(3, True), (2, False)])
def test_an_earlier_versions_choice_has_the_mean_of_the_trainings_that_decided_alone(seeds: int, known: bool) -> None:
    stored = Choice.from_dict({name: value for name, value in CHOICE.to_dict().items() if name != "mean"})
    runs = tuple(Trial(n, {}, "complete", 14.0 + n, 1, seed=n) for n in range(seeds))
    pooled = Trial(0, {}, "complete", 14.5, runs=runs)

    assert "mean" not in stored.to_dict()  # a study that was given it finds the same again
    assert with_mean(stored, pooled).mean == (14.5 if known else None)
    assert with_mean(CHOICE, pooled) == CHOICE
