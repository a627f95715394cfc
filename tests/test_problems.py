"""What was left out: the facts are fields, the sentence is for people, and stores of before still open."""

from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.problems import Kind, Problem, problems_table, read_problems, unusable

printable = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=20)
problem = st.builds(
    Problem,
    id=printable | st.sampled_from(["NA", "null", "None", "nan", "007", "1e5", "1.0", " "]),
    path=printable,
    kind=st.sampled_from(get_args(Kind)),
    said=printable,
    duplicate_of=printable,
    across_splits=st.booleans(),
    labels_differ=st.booleans(),
)


@given(st.lists(problem, max_size=5))
@settings(deadline=None, max_examples=40)
def test_facts_and_ids_are_read_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, problems: list[Problem]
) -> None:
    path = tmp_path_factory.mktemp("problems") / "problems.csv"
    problems_table(problems).to_csv(path, index=False)

    read = read_problems(path)

    pd.testing.assert_frame_equal(read, problems_table(problems), check_dtype=False)


OLD = """id,path,reason
NA,a.png,"duplicate of 7: the same image (100 and 120 months, test and train)"
8,b.png,"duplicate of b of c: the same image (100 and 100 months, train and train)"
007,c.png,unreadable: c.png is empty (0 bytes)
10,train.csv row 3,"repeated id: rows 3, 4 contradict one another, none is kept"
11,d.png,something an older version said
"""


def test_the_problems_of_an_older_store_have_the_same_facts(tmp_path: Path) -> None:
    (tmp_path / "problems.csv").write_text(OLD)

    read = read_problems(tmp_path / "problems.csv")

    assert list(read["id"]) == ["NA", "8", "007", "10", "11"]
    assert list(read["kind"]) == ["duplicate", "duplicate", "unreadable", "repeated id", "unreadable"]
    assert list(read["duplicate_of"]) == ["7", "b of c", "", "", ""]
    assert list(read["across_splits"]) == [True, False, False, False, False]
    assert list(read["labels_differ"]) == [True, False, False, False, False]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_readers_error_names_its_kind(kind: Kind) -> None:
    made = unusable("7", "7.png", f"{kind}: of: this")

    assert (made.kind, made.said) == (kind, "of: this")


def test_a_readers_error_without_a_kind_is_an_unreadable_file() -> None:
    made = unusable("7", "7.png", "C: is no drive")

    assert made.kind == "unreadable"
    assert made.reason == "unreadable: C: is no drive"
