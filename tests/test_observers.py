"""Observers that are not ours: what they raise ends no search and changes none, and is said once."""

from dataclasses import fields
from pathlib import Path

import pytest
from formula import FormulaExecutor
from hypothesis import given
from hypothesis import strategies as st
from searched import a_run

from data.store.disk import Store
from search.leader.engine import run_study
from search.leader.progress import Progress, observed
from search.storage.records import table

EVENTS = [each.name for each in fields(Progress)]


def recorder(told: list[str]) -> Progress:
    return Progress(**{event: lambda *facts, event=event: told.append(event) for event in EVENTS})


@given(st.lists(st.sampled_from([event for event in EVENTS if event != "said"])), st.sampled_from(EVENTS))
def test_an_observer_hears_all_until_it_raises_and_ours_hears_all_and_why(events: list[str], broken: str) -> None:
    ours: list[str] = []
    theirs: list[str] = []

    def breaks(*facts: object) -> None:
        raise OSError("the server\nis \x1b[31maway")

    sentences: list[str] = []
    inner = Progress(**{event: getattr(recorder(ours), event) for event in EVENTS} | {"said": sentences.append})
    outer = Progress(**{event: getattr(recorder(theirs), event) for event in EVENTS} | {broken: breaks})
    both = observed(inner, outer, "the logger")
    for event in events:
        getattr(both, event)()

    heard = events[: events.index(broken)] if broken in events else events
    assert ours == events
    assert theirs == heard
    assert len(sentences) == (broken in events)
    for sentence in sentences:
        assert sentence.startswith(f"the logger failed at '{broken}'")
        assert "OSError: the server is \\x1b[31maway (test_observers.py, line" in sentence


def test_a_search_comes_to_the_same_whatever_its_observers_raise(tiny_store: Store, tmp_path: Path) -> None:
    said: list[str] = []
    telling = Progress(said=said.append)
    for event in EVENTS:

        def breaks(*facts: object, event: str = event) -> None:
            raise KeyError(event)

        telling = observed(telling, Progress(**{event: breaks}), f"logger of {event}")
    tables = []
    for name, progress in {"alone": Progress(), "observed": telling}.items():
        run = a_run(tmp_path / name, tiny_store)
        run_study(run, tiny_store, "ablation", FormulaExecutor, progress)
        tables.append(table(run, "ablation"))

    assert tables[0] == tables[1]
    failed = [event for event in EVENTS if sum(f"logger of {event} failed" in sentence for sentence in said) == 1]
    assert set(failed) >= {"study", "opened", "started", "epoch", "ending", "ended", "concluded", "decided"}


def test_ctrl_c_is_not_an_observers_failure() -> None:
    def stops(*facts: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observed(Progress(), Progress(ended=stops), "the logger").ended("ablation", None)  # type: ignore[arg-type]
