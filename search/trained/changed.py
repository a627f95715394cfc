"""What a model's page says of a model that was made from another, by correction or by further training."""

from collections.abc import Iterator
from typing import Any

from search.trained.table import signed


def changed(about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Notices, each with its level; none of a model that was trained from fresh weights."""
    if corrected := about.get("recalibration"):
        yield "note", recalibrated_words(corrected)
    if tuned := about.get("fine_tuning"):
        yield from tuned_words(tuned, about)


def recalibrated_words(changed: dict[str, Any]) -> str:
    before = changed["before"]
    return (
        f"Recalibrated on {changed['source']}: corrected = {changed['offset_months']:.2f} + {changed['slope']:.3f} · predicted. The "
        f"validation figures here are of the {changed['fitted_on']:,} cases that it was fitted on, each left out in turn; the test figures "
        f"are of the other {changed['reported_on']:,}, on which the model before had an MAE of {before['mae']:.2f} and a bias of "
        f"{signed(before['bias'])}. The learning curve is the model's before."
    )


def tuned_words(tuned: dict[str, Any], about: dict[str, Any]) -> list[tuple[str, str]]:
    before, own = tuned["before"], about["validation"]["mae"]
    said = [
        (
            "note",
            f"Training went on with {tuned['trained_on']:,} images of {tuned['source']}. On the {tuned['reported_on']:,} test images, which "
            f"took no part, the model before had an MAE of {before['mae']:.2f} and a bias of {signed(before['bias'])}.",
        )
    ]
    if own >= tuned["validation_mae_before"]:
        worse = (
            f"an MAE of {own:.2f} on the images that chose the epoch, before it {tuned['validation_mae_before']:.2f}"
        )
        said.append(
            ("worry", f"This training did not help: {worse}. Use the model before, or a lower --learning-rate.")
        )
    return said
