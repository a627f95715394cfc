"""A little of what `make fuzz` does at length."""

import random

import pytest
from fuzz import damaged, fuzz, in_a_process_of_its_own
from fuzz_readers import READERS

FEW = {
    "image": 80,
    "dicom": 80,
    "table": 25,
    "store": 25,
    "checkpoint": 25,
    "curves": 25,
    "run.json": 6,
    "studies.db": 6,
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", FEW)
def test_a_damaged_file_is_read_or_refused_with_a_sentence(reader: str) -> None:
    result = fuzz(reader, FEW[reader], seed=1)

    assert result.failures == []
    assert result.tried == FEW[reader]


@pytest.mark.slow
@pytest.mark.parametrize("reader", sorted(set(READERS) - set(FEW)))
def test_a_damaged_model_is_read_or_refused_with_a_sentence(reader: str) -> None:
    assert in_a_process_of_its_own(reader, 40, 1).failures == []


def test_the_damage_is_a_function_of_its_seed_and_mostly_is_one() -> None:
    whole = bytes(range(256)) * 4
    made = [damaged(whole, random.Random(f"{seed}")) for seed in range(50)]

    assert made == [damaged(whole, random.Random(f"{seed}")) for seed in range(50)]
    assert sum(one != whole for one in made) > 40
