import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.architecture import GROUPS, Architecture, ArchitectureError, Blocks, changed
from models.cost import cost, params, parse_params
from models.families import FAMILIES
from models.layers import Branches, Conv, Layer
from models.paper import TABLE1
from models.stages import stages
from studies.knowledge.belief import moved

GOLDEN = json.loads((Path(__file__).parent / "golden" / "table1.json").read_text())


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_table1_has_its_exact_counts(row: dict[str, float]) -> None:
    blocks = Blocks(mixed5=int(row["n5"]), mixed7=int(row["n7"]), mixed9=int(row["n9"]))
    architecture = Architecture(row["beta"], blocks, sex_units=int(row["sex_units"]), fc_units=int(row["fc_units"]))

    counted = cost(architecture, 300)

    assert (counted.params, counted.macs) == (row["params"], row["macs"])
    assert next(known for known in TABLE1 if known.name == row["name"]).architecture == architecture


def test_all_rows_but_the_baseline_cut_to_the_papers_millions() -> None:
    cut = {row.name: cost(row.architecture, 300).params // 1_000_000 for row in TABLE1}

    assert {name for name, millions in cut.items() if millions != dict(paper())[name]} == {"Baseline"}


def paper() -> list[tuple[str, int]]:
    return [(row["name"], row["paper_millions"]) for row in GOLDEN]


def test_stock_inceptionv3_with_one_channel_and_sex_has_21_8_million() -> None:
    stock = cost(Architecture(), 300)

    assert stock.params == 21_804_353
    assert stock.trainable_params == 21_769_921
    assert stock.gap_channels == 2048
    assert stock.macs == pytest.approx(5.70e9, rel=1e-3)


@pytest.mark.parametrize(("group", "params"), [("mixed5", 1_692_736), ("mixed7", 2_143_872), ("mixed9", 6_080_064)])
def test_one_more_block_costs_what_the_literature_counts(group: str, params: int) -> None:
    stock = Architecture()
    count = getattr(stock.blocks, group)
    deeper = replace(stock, blocks=stock.blocks._replace(**{group: count + 1}))

    assert cost(deeper, 300).params - cost(stock, 300).params == params


def test_stem_poolings_change_macs_and_no_parameter() -> None:
    costs = [cost(Architecture(stem_pools=pools), 300) for pools in ((True, True), (False, True), (True, False))]

    assert len({counted.params for counted in costs}) == 1
    assert costs[0].macs < min(costs[1].macs, costs[2].macs)


@given(
    blocks=st.builds(Blocks, *[st.integers(0, 4)] * len(GROUPS)),
    beta=st.floats(0.1, 1.5),
    fc_units=st.integers(0, 100),
)
def test_the_groups_add_up_to_the_total(blocks: Blocks, beta: float, fc_units: int) -> None:
    counted = cost(Architecture(beta, blocks, fc_units=fc_units), 300)

    assert sum(group.params for group in counted.groups.values()) == counted.params
    assert sum(group.trainable_params for group in counted.groups.values()) == counted.trainable_params
    assert sum(group.macs for group in counted.groups.values()) == counted.macs
    assert {name for name, count in blocks._asdict().items() if count} == set(counted.groups) & set(GROUPS)


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    most=st.integers(0, 4),
    beta=st.floats(0.1, 1.5),
    fc_units=st.sampled_from((0, 128)),
    se_ratio=st.sampled_from((0.0, 1 / 16)),
    input_px=st.sampled_from((0, 20)),
    image_px=st.integers(150, 600),
)
def test_parameters_are_counted_without_a_side_and_are_the_same_at_every_side(
    family: str, most: int, beta: float, fc_units: int, se_ratio: float, input_px: int, image_px: int
) -> None:
    counts = dict.fromkeys(FAMILIES[family].groups, most)
    own = {"family": family, "beta": beta, "fc_units": fc_units, "se_ratio": se_ratio, "input_px": input_px}
    network = moved(changed(Architecture(), own), counts)

    assert params(network) == cost(replace(network, input_px=0), image_px).params


def test_an_image_that_vanishes_in_the_network_is_refused() -> None:
    assert cost(Architecture(), 75).params == 21_804_353
    with pytest.raises(ArchitectureError, match="an image of 74 px is too small"):
        cost(Architecture(), 74)


@pytest.mark.parametrize(
    ("text", "params"),
    [("70M", 70_000_000), ("1.5M", 1_500_000), ("70000000", 70_000_000), ("800k", 800_000), ("70_000_000", 70_000_000)],
)
def test_a_cap_is_written_as_people_do(text: str, params: int) -> None:
    assert parse_params(text) == params


@pytest.mark.parametrize("text", ["", "M", "-1", "70X", "70MB", "7e6M"])
def test_a_cap_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ArchitectureError, match="70M"):
        parse_params(text)


@given(st.floats(0.05, 2), st.sampled_from([4, 8, 16]))
def test_channels_can_be_the_nearest_multiples_of_a_number(beta: float, multiple: int) -> None:
    plain, rounded = (
        filters_of([layer for stage in stages(Architecture(beta, channel_multiple=number)) for layer in stage.layers])
        for number in (1, multiple)
    )

    for ours, stock in zip(rounded, plain, strict=True):
        assert ours % multiple == 0
        assert ours == multiple or abs(ours - stock) <= multiple / 2 + 1  # stock is rounded down


def filters_of(layers: Sequence[Layer]) -> list[int]:
    found: list[int] = []
    for layer in layers:
        if isinstance(layer, Conv):
            found.append(layer.filters)
        elif isinstance(layer, Branches):
            found += [filters for branch in layer.branches for filters in filters_of(branch)]
    return found


def test_a_network_described_before_channels_had_a_choice_is_the_same_network() -> None:
    assert "channel_multiple" not in Architecture().to_dict()
    assert Architecture(channel_multiple=8).to_dict()["channel_multiple"] == 8
