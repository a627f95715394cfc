"""Width by group: some block groups wider or narrower than the rest, in every family."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import Architecture, ArchitectureError, changed
from models.cost import cost
from models.families import FAMILIES
from models.network import build
from search.cli import main
from search.commands import values
from search.run import open_run, record
from search.trained.choose import name_of


@given(name=st.sampled_from(list(FAMILIES)), factor=st.sampled_from([0.5, 0.7, 1.4, 2.0]), place=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_a_wider_group_costs_no_less_and_a_narrower_one_no_more_and_all_of_them_are_beta(
    name: str, factor: float, place: int
) -> None:
    family = FAMILIES[name]
    group = family.groups[place % len(family.groups)]
    plain = Architecture(family=name, beta=0.5, blocks=family.counts({group: 2}))
    varied = replace(plain, group_betas=((group, factor),))

    before, after = cost(plain, 100), cost(varied, 100)
    for count in ("params", "macs"):  # equal where both widths round to the same filters
        wider, narrower = (after, before) if factor > 1 else (before, after)
        assert getattr(wider.groups[group], count) >= getattr(narrower.groups[group], count)
    first = list(before.groups).index(group)
    for earlier in list(before.groups)[:first]:
        assert after.groups[earlier] == before.groups[earlier]
    assert Architecture.from_dict(json.loads(json.dumps(varied.to_dict()))) == varied


@pytest.mark.parametrize("name", list(FAMILIES))
def test_what_is_built_has_the_parameters_that_were_counted(name: str) -> None:
    """Where a group's output is added to its input, the widths inside alone may change."""
    family = FAMILIES[name]
    blocks = family.counts({group: min(count, 2) for group, count in family.blocks._asdict().items()})
    group = next(group for group, count in blocks._asdict().items() if count)
    network = Architecture(family=name, beta=0.125, blocks=blocks, group_betas=((group, 1.7),))

    model = build(network, 80)
    assert model.count_params() == cost(network, 80).params
    assert np.prod(model.get_layer("gap").output.shape[1:]) == cost(network, 80).gap_channels


def test_without_them_a_network_is_what_it_was() -> None:
    assert "group_betas" not in Architecture().to_dict()
    assert changed(Architecture(), {"group_betas": (("mixed9", 1.0),)}) == Architecture()  # a factor of one is none
    assert name_of(Architecture(group_betas=(("mixed9", 0.7),))) == name_of(Architecture()) + "-mixed9x0.7"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1.2", 1.2),
        ("mixed9=0.7", values.Betas(None, (("mixed9", 0.7),))),
        ("1.2,mixed9=0.7", values.Betas(1.2, (("mixed9", 0.7),))),
        ("mixed9=0.7,mixed5=1.4", values.Betas(None, (("mixed9", 0.7), ("mixed5", 1.4)))),
    ],
)
def test_widths_are_read_as_they_are_written(text: str, read: object) -> None:
    assert values.BETAS(text) == read


@pytest.mark.parametrize(
    "text", ["mixed9=", "mixed9=x", "=0.7", "1,2,mixed9=0.7", "mixed9=0.7,mixed9=0.8", "mixed9=99"]
)
def test_widths_that_are_none_are_refused_with_their_forms(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["count", "--beta", text])
    assert "as 1.2 or mixed9=0.7" in capsys.readouterr().err


@pytest.mark.parametrize(
    "betas",
    [
        (("mixed3", 0.5),),
        (("mixed9", 0.5), ("mixed5", 0.5)),
        (("mixed9", 1.0),),
        (("mixed9", "x"),),
        ("mixed9",),
        [],
        7,
    ],
)
def test_factors_of_no_group_are_refused(betas: object) -> None:
    with pytest.raises(ArchitectureError, match="group_betas"):
        Architecture(group_betas=betas)  # type: ignore[arg-type]


def test_a_run_remembers_them_and_count_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"group_betas": (("mixed9", 0.7), ("mixed5", 1.4))}
    record(open_run(tmp_path, "demo", asked, None, None))

    again = open_run(tmp_path, None, {}, None, None).preset.reference
    assert again.group_betas == (("mixed5", 1.4), ("mixed9", 0.7))  # in the network's order
    assert main(["count", "--beta", "mixed9=0.7", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["params"] == cost(Architecture(group_betas=(("mixed9", 0.7),)), 300).params
    assert main(["count", "--beta", "middle=0.7"]) == 2
    assert "group_betas name groups of inception_v3" in capsys.readouterr().err
