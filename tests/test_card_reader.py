"""The program in an exported model's card: taken out of the card and run, it gives what the network was shown, to the pixel."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.films.images import decode
from data.preparation import Preparation, Shrink
from search.apply.export import export
from search.apply.model_card import beside, card
from search.trained.folder import ModelFolder, open_folder
from search.trained.predictor import open_model, predict

pytestmark = pytest.mark.slow

SETTINGS = [
    Preparation(image_px=side, fit=fit, stretch=stretch)  # type: ignore[arg-type]
    for side in (40, 64)
    for fit in ("squash", "crop_pad")
    for stretch in (True, False)
]
SETTINGS += [Preparation(image_px=64, fit=fit, stretch_field=True) for fit in ("squash", "crop_pad")]  # type: ignore[arg-type]
SETTINGS += [Preparation(image_px=64, fit=fit, shrink="nearest") for fit in ("squash", "crop_pad")]  # type: ignore[arg-type]


def reader_of(text: str):  # type: ignore[no-untyped-def]
    """The card's own function `read`."""
    [source] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(source.splitlines()) < (120 if "def inside" in source else 50)
    names: dict[str, object] = {}
    exec(compile(source, "card", "exec"), names)
    return names["read"]


def carded(tiny_model: Path, settings: Preparation) -> ModelFolder:
    model = open_folder(tiny_model)
    prepared = {
        "image_px": settings.image_px,
        "fit": settings.fit,
        "stretch": settings.stretch,
        "stretch_field": settings.stretch_field,
        "shrink": settings.shrink,
    }
    return replace(model, about=model.about | {"preparation": prepared})


