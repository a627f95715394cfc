"""Time in words."""

from collections.abc import Mapping
from typing import Any

from data.counted import counted


def duration(seconds: float) -> str:
    """12 s, 3 min 05 s, 2 h 10 min: rounded to the last unit that is said, before it is divided, so that no part of it is 60."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


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
        f"(median of {counted(count, 'training')})"
    )
