"""Recorded trainings that a comparison is played on: none is sold twice, what failed is said, and what a table cannot answer is refused."""

import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna
import pytest
from formula import Foretold
from landscapes import landscape

from search.cli import main
from search.compare.compare import (
    Played,
    compare,
    median_curve,
    recorded_seeds,
    run_all,
    share_of_epochs,
    summary,
)
from search.compare.curves import Curve, Recorded, read, write
from search.compare.page import shown
from search.compare.replay import Trace, Tried, play
from search.compare.rivals import STAGED, make
from search.compare.staged import said_alike
from search.compare.standing import standing, verdict
from search.compare.usable import fixed, refuse_another_truth, refuse_too_many_seeds
from search.planning.asking import key
from search.run import open_run, record
from search.workers.executor import EXECUTORS, Kind
from search.workers.job import EpochDone, Message
from search.workers.left.best import TEST
from studies import joint
from studies.preset import StudyError
from studies.presets import miniature

optuna.logging.set_verbosity(optuna.logging.WARNING)
PRESET = miniature()
REFERENCE = key(joint.point(PRESET, PRESET.reference))
BEFORE_ALL = Curve((), (), (), None, "oom")  # it failed before its first epoch


def changed(table: Recorded, change: Callable[[tuple[Any, ...], int, Curve], Curve]) -> Recorded:
    curves = {
        network: {seed: change(network, seed, curve) for seed, curve in by_seed.items()}
        for network, by_seed in table.curves.items()
    }
    return replace(table, curves=curves)


def replayed(table: Recorded, repetitions: int = 2, left_out: dict[int, str] | None = None) -> list[Played]:
    return compare(PRESET, 34.4, table, recorded_seeds(table), repetitions, ("random",), budget=0, left_out=left_out)


def written(folder: Path, table: Recorded, **about: Any) -> Path:
    rows = [(point, seed, table.curves[key(point)][seed]) for point in table.points for seed in table.seeds_of(point)]
    first = {name: value for name, value in {**table.about, **about}.items() if value is not None}
    write(folder / "t.csv", first, rows)
    return folder / "t.csv"


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_no_recorded_training_is_sold_twice_however_few_seeds_there_are(seeds: int) -> None:
    for one in replayed(landscape("blocks pay", 1, 1.0, seeds=seeds)):
        sold = Counter((key(tried.point), tried.seed) for tried in one.trace.tried)
        assert max(sold.values()) == 1
        assert one.trace.epochs == 6 * len(sold) == 120


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"seeds": 4}, "--seeds 4 needs 8 of the reference: use --seeds 1, or --seeds 3 --baseline-seeds 3"),
        ({"seeds": 2}, "--seeds 2 needs 4 of the reference"),
        ({"resolve": 6}, "--seeds 1 and --resolve 6 needs 12 of the reference"),
        ({"px_choices": (48, 64)}, "sides are compared with seeds of their own"),
    ],
)
def test_a_design_of_more_seeds_than_are_recorded_is_refused(wish: Mapping[str, Any], says: str) -> None:
    table = landscape("blocks pay", 1, seeds=3)
    with pytest.raises(StudyError, match=says):
        refuse_too_many_seeds(table, replace(PRESET, **wish))
    refuse_too_many_seeds(table, PRESET)
    refuse_too_many_seeds(table, replace(PRESET, seeds=3, baseline_seeds=3))


def test_all_searches_of_a_comparison_have_one_cap_and_what_that_leaves_out_is_said() -> None:
    """A refinement with a higher one would ask for networks that no rival may have and no table holds."""
    preset = replace(PRESET, refine_max_params=600_000)
    table = landscape("width pays", 1)
    for one in compare(preset, 34.4, table, recorded_seeds(table), 2, ("random",)):
        assert all(joint.fits(preset, tried.point) for tried in one.trace.tried)

    [said] = said_alike(preset)
    assert "one cap, 500,000 parameters (--max-params): that of the refinement alone, 600,000 (--refine" in said
    assert said_alike(replace(PRESET, refine_max_params=500_000)) == said_alike(PRESET) == []
    assert "--widths-by-group is left out" in said_alike(replace(PRESET, widths_by_group=True))[0]


