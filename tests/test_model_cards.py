"""The cards at the top of a model's page: how good, how sure, which network, trained on what, and what it is not."""

from typing import Any

import numpy as np
import pytest

from search.trained.measures import metrics
from search.trained.table import cards
from studies.presets import PRESETS

REFERENCE = PRESETS["demo"]().reference


def measured(count: int, off_months: float, first_months: float = 60.0) -> dict[str, Any]:
    label = np.linspace(first_months, 200.0, count)
    away = np.where(np.arange(count) % 2, off_months, -off_months)
    return metrics(label + away, label, np.arange(count) % 2, 120.0)


def model(**changes: Any) -> dict[str, Any]:
    data = {"source": "/data/clinic", "digest": "9f86", "counts": {"train": 462, "validation": 90, "test": 60}}
    return {
        "architecture": REFERENCE.to_dict(),
        "data": data | {"synthetic": False},
        "from": "refinement #5",
        "params": 47_832,
        "macs": 1_259_526,
        "constant_mae": 32.0,
        "validation": measured(90, 9.0),
        "test": measured(60, 10.0),
        "conformal": {"level": 0.9, "coverage": {"share": 0.93, "n": 60, "low": 0.85, "high": 0.98}},
        **changes,
    }


def said(about: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {card.question: (card.headline, " ".join(card.details)) for card in cards(about)}


def test_the_first_card_is_of_the_test_and_names_its_images_and_the_constant() -> None:
    headline, details = said(model())["How good?"]

    assert headline == "10.00 months test MAE"
    assert details.startswith("On 60 test images. Always answering the training median scores")


def test_without_a_test_it_says_so_and_that_the_images_have_chosen() -> None:
    found = said(model(test=None, conformal={"level": 0.9, "coverage": None}))

    assert found["How good?"][0] == "9.00 months validation MAE"
    assert "There is no test split. These images chose the epoch too" in found["How good?"][1]
    assert "no test split to measure its prediction intervals" in found["How sure?"][1]


def test_how_sure_has_the_interval_and_what_the_prediction_intervals_hold() -> None:
    headline, details = said(model())["How sure?"]

    assert " to " in headline
    assert "90% prediction intervals hold 93% of 60 test labels" in details
    assert said(model(test=measured(3, 10.0)))["How sure?"][0] == "not known: too few images"


@pytest.mark.parametrize(
    ("synthetic", "kind"), [(True, "462 drawn hands"), (False, "462 radiographs"), (None, "462 images")]
)
def test_it_says_what_its_network_has_seen(synthetic: bool | None, kind: str) -> None:
    about = model()
    about["data"]["synthetic"] = synthetic

    assert said(about)["Trained on?"][0] == kind
    assert ("drawn hands" in said(about)["What is it not?"][1] or "phantom" in said(about)["What is it not?"][1]) == (
        synthetic is True
    )


def test_all_data_of_a_model_that_was_trained_on_are_said_in_their_order() -> None:
    first, then = (
        {"source": name, "synthetic": drawn} for name, drawn in (("phantom:60", True), ("/data/clinic", False))
    )
    about = model(
        lineage=[
            {"how": "trained", "counts": {"train": 1, "validation": 20}, **first},
            {"how": "fine-tuned", "counts": {"train": 30, "validation": 20}, **then},
        ]
    )

    assert said(about)["Trained on?"][0] == "1 drawn hand, then 30 radiographs"


def test_it_is_no_medical_device_and_ages_that_few_images_show_are_named() -> None:
    for first_months in (55.0, 60.0):  # two of them, and none
        headline, details = said(model(test=measured(60, 10.0, first_months)))["What is it not?"]

        assert headline == "No medical device"
        assert "Fewer than 8 test images show how good it is at these ages: under 5 years." in details


def test_which_network_says_its_size_and_where_it_is_from() -> None:
    headline, details = said(model())["Which network?"]

    assert headline == REFERENCE.width
    assert "47,832 parameters" in details
    assert details.endswith("refinement #5.")
