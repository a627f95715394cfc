"""`explain`: which cases, what is drawn of them, what is refused; the program as people use it."""

import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_folders import train_model
from pages import Tags
from PIL import Image, ImageFont
from playwright.sync_api import Browser
from rounding import likely, summed
from typed_commands import boneage_search, refused

from data.cases import spread_cases
from data.phantom.hand import anatomy, draw, phantom_cases
from data.preparation import DataError
from data.store.disk import Store
from models.architecture import Architecture, Blocks
from models.training.settings import Training
from search.apply.explain import Explanation, explained, of_files, of_store, outside_shares, region_rows
from search.apply.explain_page import explain_page, write
from search.apply.predict import DOUBTED, Wanted
from search.cli import main
from search.output.notices import KNOWS_DRAWN, NO_DEVICE, SYNTHETIC
from search.run import open_run, record
from search.show.overlay import BLUE, LINE_PX, ORANGE, TEXT_PX, ImageColor, laid_over, legend, scale_of, wrapped
from search.trained.folder import ModelFolder, chosen_model, load_network, open_folder, read_about

ARCHITECTURE = Architecture(1 / 16, Blocks(0, 0, 0, 0, 0, 0), (False, False))
TRAINING = Training(epochs=1, batch=8, bn_momentum=0.5, precision="float32")
MARKUP = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def model(tiny_store: Store, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Trained for an epoch; its run knows its data."""
    run = tmp_path_factory.mktemp("run")
    size = {"image_px": 40, "fit": "squash", "validation_fraction": 0.3}
    record(open_run(run, "demo", size, str(tiny_store.path), None))
    return train_model(run / "models" / "tiny", tiny_store, ARCHITECTURE, TRAINING)


@pytest.fixture(scope="module")
def found(model: ModelFolder, tiny_store: Store) -> Explanation:
    return explained(model, of_store(tiny_store, "validation", 6, model))


def test_cases_are_spread_over_sex_and_age() -> None:
    rng = np.random.default_rng(0)
    cases = pd.DataFrame(
        {"id": [str(n) for n in range(500)], "male": rng.random(500) < 0.7, "age_months": rng.uniform(1, 228, 500)}
    )

    chosen = spread_cases(cases, 12)

    assert list(chosen["male"]) == [False] * 6 + [True] * 6
    for male in (False, True):
        ages, every = chosen[chosen["male"] == male]["age_months"], cases[cases["male"] == male]["age_months"]
        ranks = [np.mean(every < age) for age in ages]
        assert ranks == pytest.approx((np.arange(6) + 0.5) / 6, abs=0.02)
    assert len(spread_cases(cases, 9999)) == 500
    assert len(spread_cases(cases[cases["male"]], 4)) == 2  # the girls' share stays empty


@pytest.mark.slow
def test_a_sheets_maps_sum_to_what_the_network_predicts(
    found: Explanation, tiny_store: Store, model: ModelFolder
) -> None:
    network = load_network(model)
    for case in found.cases:
        row = tiny_store.cases.index[tiny_store.cases["id"] == case.shown.name][0]
        inputs = {
            "image": np.array(tiny_store.images[[row]])[..., None],
            "male": np.array([[tiny_store.cases["male"][row]]], np.float32),
        }
        predicted = float(np.asarray(network(inputs, training=False))[0, 0])
        rounded = likely(network) * float(summed(network, inputs)[0])
        assert case.prediction_months == pytest.approx(predicted, abs=rounded)
        assert case.months.sum() + case.elsewhere_months == pytest.approx(predicted, abs=rounded)


@pytest.mark.slow
@pytest.mark.parametrize("fine", [False, True])
def test_an_age_is_none_below_0_as_in_an_answer(
    model: ModelFolder, tiny_store: Store, tmp_path: Path, fine: bool
) -> None:
    from models import saved

    network = load_network(model)
    *body, bias = network.get_weights()
    network.set_weights([*body, bias - 1000])
    saved.save(network, Path(shutil.copytree(model.path, tmp_path / "below")) / "model.keras")
    below = ModelFolder(tmp_path / "below", model.about)
    explained_cases = explained(below, of_store(tiny_store, "validation", 2, below), fine)

    for case in explained_cases.cases:
        assert case.prediction_months == case.to_dict(fine)["prediction_months"] == 0
        assert fine or case.months.sum() + case.elsewhere_months < -500
    written = explain_page(explained_cases, [np.zeros((4, 4, 3), np.uint8)] * 2, np.zeros((4, 4, 3), np.uint8))
    assert "predicted 0.0 months" in written


def test_shares_of_regions_are_of_the_whole_map(found: Explanation) -> None:
    """An even map has in each region the region's share of the area; a map within the hand has all of it there."""
    rows = {row["region"]: row for row in region_rows(found)}
    assert list(rows) == ["bone", "growth zones", "hand", "background"]
    assert rows["hand"]["share of |map|"] + rows["background"]["share of |map|"] == pytest.approx(1)
    assert rows["bone"]["share of the area"] < rows["hand"]["share of the area"]

    even = [type(case)(case.shown, np.full_like(case.months, -2.0), 0.0, 0.0) for case in found.cases]
    for row in region_rows(Explanation(found.model, found.method, found.where, even)):
        assert row["share of |map|"] == pytest.approx(row["share of the area"])
        assert row["ratio"] == 1


@pytest.mark.slow
def test_a_network_that_sees_nothing_has_a_picture_a_page_and_no_shares(found: Explanation, tmp_path: Path) -> None:
    nothing = [type(case)(case.shown, np.zeros_like(case.months), 130.0, 130.0) for case in found.cases]
    blind = Explanation(found.model, found.method, found.where, nothing)

    assert region_rows(blind) == []
    assert all(share in (None, 0) for share in outside_shares(blind))
    picture, page = write(blind, tmp_path, "blind")
    assert picture.exists()
    assert ">nan" not in page.read_text()


# --- masks of the phantom ----------------------------------------------------------------------------------------------


def test_bone_lies_in_the_hand_and_is_brighter_than_the_flesh_and_that_than_the_background() -> None:
    for case in phantom_cases(12, seed=6):
        parts, picture = anatomy(case, 160), draw(case, 160).astype(float)
        flesh = parts.hand & ~parts.bone
        assert not (parts.bone & ~parts.hand).any()
        # Within the hand's box: outside it are markers and the collimator's shadow.
        rows, columns = np.flatnonzero(parts.hand.any(1)), np.flatnonzero(parts.hand.any(0))
        box = np.zeros_like(parts.hand)
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        means = [picture[mask].mean() for mask in (parts.bone, flesh, box & ~parts.hand)]
        assert means == sorted(means, reverse=True), case.id


def test_masks_follow_a_mirrored_picture() -> None:
    """A mask on the wrong side would not go with the picture; three in a hundred are mirrored."""
    cases = phantom_cases(120, seed=0)
    for case in cases:
        bone, picture = anatomy(case, 64).bone, draw(case, 64).astype(float)
        assert correlation(bone, picture) > correlation(bone[:, ::-1], picture), case.id


def correlation(mask: np.ndarray, picture: np.ndarray) -> float:
    return float(np.corrcoef(mask.ravel(), picture.ravel())[0, 1])


def test_what_age_changes_lies_in_growth_zones_above_all() -> None:
    """Eight months in puberty, in one pose and with the same noise."""
    for case in phantom_cases(8, seed=9):
        young, old = (replace(case, maturity_months=months) for months in (118.0, 126.0))
        change = np.abs(draw(young, 160).astype(float) - draw(old, 160))
        zones = anatomy(old, 160)
        assert change[zones.growth].mean() > 2 * change[~zones.growth].mean(), case.id


# --- colours -----------------------------------------------------------------------------------------------------------


def test_nothing_added_leaves_the_radiograph_and_the_ends_are_the_legends_colours() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8)
    assert np.array_equal(laid_over(grey, np.zeros((20, 20)), 3.0), np.repeat(grey[..., None], 3, axis=2))

    for months, colour in ((3.0, ORANGE), (-9.0, BLUE)):
        over = laid_over(np.full((4, 4), 128, np.uint8), np.full((4, 4), months), 3.0)[0, 0].astype(float)
        assert over == pytest.approx(0.8 * np.array(ImageColor.getrgb(colour)) + 0.2 * 128, abs=1)
    assert scale_of(np.array([[[-4.0, 4.0]]])) == 4.0
    assert legend(3.0, "months").dtype == np.uint8