def test_a_seed_more_than_a_network_has_is_refused_and_not_begun_again() -> None:
    table = landscape("blocks pay", 1, seeds=2)
    seeds = recorded_seeds(table)(0)
    assert {seeds(table.points[0], 0), seeds(table.points[0], 1)} == {0, 1}
    with pytest.raises(StudyError, match="has 2 recorded trainings, and another was asked for"):
        seeds(table.points[0], 2)


def search_of(name: str, repetition: int, *maes: float) -> Played:
    curve = Curve(maes, maes, (1.0,) * len(maes))
    so_far = tuple(min(maes[: epoch + 1]) for epoch in range(len(maes)))
    return Played(name, repetition, Trace(so_far, (Tried(0, {}, repetition, curve, "complete"),), 1.0, None))


def test_sentence_table_and_json_tell_one_figure_of_the_epochs_to_the_goal() -> None:
    """Repetitions of different lengths, of which one is never there."""
    staged = [(9, 5), (9, 9, 9, 5), (9, 9, 9, 9, 9, 9, 5), (9, 9)]
    random = [(9, 6), (9, 9, 9, 6), (9,) * 29 + (6,), (9, 6)]
    played = [search_of(STAGED, n, *maes) for n, maes in enumerate(staged)]
    played += [search_of("random", n, *maes) for n, maes in enumerate(random)]
    rows, share = summary(played), share_of_epochs(played)
    ours = next(row for row in rows if row["search"] == STAGED)
    hits = sorted([2, 4, 7, math.inf])

    assert share["its_epochs"] == median(map(len, random)) == 3
    assert share["staged_reaches_it_after"] == ours["hit_median"] == hits[1] == 4
    assert share["share"] == round(4 / 3, 3)
    said = " ".join(verdict(rows, standing({STAGED: [5, 5, 5, 9], "random": [6] * 4}), share))
    assert (
        "random ends at 6.00 months after 3 epochs (medians); the staged strategy gets that low after 4 epochs, 133% of"
        in said
    )
    assert "25% of its repetitions never do" in said
    assert shown(ours)["epochs to the goal"].startswith("4 (")


def test_more_than_half_never_there_is_never_in_sentence_table_and_json() -> None:
    played = [search_of(STAGED, n, *([9] * 5 if n < 3 else [5] * 5)) for n in range(5)]
    played += [search_of("random", n, 9, 6) for n in range(5)]
    rows, share = summary(played), share_of_epochs(played)

    assert (share["staged_reaches_it_after"], share["share"]) == (None, None)
    said = " ".join(verdict(rows, standing({STAGED: [9] * 3 + [5] * 2, "random": [6] * 5}), share))
    assert "60% of the staged strategy's repetitions do not get that low" in said


def test_a_seed_that_failed_before_its_first_epoch_is_none_of_a_networks_mean() -> None:
    table = changed(landscape("blocks pay", 1, seeds=2), lambda _, seed, curve: BEFORE_ALL if seed else curve)
    without = changed(table, lambda network, seed, curve: curve if network == REFERENCE and not seed else BEFORE_ALL)
    first = replayed(replace(table, curves={name: {0: by[0]} for name, by in table.curves.items()}))

    handed_on = first[0].trace.handed_on
    [row] = summary(first[:1], table)
    assert row["seed_mean_mae"] == min(table.curves[key(handed_on)][0].validation_mae)
    assert row["search"] == STAGED
    nothing = replace(first[0], trace=replace(first[0].trace, handed_on=without.points[-1]))
    assert summary([nothing], without)[0]["seed_mean_mae"] is None


def test_a_repetition_whose_reference_cannot_be_trained_is_left_out_of_all_and_said() -> None:
    table = changed(
        landscape("blocks pay", 1, seeds=2),
        lambda network, seed, curve: (
            replace(curve.first(1), failed="diverged") if (network, seed) == (REFERENCE, 1) else curve
        ),
    )
    left_out: dict[int, str] = {}
    played = replayed(table, 8, left_out)
    seeds = recorded_seeds(table)
    fails = {n for n in range(8) if seeds(n)(dict(REFERENCE), 0) == 1}

    assert 0 < len(fails) < 8
    assert set(left_out) == fails
    kept = [one.repetition for one in played]
    assert sorted(kept) == sorted([n for n in range(8) if n not in fails] * 2)
    said = verdict(summary(played, table), standing({STAGED: [1], "random": [2]}), {}, left_out=left_out)
    assert f"{len(fails)} more repetition{'s' * (len(fails) > 1)}" in said[1]
    assert "staged: the ablation's baseline has no result (diverged)" in said[1]