def pictures(folder: Path) -> list[Path]:
    """Grey of 8 and 16 bits, colour, transparent, turned by EXIF, bordered, small, with hardly any contrast."""
    random = np.random.default_rng(5)
    field = random.integers(0, 255, (90, 120)).astype(np.uint8)
    grey = Image.fromarray(field)
    bordered = np.pad(field, ((9, 4), (3, 12)), constant_values=200)
    rgba = grey.convert("RGBA")
    rgba.putalpha(Image.fromarray(random.integers(0, 255, (90, 120)).astype(np.uint8)))
    exif = Image.Exif()
    exif[274] = 6
    made = {
        "grey.png": grey,
        "deep.png": Image.fromarray(field.astype(np.uint16) * 200 + 7),
        "colour.png": Image.merge("RGB", [grey, grey.rotate(180), grey]),
        "clear.png": rgba,
        "palette.png": grey.convert("P"),
        "bordered.png": Image.fromarray(bordered),
        "small.png": grey.resize((36, 33)),
        "flat.png": Image.fromarray((field // 64 + 100).astype(np.uint8)),
        "spot.png": Image.fromarray(np.pad(field[:33, :33], ((40, 40), (40, 40)))),
        "photo.jpg": grey,
    }
    for name, image in made.items():
        image.save(folder / name)
    grey.save(folder / "turned.jpg", exif=exif)
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    "settings", SETTINGS, ids=lambda s: f"{s.image_px}-{s.fit}-{s.stretch}-{s.stretch_field}-{s.shrink}"
)
def test_the_cards_reader_gives_the_pixels_that_the_program_gives(
    tiny_model: Path, tmp_path: Path, settings: Preparation
) -> None:
    read = reader_of(card(carded(tiny_model, settings), "keras", "x.keras", ""))

    for path in pictures(tmp_path):
        np.testing.assert_array_equal(read(str(path))[0, :, :, 0], decode(path, settings).pixels, err_msg=path.name)


@given(st.integers(0, 2**32), st.integers(32, 90), st.integers(32, 90), st.integers(1, 255), st.booleans())
def test_so_it_does_for_any_picture(
    tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int, columns: int, most: int, pad: bool
) -> None:
    settings = Preparation(image_px=48, fit="crop_pad" if pad else "squash")
    path = tmp_path_factory.getbasetemp() / "any.png"
    pixels = np.random.default_rng(seed).integers(0, most + 1, (rows, columns)).astype(np.uint8)
    pixels[0, 0], pixels[-1, -1] = 0, most
    Image.fromarray(pixels).save(path)

    read = reader_of(card(carded(tiny_model, settings), "keras", "x.keras", ""))

    np.testing.assert_array_equal(read(str(path))[0, :, :, 0], decode(path, settings).pixels)


def test_the_card_says_order_and_filter(tiny_model: Path) -> None:
    text = card(carded(tiny_model, Preparation(image_px=100, fit="crop_pad")), "onnx", "x.onnx", "")
    places = [text.index(words) for words in ("are cut off", "1st to 99th percentile", "to a square", "Lanczos")]

    assert places == sorted(places)


@pytest.mark.parametrize(
    ("shrink", "words"), [("lanczos", "Lanczos where a side"), ("nearest", "nearest neighbour where a side")]
)
def test_card_and_json_say_how_larger_files_are_made_smaller(tiny_model: Path, shrink: Shrink, words: str) -> None:
    model = carded(tiny_model, Preparation(image_px=40, fit="squash", shrink=shrink))

    assert words in card(model, "onnx", "x.onnx", "")
    assert beside(model, "onnx", "x.onnx")["preparation"]["filter"]["smaller"] == shrink


@pytest.mark.parametrize("field", [False, True])
def test_card_and_json_say_what_the_training_films_were_and_every_setting(tiny_model: Path, field: bool) -> None:
    model = carded(tiny_model, Preparation(image_px=40, fit="squash", stretch_field=field))
    text, told = card(model, "onnx", "x.onnx", ""), beside(model, "onnx", "x.onnx")
    films = model.about["films"]

    assert told["training_films"] == films
    assert told["preparation"]["stretch_field"] is field
    assert f"`stretch_field` {field}" in text
    for trait in ("size_px", "sharpness", "levels", "field"):
        assert f"{films[trait]['median']:.{2 if trait == 'field' else 0}f}" in text
    for words in (
        "longer side:",
        "sharpness:",
        "contrast inside the exposed field:",
        "exposed share of the picture:",
        "100% as they are",
    ):
        assert words in text


def test_a_model_of_before_says_that_its_films_and_the_field_are_not_known(tiny_model: Path) -> None:
    model = open_folder(tiny_model)
    about = {name: value for name, value in model.about.items() if name != "films"}
    about["preparation"] = {name: about["preparation"][name] for name in ("image_px", "fit", "stretch")}
    of_before = replace(model, about=about)

    assert "what the training films were like is not known" in card(of_before, "onnx", "x.onnx", "")
    assert beside(of_before, "onnx", "x.onnx")["training_films"] is None
    assert beside(of_before, "onnx", "x.onnx")["preparation"]["stretch_field"] is False


def test_the_json_beside_the_file_gives_the_intervals_that_predict_gives(tiny_model: Path, tmp_path: Path) -> None:
    model = open_model(tiny_model)
    made = export(open_folder(tiny_model), ["keras"], tmp_path, tmp_path)
    told = json.loads((tmp_path / "tiny.keras.json").read_text())
    images = np.random.default_rng(0).integers(0, 255, (5, 40, 40)).astype(np.uint8)
    answers = predict(model, images, np.array([0, 1, 0, 1, 1]))

    assert made.faults == ()
    for months, low, male in zip(answers.months, answers.low, [0, 1, 0, 1, 1], strict=True):
        [width] = [
            group["half_width"]
            for group in told["intervals"]["groups"]
            if group["sex"] in (None, "FM"[male])
            and group["from_months"] <= max(months, 0) < (group["to_months"] or np.inf)
        ]
        assert (max(months - width, 0) if width is not None else 0) == pytest.approx(low, abs=1e-3)
    assert set(told["hand_check"]) == {"refuse_below", "doubt_below"} == set(model.about["looks"])
    assert told["preparation"]["steps"] == beside(open_folder(tiny_model), "keras", "x")["preparation"]["steps"]


@pytest.mark.parametrize("in_field", [True, False])
def test_the_reader_names_every_package_that_it_imports(tiny_model: Path, in_field: bool) -> None:
    text = card(
        carded(tiny_model, Preparation(image_px=40, fit="squash", stretch_field=in_field)), "onnx", "x.onnx", ""
    )
    [source] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names = {"numpy": "numpy", "PIL": "Pillow", "scipy": "SciPy"}
    imported = {
        names[module] for module in re.findall(r"^(?:from|import) (numpy|PIL|scipy)", source, flags=re.MULTILINE)
    }

    needs = source.partition("Needs ")[2].partition(";")[0]
    assert set(re.split(r", | and ", needs)) == imported
    assert ("SciPy" in imported) == in_field
