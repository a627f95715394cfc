"""What a training runs on is said before it begins, and an NVIDIA card that lies idle stops it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import needs

from data.store.disk import Store
from models.training.cards import HIDING, NOT_GIVEN, sign_of_nvidia, visible_gpus
from search.cli import main
from search.machine import devices
from search.machine.devices import Seen, announced, choose_device, device_line, refuse_idle_card
from search.workers.at_once import workers_here
from search.workers.executor import Executor
from search.workers.local import InProcess
from studies.preset import StudyError

CPU = Seen((), "float32", False, "2.21.0")
GPUS = Seen(("NVIDIA A100", "NVIDIA A100"), "mixed_bfloat16", True, "2.21.0")


def machine(root: Path, *files: str, **contents: str) -> Path:
    """A made-up root of a file system."""
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(contents.get("text", ""))
    return root


def pci(root: Path, vendor: str, kind: str) -> Path:
    device = root / "sys/bus/pci/devices/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    return root


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HIDING, raising=False)


def test_every_sign_of_a_card_is_seen_and_nothing_else_is_one(tmp_path: Path) -> None:
    signs = {
        "linux": (machine(tmp_path / "linux", "proc/driver/nvidia/version"), "NVIDIA's driver"),
        "container": (machine(tmp_path / "container", "dev/nvidia0"), "NVIDIA's driver"),
        "docker": (
            machine(tmp_path / "docker", ".dockerenv", "proc/driver/nvidia/version", "dev/nvidia1"),
            "NVIDIA's driver",
        ),
        "docker without": (machine(tmp_path / "without", ".dockerenv", "proc/driver/nvidia/version"), NOT_GIVEN),
        "podman without": (machine(tmp_path / "podman", "run/.containerenv", "proc/driver/nvidia/version"), NOT_GIVEN),
        "docker anywhere": (machine(tmp_path / "anywhere", ".dockerenv"), ""),
        "wsl2": (machine(tmp_path / "wsl2", "dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"), "NVIDIA's driver for WSL2"),
        "card": (pci(tmp_path / "card", "0x10de", "0x030200"), "an NVIDIA card, whose driver is not loaded"),
        "sound": (pci(tmp_path / "sound", "0x10de", "0x040300"), ""),
        "intel": (pci(tmp_path / "intel", "0x8086", "0x030000"), ""),
        "wsl2 without nvidia": (machine(tmp_path / "plain", "dev/dxg"), ""),
        "nothing": (tmp_path / "nothing", ""),
    }
    assert {name: sign_of_nvidia(root) for name, (root, _) in signs.items()} == {
        name: sign for name, (_, sign) in signs.items()
    }


def test_cards_that_the_user_hides_are_no_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = machine(tmp_path, "proc/driver/nvidia/version", "proc/driver/nvidia/gpus/0000:01:00.0")
    for hidden in ("", "-1"):
        monkeypatch.setenv(HIDING, hidden)
        assert sign_of_nvidia(root) == ""
    monkeypatch.setenv(HIDING, "0")
    assert sign_of_nvidia(root) == "NVIDIA's driver"


def test_gpus_are_counted_on_linux_and_behind_windows(tmp_path: Path) -> None:
    linux = machine(tmp_path / "linux", *(f"proc/driver/nvidia/gpus/0000:0{slot}:00.0/information" for slot in "12"))
    wsl2 = machine(tmp_path / "wsl2", "dev/dxg", "usr/lib/wsl/lib/libcuda.so.1")
    assert visible_gpus(linux) == ["0", "1"]
    assert visible_gpus(wsl2) == ["0"]
    assert visible_gpus(tmp_path / "nothing") == []


NOT_CARDS = ("dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia-caps/nvidia-cap1", "dev/nvidia-modeset")
OF_THE_HOST = tuple(f"proc/driver/nvidia/gpus/0000:0{slot}:00.0/information" for slot in range(8))


@pytest.mark.parametrize(
    ("listed", "devices", "found"),
    [
        (OF_THE_HOST, ("dev/nvidia5",), ["0"]),  # CUDA counts what it was given from 0
        (OF_THE_HOST, ("dev/nvidia2", "dev/nvidia11"), ["0", "1"]),
        ((), ("dev/nvidia0", "dev/nvidia1"), ["0", "1"]),  # of a system whose /proc has nothing of the driver
        (OF_THE_HOST[:2], (), ["0", "1"]),  # nobody has used a card since the machine started
        (OF_THE_HOST[:1], ("dev/nvidia0", "dev/nvidia1"), ["0"]),  # one is gone from the bus
        ((), (), []),
    ],
)
def test_a_container_counts_the_cards_that_it_was_given_and_not_its_hosts(
    listed: tuple[str, ...], devices: tuple[str, ...], found: list[str], tmp_path: Path
) -> None:
    root = machine(tmp_path, *listed, *devices, *NOT_CARDS)

    assert visible_gpus(root) == found
    assert bool(sign_of_nvidia(root)) == bool(devices)


def test_a_card_that_tensorflow_does_not_see_is_refused_with_what_to_do() -> None:
    with pytest.raises(StudyError, match="begin the container with `--gpus all`"):
        refuse_idle_card(CPU, NOT_GIVEN)
    with pytest.raises(StudyError) as refused:
        refuse_idle_card(CPU, "NVIDIA's driver")
    assert "TensorFlow sees no GPU" in str(refused.value)
    assert "--device cpu" in str(refused.value)
    refuse_idle_card(GPUS, "NVIDIA's driver")
    refuse_idle_card(CPU, "")


def test_the_cpu_is_taken_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HIDING, "0,1,2")
    choose_device("auto", "local")
    assert workers_here() == 3
    choose_device("cpu", "local")
    assert visible_gpus() == []
    assert sign_of_nvidia() == ""
    with pytest.raises(StudyError, match="leave it out with --executor ray"):
        choose_device("cpu", "ray://auto")


def test_the_line_names_device_precision_workers_and_xla() -> None:
    assert device_line(GPUS, 2) == "device: 2 GPUs (NVIDIA A100); precision: mixed_bfloat16; 2 workers; XLA: yes"
    assert "; 3 workers, which share a card's memory; " in device_line(GPUS, 3)
    assert "share" not in device_line(GPUS, 3, cards=3)  # parts of cards, of which one process sees the first
    mixed = replace(GPUS, each=("mixed_float16", "mixed_bfloat16"))
    assert "; precision: mixed_bfloat16 or mixed_float16, by the card (--precision sets one for all); " in device_line(
        mixed, 2
    )
    assert device_line(replace(GPUS, each=("mixed_bfloat16",) * 2), 2) == device_line(GPUS, 2)
    line = device_line(CPU, 1)
    assert line.startswith("device: CPU (")
    assert line.endswith("; precision: float32; 1 worker; XLA: no")


def test_it_is_said_once_before_the_first_executor_and_a_refused_one_is_never_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Executor] = []

    def make() -> Executor:
        made.append(InProcess())
        return made[-1]

    monkeypatch.setattr(devices, "seen", lambda *_: CPU)
    announced_make = announced(make, "local", "float32", False)
    announced_make()
    announced_make()
    assert len(made) == 2
    assert capsys.readouterr().err.count("device: CPU") == 1

    monkeypatch.setattr(devices, "sign_of_nvidia", lambda: "NVIDIA's driver")
    with pytest.raises(StudyError, match="sees no GPU"):
        announced(make, "local", "float32", False)()
    assert len(made) == 2


def test_tensorflow_is_asked_at_once_where_there_is_a_sign_of_a_card_and_only_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the data are read: whoever has a card that lies idle shall not wait for thousands of images."""
    asked: list[object] = []
    monkeypatch.setattr(devices, "seen", lambda *given: asked.append(given) or GPUS)

    announced(InProcess, "local", "float32", False)
    assert asked == []
    monkeypatch.setattr(devices, "sign_of_nvidia", lambda: "NVIDIA's driver")
    announced(InProcess, "ray://auto", "float32", False)
    assert asked == []
    make = announced(InProcess, "local", "mixed_bfloat16", True)
    assert asked == [("mixed_bfloat16", True)]
    make()
    make()
    assert asked == [("mixed_bfloat16", True)]
    said = capsys.readouterr().err
    assert said.count("starting TensorFlow") == said.count("device: 2 GPUs") == 1