def test_where_every_training_fails_at_once_nothing_can_be_compared() -> None:
    table = changed(landscape("blocks pay", 1, seeds=1), lambda *_: BEFORE_ALL)
    with pytest.raises(StudyError, match="no repetition found a network: "):
        replayed(table)


def test_where_some_networks_have_no_test_the_regret_is_not_told_and_nothing_breaks() -> None:
    table = landscape("blocks pay", 1, seeds=2)
    untested = changed(
        table, lambda network, _, curve: curve if network == REFERENCE else replace(curve, test_mae=None)
    )
    played = replayed(untested)
    rows = summary(played, untested)

    assert all(row["regret"] is None for row in rows)
    half = [{**row, "regret": 0.5 if row["search"] == STAGED else None} for row in rows]
    first = standing({STAGED: [1.0, 1.0], "random": [2.0, 2.0]})
    assert "By the known truth" not in " ".join(verdict(rows, first, {}))
    assert "staged has the least regret, 0.50" in " ".join(verdict(half, first, {}))


@pytest.mark.parametrize("name", ["preset", "space", "epochs", "max_params", "constant_mae", "synthetic"])
def test_a_first_line_that_lacks_something_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    table = landscape("blocks pay", 1, seeds=1)
    with pytest.raises(StudyError, match=f"does not name {name}"):
        read(written(tmp_path, table, **{name: None}))
    with pytest.raises(StudyError, match=f"{name} in its first line is"):
        read(written(tmp_path, table, **{name: [1]}))
    read(written(tmp_path, table))


def test_a_table_without_rows_or_with_a_training_twice_or_in_part_or_with_months_that_are_no_number_is_refused(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, landscape("blocks pay", 1, seeds=1))
    about, header, first, *_ = path.read_text().splitlines()
    path.write_text(f"{about}\n{header}\n")
    with pytest.raises(StudyError, match="it has no row"):
        read(path)
    path.write_text(f"{about}\n{header}\n{first}\n{first}\n")
    with pytest.raises(StudyError, match="it has two rows of seed 0 of"):
        read(path)
    for name, said in (("validation_mae_2", "no MAE in epoch 2"), ("seconds_per_epoch", "could not convert")):
        cells = first.split(",")
        cells[header.split(",").index(name)] = ""
        path.write_text(f"{about}\n{header}\n{','.join(cells)}\n")
        with pytest.raises(StudyError, match=said):
            read(path)
    cells = first.split(",")
    cells[header.split(",").index("validation_mae_2")] = "nan"
    path.write_text(f"{about}\n{header}\n{','.join(cells)}\n")
    with pytest.raises(StudyError, match="an MAE is a number of months from 0; it has 'nan'"):
        read(path)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--learning-rate", "0.5", "--batch", "64"], "learning_rate 0.003, now 0.5; batch 16, now 64"),
        (["--image-px", "80"], "image_px 64, now 80"),
        (
            ["--sex-units", "0", "--stem-pools", "none"],
            "sex_units 32, now 0; stem_pools [False, True], now [False, False]",
        ),
        (["--rivals", ","], "got ','"),
        (["--seeds", "4"], "the table has 1 training of each network, and --seeds 4 needs 8"),
    ],
)
def test_what_recorded_trainings_cannot_answer_is_refused_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    path = written(tmp_path, landscape("blocks pay", 1, seeds=1))
    assert main(["compare", "--replay", str(path), "--run-dir", str(tmp_path / "run"), *more]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run" / "compare").exists()


def test_an_option_that_says_what_was_recorded_is_no_other_training(tmp_path: Path) -> None:
    path = written(tmp_path, landscape("blocks pay", 1, seeds=1), training={"learning_rate": 0.5})
    command = ["compare", "--replay", str(path), "--run-dir", str(tmp_path / "run"), "--rivals", "random"]
    of_data = ["--images", "0", "--validation-fraction", "0.3"]  # of which a table says nothing
    assert main([*command, "--repetitions", "1", "--learning-rate", "0.5", "--epochs", "6", *of_data, "--json"]) == 0
    found = json.loads((tmp_path / "run/compare/replay.json").read_text())
    assert found["left_out"] == []


def test_a_table_says_what_its_networks_have_alike_and_lacks_none_that_may_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = landscape("blocks pay", 1, seeds=1)
    command = ["compare", "--run-dir", str(tmp_path / "run"), "--rivals", "random", "--repetitions", "1", "--replay"]
    sexless = str(written(tmp_path, table, reference=fixed(PRESET) | {"sex_units": 0}))

    assert main([*command, sexless]) == 2
    assert "sex_units 0, now 32" in capsys.readouterr().err
    assert main([*command, sexless, "--sex-units", "0"]) == 0
    capsys.readouterr()
    fewer = {network: by_seed for network, by_seed in table.curves.items() if network != REFERENCE}
    points = tuple(point for point in table.points if key(point) != REFERENCE)
    assert main([*command, str(written(tmp_path, replace(table, curves=fewer, points=points)))]) == 2
    assert "the table lacks 1 of the 180 networks" in capsys.readouterr().err


def test_under_a_lower_cap_no_regret_is_told_against_a_network_that_no_search_may_ask_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, landscape("blocks pay", 1, seeds=1))
    command = ["compare", "--rivals", "random", "--repetitions", "1", "--json", "--replay", str(path), "--run-dir"]
    assert main([*command, str(tmp_path / "all")]) == 0
    assert all(row["regret"] is not None for row in json.loads(capsys.readouterr().out)["summary"])
    assert main([*command, str(tmp_path / "some"), "--max-params", "300k"]) == 0
    said = capsys.readouterr()
    assert all(row.get("regret") is None for row in json.loads(said.out)["summary"])
    assert "no regret is told" in said.err


