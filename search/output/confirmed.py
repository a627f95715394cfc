"""What may be said of a search's network: its figure with fresh seeds, and whether anything was learned at all.

From decisions as JSON has them, so that `status` says it without Optuna.
"""

from collections.abc import Mapping
from typing import Any

from search.output.sentence import sentence

NOTHING = (
    "The search has learned nothing: its network is no better than always answering the training median, "
    "as far as these figures can tell."
)
MODEL_NOTHING = (
    "This model has learned nothing: on its validation images it is no better than always answering the training median, "
    "as far as they can tell."
)


def confirmed_words(decision: Mapping[str, Any] | None, confirmation: Mapping[str, Any] | None) -> list[str]:
    """Sentences on the last study's decision, and on that of its confirmation where there is one."""
    told = confirmation or decision
    if told is None:
        return []
    said = [sentence(confirmation["summary"])] if confirmation else []
    return [*said, *([NOTHING] if told["findings"].get("learned_nothing") else [])]


def model_learned_nothing(about: Mapping[str, Any]) -> bool:
    """Of a trained model, by model.json: its 95 % interval over the validation images reaches the constant predictor's MAE.

    Of one that has no figures there, nothing is said.
    """
    own = about["validation"]
    if not own:
        return False
    high = own["mae"] if own.get("mae_high") is None else own["mae_high"]
    return bool(high >= own.get("constant_mae", about["constant_mae"]))
