"""What the presets had before, so that a run keeps the values that it was begun with."""

from typing import Any

from models.architecture import Blocks

EDITION = 4  # of the presets' values; goes up with every change of one, as a run keeps those that it was begun with
EARLIER: dict[tuple[str, int], dict[str, Any]] = {  # what a preset had, by its name and an earlier edition
    ("demo", 1): {
        "image_px": 64,
        "epochs": 20,
        "batch": 16,
        "learning_rate": 4e-3,
        "bn_momentum": 0.9,
        "beta": 0.125,
        "blocks": Blocks(1, 1, 1, 1, 1, 1),
        "margin_months": 2.0,
        "equivalence_months": 4.0,
        "width_trials": 3,
        "depth_trials": 4,
        "refine_trials": 4,
        "fc_choices": (128,),
        "dropouts": (0.3, 0.6),
    },
    ("demo", 2): {"learning_rate": 5e-3},
    **{(name, edition): {"even_tone": 0.0} for name in ("default", "cpu") for edition in (1, 2, 3)},
}
