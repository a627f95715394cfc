"""What a search would cost, said without training: never less than what a search then spends, and never a silent guess."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent
from hypothesis import given, settings
from hypothesis import strategies as st
from landscapes import KINDS, landscape

from data.preparation import DataError, Preparation
from data.store.disk import Store
from data.store.prepare import prepare
from models.architecture import Architecture
from models.cost import cost, training_bytes
from models.training.cards import HIDING, visible_gpus
from search.cli import main
from search.commands.plan import said
from search.compare.compare import recorded_seeds, run_all
from search.compare.curves import Curve, Recorded, Request
from search.compare.replay import play
from search.compare.staged import Staged
from search.leader.engine import run_study
from search.machine.devices import Seen
from search.planning.asking import key
from search.planning.images import ASSUMED as IMAGES_ASSUMED
from search.planning.images import NAMED, PREPARED_ONCE, RSNA_CASES, Images, foreseen, images_of
from search.planning.plan import ASSUMED_MACS_PER_SECOND, TRAINING_MACS, Rate, assumed, plan
from search.run import PREPARED, Run
from search.storage.sqlite import own_url, sqlite_url
from search.workers.at_once import workers_here
from search.workers.left.checkpoint import KEPT
from studies import joint
from studies.order import STUDIES, stages
from studies.preset import Preset, StudyError
from studies.presets import PRESETS, miniature
from studies.study import Point, points

optuna.logging.set_verbosity(optuna.logging.WARNING)
IMAGES = Images(100, 20, 10, NAMED, 1)
RATE = Rate(lambda macs: macs / 1e6, "assumed")


def spent(
    preset: Preset, mae: Callable[[Architecture], float], folder: Path, store: Store
) -> dict[str, list[Architecture]]:
    """What each study really trains where results are by formula."""
    run = Run(folder, preset, {}, str(store.path), sqlite_url(folder / "studies.db"))
    seen = {}
    for name in STUDIES:
        executor = FormulaExecutor(mae)
        run_study(run, store, name, lambda executor=executor: executor, silent())
        seen[name] = executor.seen
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
def test_a_search_trains_no_more_than_was_planned(tmp_path: Path, tiny_store: Store, seeds: int) -> None:
    preset = replace(tiny_preset(), seeds=seeds, without_sex=True)
    found = plan(preset, IMAGES, RATE)

    for name, seen in spent(preset, deeper_is_better, tmp_path, tiny_store).items():
        [study] = [study for study in found.studies if study.study == name]
        assert len(seen) <= study.trials
        costs = [cost(network, preset.preparation.image_px) for network in seen]
        assert all(counted.macs <= study.largest_macs for counted in costs)
        assert all(training_bytes(counted, preset.training.batch) <= found.memory_bytes for counted in costs)


SLOW = pytest.mark.slow


def asked_for(preset: Preset, luck: int, seed_sd: float = 0.5) -> dict[str, int]:
    """Trainings of each study where results are made up: by the rules of the studies and the surrogate."""
    chance, truth, epochs = np.random.default_rng(luck), {}, preset.training.epochs
    search, trained = Staged(preset, 40.0, 0), dict.fromkeys(stages(preset), 0)
    while work := search.ask():
        network = truth.setdefault(tuple(sorted(work.point.items())), 15 + chance.normal())
        last = network + seed_sd * chance.normal()
        maes = tuple(np.linspace(30, last, epochs).tolist())
        trained[search.name] += 1
        assert search.tell(work, Curve(maes, maes, (1.0,) * epochs, last)) is None
    return trained


def starting() -> Preset:
    """Depth begins with points that the preset names."""
    blocks = tiny_preset().reference.blocks
    starts = (0.0625, blocks._replace(mixed9=2)), (0.0438, blocks), (0.0875, blocks._replace(mixed5=2))
    return replace(tiny_preset(), depth_start=starts)


@pytest.mark.parametrize(
    ("name", "seeds", "luck"),
    [
        ("demo", 1, 0),
        ("demo", 3, 0),
        pytest.param("demo", 3, 1, marks=SLOW),
        pytest.param("demo", 6, 0, marks=SLOW),
        pytest.param("tiny", 1, 0, marks=SLOW),
        ("tiny", 3, 0),
        ("miniature", 1, 0),
        pytest.param("miniature", 1, 1, marks=SLOW),
        pytest.param("miniature", 3, 0, marks=SLOW),
        pytest.param("miniature", 6, 0, marks=SLOW),
        ("starts", 3, 0),
        pytest.param("cpu", 1, 0, marks=SLOW),
        pytest.param("cpu", 3, 0, marks=SLOW),
    ],
)
def test_a_plan_counts_what_the_surrogate_asks_for_and_no_more_than_all_seeds_but_one_beyond_it_in_the_refinement_twice(
    name: str, seeds: int, luck: int
) -> None:
    presets = {"tiny": tiny_preset, "starts": starting, **PRESETS}
    preset = replace(presets[name](), seeds=seeds, confirm=0)
    planned = {study.study: study.trials for study in plan(preset, IMAGES, RATE).studies}

    for study, trained in asked_for(preset, luck).items():
        beyond = (seeds - 1) * (
            2 if study == "refinement" else 1
        )  # which may train a network that depth has trained with one seed
        assert trained <= planned[study] <= max(trained + beyond, 1.3 * trained), study


@pytest.mark.parametrize("seeds", [2, 3])
def test_however_lucky_seeds_are_a_search_trains_no_more_than_was_planned(seeds: int) -> None:
    """Depth trains a network with one seed: the refinement trains the others of each that is the best by then, and may go on to a new one."""
    preset = replace(PRESETS["demo"](), seeds=seeds, confirm=0)
    planned = {study.study: study.trials for study in plan(preset, IMAGES, RATE).studies}
    every = [asked_for(preset, luck, 4.0) for luck in range(12)]

    assert all(trained[study] <= planned[study] for trained in every for study in trained), every
    assert max(trained["refinement"] for trained in every) > 2 * seeds - 1  # which the search alone may ask for


@pytest.mark.parametrize(("seeds", "lucks"), [(1, (25, 26)), (2, (8, 9)), (3, (3, 4))])
def test_where_sides_are_compared_a_search_trains_no_more_than_was_planned(seeds: int, lucks: tuple[int, ...]) -> None:
    """Resolution's networks have seeds of their own, and none of the search's."""
    preset = replace(tiny_preset(), px_choices=(28, 34), seeds=seeds, confirm=0)
    preset = replace(preset, width_trials=1, depth_trials=2, refine_trials=1)
    planned = {study.study: study.trials for study in plan(preset, IMAGES, RATE).studies}
    every = [asked_for(preset, luck, 4.0) for luck in lucks]

    assert all(trained[study] <= planned[study] for trained in every for study in trained), every
    assert max(trained["refinement"] for trained in every) > 2 * seeds - 1  # which the search alone may ask for


@pytest.mark.parametrize("changes", [{"objective": ("mae", "macs")}, {"strategy": "paper"}], ids=str)
def test_where_depth_tries_the_widths_beside_the_decided_one_it_trains_no_more_than_was_planned(
    changes: dict[str, Any],
) -> None:
    """There are most of them where that is the reference's."""
    preset = replace(PRESETS["demo"](), depth_trials=12, depth_patience=12, confirm=0, **changes)
    planned = {study.study: study.trials for study in plan(preset, IMAGES, RATE).studies}

    for luck in range(4):
        trained = asked_for(preset, luck)
        assert all(trained[study] <= planned[study] for study in trained), trained


