"""In what a network differs from the reference is said whole, and of nothing else: for every family, width, head and count."""

import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.architecture import Architecture, Blocks, changed
from models.families import FAMILIES
from search.report.cards.moved import WRITTEN, against_reference

OTHER: dict[str, Any] = {
    "beta": 0.14,
    "channel_multiple": 8,
    "se_ratio": 0.0625,
    "input_px": 100,
    "stem_pools": (False, True),
    "fc_units": 64,
    "dropout": 0.3,
    "sex_units": 0,
    "even_detail": 0.1,
    "even_tone": 0.5,
}


def stock(family: str) -> Architecture:
    return changed(Architecture(), {"family": family})


def test_every_field_of_a_network_can_be_told() -> None:
    told_apart = {"blocks", "family", "group_betas"}

    assert {field.name for field in fields(Architecture)} - told_apart == WRITTEN.keys() == OTHER.keys()


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_exactly_the_groups_that_have_other_counts_are_named(family: str, data: st.DataObject) -> None:
    reference = stock(family)
    counts = data.draw(st.tuples(*(st.integers(0, 3) for _ in reference.blocks)))
    network = replace(reference, blocks=type(reference.blocks)(*counts))

    told = re.findall(r"(\w+) (\d+) instead of (\d+)", against_reference(reference, network))

    before = reference.blocks._asdict()
    assert told == [
        (group, str(count), str(before[group]))
        for group, count in network.blocks._asdict().items()
        if count != before[group]
    ]


@pytest.mark.parametrize("field", OTHER)
def test_a_network_that_differs_elsewhere_alone_is_not_called_the_reference(field: str) -> None:
    reference = Architecture()
    said = against_reference(reference, replace(reference, **{field: OTHER[field]}))

    assert said.startswith("All groups are as in the reference. Compared with it: ")
    assert said.count(" instead of ") == 1
    assert WRITTEN[field][0] in said


def test_a_group_that_is_wider_is_named() -> None:
    said = against_reference(Architecture(), Architecture(group_betas=(("mixed5", 1.2),)))

    assert said.endswith("Compared with it: filters of mixed5 × 1.2 instead of × 1.")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_itself_is_said_to_be_it(family: str) -> None:
    assert against_reference(stock(family), stock(family)) == (
        "All groups are as in the reference. This network is the reference."
    )


def test_networks_without_block_groups_have_none_that_could_differ() -> None:
    bare = Architecture(0.1, Blocks(0, 0, 0, 0, 0, 0))

    assert against_reference(bare, bare) == (
        "Neither the reference nor this network has block groups. This network is the reference."
    )
    assert against_reference(bare, replace(bare, fc_units=64)).endswith(
        "Compared with it: FC units 64 instead of none."
    )
    assert "mixed9 0 instead of 1" in against_reference(replace(bare, blocks=bare.blocks._replace(mixed9=1)), bare)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "inception_v3"])
def test_groups_of_two_families_are_not_counted_against_each_other(family: str) -> None:
    said = against_reference(Architecture(), stock(family))

    assert re.fullmatch(r"It is of another family than the reference: .+ instead of InceptionV3\.", said)
