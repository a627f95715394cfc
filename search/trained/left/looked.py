"""Whoever has read the test of what a model was before has read it before, whatever the model is made of anew."""

from collections.abc import Mapping
from typing import Any

from search.trained.made_of import TESTED, trained_words


def looks_before(before: Mapping[str, Any] | None, about: Mapping[str, Any]) -> dict[str, int]:
    """How often the test was opened, where `about` describes what `before` has become. The same network is no new look."""
    if not before or not before["test"] or not about["test"]:
        return {}
    other = trained_words(before) != trained_words(about)
    return {TESTED: max(before.get(TESTED) or 0, about.get(TESTED) or 0) + other}