def truth_told(table: Recorded, truth: object) -> Recorded:
    return replace(table, about={**table.about, "truth": truth})


def test_a_truth_that_the_table_itself_contradicts_is_refused() -> None:
    table = landscape("blocks pay", 1, luck_months=1.0, seeds=3)
    truth = float(table.about["truth"])
    refuse_another_truth(table)
    refuse_another_truth(truth_told(table, round(truth, 2)))
    for wrong in (truth + 0.1, truth - 0.1, 30.0, 0, -1.0):
        with pytest.raises(StudyError, match="the lowest test MAE of its networks is"):
            refuse_another_truth(truth_told(table, wrong))
    for none in ("17", None, True, math.nan, [17.0]):
        with pytest.raises(StudyError, match="is the lowest true MAE in months"):
            refuse_another_truth(truth_told(table, none))


def test_a_truth_without_luck_is_believed_of_tests_that_have_some_and_of_networks_without() -> None:
    """The lowest of many noisy means lies below the truth, and a network that was not tested may be the best."""
    import numpy as np

    chance = np.random.default_rng(0)
    table = landscape("blocks pay", 1, luck_months=0.0, seeds=3)
    noisy = changed(
        table, lambda _, __, curve: replace(curve, test_mae=float(curve.test_mae or 0) + float(chance.normal(0, 0.5)))
    )
    truth = float(table.about["truth"])
    refuse_another_truth(noisy)
    with pytest.raises(StudyError):
        refuse_another_truth(truth_told(noisy, truth + 5))
    best = min(table.curves, key=lambda network: float(table.curves[network][0].test_mae or 0))
    some = changed(table, lambda network, _, curve: replace(curve, test_mae=None) if network == best else curve)
    refuse_another_truth(some)
    with pytest.raises(StudyError):
        refuse_another_truth(truth_told(some, 30.0))


@pytest.mark.slow
def test_the_commands_of_the_page_work_one_after_another_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By formula, a smaller space and one repetition; a table's seeds are none of the run's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXECUTORS, "local", Kind(lambda address, workers: Foretold, here=True))
    page = (Path(__file__).parents[1] / "docs/comparing.md").read_text(encoding="utf-8")
    lines = re.findall("^boneage-search .*$", page.partition("```")[2].partition("```")[0], flags=re.MULTILINE)
    assert [line.split()[1] for line in lines] == ["compare", "record", "compare"]

    for line in lines:
        words = shlex.split(line.replace("~/rsna", "phantom:60"), comments=True)[1:]
        few = {"compare": ["--repetitions", "1", "--rivals", "random"], "record": ["--max-params", "220k"]}
        assert main([*words, *few[words[0]]]) == 0, capsys.readouterr().err

    assert read(tmp_path / "table.csv").most_seeds == 2
    [run] = (tmp_path / "runs").iterdir()
    assert {path.name for path in (run / "compare").glob("*.html")} == {"compare.html", "replay.html"}
    assert open_run(run, None, {}, None, None).overrides == {"max_params": 220_000}


