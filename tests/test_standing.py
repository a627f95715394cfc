"""Who wins a comparison, how soon and how surely: checked against direct computations, and on tables whose truth is known."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from landscapes import KINDS, landscape
from scipy.stats import binomtest

from search.cli import main
from search.compare.compare import Played, compare, recorded_seeds, summary
from search.compare.curves import Curve, write
from search.compare.replay import Trace, Tried
from search.compare.rivals import STAGED
from search.compare.standing import hit, hits, standing, verdict
from search.planning.asking import key
from studies.presets import miniature

optuna.logging.set_verbosity(optuna.logging.WARNING)
PRESET = miniature()
months = st.lists(st.integers(1, 9).map(float), min_size=1, max_size=8)


def trace_of(maes: Sequence[float]) -> Trace:
    so_far = tuple(np.minimum.accumulate(maes).tolist())
    return Trace(so_far, (Tried(0, {}, 0, Curve(tuple(maes), (), ()), "complete"),), 1.0, None)


@given(st.lists(months, min_size=1, max_size=12), st.integers(1, 9).map(float))
def test_hits_are_what_counting_gives(curves: list[list[float]], goal: float) -> None:
    traces = [trace_of(curve) for curve in curves]
    direct = [next((n for n, mae in enumerate(curve, 1) if mae <= goal), None) for curve in curves]
    found = hits(traces, goal)

    assert [hit(trace, goal) for trace in traces] == direct
    assert found["never_hit"] == direct.count(None) / len(direct)
    ordered = sorted(math.inf if epochs is None else epochs for epochs in direct)
    for name, share in (("low", 0.25), ("median", 0.5), ("high", 0.75)):
        quartile = found[f"hit_{name}"]
        as_good = sum(epochs <= (math.inf if quartile is None else quartile) for epochs in ordered)
        assert as_good >= share * len(ordered)
        assert (math.inf if quartile is None else quartile) in ordered


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=40))
def test_a_winner_is_one_that_the_sign_test_of_the_repetitions_separates(pairs: list[tuple[int, int]]) -> None:
    final = {"one": [float(a) for a, _ in pairs], "other": [float(b) for _, b in pairs]}
    found = standing(final)
    assert found is not None

    ours, theirs = final[found.first], final[found.second]
    lower, unequal = (
        sum(a < b for a, b in zip(ours, theirs, strict=True)),
        sum(a != b for a, b in zip(ours, theirs, strict=True)),
    )
    assert np.median(ours) <= np.median(theirs)
    sure = unequal > 0 and binomtest(lower, unequal, alternative="two-sided").pvalue <= 0.05 and 2 * lower > unequal
    assert found.clear == (sure and np.median(ours) < np.median(theirs))
    assert found.sentence.startswith(f"{found.first} wins: " if found.clear else "No search wins clearly: ")


@pytest.mark.parametrize(("repetitions", "clear"), [(1, False), (3, False), (5, False), (6, True), (100, True)])
def test_a_few_repetitions_show_no_winner_and_the_sentence_says_so(repetitions: int, clear: bool) -> None:
    found = standing({"random": [18.5] * repetitions, STAGED: [19.5] * repetitions, "grid": [21.0] * repetitions})
    assert found is not None

    assert found.clear is clear
    assert (found.first, found.second) == ("random", STAGED)
    assert ("fewer than 6 repetitions can show no winner" in found.sentence) is not clear
    assert "18.50 months" in found.sentence
    assert "19.50" in found.sentence


@pytest.mark.parametrize("table", [True, False])
def test_a_winner_on_recorded_trainings_is_said_to_be_that_tables(table: bool) -> None:
    first = standing({"random": [18.5] * 100, STAGED: [19.5] * 100})
    said = verdict([{"search": "random"}], first, {}, table)

    assert said[0].startswith("random wins: ")
    assert [sentence.startswith("That holds for this table") for sentence in said[1:]] == [True] * table


def test_alone_nothing_is_compared() -> None:
    assert standing({STAGED: [1.0]}) is None


def test_regret_is_what_the_network_handed_on_is_worse_by_its_truth_and_winners_are_counted() -> None:
    table = landscape("blocks pay", 1, 1.0)
    played = compare(PRESET, 34.4, table, recorded_seeds(table), 5, ("random",))
    true = {network: curves[0].test_mae for network, curves in table.curves.items()}
    best = min(months for months in true.values() if months is not None)

    for row in summary(played, table):
        own = [one.trace for one in played if one.rival == row["search"]]
        regrets = [float(true[key(trace.handed_on)] or 0) - best for trace in own]
        assert all(regret >= 0 for regret in regrets)
        assert row["regret"] == pytest.approx(np.median(regrets))
        assert row["mean_regret"] == pytest.approx(np.mean(regrets))
        assert row["distinct_winners"] == len({(key(trace.winner.point), trace.winner.seed) for trace in own})


def test_without_luck_a_search_that_has_tried_everything_has_no_regret() -> None:
    table = landscape("width ends", 4, luck_months=0.0)
    played = compare(PRESET, 34.4, table, recorded_seeds(table), 1, ("grid",), budget=6 * len(table.points))
    [row] = [row for row in summary(played, table) if row["search"] == "grid"]

    assert row["trials"] == len(table.points)
    assert row["regret"] == pytest.approx(0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_landscape_is_a_function_of_kind_seed_and_luck(kind: str) -> None:
    one, again, other = landscape(kind, 1), landscape(kind, 1), landscape(kind, 2)

    assert one == again
    assert one.about["truth"] != other.about["truth"]
    lucks = [
        min(curve.validation_mae) - float(curve.test_mae or 0)
        for by_seed in one.curves.values()
        for curve in by_seed.values()
    ]
    assert abs(float(np.mean(lucks))) < 0.15
    assert 0.7 < float(np.std(lucks)) < 0.9


def test_a_table_with_the_truth_is_replayed_and_the_regret_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = landscape("narrow is best", 3)
    rows = [(point, seed, table.curves[key(point)][seed]) for point in table.points for seed in table.seeds_of(point)]
    write(tmp_path / "t.csv", table.about, rows)

    command = ["compare", "--replay", str(tmp_path / "t.csv"), "--repetitions", "2", "--rivals", "random"]
    assert main([*command, "--run-dir", str(tmp_path / "run")]) == 0

    shown = capsys.readouterr().out
    assert "By the known truth, the network that staged hands on is" in shown
    assert "regret" in shown


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_default_strategy_hands_on_a_better_network_than_one_taken_at_random(kind: str) -> None:
    regrets = []
    for seed in range(3):
        table = landscape(kind, seed)
        played: list[Played] = compare(PRESET, 34.4, table, recorded_seeds(table), 5, ())
        [row] = summary(played, table)
        true = [float(curves[0].test_mae or 0) for curves in table.curves.values()]
        regrets.append((row["mean_regret"], float(np.mean(true)) - table.about["truth"]))

    ours, anybodys = np.mean(regrets, axis=0)
    print(f"{kind}: mean regret {ours:.2f} months, of a network at random {anybodys:.2f}")
    assert ours < anybodys


@pytest.mark.parametrize("reaches", [True, False])
def test_of_one_repetition_no_medians_quartiles_or_shares_are_told(reaches: bool) -> None:
    first = standing({"random": [18.5], STAGED: [19.5]})
    assert first is not None
    assert "(one repetition; fewer than 6 repetitions can show no winner)" in first.sentence
    share = {
        "best_rival": "random",
        "its_validation_mae": 18.5,
        "its_epochs": 60,
        "staged_reaches_it_after": 34 if reaches else None,
        "share": 34 / 60,
    }
    reached = 34 if reaches else None
    hits = {"hit_low": reached, "hit_high": reached, "never_hit": float(not reaches)}
    rows = [{"search": name, "validation_mae": 18.5, "regret": 0.1, **hits} for name in ("random", STAGED)]
    said = " ".join(verdict(rows, first, share))
    for word in ("median", "quartile", "1 repetitions", "of them (", "in 1 of them", "100%", "0% of"):
        assert word not in said
    assert ("gets that low after 34 epochs, 57% of them." in said) == reaches
    assert ("does not get that low" in said) != reaches
