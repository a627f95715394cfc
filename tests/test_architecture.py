import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.architecture import GROUPS, Architecture, ArchitectureError, Blocks, of_groups, parse_counts
from models.families.inception_v3 import INCEPTION_V3

architectures = st.builds(
    Architecture,
    beta=st.floats(0.0625, 2),
    blocks=st.builds(Blocks, *[st.integers(0, 6)] * len(GROUPS)),
    stem_pools=st.tuples(st.booleans(), st.booleans()),
    sex_units=st.integers(0, 64),
    fc_units=st.integers(0, 4096),
    dropout=st.floats(0, 0.9),
    channel_multiple=st.integers(1, 64),
)


@given(architectures)
def test_an_architecture_survives_json(architecture: Architecture) -> None:
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture


def read(text: str) -> Any:
    return of_groups(INCEPTION_V3, parse_counts(text))


def test_blocks_are_written_as_the_paper_does_or_by_group() -> None:
    assert read("4/3/3") == Blocks(mixed5=4, mixed7=3, mixed9=3)
    assert read("mixed0=1,mixed5=4") == Blocks(mixed0=1, mixed5=4)
    assert read("mixed9=0") == Blocks(mixed9=0)


@given(st.builds(Blocks, *[st.integers(0, 9)] * len(GROUPS)))
def test_blocks_are_read_as_they_are_printed(blocks: Blocks) -> None:
    assert read(str(blocks)) == blocks


@pytest.mark.parametrize(
    "text", ["", "4/3", "4/3/3/1", "a/b/c", "mixed3=1", "mixed5", "mixed5=-1", "mixed5=x", "4", "4//3"]
)
def test_blocks_that_are_not_understood_are_refused_with_the_groups(text: str) -> None:
    with pytest.raises(ArchitectureError, match="the groups are mixed0, mixed1"):
        read(text)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"beta": 0.0}, "beta must be"),
        ({"beta": float("nan")}, "beta must be"),
        ({"beta": 9.0}, "beta must be"),
        ({"channel_multiple": 0}, "channel_multiple must be a whole number from 1 to 64; got 0"),
        ({"blocks": Blocks(mixed5=65)}, "mixed5 can be repeated 0 to 64 times, got 65"),
        ({"blocks": Blocks(mixed5=-1)}, "mixed5 can be repeated"),
        ({"sex_units": -1}, "sex_units must be a whole number from 0"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to below 1"),
    ],
)
def test_an_architecture_that_cannot_exist_cannot_be_made(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ArchitectureError, match=says):
        Architecture(**fields)  # type: ignore[arg-type]
