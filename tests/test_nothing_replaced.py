"""No command writes over a file that is something else's; the same command again writes over its own."""

import json
from pathlib import Path

import pytest
from golden_runs import laid_out
from labelled_sets import lay_out
from searched import a_run

from data.preparation import DataError
from data.store.disk import Store
from search.apply import answers_out
from search.apply.answers_out import FILES, say_replaced
from search.apply.export import export, others
from search.audit.page import write_page
from search.audit.remembered import audit_of
from search.cli import main
from search.compare.curves import Curve, write
from search.compare.record import recorded
from search.compare.run import say_replaced as say_replaced_comparison
from search.evaluate.page import places, subtitle_of
from search.evaluate.recalibrate import free_beside
from search.show.html import digest_of_folder, page, refuse_others
from search.trained.folder import ModelFolder, open_folder
from studies.preset import StudyError

PRECIOUS = "id,male,boneage\n1,True,118\n"


def rows(*files: str) -> list[dict[str, object]]:
    return [{"file": file, "predicted_months": 100.0, "low": 90.0, "high": 110.0, "note": ""} for file in files]


# predict --out


@pytest.mark.parametrize("ending", FILES)
def test_a_file_that_is_no_table_of_answers_stays_what_it_was(tmp_path: Path, ending: str) -> None:
    """Such as the table of sexes that was given with --table."""
    place = tmp_path / f"table{ending}"
    place.write_text(PRECIOUS)

    with pytest.raises(DataError, match="is not a table of answers of `predict`, so it is not replaced"):
        say_replaced(place, [Path("1.png")])
    assert place.read_text() == PRECIOUS


