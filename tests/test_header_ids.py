"""Tables whose ids are numbers of patients or examinations, and archives that number their files as they come."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from dicom_files import made, write
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data.films.dicom import INDEX
from data.preparation import Preparation
from data.store.sources import read_source
from data.tables import dicom_cases
from data.tables.layouts import Found, read_folder
from search.apply.labels import Labels, labels_of
from search.apply.predict import files_of

COUNT = 12
LOSING = Preparation(accept_losses=True)


def age_of(number: int) -> int:
    return 60 + 5 * number


def table(folder: Path, ids: list[str], heading: str = "id", **columns: list[str]) -> Path:
    """Ages and sexes by the order of the ids."""
    lines = [",".join([heading, "boneage", "sex", *columns])]
    for number, id in enumerate(ids):
        cells = [id, str(age_of(number)), "FM"[number % 2], *(cells[number] for cells in columns.values())]
        lines.append(",".join(cells))
    path = folder / "train.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def export(folder: Path, numbers: list[str], element: str = "PatientID", name: str = "IM{:06}") -> Path:
    """A DICOM for each number, named in their order."""
    (folder / "DICOM").mkdir(parents=True)
    for place, number in enumerate(numbers):
        write(folder / "DICOM" / name.format(place + 1), **{element: number})
    return folder


def ages_by_file(folder: Path) -> dict[str, float]:
    """As `prepare` joins them."""
    cases = read_folder(folder, LOSING).cases
    return {Path(path).name: age for path, age in zip(cases["path"], cases["age_months"], strict=True)}


def labelled(folder: Path, rows: Path) -> Labels:
    return labels_of(rows, files_of([folder / "DICOM"]))


NOTATIONS: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {  # of the table and of the headers
    "numbers": (lambda n: f"{n + 1}", lambda n: f"{n + 1}"),
    "with a letter": (lambda n: f"P{n + 1:03}", lambda n: f"P{n + 1:03}"),
    "zeros that a spreadsheet took": (lambda n: f"{n + 1}", lambda n: f"{n + 1:07}"),
    "zeros that the table added": (lambda n: f"{n + 1:07}", lambda n: f"{n + 1}"),
    "small letters": (lambda n: f"p{n + 1:03}", lambda n: f"P{n + 1:03}"),
}


@pytest.mark.parametrize("name", ["IM{:06}", "IM{:06}.dcm", "{:08}"])
@pytest.mark.parametrize("element", ["PatientID", "AccessionNumber"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_row_is_given_to_the_file_whose_header_names_it_however_files_are_numbered(
    tmp_path: Path, notation: str, element: str, name: str
) -> None:
    of_table, of_header = NOTATIONS[notation]
    order = list(reversed(range(COUNT)))
    folder = export(tmp_path, [of_header(n) for n in order], element, name)
    rows = table(folder, [of_table(n) for n in range(COUNT)])

    expected = {name.format(place + 1): age_of(n) for place, n in enumerate(order)}
    exactly_named = {
        file: expected[file] for file in expected if Path(file).stem in {of_table(n) for n in range(COUNT)}
    }
    assert not exactly_named
    assert ages_by_file(folder) == expected
    found = labelled(folder, rows)
    assert {path.name: age for path, age in found.age_months.items()} == expected
    assert "found in DICOM headers" in " ".join((*found.said, *read_folder(folder).said))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), known=st.integers(0, COUNT))
def test_no_file_is_ever_given_the_row_of_another_than_its_header_names(
    tmp_path_factory: pytest.TempPathFactory, seed: int, known: int
) -> None:
    """Of the headers some name a row, the others nobody; the files are numbered by chance."""
    order = random.Random(seed).sample(range(COUNT), COUNT)
    folder = tmp_path_factory.mktemp("export")
    export(folder, [str(n + 1) if n < known else f"X-{n}-Y" for n in order])
    table(folder, [str(n + 1) for n in range(COUNT)])
    try:
        given_ages = ages_by_file(folder)
    except ValueError:  # none is left
        given_ages = {}

    for place, n in enumerate(order):
        if n < known:
            assert given_ages[f"IM{place + 1:06}"] == age_of(n)


def test_a_name_that_is_nearly_an_id_and_a_header_that_names_another_case_are_nobodys(tmp_path: Path) -> None:
    """Case 12 has its image by its exact name; the export holds another film of it."""
    folder = export(tmp_path, ["12", "nobody", "12"], name="hand_{}")
    (folder / "DICOM" / "other").mkdir()
    write(folder / "DICOM" / "other" / "12")
    found = read_folder_with(folder, ["1", "2", "12"])

    assert list(found.cases["id"]) == ["2", "12"]
    assert [Path(path).name for path in found.cases["path"]] == ["hand_2", "12"]
    assert [(problem.id, problem.kind) for problem in found.problems] == [("1", "ambiguous")]
    assert "hand_1 may be its image, but by its header it is the image of 12" in found.problems[0].reason
    said = labelled(folder, folder / "train.csv")
    assert sorted(path.name for path in said.age_months) == ["12", "hand_2"]
    assert any("by its header it is the image of 12" in sentence for sentence in said.said)


def read_folder_with(folder: Path, ids: list[str]) -> Found:
    table(folder, ids)
    return read_folder(folder, LOSING)


def test_letters_before_a_patients_number_contradict_a_name_and_prove_none(tmp_path: Path) -> None:
    """ANON012 may be case 12, or the twelfth that an archive has made anonymous: who knows."""
    numbers = [f"ANON{COUNT - n:03}" for n in range(COUNT)]
    folder = export(tmp_path, [*numbers, "ANON013"])
    found = read_folder_with(folder, [str(n + 1) for n in range(COUNT)] + ["13"])

    assert list(found.cases["id"]) == ["13"]
    assert {problem.kind for problem in found.problems} == {"ambiguous"}


@pytest.mark.parametrize("patient", ["", "ANON", "4711", "anonymous"])
def test_headers_that_name_no_row_leave_names_as_they_were(tmp_path: Path, patient: str) -> None:
    """And where one of them names a row, it is that row's."""
    folder = export(tmp_path, [*[patient] * COUNT, "14"], name="hand_{}.dcm")
    found = read_folder_with(folder, [str(n + 1) for n in range(COUNT + 2)])

    assert list(found.cases["id"]) == [*(str(n + 1) for n in range(COUNT)), "14"]
    assert [Path(path).stem for path in found.cases["path"]] == [f"hand_{n + 1}" for n in range(COUNT + 1)]
    assert any("12 ids differ a little from their images' names" in sentence for sentence in found.said)
    assert [(problem.id, problem.kind) for problem in found.problems] == [("13", "missing")]


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files whose headers are read from now on."""
    read: list[str] = []
    texts = dicom_cases.dicom.texts
    monkeypatch.setattr(dicom_cases.dicom, "texts", lambda path, *names: read.append(path.name) or texts(path, *names))
    return read


def test_exact_names_win_and_no_header_is_read_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(tmp_path, [str(COUNT - n) for n in range(COUNT)], name="{}")
    export(folder / "more", ["2", "1"], name="IM{:06}")
    export(folder / "others", ["22", "21"], name="IM00002{}")
    read = reads(monkeypatch)
    found = read_folder_with(folder, [str(n + 1) for n in range(COUNT)] + ["21", "22"])

    names = [Path(path).name for path in found.cases["path"]]
    assert names == [*(str(n + 1) for n in range(COUNT)), "IM000022", "IM000021"]
    assert sorted(read) == ["IM000001", "IM000002", "IM000021", "IM000022"]


def test_a_header_is_read_once_and_a_pictures_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(tmp_path, [str(COUNT - n) for n in range(COUNT)])
    (folder / "png").mkdir()
    for n in range(20, 30):
        Image.new("L", (40, 40), n).save(folder / "png" / f"hand_{n}.png")
    read = reads(monkeypatch)
    found = read_folder_with(folder, [str(n) for n in [*range(1, COUNT + 1), *range(20, 30), 99]])

    assert len(found.cases) == COUNT + 10
    assert sorted(read) == [f"IM{n + 1:06}" for n in range(COUNT)]


def test_where_a_table_tells_patients_and_cases_apart_a_patients_number_is_no_case(tmp_path: Path) -> None:
    """Six patients with two films each, numbered as the cases are; the last film's header has another patient than its row."""
    patients = [str(n // 2 + 1) for n in range(COUNT)]
    folder = export(tmp_path, [*patients[:-1], "1"], name="hand_{}.dcm")
    table(folder, [str(n + 1) for n in range(COUNT)], patient_id=patients)
    found = read_folder(folder, LOSING)

    assert [Path(path).stem for path in found.cases["path"]] == [f"hand_{n + 1}" for n in range(COUNT - 1)]
    assert [problem.id for problem in found.problems] == [str(COUNT)]
    assert "by its header it is the image of the patient 1" in found.problems[0].reason


@pytest.mark.parametrize("name", ["{}", "{}.dcm", "IM{:06}"])
def test_where_the_ids_are_patient_ids_by_their_heading_no_name_of_a_file_contradicts_a_header(
    tmp_path: Path, name: str
) -> None:
    """Files named 1 to 12 as they came; the one without a PatientID has nothing but its name."""
    numbers = [str(COUNT - n) for n in range(COUNT)]
    folder = export(tmp_path, [*numbers, ""], name=name)
    rows = table(folder, [str(n + 1) for n in range(COUNT + 1)], heading="PatientID")
    chosen = Preparation(id_column="PatientID", accept_losses=True)
    cases = read_folder(folder, chosen).cases
    found = labels_of(rows, files_of([folder / "DICOM"]), {"id": "PatientID"})

    expected = {**{name.format(n + 1): age_of(COUNT - 1 - n) for n in range(COUNT)}, name.format(13): age_of(COUNT)}
    assert {Path(path).name: age for path, age in zip(cases["path"], cases["age_months"], strict=True)} == expected
    assert {path.name: age for path, age in found.age_months.items()} == expected


def test_an_examination_with_two_views_has_no_film_of_its_own(tmp_path: Path) -> None:
    folder = export(tmp_path, ["A1", "A2", "A2", "A3"], "AccessionNumber")
    found = read_folder_with(folder, ["A1", "A2", "A3"])

    assert [Path(path).name for path in found.cases["path"]] == ["IM000001", "IM000004"]
    assert "2 images have this id in their headers" in found.problems[0].reason


def test_a_patient_number_that_all_films_bear_is_not_guessed_about(tmp_path: Path) -> None:
    """It may be one patient's CD, or what an archive writes for everybody."""
    folder = export(tmp_path, ["1"] * COUNT, name="hand_{}")
    rows = table(folder, [str(n + 1) for n in range(COUNT)])

    with pytest.raises(
        ValueError, match=r"12 cases and none can be used; the first: .* 12 images have this id in their"
    ):
        read_folder(folder, LOSING)
    with pytest.raises(ValueError, match=r"hand_10 may be its image, but by its header it is the image of 1;"):
        labelled(folder, rows)


def two_days(folder: Path, sexes: tuple[str, str] = ("F", "F")) -> Path:
    """A patient with films of two years, and six with one."""
    for day, sex in zip(("2015", "2019"), sexes, strict=True):
        (folder / "DICOM" / day).mkdir(parents=True)
        write(folder / "DICOM" / day / f"1.2.840.{day}7", PatientID="A17", PatientSex=sex, StudyDate=f"{day}0301")
    for n in range(6):
        write(folder / "DICOM" / "2019" / f"1.2.840.1{n}1", PatientID=f"A{20 + n}", PatientSex="M")
    return table(folder, ["A17", *(f"A{20 + n}" for n in range(6))])


def test_one_bone_age_is_not_given_to_all_films_of_a_patient_and_the_sex_is(tmp_path: Path) -> None:
    found = labelled(tmp_path, two_days(tmp_path))

    of_two = [path for path in files_of([tmp_path / "DICOM"]) if path.name.endswith("7")]
    assert len(of_two) == 2
    assert not set(of_two) & set(found.age_months)
    assert len(found.age_months) == 6
    assert [found.male[path] for path in of_two] == [False, False]
    assert any("6 of the ids" in said and "found in DICOM headers" in said for said in found.said)
    assert any(
        "the id A17: 2 images have this id in their headers" in said and "its bone age is used for none" in said
        for said in found.said
    )
    problems = read_folder(tmp_path, LOSING).problems
    assert [(problem.id, problem.kind) for problem in problems] == [("A17", "ambiguous")]
    assert "2 images have this id in their headers" in problems[0].reason


def test_the_sex_of_a_patient_whose_films_disagree_is_not_given(tmp_path: Path) -> None:
    found = labelled(tmp_path, two_days(tmp_path, ("F", "M")))

    assert not {path for path in found.male if path.name.endswith("7")}


@pytest.mark.parametrize(("patients", "sexes"), [(("P1", "P2"), 0), (("P1", "P1"), 2)])
def test_files_of_one_name_on_the_cds_of_several_days_are_not_one_case(
    tmp_path: Path, patients: tuple[str, str], sexes: int
) -> None:
    for number, patient in enumerate(patients):
        (tmp_path / "DICOM" / str(number)).mkdir(parents=True)
        write(tmp_path / "DICOM" / str(number) / "IM0001", PatientID=patient, PatientSex="F")
    write(tmp_path / "DICOM" / "IM0002", PatientID="P3", PatientSex="M")
    found = labelled(tmp_path, table(tmp_path, ["IM0001", "IM0002"]))

    assert [path.name for path in found.age_months] == ["IM0002"]
    assert [path.name for path in found.male].count("IM0001") == sexes


# DICOM objects without pixels


def report(path: Path, of: int, **elements: str) -> Path:
    """As archives have them beside each film: the same patient, accession number and study, and no pixels."""
    dataset = made(
        path, **{"PatientID": f"P{of}", "AccessionNumber": str(of), "StudyInstanceUID": f"1.2.3.{of}"} | elements
    )
    for name in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def films(folder: Path, name: str = "IM{:06}") -> Path:
    (folder / "DICOM").mkdir()
    for n in range(COUNT):
        study = {"AccessionNumber": str(n), "StudyInstanceUID": f"1.2.3.{n}"}
        write(folder / "DICOM" / name.format(n), PatientID=f"P{n}", **study)
    return folder


def test_a_row_whose_patient_is_unknown_contradicts_no_header(tmp_path: Path) -> None:
    """Another row of the same patient names it."""
    (tmp_path / "DICOM").mkdir()
    for n in range(COUNT):
        write(tmp_path / "DICOM" / f"hand_{n}", PatientID=f"P{n // 2}")
    patients = [f"p{n // 2}" if n % 2 else "unbekannt" for n in range(COUNT)]
    table(tmp_path, [f"{n:03}" for n in range(COUNT)], patient_id=patients)

    assert ages_by_file(tmp_path) == {f"hand_{n}": age_of(n) for n in range(COUNT)}


@pytest.mark.parametrize(
    ("number", "heading"), [("{}", "id"), ("P{}", "id"), ("1.2.3.{}", "id"), ("P{}", "patient_id")]
)
def test_objects_without_pixels_beside_the_films_are_no_cases(tmp_path: Path, number: str, heading: str) -> None:
    films(tmp_path)
    for n in range(COUNT):
        report(tmp_path / "DICOM" / f"SR{n:06}", n)
    rows = table(tmp_path, [number.format(n) for n in range(COUNT)], heading)
    found = read_folder(tmp_path, Preparation(id_column=heading))

    assert {Path(path).name: age for path, age in zip(found.cases["path"], found.cases["age_months"], strict=True)} == {
        f"IM{n:06}": age_of(n) for n in range(COUNT)
    }
    assert any(
        f"{COUNT} DICOM files hold no image and belong to no case: DICOM/SR000000" in said for said in found.said
    )
    assert not any("belong to no labelled row" in said for said in found.said)
    answered = labels_of(rows, files_of(sorted((tmp_path / "DICOM").iterdir())), {"id": heading})
    assert {path.name: age for path, age in answered.age_months.items()} == {
        f"IM{n:06}": age_of(n) for n in range(COUNT)
    }
    assert any(f"{COUNT} DICOM files hold no image, as SR000000" in said for said in answered.said)
    assert not any("in no row" in said for said in answered.said)


def test_an_object_without_pixels_that_has_a_films_name_does_not_compete_with_it(tmp_path: Path) -> None:
    films(tmp_path, "{}")
    for n in range(4):
        report(tmp_path / "SR" / str(n), n)
    table(tmp_path, [str(n) for n in range(COUNT)])
    found = read_folder(tmp_path, LOSING)

    assert found.problems == ()
    assert all(path.parent.name == "DICOM" for path in found.cases["path"])
    assert any("4 DICOM files hold no image" in said for said in found.said)


def test_where_the_files_are_the_cases_an_object_without_pixels_is_none(tmp_path: Path) -> None:
    """Ages since birth of DICOM headers, without a table."""
    (tmp_path / "DICOM").mkdir()
    for n in range(COUNT):
        write(tmp_path / "DICOM" / f"IM{n}", PatientAge="010Y", PatientSex="F")
        report(tmp_path / "DICOM" / f"SR{n}", n, PatientAge="010Y", PatientSex="F")
    found = read_folder(tmp_path, Preparation(age_column="PatientAge"))

    assert sorted(found.cases["id"]) == sorted(f"IM{n}" for n in range(COUNT))
    assert found.problems == ()
    assert any(f"{COUNT} DICOM files hold no image" in said for said in found.said)


def test_a_damaged_film_is_still_its_cases(tmp_path: Path) -> None:
    """Nobody knows that it holds no image."""
    films(tmp_path, "{}")
    film = tmp_path / "DICOM" / "3"
    film.write_bytes(film.read_bytes()[:200])
    table(tmp_path, [str(n) for n in range(COUNT)])

    assert [path.name for path in read_folder(tmp_path, LOSING).cases["path"]].count("3") == 1


def test_a_cd_is_read_by_its_index_and_as_a_folder_alike(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    folder = export(tmp_path, [str(COUNT - n) for n in range(COUNT)])
    records = []
    for n in range(COUNT):
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["DICOM", f"IM{n + 1:06}"]
        records.append(record)
    write(folder / INDEX, DirectoryRecordSequence=Sequence(records))
    rows = table(folder, [str(n + 1) for n in range(COUNT)])

    by_index = labels_of(rows, files_of([folder / INDEX]))
    assert by_index == labelled(folder, rows)
    assert by_index.age_months[folder / "DICOM" / "IM000001"] == age_of(COUNT - 1)
    assert ages_by_file(folder)["IM000001"] == age_of(COUNT - 1)


def test_evaluate_reads_labels_as_prepare_does(tmp_path: Path) -> None:
    folder = export(tmp_path, [str(COUNT - n) for n in range(COUNT)])
    table(folder, [str(n + 1) for n in range(COUNT)])
    cases = read_source(str(folder), Preparation(), to_train=False).cases

    assert [Path(path).name for path in cases["path"]] == [f"IM{COUNT - n:06}" for n in range(COUNT)]
