"""What trainings leave in the folder for temporary files."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from small_trainings import EXAMPLES, PX, TINY, TRAINING, VALIDATION

from models.training.fit import new_trainer


def test_a_training_generates_no_source_which_its_worker_would_leave_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AutoGraph writes a file for each function that it reads. It removes them at an interpreter's end, to which no worker comes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    trainer = new_trainer(TINY, replace(TRAINING, epochs=1), EXAMPLES, PX, 0)

    list(trainer.epochs(EXAMPLES, VALIDATION, 0))

    assert list(tmp_path.iterdir()) == []
