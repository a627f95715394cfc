"""Time in words."""

from collections.abc import Mapping
from typing import Any


def duration(seconds: float) -> str:
    """12 s, 3 min 05 s, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def left_words(name: str, timing: Mapping[str, Any]) -> str:
    """at most 3 min 10 s left for ablation, 20 min 05 s for the whole search; empty at the end of it."""
    study, search = timing["seconds_left"], timing["search_seconds_left"]
    if not search:
        return ""
    here = f"{duration(study)} left for {name}, {duration(search)} for" if study else f"{duration(search)} left for"
    return f"at most {here} the whole search"


def error_words(timing: Mapping[str, Any]) -> str:
    """How far off the predictions were; empty where none was made."""
    if timing["epoch_seconds_error"] is None:
        return ""
    count = timing["epoch_seconds_predicted"]
    return (
        f"epoch times predicted from MACs were off by {timing['epoch_seconds_error']:.0%} "
        f"(median of {count} training{'s' * (count != 1)})"
    )
