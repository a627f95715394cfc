"""Of which cases of a set an evaluation's figures are: nobody is counted twice, nobody is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.problems import KINDS, Kind
from search.evaluate.accounted import WHY, Accounted
from search.trained.left.known import CASE, PATIENT, PICTURE

COUNTS = st.integers(0, 500)


def test_it_says_how_many_are_answered_refused_and_why_and_known() -> None:
    found = Accounted({"missing": 3, "unreadable": 1}, {PICTURE: 12, CASE: 8}, 40, complete=True)

    assert found.sentence == (
        "The set has 64 cases: 60 have an answer, 4 have none (3 without an image, 1 with an unreadable image). Of the 60 the "
        "model knows 20, and 40 are new to it."
    )
    assert [(row["how many"], row["which"]) for row in found.rows()] == [
        (64, ""),
        (4, "3 without an image, 1 with an unreadable image"),
        (60, ""),
        (20, "12 by the picture, 8 by id, sex and age"),
        (40, ""),
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Accounted({}, {}, 1, complete=True),
            "1 case: 1 has an answer, 0 have none. Of the 1 the model knows 0, and 1 is new to it.",
        ),
        (
            Accounted({"age": 1}, {}, 2, complete=True),
            "3 cases: 2 have an answer, 1 has none (1 without a usable age).",
        ),
        (Accounted({}, {PATIENT: 2}, 0, complete=True), "the model knows 2, and 0 are new to it."),
        (Accounted({}, {}, 5, complete=False), "5 are new to it, as far as its training data are still known."),
    ],
)
def test_one_none_and_what_is_not_known_are_said(found: Accounted, said: str) -> None:
    assert said in found.sentence


@given(
    st.dictionaries(st.sampled_from(KINDS), COUNTS),
    st.dictionaries(st.sampled_from([CASE, PATIENT]), COUNTS),
    COUNTS,
)
def test_the_parts_make_up_the_set(without: dict[Kind, int], known: dict[str, int], new: int) -> None:
    cases, lacking, answered, of_model, of_nobody = [
        row["how many"] for row in Accounted(without, known, new, True).rows()
    ]

    assert cases == lacking + answered
    assert answered == of_model + of_nobody


def test_every_kind_of_problem_has_its_words() -> None:
    assert set(WHY) == set(KINDS)
