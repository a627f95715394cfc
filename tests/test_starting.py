"""Workers that cannot start, and settings of Keras that belong to somebody else."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.backend import own_settings

import pytest
from conftest import tiny_preset

from data.store.disk import Store
from search.run import open_run
from search.storage.status import status
from search.workers.job import Halted, Job
from search.workers.local import scriptless
from search.workers.starting import could_not_start, ends, log_bytes, log_ends

ROOT = Path(__file__).parents[1]
SMALL = [
    "--preset",
    "demo",
    "--image-px",
    "40",
    "--stem-pools",
    "none",
    "--blocks",
    "mixed0=0,mixed1=0,mixed4=0,mixed5=1,mixed7=0,mixed9=1",
    "--beta",
    "0.0625",
    "--epochs",
    "1",
    "--warmup-epochs",
    "0",
    "--workers",
    "1",
]
# What a broken TensorFlow does while it is imported, and what of it the leader has to say.
BROKEN = {
    "raises": ("raise RuntimeError('no such instruction set')", "no such instruction set"),
    "is not there": ("raise ModuleNotFoundError('No module named tensorflow')", "No module named tensorflow"),
    "exits": ("import sys; print('not on this machine', file=sys.stderr); sys.exit(3)", "exit code 3"),
    "leaves": ("import os; os._exit(7)", "exit code 7"),
    "breaks": ("import os; os.abort()", "SIGABRT"),
}


def boneage(*arguments: str, path: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{path}:{ROOT}"} | variables
    call = [sys.executable, "-m", "search.cli", *arguments]
    return subprocess.run(call, env=environment, capture_output=True, text=True, timeout=250, check=False)


def broken(folder: Path, how: str) -> Path:
    """A folder whose `tensorflow` is broken."""
    (folder / "tensorflow").mkdir(parents=True)
    (folder / "tensorflow" / "__init__.py").write_text(BROKEN[how][0])
    return folder


def ablation(run: Path) -> dict[str, Any]:
    return status(open_run(run, None, {}, None, None))[0]


@pytest.mark.slow
@pytest.mark.parametrize("how", BROKEN)
def test_a_worker_that_cannot_start_ends_the_search_with_its_last_words_and_fails_no_trial(
    how: str, tmp_path: Path, tiny_store: Store
) -> None:
    """And so again, be it that the worker says it or that it dies."""
    run, path = tmp_path / "run", broken(tmp_path / "path", how)
    call = ("ablate", *SMALL, "--data", str(tiny_store.path), "--run-dir", str(run))

    for _ in range(2 if how in ("raises", "leaves") else 1):
        ended = boneage(*call, path=path)
        assert ended.returncode == 2, ended.stderr
        assert "could not start" in ended.stderr
        assert BROKEN[how][1] in ended.stderr
        assert "killed" not in ended.stderr
        found = ablation(run)
        assert (found["interrupted"], found["trials"], found["failed"]) == (1, 0, 0)


ASKED = {
    "ray": ["ablate", *SMALL, "--executor", "ray"],
    "record": ["record", "--preset", "miniature", "--image-px", "40", "--workers", "1"],
    "train": ["train", *SMALL[:-2]],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "how"), [("ray", "raises"), ("ray", "leaves"), ("record", "leaves"), ("train", "raises")]
)
def test_whoever_talks_to_workers_says_that_they_cannot_start(
    asked: str, how: str, tmp_path: Path, tiny_store: Store
) -> None:
    if asked == "ray":
        pytest.importorskip("ray", reason="Ray comes with the extra: pip install '.[ray]'")
    out = ["--out", str(tmp_path / "table.csv")] if asked == "record" else []
    call = [*ASKED[asked], *out, "--data", str(tiny_store.path), "--run-dir", str(tmp_path / "run")]
    ended = boneage(*call, path=broken(tmp_path / "path", how))

    assert ended.returncode == 2, ended.stderr
    assert "could not start" in ended.stderr
    if asked == "ray":
        assert (ablation(tmp_path / "run")["interrupted"], ablation(tmp_path / "run")["failed"]) == (1, 0)


def test_a_tensorflow_that_cannot_be_imported_is_a_sentence_of_predict(tiny_model: Path, tmp_path: Path) -> None:
    hand = tmp_path / "hand.png"
    hand.write_bytes(b"")
    ended = boneage("predict", str(hand), "--model", str(tiny_model), path=broken(tmp_path / "path", "raises"))

    assert ended.returncode == 2
    assert "TensorFlow cannot be imported" in ended.stderr
    assert "Traceback" not in ended.stderr


# A child for each of the environments given, in which this process' TensorFlow is, and Keras is not yet.
FORKING = """
import json, os, sys
sys.modules["keras"] = None  # TensorFlow would import it, by the settings of this process
import tensorflow
del sys.modules["keras"]
assert not [name for name in sys.modules if name.startswith("keras")]
for ours in json.loads(sys.argv[1]):
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    os.environ |= ours
    from models.backend import keras
    c = keras.config
    said = [c.backend(), c.floatx(), c.epsilon(), c.image_data_format(), c.dtype_policy().name]
    print(json.dumps([*said, os.environ.get("KERAS_BACKEND"), os.environ.get("KERAS_HOME")]), flush=True)
    os._exit(0)
