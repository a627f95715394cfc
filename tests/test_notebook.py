"""docs/tour.ipynb runs from top to bottom in a kernel of its own, and its progress updates in place."""

import json
from pathlib import Path
from typing import Any

import pytest
from formula import FormulaExecutor
from searched import a_run, one_fails

from data.store.disk import Store
from search.leader.engine import run_study
from search.report.read import read
from search.show.notebook import shown
from search.workers.job import EpochDone
from studies.order import STUDIES

NOTEBOOK = Path(__file__).parents[1] / "docs/tour.ipynb"


def test_the_notebook_is_kept_without_outputs_and_names_no_place_of_a_machine() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]

    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert not any(word in NOTEBOOK.read_text(encoding="utf-8") for word in ("/home", "/work", "/tmp", "/Users"))


@pytest.mark.parametrize("place", [".", "docs"])
def test_its_run_is_among_the_programs_runs_wherever_the_kernel_starts(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/tour.ipynb").write_bytes(NOTEBOOK.read_bytes())
    monkeypatch.chdir(tmp_path / place)
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    first, *_ = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")

    names: dict[str, Any] = {}
    exec(first, names)
    assert names["run"].folder.resolve() == (tmp_path / "runs/tour").resolve()


def test_lines_stay_few_however_many_epochs_and_sentences_there_are() -> None:
    seen: list[list[str]] = []
    progress = shown(lambda lines: seen.append(list(lines)), 30.0)
    progress.study("ablation", "7 of 7 configurations fit")
    for number in range(20):
        progress.epoch("ablation", EpochDone(0, number + 1, 9.0, 8.0, 1.0, 1.0), 20) if number else progress.started(
            "ablation", a_job(), 7, "stock"
        )
        progress.said(f"at most {20 - number} min left")

    assert max(map(len, seen)) == 5
    assert seen[-1][1] == "1 ablation trial 0 (1 of 7), stock: epoch 20 of 20, validation MAE 8.00 months"


def test_a_trial_that_gave_no_result_is_said_with_its_reason_and_stays_counted(
    tmp_path: Path, tiny_store: Store
) -> None:
    seen: list[list[str]] = []
    run = a_run(tmp_path, tiny_store)
    executor = FormulaExecutor(one_fails)
    run_study(run, tiny_store, "ablation", lambda: executor, shown(lambda lines: seen.append(list(lines)), 30.0))

    said = [line for lines in seen for line in lines]
    [failed] = [trial for trial in read(run).studies[0].trials if trial.state == "failed"]
    assert f"1 ablation trial {failed.trial.number}: failed, {failed.trial.exit_reason}" in said
    assert any(line.endswith("best of its trials (constant 30.0); 1 failed") for line in said)
    assert seen[-1][0].endswith("; 1 failed")


def a_job() -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(number=0)


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()

    outputs = [
        [output for output in cell.outputs if output.output_type in ("display_data", "execute_result")]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    texts = ["\n".join(str(output) for output in of_cell) for of_cell in outputs]
    [search] = outputs[2]  # one output, which was updated
    assert all(f"{place} {name}: " in search.data["text/plain"] for place, name in enumerate(STUDIES, 1))
    assert search.data["text/plain"].count("\n") < 10
    assert sum("application/vnd.plotly.v1+json" in text or "text/html" in text for text in texts) >= 3
    assert "image/png" in texts[-1]
    assert str(tmp_path) not in "".join(texts)