@pytest.mark.parametrize("ending", FILES)
def test_answers_of_the_same_files_are_replaced_and_of_others_that_is_said(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place, files = tmp_path / f"answers{ending}", ["=a.png", "b.png"]
    FILES[ending](iter(rows(*files)), answers_out.ALWAYS, place)
    capsys.readouterr()

    say_replaced(place, [Path(file) for file in files])
    assert capsys.readouterr().err == ""
    say_replaced(place, [Path("b.png"), Path("c.png")])
    assert "has answers for 1 other file, as =a.png: these answers are replaced" in capsys.readouterr().err
    say_replaced(tmp_path / f"new{ending}", [Path("b.png")])


def test_the_command_refuses_to_write_over_its_own_table_of_sexes(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lay_out(tmp_path / "clinic", ["1", "2"])
    table = folder / "train.csv"
    before = table.read_bytes()
    command = ["predict", str(folder / "boneage-training-dataset"), "--table", str(table), "--out", str(table)]

    assert main([*command, "--model", str(tiny_model)]) == 2
    assert table.read_bytes() == before
    assert "name another --out" in capsys.readouterr().err


# evaluate --to


def evaluated_at(place: tuple[Path, Path], source: str, model: ModelFolder) -> None:
    html, listed = place
    html.write_text(page("A model on other images", [], subtitle_of(source, model)))
    listed.write_text(PRECIOUS)


def test_a_models_folder_is_not_written_into(tiny_model: Path) -> None:
    """A set called `test` would take the place of the model's own table of predictions."""
    with pytest.raises(DataError, match="is a model's own folder"):
        places("/data/clinic/test", open_folder(tiny_model), tiny_model)


def test_a_table_without_a_page_of_ours_is_taken(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "predictions_test.csv").write_text(PRECIOUS)

    html, listed = places("/data/clinic/test", open_folder(tiny_model), tmp_path)

    assert not html.exists()
    assert not listed.exists()
    assert html.name.startswith("test-")


def test_models_of_one_name_and_sets_of_one_name_have_places_of_their_own_which_stay_theirs(
    tiny_model: Path, tmp_path: Path
) -> None:
    own = open_folder(tiny_model)
    asked = [
        (source, ModelFolder(Path(run) / "models" / "tiny", own.about))
        for source in ("/a/clinic", "/b/clinic")
        for run in ("/x", "/y", "/z")
    ]
    found = []
    for source, model in asked:
        found.append(places(source, model, tmp_path))
        evaluated_at(found[-1], source, model)

    assert len({path for pair in found for path in pair}) == 2 * len(asked)
    assert [places(source, model, tmp_path) for source, model in asked] == found


def test_where_every_name_is_taken_nothing_is_replaced(tiny_model: Path, tmp_path: Path) -> None:
    model = open_folder(tiny_model)
    (tmp_path / "clinic.html").write_text("of mine")
    _, listed = places("/a/clinic", model, tmp_path)
    listed.write_text(PRECIOUS)

    with pytest.raises(DataError, match="belongs to something else, so it is not replaced"):
        places("/a/clinic", model, tmp_path)


def test_a_new_model_goes_into_no_folder_of_other_files_and_on_with_one_that_was_begun(
    tiny_model: Path, tmp_path: Path
) -> None:
    model = ModelFolder(tmp_path / "tiny", open_folder(tiny_model).about)
    for name, file in (("study", "report.html"), ("stopped", "model.keras"), ("begun", "job.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("there")
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match=r"study holds other files, as report\.html: give the new model another --name"):
        free_beside(model, "study")
    assert [free_beside(model, name).name for name in ("stopped", "begun", "empty", "new")] == [
        "stopped",
        "begun",
        "empty",
        "new",
    ]


# export --to


@pytest.mark.slow
def test_an_export_of_another_model_and_a_file_of_ones_own_are_not_replaced(tiny_model: Path, tmp_path: Path) -> None:
    model = open_folder(tiny_model)
    place = tmp_path / "tiny.keras"
    export(model, ["keras"], tmp_path, tmp_path)
    before = place.read_bytes()
    namesake = ModelFolder(tmp_path / "elsewhere" / "tiny", model.about)

    assert others(place, model) == ""
    with pytest.raises(StudyError, match=r"tiny\.keras, or what lies beside it, is not an export of .*elsewhere"):
        export(namesake, ["keras"], tmp_path, tmp_path)
    facts = tmp_path / "tiny.keras.json"
    told = json.loads(facts.read_text())
    facts.write_text(json.dumps({name: value for name, value in told.items() if name != "exported_from"}))
    assert others(place, model) == ""  # an export of an earlier version has the model's figures
    other_figures = ModelFolder(namesake.path, model.about | {"validation": model.about["validation"] | {"mae": 1.5}})
    assert "is not replaced" in others(place, other_figures)
    facts.unlink()
    assert "is not replaced" in others(place, model)
    assert place.read_bytes() == before


def test_notes_beside_an_export_to_be_are_not_replaced(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.keras.md").write_text("notes of mine")

    with pytest.raises(StudyError, match="is not replaced"):
        export(open_folder(tiny_model), ["keras"], tmp_path, tmp_path)
    assert (tmp_path / "tiny.keras.md").read_text() == "notes of mine"


def test_a_models_own_network_is_not_replaced_by_an_export_of_a_model_called_model(tiny_model: Path) -> None:
    model = open_folder(tiny_model)

    with pytest.raises(StudyError, match="is a model's own folder"):
        export(ModelFolder(tiny_model, model.about | {"name": "model"}), ["keras"], tiny_model, tiny_model)


# report --to, audit --to


def test_a_page_is_replaced_by_one_of_the_same_alone(tmp_path: Path) -> None:
    html, listed = tmp_path / "report.html", tmp_path / "report.csv"
    own = digest_of_folder(tmp_path)
    refuse_others([html, listed], own)
    listed.write_text(PRECIOUS)
    with pytest.raises(DataError, match=r"report\.csv is there and belongs to something else"):
        refuse_others([html, listed], own)

    html.write_text(page("Report", [], of=own))
    refuse_others([html, listed], own)
    for text in (page("Report", [], of=digest_of_folder(tmp_path / "other")), page("Report", []), "notes of mine"):
        html.write_text(text)
        with pytest.raises(DataError, match="is not replaced"):
            refuse_others([html, listed], own)


def test_an_audit_of_other_data_keeps_its_page(tiny_store: Store, tmp_path: Path) -> None:
    found = audit_of(tiny_store)
    path = write_page(tmp_path, tiny_store, found)
    write_page(tmp_path, tiny_store, found)
    other = Store(tmp_path / "other", tiny_store.info)

    with pytest.raises(DataError, match=r"audit\.html is there and belongs to something else"):
        write_page(tmp_path, other, found)
    assert f'content="{digest_of_folder(tiny_store.path)}"' in path.read_text()
    path.write_text("a page of an earlier version")
    write_page(tmp_path, tiny_store, found, own=tmp_path)
    assert path.read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_the_report_of_another_run_and_a_models_page_stay(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [laid_out(tmp_path / name) for name in ("one", "two")]
    place, own = tmp_path / "to", (tiny_model / "report.html").read_bytes()

    def report(run: Path, to: Path) -> int:
        return main(["report", "--run-dir", str(run), "--to", str(to)])

    assert [report(run, place) for run in (runs[0], runs[0], runs[1])] == [0, 0, 2]
    assert "report.html is there and belongs to something else, so it is not replaced" in capsys.readouterr().err
    assert report(runs[0], tiny_model) == 2
    assert (tiny_model / "report.html").read_bytes() == own
    assert report(runs[0], runs[0]) == 0


# record --out, compare


def test_what_is_no_table_of_trainings_is_refused_before_anything_is_prepared(
    tiny_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.compare import record

    monkeypatch.setattr(record, "prepared", lambda *_: pytest.fail("it has begun"))
    monkeypatch.setattr(record, "requests", lambda run: [])
    place = tmp_path / "table.csv"
    place.write_text(PRECIOUS)

    with pytest.raises(StudyError, match="is not a table of recorded trainings, so it is not replaced"):
        recorded(a_run(tmp_path / "run", tiny_store), place, lambda: pytest.fail("it has begun"))
    assert place.read_text() == PRECIOUS


def test_trainings_of_other_data_are_not_replaced(
    tiny_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.compare import record

    monkeypatch.setattr(record, "prepared", lambda *_: tiny_store)
    monkeypatch.setattr(record, "requests", lambda run: [])
    run, place = a_run(tmp_path / "run", tiny_store), tmp_path / "table.csv"
    about = record.about(run, tiny_store) | {"images": {"train": 9999}, "space": {"beta": [1.0]}, "epochs": 1}
    write(place, about, [({"beta": 1.0}, 0, Curve((9.0,), (8.0,), (1.0,), None, ""))])
    before = place.read_bytes()

    with pytest.raises(StudyError, match="holds trainings of other data or settings, so it is not replaced"):
        recorded(run, place, lambda: pytest.fail("it has begun"))
    assert place.read_bytes() == before


def test_a_comparison_that_takes_the_place_of_another_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "compare.json"
    say_replaced_comparison(place, "3 repetitions")
    place.write_text(json.dumps({"what": "3 repetitions"}))
    say_replaced_comparison(place, "3 repetitions")
    assert capsys.readouterr().err == ""
    say_replaced_comparison(place, "100 repetitions")
    assert "were of 3 repetitions: they are replaced" in capsys.readouterr().err
