"""What is worrying in the data is said by every command that prepares or trains on them, and by the report."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.audit.audit import audit
from data.store.disk import Store, digest_of, open_store
from data.store.prepare import prepare
from search.audit.remembered import REMEMBERED, worries_of
from search.cli import main
from search.leader.engine import run_study
from search.report.read import read
from search.report.sections import contents
from search.report.text import markdown
from search.run import Run
from search.storage.sqlite import sqlite_url

Write = Callable[..., Path]
LOOKS = "the labels look like years"


def told_otherwise(store: Store, to: Path, **columns: object) -> Store:
    """A store as a version that refused nothing has made it."""
    to.mkdir()
    for name in store.path.iterdir():
        (to / name.name).write_bytes(name.read_bytes())
    store.cases.assign(**columns).to_csv(to / "cases.csv", index=False)
    info = json.loads((to / "store.json").read_text())
    (to / "store.json").write_text(json.dumps(info | {"digest": digest_of(to / "cases.csv")}))
    return open_store(to)


@pytest.fixture
def in_years(tiny_store: Store, tmp_path: Path) -> Store:
    return told_otherwise(tiny_store, tmp_path / "years", age_months=(tiny_store.cases["age_months"] / 12).round(1))


def test_a_store_in_years_is_a_worry_that_is_remembered_until_the_store_changes(
    in_years: Store, tiny_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    assert any(LOOKS in worry for worry in worries_of(folder, in_years))
    assert (folder / REMEMBERED).exists()

    asked: list[str] = []
    monkeypatch.setattr("search.audit.remembered.audit", lambda *store: asked.append("audit") or audit(*store))  # type: ignore[func-returns-value]
    assert any(LOOKS in worry for worry in worries_of(folder, in_years))
    assert not asked
    assert not any(LOOKS in worry for worry in worries_of(folder, tiny_store))
    assert asked == ["audit"]
    (folder / REMEMBERED).write_text("[]")
    assert any(LOOKS in worry for worry in worries_of(folder, in_years))


def test_prepare_says_what_worries_and_refuses_what_would_mislead(
    rsna_folder: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rsna_folder(20)
    table = pd.read_csv(folder / "train.csv", dtype=str)
    command = ["prepare", str(folder), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "32"]

    table.assign(male="True").to_csv(folder / "train.csv", index=False)
    assert main(command) == 0
    assert "data: The training images show no girls" in capsys.readouterr().err

    table.assign(boneage="120").to_csv(folder / "train.csv", index=False)
    assert main(command) == 0
    assert "data: The 1" in (said := capsys.readouterr().err)
    assert "training images have 1 different label" in said

    table.assign(boneage=(table["boneage"].astype(float) / 12).round(2)).to_csv(folder / "train.csv", index=False)
    assert main(command) == 2
    assert "--age-unit years" in capsys.readouterr().err
    assert main([*command, "--age-unit", "years"]) == 0
    years = open_store(tmp_path / "run" / "prepared").cases.set_index("id")["age_months"]
    assert years.sub(table.set_index("id")["boneage"].astype(float)[years.index]).abs().max() < 0.1
    assert main(["prepare", str(folder), "--run-dir", str(tmp_path / "run")]) == 0  # remembered


def test_lost_cases_are_refused_until_they_are_accepted_and_nothing_is_decoded_twice(
    rsna_folder: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = rsna_folder(20)
    for id in range(1377, 1383):
        (folder / "boneage-training-dataset" / f"{id}.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    command = ["prepare", str(folder), "--run-dir", str(tmp_path / "run"), "--preset", "demo", "--image-px", "32"]

    assert main(command) == 2
    assert "6 of 20 cases" in (said := capsys.readouterr().err)
    assert "(6 unreadable), more than a fifth" in said
    assert "--accept-losses if the other 14" in said

    monkeypatch.setattr("data.store.sources.decode", lambda *_: pytest.fail("decoded again"))
    assert main([*command, "--accept-losses"]) == 0
    assert len(open_store(tmp_path / "run" / "prepared").cases) == 14
    assert "6 cases of 20 were left out" in capsys.readouterr().err


def test_a_store_of_before_the_new_options_is_the_same_at_their_defaults(tmp_path: Path) -> None:
    settings = tiny_preset().preparation
    store = prepare("phantom:30", settings, tmp_path / "store")
    info = json.loads((store.path / "store.json").read_text())

    assert set(info["settings"]) == {"image_px", "fit", "stretch", "images", "validation_fraction", "test_fraction"}
    before = (store.path / "images.npy").stat().st_ino
    again = prepare("phantom:30", settings, tmp_path / "store")
    assert (again.path / "images.npy").stat().st_ino == before


@pytest.mark.parametrize("command", ["ablate", "train", "run"])
def test_every_stage_and_train_say_the_worries_before_they_train(
    command: str, in_years: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reached(Exception):
        """Training would begin here."""

    def reached(*_: object, **__: object) -> None:
        raise Reached

    monkeypatch.setattr("search.leader.engine.run_study", reached)
    monkeypatch.setattr("search.trained.train.train", reached)
    by_hand = ["--beta", "0.1", "--fc", "0"] if command == "train" else []
    with pytest.raises(Reached):
        main(
            [
                *(command, "--run-dir", str(tmp_path / "run"), "--preset", "demo"),
                *("--data", str(in_years.path), "--image-px", "40", *by_hand),
            ]
        )

    assert LOOKS in capsys.readouterr().err


def test_the_report_says_them(in_years: Store, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = Run(folder, tiny_preset(), {}, str(in_years.path), sqlite_url(folder / "studies.db"))
    run_study(run, in_years, "ablation", FormulaExecutor, silent())

    assert LOOKS in str(read(run).worries)
    assert LOOKS in markdown(contents(read(run)))


def test_many_images_are_said_to_be_audited_and_once(
    tiny_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("search.audit.remembered.SAID_FROM", len(tiny_store.cases))
    worries_of(tmp_path, tiny_store)
    assert capsys.readouterr().err == "auditing 60 images\n"
    worries_of(tmp_path, tiny_store)
    assert capsys.readouterr().err == ""
