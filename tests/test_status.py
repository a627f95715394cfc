"""`status` reads Optuna's tables itself: what it says is what Optuna would say."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import tiny_preset
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from search.cli import main
from search.lease import held, is_held
from search.report.read import recorded
from search.run import Run, record
from search.storage.opening import open_storage
from search.storage.records import load, seen
from search.storage.sqlite import own_url, sqlite_url
from search.storage.status import all_asked, status
from search.storage.told import ASKED, is_anothers
from search.watch.watch import lines, watch
from studies.order import STUDIES, study_name
from studies.preset import StudyError

DISTRIBUTIONS = {
    "beta": FloatDistribution(0.1, 2.0),
    "mixed5": IntDistribution(0, 8),
    "variant": CategoricalDistribution(["baseline", "mixed5=0"]),
    "dropout": CategoricalDistribution([0.0, 0.35]),
    "seed": IntDistribution(0, 2**31 - 1),
}


def a_run(folder: Path, storage: str = "") -> Run:
    return Run(folder, tiny_preset(), {}, "phantom:10", storage or own_url(folder))


def trial(value: float, beta: float, **fixed: object) -> optuna.trial.FrozenTrial:
    params = {"beta": beta, "mixed5": 3, "variant": "mixed5=0", "dropout": 0.35, "seed": 7}
    system = {"fixed_params": params | fixed} if fixed else {}
    return create_trial(
        params=params,
        distributions=DISTRIBUTIONS,
        value=value,
        system_attrs=system,
        user_attrs={"network": "of another", "exit_reason": "completed"},
        intermediate_values={1: value + 1, 2: value},
    )


def ended(state: TrialState, reason: str = "") -> optuna.trial.FrozenTrial:
    value, attrs = 1.0 if state == TrialState.PRUNED else None, {"network": "of another", "exit_reason": reason}
    return create_trial(params={}, distributions={}, state=state, value=value, user_attrs=attrs if reason else {})


WAITING = ended(TrialState.WAITING)
FAILED, PRUNED = ended(TrialState.FAIL, "killed"), ended(TrialState.PRUNED, "pruned")
TRIALS = {
    "the lowest": [trial(12.5, 0.5), trial(11.25, 0.7), trial(11.5, 0.9)],
    "the earlier of two equal": [trial(12.5, 0.5), trial(11.25, 0.7), trial(11.25, 0.9)],
    "as it was asked for": [trial(12.5, 0.5, mixed5=3.0)],  # some programs write 3 as 3.0
    "rounded to the grid": [trial(12.5, 0.30000000000000004)],
    "not one that ended early": [FAILED, PRUNED, trial(12.5, 0.5), WAITING],
    "none": [FAILED, PRUNED, WAITING],
}


@pytest.mark.parametrize("storage", ["own", "named"])
@pytest.mark.parametrize("said", TRIALS)
def test_the_best_trial_is_the_one_that_optuna_knows(tmp_path: Path, said: str, storage: str) -> None:
    run = a_run(tmp_path, "" if storage == "own" else sqlite_url(tmp_path / "other.db"))
    study = optuna.create_study(study_name=study_name("width"), storage=open_storage(run.storage))
    study.set_user_attr("settings", "{}")
    study.set_user_attr("constant_mae", 30.5)
    study.add_trials(TRIALS[said])

    found = {entry["name"]: entry for entry in status(run)}

    assert [entry["state"] for entry in found.values()] == ["not begun", "begun", "not begun", "not begun"]
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    best = seen(study.best_trial) if complete else None
    assert found["width"]["best_value"] == (best.validation_mae if best else None)
    assert found["width"]["best_params"] == (best.point if best else None)
    assert found["width"]["trials"] == len([one for one in study.trials if one.state.is_finished()])
    assert found["width"]["failed"] == len(study.get_trials(states=(TrialState.FAIL,)))
    assert found["width"]["running"] == 0
    assert found["width"]["constant_mae"] == 30.5


def test_a_study_of_another_program_is_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    study = optuna.create_study(study_name=study_name("depth"), storage=open_storage(run.storage))
    study.add_trials(TRIALS["the lowest"])

    with pytest.raises(StudyError, match="'3 depth' that is not ours"):
        status(run)


def test_a_study_that_was_only_made_has_not_begun(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    optuna.create_study(study_name=study_name("ablation"), storage=open_storage(run.storage))

    assert {entry["state"] for entry in status(run)} == {"not begun"}


def test_an_empty_file_is_a_run_that_has_not_begun(tmp_path: Path) -> None:
    (tmp_path / "studies.db").touch()

    assert {entry["state"] for entry in status(a_run(tmp_path))} == {"not begun"}


def test_neither_optuna_nor_numpy_is_imported_to_say_the_status(tmp_path: Path) -> None:
    """Their imports take longer than all that is read."""
    run = a_run(tmp_path)
    study = optuna.create_study(study_name=study_name("width"), storage=open_storage(run.storage))
    study.set_user_attr("settings", "{}")
    study.add_trials(TRIALS["the lowest"])
    record(run)
    code = (
        "import json, sys; from search.cli import main; "
        f"main(['status', '--run-dir', {str(tmp_path)!r}]); "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert all(study_name in printed for study_name in STUDIES)
    heavy = {"alembic", "keras", "numpy", "optuna", "pandas", "scipy", "sqlalchemy", "tensorflow"}
    assert not heavy & set(json.loads(printed.splitlines()[-1]))


HOLD = "import sys, time; from pathlib import Path; from search.lease import held\nwith held(Path(sys.argv[1]), 'depth'):\n    print('held', flush=True)\n    time.sleep(60)"
OTHERS = {"host": "another-machine", "process": 1, "started": "2020-01-01 00:00:00", "machine": "x", "token": "x"}


def begun_and_not_ended(folder: Path) -> Run:
    """A run whose third study has a trial that has not ended."""
    run = a_run(folder)
    study = optuna.create_study(study_name=study_name("depth"), storage=open_storage(run.storage))
    study.set_user_attr("settings", "{}")
    study.set_user_attr("constant_mae", 30.5)
    study.ask().set_user_attr("network", "n")
    return run


def status_of(name: str, run: Run) -> dict[str, Any]:
    return next(entry for entry in status(run) if entry["name"] == name)


def said_of_depth(run: Run) -> tuple[int, int]:
    found = status_of("depth", run)
    return found["running"], found["interrupted"]


def test_a_trial_runs_while_its_leader_lives_and_is_interrupted_when_it_ends_or_is_killed(tmp_path: Path) -> None:
    run = begun_and_not_ended(tmp_path)
    assert said_of_depth(run) == (0, 1)  # no lease was ever there

    with held(tmp_path, "depth"):
        assert said_of_depth(run) == (1, 0)
    assert said_of_depth(run) == (0, 1)  # a clean stop

    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "held\n"
        assert said_of_depth(run) == (1, 0)
        leader.kill()
    assert said_of_depth(run) == (0, 1)


def test_status_and_watch_name_the_process_that_runs_a_study_and_say_if_it_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next command, which is refused meanwhile, is for when it has ended."""
    run = begun_and_not_ended(tmp_path)
    record(run)
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "held\n"
        led = f"depth: being run by process {leader.pid} on {os.uname().nodename}, since "

        def line() -> str:
            assert main(["status", "--run-dir", str(tmp_path)]) == 0
            return next(said for said in capsys.readouterr().out.splitlines() if said.startswith(led))

        assert line().endswith("; what is next is for when it has ended")
        assert any(said.startswith(led) for said in lines(run, all_asked(status(run), run.preset)))
        leader.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, leader.pid, os.WSTOPPED)
        assert line().endswith(f"; it is stopped, `kill -CONT {leader.pid}` wakes it")
        assert status_of("depth", run)["led_by"]["stopped"]
        leader.kill()
    assert status_of("depth", run)["led_by"] is None