"""


@pytest.mark.slow
def test_what_the_user_has_set_for_keras_changes_nothing(tmp_path: Path, tiny_store: Store) -> None:
    """In workers and in this process: every variable, and every way in which keras.json can be of no use.

    Keras reads them while it is imported. What TensorFlow reads itself, and does with Keras, is in `train` and `predict`.
    """
    homes = {
        "jax": '{"backend": "jax"}',
        "channels first": '{"image_data_format": "channels_first"}',
        "float64": '{"floatx": "float64", "epsilon": 0.1}',
        "float99": '{"floatx": "float99"}',
        "epsilon": '{"epsilon": "small"}',
        "no json": "{backend",
        "a list": "[1]",
    }
    variables = [
        {"KERAS_BACKEND": "jax"},
        {"KERAS_BACKEND": "nonesuch", "KERAS_MAX_EPOCHS": "many", "TF_USE_LEGACY_KERAS": "1"},
        *({"HOME": str(home(tmp_path / name, text))} for name, text in homes.items()),
        {
            "HOME": str(home(tmp_path / "of variable", homes["float64"])),
            "KERAS_HOME": str(tmp_path / "of variable/.keras"),
        },
        {"HOME": "/proc/nonesuch"},
    ]
    said = subprocess.run(
        [sys.executable, "-c", FORKING, json.dumps(variables)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    expected = [
        ["tensorflow", "float32", 1e-7, "channels_last", "float32", ours.get("KERAS_BACKEND"), ours.get("KERAS_HOME")]
        for ours in variables
    ]
    assert [json.loads(line) for line in said.stdout.splitlines()] == expected, said.stderr
    run = tmp_path / "run"
    first, second = variables[0] | {"HOME": variables[3]["HOME"]}, variables[1] | {"HOME": variables[7]["HOME"]}
    trained = boneage("train", "--data", str(tiny_store.path), "--run-dir", str(run), *SMALL[2:-2], **second)
    assert trained.returncode == 0, trained.stderr
    hand = next((ROOT / "docs").rglob("*.png"), None)
    assert hand
    predicted = boneage("predict", str(hand), "--sex", "M", "--force", "--run-dir", str(run), **first)
    assert predicted.returncode == 0, predicted.stderr


def home(folder: Path, text: str) -> Path:
    (folder / ".keras").mkdir(parents=True)
    (folder / ".keras" / "keras.json").write_text(text)
    return folder


def test_the_users_variables_are_there_again_after_keras_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "1")
    before = dict(os.environ)

    with own_settings():
        assert os.environ["KERAS_BACKEND"] == "tensorflow"
        assert "KERAS_MAX_EPOCHS" not in os.environ
    assert os.environ == before


SCRIPT = """
from pathlib import Path
from dataclasses import replace
from search.workers.local import LocalProcesses
from search.workers.job import LAST, Job
from conftest import tiny_preset
from data.store.disk import open_store
import os
os.environ["BEGUN"] = os.environ.get("BEGUN", "") + "x"
store, preset = open_store(Path({store!r})), tiny_preset()
training = replace(preset.training, epochs=1)
job = Job(0, preset.reference, training, {seed}, store.path, store.digest, store.image_px, Path({folder!r}))
executor = LocalProcesses(1)
executor.start(job)
said = []
while executor.running:
    said += executor.wait(1.0)