@pytest.mark.slow
def test_a_search_with_an_idle_card_is_refused_before_its_data_are_prepared_or_a_step_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sign is made up; that TensorFlow sees no GPU is so."""
    found = devices.seen("auto", False)
    if found is None or found.gpus:
        pytest.skip("TensorFlow sees a GPU here")
    monkeypatch.setattr(devices, "sign_of_nvidia", lambda: "NVIDIA's driver")
    folder = tmp_path / "run"
    run = ["--preset", "demo", "--data", "phantom:60", "--run-dir", str(folder)]

    for line in (["run", *run, "--budget", "1h"], ["ablate", *run], ["plan", *run, "--time-a-step"]):
        assert main(line) == 2
        said = capsys.readouterr().err
        assert "this machine has NVIDIA's driver, but TensorFlow sees no GPU" in said
        assert "timing" not in said
        assert not (folder / "prepared").exists()


def begun_server(device: str, where: str) -> dict[str, str] | None:
    """The environment of the workers' server that a command has begun before it reads its data; None where it has begun none."""
    code = (
        "import multiprocessing.forkserver as server; from pathlib import Path; from search.machine.devices import announcing; "
        f"announcing(None, {device!r}, {where!r}, 'float32', False)\npid, words = server._forkserver._forkserver_pid, ''\n"
        "while pid and not words:\n    words = Path(f'/proc/{pid}/environ').read_text()\n"  # empty while it is begun
        "print(words)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert not said.stderr
    return dict(each.partition("=")[::2] for each in said.stdout.strip().split("\0") if each) or None


@pytest.mark.slow
def test_the_server_of_the_workers_begins_before_the_data_are_read_without_a_card_that_is_not_asked_for() -> None:
    begun = begun_server("cpu", "local")
    assert begun is not None
    assert begun[HIDING] == "-1"


@pytest.mark.slow
def test_no_server_begins_here_for_workers_elsewhere() -> None:
    assert begun_server("auto", "ray://auto") is None


@pytest.mark.slow
def test_ctrl_c_does_not_reach_the_server_of_the_workers_and_still_reaches_the_command() -> None:
    code = (
        "import multiprocessing.forkserver as server, os, signal, time; from pathlib import Path; "
        "from search.workers.local import begin_server\n"
        "os.setpgrp()\nbegin_server()\n"
        "try:\n    os.killpg(0, signal.SIGINT)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(1)\n"
        "    status = Path(f'/proc/{server._forkserver._forkserver_pid}/status').read_text()\n"
        "    print(next(line for line in status.splitlines() if line.startswith('State')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "zombie" not in said.stdout
    assert said.stdout.startswith("State:")
    assert not said.stderr


@pytest.mark.slow
def test_a_worker_says_what_it_would_train_on() -> None:
    found = devices.seen("auto", False)
    assert found is not None
    assert found.precision in ("float32", "mixed_bfloat16", "mixed_float16")
    assert found.xla == bool(found.gpus)


@pytest.mark.slow
def test_a_training_says_the_precision_that_its_own_options_ask_for(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run's own is the preset's, which no training of this one uses."""
    needs("mixed_bfloat16")
    network = ["--beta", "0.0625", "--blocks", "mixed0=0,mixed1=0,mixed4=0,mixed5=1,mixed7=0,mixed9=0", "--epochs", "2"]
    run = ["--data", str(tiny_store.path), "--preset", "demo", "--image-px", "40", "--run-dir", str(tmp_path / "run")]

    assert main(["train", *run, *network, "--stem-pools", "none", "--precision", "mixed_bfloat16"]) == 0

    assert "precision: mixed_bfloat16; 1 worker" in capsys.readouterr().err
