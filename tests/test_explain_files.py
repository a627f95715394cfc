"""`explain` reads files by `predict`'s rule, and no page of it takes the place of another radiograph's."""

from dataclasses import replace
from pathlib import Path

import pytest
from dicom_files import write as write_dicom

from data.preparation import DataError
from search.apply.explain import Explanation, explained, of_files
from search.apply.explain_page import name_of
from search.apply.predict import Wanted, rows_of
from search.cli import main
from search.trained.folder import open_folder
from search.trained.predictor import Model

HEADERS = {
    "another part": {"BodyPartExamined": "KNEE", "PatientSex": "M"},
    "a part of no name of ours": {"BodyPartExamined": "XYZ", "PatientSex": "M"},
    "another sex": {"BodyPartExamined": "HAND", "PatientSex": "M"},
    "two ages": {"PatientSex": "F", "PatientAge": "003Y", "PatientBirthDate": "20000101", "StudyDate": "20101215"},
    "nothing odd": {"PatientSex": "F"},
}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("way", HEADERS)
def test_a_file_is_refused_and_noted_as_predict_refuses_and_notes_it(
    tiny_model: Path, model: Model, tmp_path: Path, way: str, force: bool
) -> None:
    file = write_dicom(tmp_path / "IM0001.dcm", **HEADERS[way])
    [row] = rows_of(model, [file], Wanted(male=False, force=force))
    wanted = Wanted(male=False, force=force, verb="explains it")

    if row["predicted_months"] is None:
        with pytest.raises(DataError) as refused:
            of_files([file], wanted, open_folder(tiny_model))
        assert str(refused.value) == row["note"].replace("predicts", "explains it")
    else:
        [shown] = of_files([file], wanted, open_folder(tiny_model))
        assert ("; ".join(shown.notes), shown.male) == (row["note"], False)


def test_of_these_headers_one_is_refused_and_three_more_are_noted(model: Model, tmp_path: Path) -> None:
    """So that the rule above is seen at work."""
    files = [write_dicom(tmp_path / f"{n}.dcm", **header) for n, header in enumerate(HEADERS.values())]
    plain = list(rows_of(model, files, Wanted(male=False)))
    forced = list(rows_of(model, files, Wanted(male=False, force=True)))

    assert [row["predicted_months"] is None for row in plain] == [True, False, False, False, False]
    own = forced[-1]["note"]
    assert all(row["note"] != own for row in forced[:-1])


@pytest.fixture(scope="module")
def found(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    folder, model = tmp_path_factory.mktemp("one"), open_folder(tiny_model)
    file = write_dicom(folder / "IM0001.dcm", PatientSex="F")
    return explained(model, of_files([file], Wanted(force=True), model))


def test_a_page_is_named_after_all_that_makes_it(found: Explanation, tmp_path: Path) -> None:
    [case] = found.cases
    flipped = case.shown.detail[:, ::-1].copy()
    network = tmp_path / "model.keras"
    network.write_bytes(b"another network")
    others = {
        "picture": replace(found, cases=[replace(case, shown=replace(case.shown, detail=flipped))]),
        "sex": replace(found, cases=[replace(case, shown=replace(case.shown, male=True))]),
        "method": replace(found, method="occlusion"),
        "number": replace(found, cases=[case, case]),
        "network": replace(found, model=replace(found.model, path=tmp_path)),
    }
    names = {name_of(found), *map(name_of, others.values())}

    assert len(names) == 1 + len(others)
    assert name_of(found) == name_of(replace(found))
    assert all(name.startswith("IM0001-") for name in names)
    assert name_of(found, "validation").startswith("validation-1-cam-")


@pytest.mark.parametrize("name", ["../../up.png", "手.png", ".png", "a\nb.png", "x" * 255, "\udcff.png"])
def test_any_files_name_gives_a_page_in_the_folder(found: Explanation, name: str) -> None:
    [case] = found.cases
    made = name_of(replace(found, cases=[replace(case, shown=replace(case.shown, name=name))]))

    assert Path(f"{made}.html").name == f"{made}.html"
    assert made.isprintable()
    assert len(f"{made}.html".encode()) < 255


@pytest.mark.slow
def test_two_patients_files_of_one_name_have_a_page_each(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def pages(file: Path, *more: str) -> list[Path]:
        command = ["explain", str(file), "--model", str(tiny_model), "--to", str(tmp_path / "out"), "--force", *more]
        assert main(command) == 0
        return [Path(line) for line in capsys.readouterr().out.splitlines()[:2]]

    for number in (1, 2):
        (tmp_path / f"P{number}").mkdir()
    one = write_dicom(tmp_path / "P1" / "IM0001.dcm", PatientSex="F")
    two = write_dicom(tmp_path / "P2" / "IM0001.dcm", PatientSex="M")
    written = [*pages(one), *pages(two), *pages(one, "--fine")]

    assert pages(one) == written[:2]
    assert set((tmp_path / "out").iterdir()) == set(written)
    assert len(set(written)) == 6