executor.close()
print([type(one).__name__ for one in said], "Seed" in getattr(said[-1], "traceback", ""))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["standard input", "a file without a guard", "a file that is gone", "-c"])
def test_a_worker_imports_nothing_of_the_script_that_runs_it(how: str, tmp_path: Path, tiny_store: Store) -> None:
    """The last of them trains; in the others the worker comes as far as the seed, which is none."""
    seed = 0 if how == "-c" else -1
    script = SCRIPT.format(store=str(tiny_store.path), folder=str(tmp_path / "trial"), seed=seed)
    file = tmp_path / "script.py"
    if how == "a file that is gone":
        script = "import os, sys; os.unlink(sys.argv[0])\n" + script
    file.write_text(script)
    arguments = {"standard input": ["-"], "-c": ["-c", script]}.get(how, [str(file)])
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    call = [sys.executable, *arguments]
    ended = subprocess.run(
        call, input=script, env=environment, capture_output=True, text=True, timeout=250, check=False
    )

    expected = "['EpochDone', 'Finished'] False" if how == "-c" else "['Crashed'] True"
    assert ended.stdout.strip() == expected, ended.stderr


def test_the_script_is_back_once_a_process_has_begun() -> None:
    script = sys.modules["__main__"]
    with scriptless():
        assert sys.modules["__main__"] is not script
    assert sys.modules["__main__"] is script


@pytest.mark.slow
def test_a_folder_of_temporary_files_with_a_long_name_is_a_sentence_before_any_trial(
    tmp_path: Path, tiny_store: Store
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    run = tmp_path / "run"
    call = ("ablate", *SMALL, "--data", str(tiny_store.path), "--run-dir", str(run))
    ended = boneage(*call, path=broken(tmp_path / "path", "raises"), TMPDIR=str(long))

    assert ended.returncode == 2
    assert f"TMPDIR is {long}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (ablation(run)["interrupted"], ablation(run)["failed"]) == (1, 0)


def test_the_last_lines_are_those_of_this_worker_alone(tmp_path: Path) -> None:
    assert (log_ends(tmp_path), log_bytes(tmp_path)) == ("", 0)
    (tmp_path / "log.txt").write_text("an earlier worker\n")
    before = log_bytes(tmp_path)
    with (tmp_path / "log.txt").open("ab") as file:
        file.write(b"\n".join(b"line %d \xff" % n for n in range(20)) + b"\n\n")

    said = log_ends(tmp_path, before).splitlines()
    assert len(said) == 8
    assert said[-1].startswith("line 19")
    assert "earlier" not in log_ends(tmp_path, before)
    assert len(ends("x" * 10_000)) == 800


def test_what_could_not_start_halts_the_search(tmp_path: Path) -> None:
    preset = tiny_preset()
    job = Job(3, preset.reference, replace(preset.training), 0, tmp_path, "", 40, tmp_path / "Ablation" / "0003")
    message = could_not_start(job, "exit code 1", "no module")

    assert isinstance(message, Halted)
    assert message.number == 3
    assert message.last_lines == "no module"
    assert "Ablation/0003" in message.sentence