def test_what_is_likely_is_never_more_than_the_most_of_one_family_or_several() -> None:
    small = replace(PRESETS["demo"](), max_params=100_000, refine_max_params=0)
    of_two = {"families": ("inception_v3", "inception_resnet_v2"), "width_factors": (1.0, 1.4)}
    families = replace(PRESETS["demo"](), max_params=9_000_000, **of_two)
    for preset in (small, families):
        found = plan(preset, IMAGES, RATE)
        assert all(study.likely_seconds <= study.seconds for study in found.studies)
        assert found.likely_full_seconds <= found.full_seconds

    [baseline, *_] = found.studies  # whose networks are known, whichever family it decides for
    assert baseline.study == "baseline"
    assert baseline.likely_seconds == baseline.seconds


class Counted:
    """A table of trainings that notes what is asked of it."""

    def __init__(self, table: Recorded) -> None:
        self.table, self.points = table, table.points
        self.epochs: dict[tuple[Any, ...], tuple[Point, int]] = {}  # the most of each training

    def known(self, request: Request) -> Curve:
        asked_as = (key(request.point), request.seed)
        _, before = self.epochs.get(asked_as, (request.point, 0))
        self.epochs[asked_as] = request.point, max(before, request.until)
        return self.table.known(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def seconds(self, preset: Preset) -> float:
        image_px = preset.preparation.image_px
        return sum(
            epochs * RATE.epoch_seconds(cost(joint.architecture(preset, point), image_px).macs)
            for point, epochs in self.epochs.values()
        )


@pytest.mark.slow
def test_a_search_of_landscapes_takes_about_the_likely_time_and_never_more_than_the_most() -> None:
    """A budget pays for what is likely. By the bound it would be left half unspent.

    That lies halfway, by ratio, between the reference and the dearest network. Where narrow networks are best a search goes the other
    way: there it takes longer than halfway between the reference and the smallest.
    """
    preset = miniature()
    planned = plan(preset, IMAGES, RATE)
    of_likely, of_most, narrow = [], [], []
    feasible = [joint.architecture(preset, point) for point in points(joint.space(preset)) if joint.fits(preset, point)]
    smallest = min(cost(network, preset.preparation.image_px).macs for network in feasible)
    reference = cost(preset.reference, preset.preparation.image_px).macs
    halfway = (RATE.epoch_seconds(smallest) * RATE.epoch_seconds(reference)) ** 0.5
    for kind in KINDS:
        for seed in range(2):
            table = Counted(landscape(kind, seed))
            staged = Staged(preset, 34.4, seed, table.most_seeds)
            search = play(staged, preset.training.epochs, recorded_seeds(table.table)(seed))
            [one] = run_all({("staged", seed): search}, table, lambda _: None)
            assert one.trace.epochs <= planned.epochs
            share = table.seconds(preset) / planned.likely_seconds
            if kind == "narrow is best":
                assert table.seconds(preset) > one.trace.epochs * halfway
                narrow.append(share)
            else:
                of_likely.append(share)
            of_most.append(table.seconds(preset) / planned.seconds)

    assert max(of_most) <= 1
    assert np.median(of_most) < 0.55
    assert 0.65 < np.median(of_likely + narrow) < 1.25
    assert 0.5 < min(of_likely) < max(of_likely) < 1.6
    assert max(narrow) < 1


def test_what_is_likely_lies_between_the_network_that_the_search_is_at_and_the_dearest() -> None:
    preset = PRESETS["demo"]()
    found = plan(preset, IMAGES, RATE)
    reference = RATE.epoch_seconds(cost(preset.reference, preset.preparation.image_px).macs)
    epochs = preset.training.epochs
    ablation, *later = found.studies

    # The ablation's networks are known, and no dearer than the reference.
    assert ablation.likely_seconds == ablation.seconds <= ablation.epochs * reference
    for study in later:
        assert study.epochs * reference * 0.5 < study.likely_seconds < study.seconds
    assert epochs * reference < found.likely_full_seconds < found.full_seconds
    assert found.likely_seconds == sum(study.likely_seconds for study in found.studies)


@pytest.mark.slow
@settings(max_examples=3)
@given(
    st.sampled_from(["demo", "miniature"]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 8),
    st.booleans(),
)
def test_a_plans_sums_are_those_of_its_studies_and_more_workers_never_take_longer(
    name: str, seeds: int, depth_trials: int, workers: int, deterministic: bool
) -> None:
    preset = replace(PRESETS[name](), seeds=seeds, depth_trials=depth_trials)
    alone, found = (plan(preset, IMAGES, RATE, count, deterministic) for count in (1, workers))

    assert [study.study for study in found.studies] == [*STUDIES, "confirmation"]
    assert found.epochs == sum(study.epochs for study in found.studies)
    assert all(study.epochs == study.trials * preset.training.epochs for study in found.studies)
    assert found.epochs == alone.epochs
    assert alone.seconds / workers * 0.999 <= found.seconds <= alone.seconds * 1.001


@pytest.mark.parametrize("seeds", [1, 3])
def test_one_trial_at_a_time_is_no_more_trials(seeds: int) -> None:
    preset = replace(PRESETS["demo"](), seeds=seeds)
    together, one_by_one = (plan(preset, IMAGES, RATE, 1, deterministic) for deterministic in (False, True))

    for alone, all_at_once in zip(one_by_one.studies, together.studies, strict=True):
        assert 0 < alone.trials <= all_at_once.trials


@pytest.mark.parametrize(
    "name", ["demo", "miniature", *(pytest.param(name, marks=SLOW) for name in ("cpu", "default", "paper"))]
)
def test_the_readme_says_what_plan_says(name: str) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    [row] = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
    preset = replace(PRESETS[name](), seeds=3 if "with three seeds" in row else 1)
    images = foreseen(preset.data, preset.preparation)
    found = plan(preset, images, assumed(images), 2)

    assert f"| {found.trials:,} trials, {found.epochs:,} epochs" in row
    units = {"MB": 1e6, "GB": 1e9}
    [(memory, unit)] = re.findall(r"\| ([\d.]+) (MB|GB) \|$", row)
    assert float(memory) * units[unit] == pytest.approx(found.memory_bytes, rel=0.13)
    [(disk, unit)] = re.findall(r"\| ([\d.]+) (MB|GB) \| [^|]+ \|$", row)
    assert float(disk) * units[unit] == pytest.approx(images.store_bytes + found.checkpoint_bytes, rel=0.13)
    for hours in re.findall(r"epochs, ([\d.]+) h", row):
        assert float(hours) == pytest.approx(found.seconds / 3600, rel=0.25)  # it has one digit


def test_a_plan_says_what_the_checkpoints_of_all_workers_take() -> None:
    one, two = (plan(miniature(), IMAGES, RATE, workers) for workers in (1, 2))
    largest = max(study.largest_params for study in one.studies)

    assert one.checkpoint_bytes == (KEPT + 1) * 12 * largest  # float32: a parameter, and Adam's two means of it
    assert two.checkpoint_bytes == two.to_dict()["checkpoint_bytes"] == 2 * one.checkpoint_bytes
    assert any("Checkpoints take up to 35.7 MB more: 3 for each trial at once" in sentence for sentence in said(two))


def test_more_seeds_and_more_trials_cost_more() -> None:
    preset = miniature()
    epochs = [plan(replace(preset, seeds=seeds), IMAGES, RATE).epochs for seeds in (1, 2, 6)]

    assert epochs == sorted(set(epochs))


def test_a_cap_that_nothing_fits_is_refused_with_a_sentence() -> None:
    with pytest.raises(StudyError, match="no network of ablation fits 1,000 parameters; raise --max-params"):
        plan(replace(miniature(), max_params=1_000), IMAGES, RATE)


def test_the_assumed_speed_is_that_of_the_recorded_table() -> None:
    path = Path(__file__).parents[1] / "studies" / "miniature.csv"
    with path.open() as file:
        about = json.loads(file.readline().removeprefix("#"))
        table = pd.read_csv(file)
    preset, images = miniature(), about["images"]
    points = table[list(about["space"])].to_dict("records")
    macs = np.array(
        [joint.cost_of(preset, {str(name): value for name, value in point.items()}).macs for point in points]
    )
    measured = (TRAINING_MACS * images["train"] + images["validation"]) * macs / table.seconds_per_epoch

    assert 0.8 < ASSUMED_MACS_PER_SECOND / float(np.median(measured)) < 1.25
    rate = assumed(Images(images["train"], images["validation"], 0, NAMED, 0))
    off = np.array([rate.epoch_seconds(int(one)) for one in macs]) / table.seconds_per_epoch
    assert np.quantile(off, 0.05) > 0.25
    assert np.quantile(off, 0.95) < 4


@given(st.integers(1, 10**6), st.floats(0, 0.45), st.floats(0, 0.45))
def test_images_that_are_not_there_yet_are_split_as_they_will_be(count: int, validation: float, test: float) -> None:
    wanted = Preparation(image_px=64, validation_fraction=validation, test_fraction=test)
    images = foreseen(f"phantom:{count}", wanted)

    assert images.total == count
    assert images.known == NAMED
    assert images.store_bytes == count * 64 * 64
    assert foreseen("/data/rsna", wanted).total == RSNA_CASES
    assert foreseen("/data/rsna", wanted).known == IMAGES_ASSUMED
    assert foreseen("/data/rsna", replace(wanted, images=500)).total == 500


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("phantom:0", "phantom:N"),
        ("phantom:99999999999", "phantom:N"),
        ("phantom:1e3", "phantom:N"),
        ("phantom:", "phantom:N"),
        ("no/such/folder", "is not a folder"),
    ],
)
def test_data_that_every_other_command_refuses_are_refused(
    data: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--preset", "demo", "--data", data, "--run-dir", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err


def test_a_store_of_other_data_or_settings_is_not_taken_for_the_runs(tmp_path: Path) -> None:
    """It would be prepared anew."""
    preparation = replace(tiny_preset().preparation, images=0)
    prepare("phantom:40", preparation, tmp_path / PREPARED)
    run = Run(tmp_path, replace(tiny_preset(), preparation=preparation), {}, "phantom:40", own_url(tmp_path))
    smaller = replace(run.preset, preparation=replace(preparation, image_px=preparation.image_px - 8))

    assert images_of(run).known == PREPARED_ONCE
    assert images_of(replace(run, data="phantom:50")).total == 50
    assert images_of(replace(run, data="phantom:50")).known == NAMED
    assert images_of(replace(run, preset=smaller)).known == NAMED
    for other in ({"age_unit": "years"}, {"shrink": "nearest"}, {"split_column": "fold"}):
        changed = replace(run.preset, preparation=replace(preparation, **other))
        assert images_of(replace(run, preset=changed)).known == NAMED, other
    months = replace(run.preset, preparation=replace(preparation, age_unit="months", accept_losses=True))
    assert images_of(replace(run, preset=months)).known == PREPARED_ONCE
    (tmp_path / PREPARED / "cases.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is damaged: prepare the data again"):
        images_of(run)


def test_prepared_images_are_counted(tmp_path: Path, tiny_store: Store) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    found = images_of(run)

    counts = tiny_store.cases["split"].value_counts()
    assert (found.train, found.validation, found.test) == tuple(
        counts[name] for name in ("train", "validation", "test")
    )
    assert found.known == PREPARED_ONCE
    assert found.store_bytes >= found.total * 40 * 40


def test_a_plan_is_a_table_or_json_leaves_nothing_and_marks_what_it_assumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["plan", "--preset", "demo", "--seeds", "3", "--run-dir", str(tmp_path / "run"), "--workers", "2"]

    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [study["study"] for study in found["studies"]] == [*STUDIES, "confirmation"]
    assert found["hours_from"] == "assumed"
    assert found["workers"] == 2
    assert found["epochs"] == sum(study["epochs"] for study in found["studies"])

    assert main(command) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*STUDIES, "train, after it"))
    assert "Times ASSUME 15 GMACs a second" in shown
    assert "0.00 GMACs" not in shown
    assert not (tmp_path / "run").exists()