def test_seeds_that_a_run_had_before_stay_when_a_table_of_others_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXECUTORS, "local", Kind(lambda address, workers: Foretold, here=True))
    record(open_run(tmp_path / "run", "miniature", {"seeds": 3, "max_params": 200_000}, "phantom:60", None))

    assert main(["record", "--seeds", "1", "--run-dir", str(tmp_path / "run"), "--out", str(tmp_path / "t.csv")]) == 0
    assert read(tmp_path / "t.csv").most_seeds == 1
    assert open_run(tmp_path / "run", None, {}, None, None).preset.seeds == 3


# answers that are not finite


class Speechless(Foretold):
    """Networks without a repeat of mixed9 never give a finite answer, all others none in their first epoch."""

    def wait(self, seconds: float) -> list[Message]:
        job = self.jobs[0]
        never = job.architecture.blocks.mixed9 == 0
        if never:
            np.save(job.folder / TEST, np.load(job.folder / TEST) * math.nan)
        return [
            replace(message, validation_mae=math.inf)
            if isinstance(message, EpochDone) and (never or message.epoch == 1)
            else message
            for message in super().wait(seconds)
        ]


def test_a_table_of_trainings_whose_answers_were_not_finite_is_one_that_both_commands_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(EXECUTORS, "local", Kind(lambda address, workers: Speechless, here=True))
    run, table = str(tmp_path / "run"), str(tmp_path / "t.csv")
    small = ["--preset", "miniature", "--max-params", "220k", "--run-dir", run]
    command = ["record", *small, "--data", "phantom:60", "--out", table]
    assert main(command) == 0
    assert "no epoch gave finite predictions" in capsys.readouterr().err

    found = read(Path(table))
    curves = {point["mixed9"]: [*found.curves[key(point)].values()] for point in found.points}
    assert all(curve.failed == "not_finite" and curve.test_mae is None for curve in curves[0])
    assert all(curve.validation_mae == (math.inf,) * 6 for curve in curves[0])
    others = [curve for mixed9, some in curves.items() if mixed9 for curve in some]
    assert others
    assert all(curve.validation_mae[0] == math.inf and not curve.failed for curve in others)
    assert main(command) == 0, capsys.readouterr().err
    assert main(["compare", *small, "--rivals", "random", "--repetitions", "2", "--replay", table]) == 0


@pytest.mark.parametrize("first", [(), (math.inf, 9.0), (math.inf,) * 6])
def test_a_curve_that_is_infinite_at_first_is_read_as_it_was_written(tmp_path: Path, first: tuple[float, ...]) -> None:
    """One that is so in all its epochs has failed; an earlier version did not say so."""
    table = landscape("blocks pay", 1, seeds=1)

    def changed_at_first(network: tuple[Any, ...], seed: int, curve: Curve) -> Curve:
        maes = (*first, *curve.validation_mae[len(first) :])
        return replace(curve, validation_mae=maes) if network == REFERENCE else curve

    made = changed(table, changed_at_first)
    again, was = (one.curves[REFERENCE][0] for one in (read(written(tmp_path, made)), made))
    assert again.validation_mae == was.validation_mae
    assert (again.failed, again.test_mae) == (("not_finite", None) if len(first) == 6 else ("", was.test_mae))


def test_a_search_whose_every_training_gave_no_finite_answer_has_found_no_network() -> None:
    never = changed(
        landscape("blocks pay", 1, seeds=1),
        lambda _, __, curve: replace(curve, validation_mae=(math.inf,) * 6, test_mae=None, failed="not_finite"),
    )
    rival = make("random", PRESET, 34.4, 0)
    without: dict[int, str] = {}
    search = play(rival, PRESET.training.epochs, recorded_seeds(never)(0), 12)

    assert run_all({("random", 0): search}, never, lambda _: None, without) == []
    assert without == {0: "random: every training failed without finite answers"}


def test_a_median_curve_begins_where_every_search_has_something() -> None:
    some, other = search_of("a", 0, math.inf, 9.0, 8.0), search_of("a", 1, 9.0, 7.0)

    found = median_curve([some.trace, other.trace])
    assert math.isnan(found[0])
    assert found[1:] == [8.0, 7.5]
