"""What a model was before it is made anew. Whoever has read its test then has read it before, also if a stop comes between."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.preparation import DataError
from search.trained.about import ABOUT
from search.trained.about import read as read_about
from search.trained.made_of import TESTED, trained_words

BEFORE = "before.json"  # model.json of the model that is being made anew


def set_aside(folder: Path) -> None:
    """Its model.json: it is no model meanwhile."""
    if (folder / ABOUT).exists():
        os.replace(folder / ABOUT, folder / BEFORE)


def was_before(folder: Path) -> dict[str, Any] | None:
    """What was set aside; None where nothing was, or where it is damaged: a count is no reason to refuse the training."""
    try:
        return read_about(folder, whole=True, name=BEFORE)
    except DataError:
        return None


def done_with(folder: Path) -> None:
    """The new model is there."""
    (folder / BEFORE).unlink(missing_ok=True)


def looks_before(before: Mapping[str, Any] | None, about: Mapping[str, Any]) -> dict[str, int]:
    """How often the test was opened, where `about` describes what `before` has become. The same network is no new look."""
    if not before or not before["test"] or not about["test"]:
        return {}
    other = trained_words(before) != trained_words(about)
    return {TESTED: max(before.get(TESTED) or 0, about.get(TESTED) or 0) + other}