def test_times_that_the_run_has_measured_are_used(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tiny_preset()
    run = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))

    class Slow(FormulaExecutor):
        def wait(self, seconds: float):  # type: ignore[no-untyped-def]
            messages = super().wait(seconds)
            return [replace(message, seconds=50.0) if hasattr(message, "seconds") else message for message in messages]

    run_study(run, tiny_store, "ablation", lambda: Slow(workers=1), silent())
    from search.commands.plan import rate_of, said_measured

    rate = rate_of(run, images_of(run), 1, False)

    assert rate.source == "measured in this run"
    assert rate.epoch_seconds(cost(preset.reference, 40).macs) == pytest.approx(50, rel=0.2)
    assert rate_of(run, images_of(run), 3, False).source == "assumed"  # three at once have not been measured
    by_three, by_one = (plan(preset, images_of(run), rate_of(run, images_of(run), n, False), n) for n in (3, 1))
    assert said_measured(run, by_three) == [
        "This run has measured epochs with 1 trial at once: --workers 1 plans by them."
    ]
    assert said_measured(run, by_one) == []


@pytest.mark.slow
def test_a_plan_imports_neither_optuna_nor_tensorflow(tmp_path: Path) -> None:
    script = (
        "import sys; from search.cli import main\n"
        f"main(['plan', '--preset', 'default', '--run-dir', {str(tmp_path)!r}])\n"
        "print([name for name in ('optuna', 'pandas', 'scipy', 'tensorflow', 'sqlalchemy') if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert ended.stderr.strip().endswith("[]")


@pytest.mark.slow
def test_a_timed_step_says_how_long_an_epoch_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a real training in processes of its own, within a factor of three on a machine that does other things too."""
    command = ["plan", "--preset", "demo", "--run-dir", str(tmp_path), "--workers", "1", "--json"]
    assert main([*command, "--time-a-step"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["hours_from"] == "a step timed here"
    assert 0 < found["hours"] < 10


def test_a_plan_for_the_cpu_counts_its_workers_and_times_its_steps_though_there_are_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HIDING, "0,1,2,3,4,5,6,7")
    hidden = []

    def timed(run: Run, images: Images, workers: int) -> Rate:
        hidden.append((visible_gpus(), workers))
        return assumed(images)

    monkeypatch.setattr("search.commands.plan.of_steps", timed)
    monkeypatch.setattr("search.leader.budget_kept.rate_of_steps", timed)
    line = ["plan", "--preset", "demo", "--run-dir", str(tmp_path / "run"), "--device", "cpu", "--json"]
    for more in (["--time-a-step"], ["--budget", "24h"], []):
        assert main([*line, *more]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["workers"] == workers_here() < 8
    assert hidden == [([], workers_here())] * 2


def test_a_plan_for_the_cpu_of_a_cluster_is_refused_as_the_search_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--run-dir", str(tmp_path / "run"), "--device", "cpu", "--executor", "ray"]) == 2
    assert "leave it out with --executor ray" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ([], False),
        (["--budget", "600epochs"], False),
        (["--time-a-step"], True),
        (["--budget", "600epochs", "--time-a-step"], True),
        (["--budget", "24h"], True),
    ],
)
def test_a_plan_that_times_steps_is_refused_where_a_card_lies_idle_and_any_other_is_not(
    more: list[str], times: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("search.machine.devices.sign_of_nvidia", lambda: "NVIDIA's driver")
    monkeypatch.setattr("search.commands.plan.seen", lambda *_: Seen((), "float32", False, "2.21.0"))
    assert main(["plan", "--preset", "demo", "--run-dir", str(tmp_path / "run"), *more]) == (2 if times else 0)
    assert ("TensorFlow sees no GPU" in capsys.readouterr().err) == times
