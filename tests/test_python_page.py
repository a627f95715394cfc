"""PYTHON.md says what is true: its examples run, in their order, as a reader would run them."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from formula import FormulaExecutor
from searched import a_run

from data.store.disk import Store
from search.commands.parser import parser
from search.leader.engine import run_study
from search.leader.progress import Progress
from search.watch.tensorboard import hparams

PAGE = Path(__file__).parents[1] / "PYTHON.md"
# Commands about a database, a browser and this machine, which have nothing to be called for.
OF_THE_MACHINE = {"storage", "dashboard", "doctor"}
OF_OTHERS = ("mlflow", "wandb")  # of the dev extra; nothing of ours imports them


def test_the_page_has_a_section_for_every_command() -> None:
    [commands] = [action for action in parser()._actions if action.choices]
    headings = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    named = {name for heading in headings for name in heading.split(", ")}

    assert commands.choices
    assert set(commands.choices) - OF_THE_MACHINE <= named


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow 3.17 on SQLAlchemy 2.1
def test_the_pages_examples_run_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    names: dict[str, Any] = {"__name__": "page"}
    text = PAGE.read_text()
    lacking = [package for package in OF_OTHERS if not find_spec(package)]
    for example in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if any(re.search(rf"^(from|import) {package}\b", example[1], re.MULTILINE) for package in lacking):
            continue
        above = text.count("\n", 0, example.start(1))
        exec(compile("\n" * above + example[1], str(PAGE), "exec"), names)  # so that a traceback shows the page's line

    assert {path.name for path in tmp_path.iterdir()} - {"mlflow.db", "wandb"} == {
        "explained",
        "exported",
        "hand.png",
        "history.html",
        "runs",
        "table.csv",
        "timeline.html",
        "tuner",
    }
    assert capfd.readouterr().err.count("broken failed at 'ended'") == 1
    trials = len(names["table"](names["again"], "ablation"))
    if "mlflow" not in lacking:
        logged = mlflow_runs("sqlite:///mlflow.db")
        assert len(logged) == trials
        assert all(one.info.status == "FINISHED" and one.data.metrics["validation_mae"] > 0 for one in logged)
    if "wandb" not in lacking:
        assert len(list(Path("wandb").glob("offline-run-*"))) == trials
    if lacking:
        pytest.skip(f"all but the examples of {' and '.join(lacking)}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow 3.17 on SQLAlchemy 2.1
def test_a_trial_that_goes_on_after_a_stop_is_one_run_of_mlflow(
    tmp_path: Path, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the page's own observer, made anew as the next process makes it."""
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"^```python\n(from mlflow import .*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"Progress": Progress, "hparams": hparams, "observers": {}}
    exec(compile(example, str(PAGE), "exec"), names)
    address = "sqlite:///mlflow.db"
    run = a_run(tmp_path / "run", tiny_store)
    with pytest.raises(KeyboardInterrupt):
        run_study(
            run, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=2), names["to_mlflow"](address, "bone age")
        )
    begun = mlflow_runs(address)
    assert "RUNNING" in {one.info.status for one in begun}
    run_study(run, tiny_store, "ablation", FormulaExecutor, names["to_mlflow"](address, "bone age"))

    every = mlflow_runs(address)
    assert {one.info.status for one in every} == {"FINISHED"}
    assert {one.info.run_id for one in begun} <= {one.info.run_id for one in every}
    assert len(every) == len({one.data.tags["trial"] for one in every})


def mlflow_runs(address: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(address)
    [experiment] = client.search_experiments(filter_string="name = 'bone age'")
    return list(client.search_runs([experiment.experiment_id]))
