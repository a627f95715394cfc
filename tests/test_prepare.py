"""Preparing what people have: damaged files, interruptions, two at once. Every bad input has one stated outcome."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.preparation import DataError, Preparation
from data.store.disk import Store, open_store, verify
from data.store.prepare import prepare
from search.cli import main

Write = Callable[..., Path]
SETTINGS = Preparation(image_px=32, fit="squash", validation_fraction=0.3, test_fraction=0.2)
IMAGES = "boneage-training-dataset"
CASES = 20


def files(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.iterdir())}


def image(folder: Path, id: int = 1380) -> Path:
    return folder / IMAGES / f"{id}.png"


def cut(folder: Path, keep: int) -> None:
    image(folder).write_bytes(image(folder).read_bytes()[:keep])


def noise(shape: tuple[int, ...], dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


def add_row(folder: Path, row: str) -> None:
    with (folder / "train.csv").open("a") as table:
        table.write(row + "\n")


def change_row(folder: Path, id: int, row: str) -> None:
    text = (folder / "train.csv").read_text()
    (folder / "train.csv").write_text(re.sub(rf"(?m)^{id},.*$", row, text))


def flipped_byte(folder: Path) -> None:
    data = bytearray(image(folder).read_bytes())
    data[len(data) // 2] ^= 255
    image(folder).write_bytes(data)


# What is wrong, how it comes about, which case is left out, and the kind of the reason.
LEFT_OUT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "an empty file": (lambda f: cut(f, 0), "1380", "unreadable"),
    "a file of eight bytes": (lambda f: cut(f, 8), "1380", "unreadable"),
    "a file cut in its header": (lambda f: cut(f, 25), "1380", "unreadable"),
    "a file cut in its pixels": (lambda f: cut(f, 300), "1380", "unreadable"),
    "a flipped byte": (flipped_byte, "1380", "unreadable"),
    "text named png": (lambda f: image(f).write_text("404 not found"), "1380", "unreadable"),
    "a web page named png": (lambda f: image(f).write_text("<html>log in</html>"), "1380", "unreadable"),
    "a folder named png": (lambda f: (image(f).unlink(), image(f).mkdir()), "1380", "missing"),
    "a link to nowhere": (lambda f: (image(f).unlink(), image(f).symlink_to("gone.png")), "1380", "missing"),
    "no image": (lambda f: image(f).unlink(), "1380", "missing"),
    "a row without an image": (lambda f: add_row(f, "9999,120,True"), "9999", "missing"),
    "a black image": (lambda f: Image.new("L", (40, 48)).save(image(f)), "1380", "blank"),
    "a white image": (lambda f: Image.new("RGB", (40, 48), "white").save(image(f)), "1380", "blank"),
    "one pixel": (lambda f: Image.new("L", (1, 1), 9).save(image(f)), "1380", "too small"),
    "one row of pixels": (lambda f: Image.fromarray(noise((1, 500))).save(image(f)), "1380", "too small"),
    "a picture of 31 pixels' height": (lambda f: Image.fromarray(noise((31, 500))).save(image(f)), "1380", "too small"),
    "a strip that padding makes a bomb": (
        lambda f: Image.new("1", (30_000, 40)).save(image(f)),
        "1380",
        "too large",
    ),
    "a decompression bomb": (lambda f: Image.new("1", (20_000, 20_000)).save(image(f)), "1380", "too large"),
    "another case's image": (lambda f: shutil.copy(image(f), image(f, 1379)), "1379", "duplicate of 1380"),
    "an age in words": (lambda f: change_row(f, 1380, "1380,ten years,True"), "1380", "age"),
    "a negative age": (lambda f: change_row(f, 1380, "1380,-1,True"), "1380", "age"),
    "an age in days": (lambda f: change_row(f, 1380, "1380,3650,True"), "1380", "age"),
    "no age": (lambda f: change_row(f, 1380, "1380,,True"), "1380", "age"),
    "an infinite age": (lambda f: change_row(f, 1380, "1380,1e999,True"), "1380", "age"),
    "an unknown sex": (lambda f: change_row(f, 1380, "1380,120,?"), "1380", "sex"),
    "no sex": (lambda f: change_row(f, 1380, "1380,120,"), "1380", "sex"),
    "a row twice with two ages": (lambda f: add_row(f, "1380,299,True"), "1380", "repeated id"),
    "an id that leaves the folder": (lambda f: add_row(f, "../../../etc/passwd,120,True"), "passwd", "missing"),
    "two images of one name": (lambda f: Image.fromarray(noise((9, 9))).save(f / "1380.jpg"), "1380", "ambiguous"),
    "a damaged DICOM file": (
        lambda f: (image(f).unlink(), (f / IMAGES / "1380.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 60)),
        "1380",
        "unreadable",
    ),
}

# Inputs that look odd and are usable.
USABLE: dict[str, Callable[[Path], object]] = {
    "RGB": lambda f: Image.fromarray(noise((40, 48, 3))).save(image(f)),
    "RGBA": lambda f: Image.fromarray(noise((40, 48, 4))).save(image(f)),
    "a palette": lambda f: Image.fromarray(noise((40, 48))).convert("P").save(image(f)),
    "16 bits": lambda f: Image.fromarray(noise((40, 48), np.uint16) * 200).save(image(f)),
    "one bit": lambda f: Image.fromarray(noise((40, 48)) > 128).save(image(f)),
    "a JPEG named png": lambda f: Image.fromarray(noise((40, 48))).save(image(f), format="JPEG"),
    "as small as any": lambda f: Image.fromarray(noise((32, 32))).save(image(f)),
    "a film that is ten times as long as wide": lambda f: Image.fromarray(noise((40, 400))).save(image(f)),
    "a decimal age": lambda f: change_row(f, 1380, "1380,120.75,True"),
    "an id with its ending": lambda f: change_row(f, 1380, "1380.png,120,True"),
    "an image without a row": lambda f: Image.fromarray(noise((9, 9))).save(f / IMAGES / "77.png"),
    "a row twice": lambda f: (change_row(f, 1380, "1380,99,True"), add_row(f, "1380,99,True")),
    "blank lines": lambda f: add_row(f, "\n\n"),
    "Windows line ends": lambda f: (f / "train.csv").write_bytes(
        (f / "train.csv").read_bytes().replace(b"\n", b"\r\n")
    ),
}


@pytest.mark.parametrize("wrong", LEFT_OUT)
def test_what_cannot_be_used_is_listed_and_everything_else_is_prepared(
    rsna_folder: Write, tmp_path: Path, wrong: str
) -> None:
    make, id, reason = LEFT_OUT[wrong]
    folder = rsna_folder(CASES)
    before = prepare(str(folder), SETTINGS, tmp_path / "before")
    make(folder)

    store = prepare(str(folder), SETTINGS, tmp_path / "store")

    assert set(store.problems["id"]) == {id}
    assert store.problems["reason"].str.startswith(reason + ":").all(), store.problems["reason"]
    assert set(store.cases["id"]) >= set(before.cases["id"]) - {id}
    assert pixels_by_id(before).items() >= {k: v for k, v in pixels_by_id(store).items() if k != id}.items()
    with pytest.raises(DataError, match=f"cannot be used, the first: {id}, {reason}"):
        prepare(str(folder), SETTINGS, tmp_path / "strict", strict=True)
    with pytest.raises(DataError, match="cannot be used, the first"):
        prepare(str(folder), SETTINGS, tmp_path / "store", strict=True)


def pixels_by_id(store: Store) -> dict[str, bytes]:
    return {str(id): store.images[row].tobytes() for row, id in enumerate(store.cases["id"])}


@pytest.mark.parametrize("odd", USABLE)
def test_what_is_odd_and_usable_is_used(rsna_folder: Write, tmp_path: Path, odd: str) -> None:
    folder = rsna_folder(CASES)
    USABLE[odd](folder)

    store = prepare(str(folder), SETTINGS, tmp_path / "store", strict=True)

    assert len(store.cases) == CASES


def test_of_two_equal_images_the_one_held_out_stays(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder(CASES)
    splits = prepare(str(folder), SETTINGS, tmp_path / "before").cases.set_index("id")["split"]
    trained, tested = (str(splits.index[splits == name][0]) for name in ("train", "test"))
    shutil.copy(image(folder, int(trained)), image(folder, int(tested)))

    store = prepare(str(folder), SETTINGS, tmp_path / "store")

    assert list(store.problems["id"]) == [trained]
    assert "test and train" in store.problems["reason"][0]


def test_a_source_of_damaged_images_alone_is_refused_with_its_first_fault(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder(6)
    for path in (folder / IMAGES).iterdir():
        path.write_bytes(b"")

    with pytest.raises(DataError, match=r"0 usable cases in all; 6 were left out, the first: unreadable: .*1377\.png"):
        prepare(str(folder), SETTINGS, tmp_path / "store")


def test_damaged_images_that_are_more_than_a_fifth_of_the_test_set_are_refused_however_few_of_all_they_are(
    rsna_folder: Write, tmp_path: Path
) -> None:
    folder = rsna_folder(CASES)
    first, *rows = (folder / "train.csv").read_text().splitlines()
    lines = [f"{row},{'test' if n < 5 else 'train'}" for n, row in enumerate(rows)]
    (folder / "train.csv").write_text("\n".join([f"{first},split", *lines]))
    for row in rows[:2]:
        image(folder, int(row.split(",")[0])).write_bytes(b"404 not found")

    with pytest.raises(DataError, match=r"2 of 5 test cases .*\(2 unreadable\), more than a fifth.*--accept-losses"):
        prepare(str(folder), SETTINGS, tmp_path / "store")
    kept = prepare(str(folder), replace(SETTINGS, accept_losses=True), tmp_path / "store").cases
    assert (kept["split"] == "test").sum() == 3


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_losses_of_a_training_table_count_against_all_of_its_cases_however_many_are_drawn_from_them(
    rsna_folder: Write, tmp_path: Path, fault: str
) -> None:
    folder = rsna_folder(CASES)
    for number in range(CASES // 5):
        image(folder, 1377 + number).unlink() if fault == "missing" else image(folder, 1377 + number).write_bytes(
            b"404"
        )

    assert len(prepare(str(folder), SETTINGS, tmp_path / "store").cases) == CASES - CASES // 5
    image(folder, 1377 + CASES // 5).unlink()
    with pytest.raises(DataError, match=f"5 of {CASES} .*cases .*more than a fifth.*--accept-losses"):
        prepare(str(folder), SETTINGS, tmp_path / "again")


def test_a_mended_file_is_prepared_by_the_same_command(rsna_folder: Write, tmp_path: Path) -> None:
    folder = rsna_folder(CASES)
    whole = image(folder).read_bytes()
    cut(folder, 200)
    assert len(prepare(str(folder), SETTINGS, tmp_path / "store").cases) == CASES - 1

    image(folder).write_bytes(whole)

    assert len(prepare(str(folder), SETTINGS, tmp_path / "store").cases) == CASES


def test_two_that_prepare_the_same_store_do_not_mix(rsna_folder: Write, tmp_path: Path) -> None:
    folder = str(rsna_folder(CASES))
    said = []

    def second(done: int, total: int) -> None:
        if done == 5:
            with pytest.raises(DataError) as raised:
                prepare(folder, SETTINGS, tmp_path / "store")
            said.append(str(raised.value))

    store = prepare(folder, SETTINGS, tmp_path / "store", second)

    assert "another process is preparing" in said[0]
    verify(store)


class Stop(Exception):
    pass


def stopped(folder: str, place: Path, at: int) -> None:
    """A preparation that is stopped after so many images."""

    def interrupt(done: int, total: int) -> None:
        if done == at:
            raise Stop

    with pytest.raises(Stop):
        prepare(folder, SETTINGS, place, interrupt)


@pytest.mark.parametrize("stop_at", [1, 7, 19])
def test_an_interrupted_preparation_continues_where_it_was(rsna_folder: Write, tmp_path: Path, stop_at: int) -> None:
    folder = rsna_folder(CASES)
    cut(folder, 200)
    whole = prepare(str(folder), SETTINGS, tmp_path / "whole")
    stopped(str(folder), tmp_path / "store", stop_at)
    counted: list[int] = []
    prepare(str(folder), SETTINGS, tmp_path / "store", lambda done, total: counted.append(done))

    assert counted[0] == stop_at + 1
    assert files(tmp_path / "store") == files(whole.path)
    assert not (tmp_path / "store.part").exists()


def test_pixels_that_a_lost_machine_never_wrote_are_decoded_again(rsna_folder: Write, tmp_path: Path) -> None:
    """The journal may reach the disk before the pixels do, and its last line may be half a line."""
    folder = str(rsna_folder(CASES))
    whole = prepare(folder, SETTINGS, tmp_path / "whole")
    stopped(folder, tmp_path / "store", 10)
    part = tmp_path / "store.part"
    with (part / "pixels.u8").open("r+b") as pixels:
        pixels.seek(3 * 32 * 32)
        pixels.write(b"\0" * 32 * 32)
    journal = (part / "journal.jsonl").read_text()
    (part / "journal.jsonl").write_text(journal[:-9])
    prepare(folder, SETTINGS, tmp_path / "store")

    assert files(tmp_path / "store") == files(whole.path)


def spoilt_request(part: Path) -> None:
    (part / "request.json").write_bytes(b"\xff\xfe")


def spoilt_journal(part: Path) -> None:
    lines = (b"\xff\xfe", b"3", b"[]", b'{"row": "0"}', b'{"row": -1, "reason": "x"}', b'{"row": 1}', b"[" * 100_000)
    (part / "journal.jsonl").write_bytes(b"\n".join(lines))


@pytest.mark.parametrize("spoilt", [spoilt_request, spoilt_journal])
def test_what_a_kill_left_is_thrown_away_whatever_it_holds(
    rsna_folder: Write, tmp_path: Path, spoilt: Callable[[Path], None]
) -> None:
    folder = str(rsna_folder(CASES))
    whole = prepare(folder, SETTINGS, tmp_path / "whole")
    stopped(folder, tmp_path / "store", 10)
    spoilt(tmp_path / "store.part")
    prepare(folder, SETTINGS, tmp_path / "store")

    assert files(tmp_path / "store") == files(whole.path)


def test_what_somebody_put_into_an_unfinished_store_stays(rsna_folder: Write, tmp_path: Path) -> None:
    part = tmp_path / "store.part"
    (part / "mine").mkdir(parents=True)
    (part / "mine" / "thesis.txt").write_text("precious")
    (part / "journal.jsonl").write_text("of another preparation")

    store = prepare(str(rsna_folder(CASES)), SETTINGS, tmp_path / "store")

    assert (store.path / "mine" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("name", ["request.json", "journal.jsonl", "pixels.u8", "cases.csv"])
def test_a_folder_in_the_place_of_a_file_of_an_unfinished_store_is_named(
    rsna_folder: Write, tmp_path: Path, name: str
) -> None:
    (tmp_path / "store.part" / name).mkdir(parents=True)

    with pytest.raises(DataError, match=rf"store\.part/{name} is a folder, .*: move the folder away"):
        prepare(str(rsna_folder(CASES)), SETTINGS, tmp_path / "store")


def test_other_settings_do_not_continue_what_was_begun(rsna_folder: Write, tmp_path: Path) -> None:
    folder = str(rsna_folder(CASES))
    stopped(folder, tmp_path / "store", 1)
    other = replace(SETTINGS, image_px=40)

    assert files(prepare(folder, other, tmp_path / "store").path) == files(
        prepare(folder, other, tmp_path / "whole").path
    )


@pytest.mark.slow
def test_a_preparation_killed_at_five_moments_ends_with_the_same_bytes(rsna_folder: Write, tmp_path: Path) -> None:
    """Each process is killed a little later in its work than the one before; what they left is continued."""
    folder = rsna_folder(200, 600, 700)
    cut(folder, 200)
    settings = replace(SETTINGS, image_px=64)
    whole = prepare(str(folder), settings, tmp_path / "whole")
    script = (
        "import sys; from pathlib import Path; from data.preparation import Preparation; from data.store.prepare import prepare\n"
        f"prepare(sys.argv[1], {settings!r}, Path(sys.argv[2]), lambda done, total: print(done, flush=True))\n"
    )

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, str(folder), str(tmp_path / "store")]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    killed_at = []
    for kill in range(5):
        with begin() as process:
            assert process.stdout is not None
            for line in process.stdout:
                if int(line) >= 30 * kill + 5:
                    time.sleep(0.002 * kill)
                    break
            process.send_signal(signal.SIGKILL)
            killed_at.append(int(line))
            assert process.wait(30) == -signal.SIGKILL
        assert not (tmp_path / "store").exists()
    with begin() as process:
        assert process.wait(60) == 0

    assert killed_at == sorted(killed_at)
    assert files(tmp_path / "store") == files(whole.path)
    assert not (tmp_path / "store.part").exists()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(rsna_folder: Write, tmp_path: Path) -> None:
    """Large radiographs, thrice as many: the same peak, and far below half a gigabyte."""
    folder = rsna_folder(6)
    table = ["id,boneage,male"]
    for number in range(30):
        picture = Image.fromarray(noise((250, 200), seed=number)).resize((2000, 2500))
        picture.save(image(folder, number), compress_level=1)
        table.append(f"{number},{number * 3 + 12},{number % 2 == 0}")
    (folder / "train.csv").write_text("\n".join(table))

    def peak_mb(images: int) -> int:
        script = (
            "import re; from pathlib import Path; from data.preparation import Preparation; from data.store.prepare import prepare\n"
            f"prepare({str(folder)!r}, Preparation(image_px=300, images={images}), Path({str(tmp_path / str(images))!r}))\n"
            # Not getrusage's figure: a process begins with that of the one it was forked from.
            "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
        return int(ended.stdout)

    few, many = peak_mb(10), peak_mb(30)

    assert many < 500
    assert many < few + 40


def test_real_radiographs_of_full_size_are_prepared(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "shared" / "radiographs" / "originals"
    if not folder.is_dir():
        pytest.skip("the RSNA radiographs are not here")

    store = prepare(str(folder), replace(SETTINGS, image_px=128, fit="crop_pad", stretch=True), tmp_path / "store")

    assert len(store.cases) == 60
    assert store.cases["width_px"].max() > 1500
    assert os.path.getsize(store.path / "images.npy") < 60 * 128**2 + 256
    assert open_store(store.path).digest == store.digest


def test_a_run_on_infants_in_months_goes_on_once_their_unit_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version of before took these months for granted."""
    folder, run = tmp_path / "data", tmp_path / "run"
    folder.mkdir()
    for number in range(26):
        Image.fromarray(noise((48, 48), seed=number)).save(folder / f"{number}.png")
    rows = [f"{number},{number * 0.8:g},{'MF'[number % 2]}" for number in range(26)]
    (folder / "labels.csv").write_text("\n".join(["id,boneage,sex", *rows]) + "\n")
    command = ["prepare", str(folder), "--run-dir", str(run), "--preset", "demo", "--image-px", "48"]
    assert main([*command, "--age-unit", "months"]) == 0
    about = json.loads((run / "prepared" / "store.json").read_text())
    del about["settings"]["age_unit"]
    (run / "prepared" / "store.json").write_text(json.dumps(about))
    before = (run / "prepared" / "cases.csv").read_bytes()
    (run / "trials").mkdir()

    assert main([*command, "--age-unit", "auto"]) == 2
    assert "say --age-unit years to convert all, or --age-unit months if they are infants'" in capsys.readouterr().err
    assert main([*command, "--age-unit", "months"]) == 0
    assert (run / "prepared" / "cases.csv").read_bytes() == before