def test_orange_and_blue_stay_apart_for_the_colour_blind() -> None:
    """Protanopia, deuteranopia and tritanopia simulated (Machado et al. 2009, severity 1); distance in linear RGB."""
    simulations = {
        "protanopia": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deuteranopia": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.01182, 0.04294, 0.968881],
        ],
        "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
    }
    linear = [(np.array(ImageColor.getrgb(colour)) / 255) ** 2.2 for colour in (ORANGE, BLUE)]
    for name, matrix in simulations.items():
        orange, blue = (np.array(matrix) @ colour for colour in linear)
        assert np.linalg.norm(orange - blue) > 0.3, name


# --- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_says_what_is_shown_of_whom_and_escapes_it(
    found: Explanation, model: ModelFolder, tmp_path: Path
) -> None:
    hostile = tmp_path / MARKUP
    Image.fromarray(draw(phantom_cases(1)[0], 64)).save(hostile)
    files = explained(model, of_files([hostile], Wanted(male=False), model))

    of_cases, of_file = (
        Tags(explain_page(found, [np.zeros((8, 8, 3), np.uint8)] * 6, legend(1, "x"))),
        Tags(explain_page(files, [np.zeros((8, 8, 3), np.uint8)], legend(1, "x"))),
    )

    assert "growth zones" in of_cases.words
    assert SYNTHETIC[1:] in of_cases.words
    assert NO_DEVICE[1:] in of_cases.words
    assert KNOWS_DRAWN[1:] in of_file.words
    assert SYNTHETIC[1:] not in of_file.words
    assert MARKUP in of_file.words
    assert not [tag for tag, attributes in of_file.tags if "onerror" in attributes]