def test_a_second_crash_is_told_like_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal: what comes back is new, what stays is said once."""
    run = begun_and_not_ended(tmp_path)
    with ExitStack() as led:

        def resumes(seconds: float) -> None:
            monkeypatch.setattr("time.sleep", crashes)
            led.enter_context(held(tmp_path, "depth"))

        def crashes(seconds: float) -> None:
            monkeypatch.setattr("time.sleep", lambda seconds: monkeypatch.setattr("time.sleep", ctrl_c))
            led.close()

        def ctrl_c(seconds: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("time.sleep", resumes)
        watch(run)

    said = capsys.readouterr().out.splitlines()
    of_trial = [line for line in said if "interrupted" in line or line.startswith("3 depth #0")]
    assert [line.partition(":")[0] for line in of_trial] == ["depth", "3 depth #0", "depth"]
    assert len([line for line in said if line.startswith("next: ")]) == 1


def test_json_says_what_is_left_and_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun_and_not_ended(tmp_path)
    record(run)
    assert main(["status", "--json", "--run-dir", str(tmp_path)]) == 0
    *others, last = json.loads(capsys.readouterr().out)

    assert last["left_to_do"][:4] == list(STUDIES)
    assert last["next_command"] == f"boneage-search ablate --run-dir {tmp_path}"
    assert last["all_decided"] is False
    assert not any({"left_to_do", "next_command", "all_decided"} & set(other) for other in others)
    assert [{name: one[name] for name in status(run)[place]} for place, one in enumerate([*others, last])] == status(
        run
    )


@pytest.mark.parametrize(("silent_seconds", "found"), [(0, (1, 0)), (86_400, (0, 1))])
def test_a_leader_on_another_machine_is_believed_while_its_lease_is_young(
    silent_seconds: int, found: tuple[int, int], tmp_path: Path
) -> None:
    run = begun_and_not_ended(tmp_path)
    path = tmp_path / "depth.lease"
    path.write_text(json.dumps(OTHERS), encoding="utf-8")
    at = path.stat().st_mtime - silent_seconds
    os.utime(path, (at, at))

    assert said_of_depth(run) == found


@pytest.mark.parametrize("other", [False, True], ids=["alone", "beside one of ours"])
def test_a_running_trial_of_somebody_else_is_nothing_that_its_command_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: bool
) -> None:
    run = begun_and_not_ended(tmp_path)
    study = load(open_storage(run.storage), "depth", tmp_path)
    assert study is not None
    if not other:
        study.tell(0, state=TrialState.FAIL)
    study.ask()  # as a script of somebody's does

    for led in (nullcontext(), held(tmp_path, "depth")):
        with led:
            assert sum(said_of_depth(run)) == other

    assert main(["status", "--run-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.count("depth: 1 trial begun by somebody else") == 1
    assert said.count("depth: 1 trial interrupted") == other


def test_a_trial_that_was_asked_for_or_enqueued_is_no_other_ones(tmp_path: Path) -> None:
    """Before anything is recorded of its network, as after a kill between the two."""
    run = begun_and_not_ended(tmp_path)
    study = load(open_storage(run.storage), "depth", tmp_path)
    assert study is not None
    study.enqueue_trial({"beta": 1.0})
    study.ask()
    study.add_trial(create_trial(state=TrialState.RUNNING, system_attrs={ASKED: True}))

    assert said_of_depth(run) == (0, 3)
    assert not any(is_anothers(trial) for trial in study.trials)


def test_looking_at_a_lease_takes_it_from_nobody(tmp_path: Path) -> None:
    with held(tmp_path, "depth") as lease:
        before = lease.path.read_bytes()
        assert is_held(tmp_path, "depth")
        lease.check()
        assert lease.path.read_bytes() == before
    assert not is_held(tmp_path, "depth")
    with held(tmp_path, "depth"):
        pass


def test_status_report_and_watch_name_what_was_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun_and_not_ended(tmp_path)

    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", ctrl_c)

    assert main(["status", "--run-dir", str(tmp_path)]) == 0
    watch(run)
    said = capsys.readouterr().out
    assert said.count("depth: 1 trial interrupted") == 2
    assert "running" not in said

    assert main(["status", "--json", "--run-dir", str(tmp_path)]) == 0
    depth = next(entry for entry in json.loads(capsys.readouterr().out) if entry["name"] == "depth")
    assert (depth["running"], depth["interrupted"]) == (0, 1)

    study = load(open_storage(run.storage), "depth", tmp_path)
    assert study is not None
    assert [trial.state for trial in recorded(study, is_led=False)] == ["interrupted"]
    assert [trial.state for trial in recorded(study, is_led=True)] == ["running"]