@pytest.mark.slow
def test_page_and_sheet_say_each_cases_notes(found: Explanation, tmp_path: Path) -> None:
    """The sheet is a picture: its notes are told by its height, that of their lines."""
    notes = ("sharpness 31, training films 42 to 80: smoother, which a network may read as younger", DOUBTED)
    noted = [replace(case, shown=replace(case.shown, notes=notes)) for case in found.cases]

    plain, _ = write(found, tmp_path, "plain")
    picture, html = write(replace(found, cases=noted), tmp_path, "noted")

    words = Tags(html.read_text()).words
    assert all(words.count(note) == len(noted) for note in notes)
    before, after = (np.asarray(Image.open(BytesIO(path.read_bytes()))).shape[0] for path in (plain, picture))
    assert after - before >= 2 * len(notes) * LINE_PX  # two rows of tiles


@given(line=st.text(min_size=1, max_size=90), width_px=st.integers(30, 500))
def test_lines_of_a_sheet_stay_within_their_tile_and_lose_nothing_but_spaces(line: str, width_px: int) -> None:
    font = ImageFont.load_default(size=TEXT_PX)
    line = line.replace("\n", " ").replace("\r", " ")

    parts = wrapped(line, width_px, font)

    assert all(len(part) <= 1 or font.getlength(part) <= width_px for part in parts)
    assert "".join("".join(parts).split()) == "".join(line.split())


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_page_opens_without_a_network_an_error_or_a_sideways_scroll(
    browser: Browser, found: Explanation, tmp_path: Path, width_px: int
) -> None:
    _, html = write(found, tmp_path, "validation")
    said: list[str] = []
    context = browser.new_context(offline=True, viewport={"width": width_px, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(html.as_uri())
    assert page.evaluate("[...document.images].length") == 13
    assert all(page.evaluate("[...document.images].map(image => image.naturalWidth > 0)"))
    scrolled, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert scrolled <= shown
    context.close()
    assert said == []


# --- as people use it --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_radiograph_and_a_sheet_are_explained(model: ModelFolder, tmp_path: Path) -> None:
    hand = tmp_path / "hand.png"
    Image.fromarray(draw(phantom_cases(1)[0], 64)).resize((50, 70)).save(hand)

    one = boneage_search("explain", hand, "--sex", "F", "--model", model.path, "--to", tmp_path / "out")
    many = boneage_search("explain", "--sheet", "4", "--run-dir", model.path.parents[1], "--json")
    (tmp_path / "t.csv").write_text("Nr;Geschlecht;bone age (weeks)\nhand;w;520\n")
    named = ("--table", tmp_path / "t.csv", "--id-column", "Nr", "--sex-column", "Geschlecht")
    by_table = boneage_search("explain", hand, *named, "--model", model.path, "--to", tmp_path / "by_table")

    assert one.returncode == 0, one.stderr
    picture, page, notice = one.stdout.splitlines()
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 400
    assert Path(page).read_text().startswith("<!doctype html>")
    assert notice == f"{KNOWS_DRAWN}; {NO_DEVICE}"
    assert by_table.returncode == 0, by_table.stderr
    assert many.returncode == 0, many.stderr
    said = json.loads(many.stdout)
    assert said["method"] == "CAM"
    assert [case["sex"] for case in said["cases"]] == ["F", "F", "M", "M"]
    for case in said["cases"]:
        parts = case["from_image_months"] + case["from_sex_and_constants_months"]
        assert parts == pytest.approx(case["prediction_months"], abs=0.02)
    assert Path(said["page"]).parent == model.path / "explained"


def test_bad_input_is_refused_with_a_sentence(
    model: ModelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.png"
    text.write_text("no image")
    hand = tmp_path / "hand.png"
    Image.fromarray(draw(phantom_cases(1)[0], 64)).save(hand)
    folder, run = str(model.path), str(model.path.parents[1])
    for said, arguments in {
        "is no file": ["explain", str(tmp_path), "--sex", "F", "--model", folder],
        "say --sex F or --sex M": ["explain", str(hand), "--model", folder],
        "name image files, or --sheet": ["explain", "--run-dir", run],
        "has no trained model": ["explain", str(text), "--run-dir", str(tmp_path)],
        "holds no trained model": ["export", "--format", "keras", "--model", str(tmp_path)],
    }.items():
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert said in captured.err
        assert captured.out == ""
    assert "is not a complete PNG or JPEG" in refused("explain", text, "--sex", "F", "--model", folder)


def test_a_store_prepared_otherwise_is_refused(model: ModelFolder, tiny_store: Store) -> None:
    other = Store(tiny_store.path, tiny_store.info | {"settings": tiny_store.info["settings"] | {"stretch": False}})

    with pytest.raises(DataError, match="prepared with stretch False, tiny was trained with True"):
        of_store(other, "validation", 4, model)


def test_the_newest_model_is_taken_unless_one_is_named_and_a_damaged_one_is_refused(
    model: ModelFolder, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        shutil.copytree(model.path, tmp_path / "models" / name)
    one, two = tmp_path / "models" / "one", tmp_path / "models" / "two"

    assert chosen_model(tmp_path, one).path == one
    newer = read_about(one) | {"made": "2999-01-01 00:00:00"}
    (two / "model.json").write_text(json.dumps(newer))
    assert chosen_model(tmp_path, None).path == two
    (two / "model.keras").write_bytes((two / "model.keras").read_bytes()[:5000])
    with pytest.raises(DataError, match="cannot be read"):
        load_network(open_folder(two))
    (two / "model.keras").unlink()
    with pytest.raises(DataError, match=r"no model\.keras"):
        open_folder(two)
    (two / "model.json").write_text('{"name": "two"}')
    with pytest.raises(DataError, match="damaged"):
        open_folder(two)
