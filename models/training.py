"""How a network is trained, as one frozen value; what is done with it is in `fit.py`."""

from dataclasses import dataclass
from typing import Literal

Schedule = Literal["constant", "step", "cosine"]
Loss = Literal["mse", "mae", "huber"]
Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]


class TrainingError(ValueError):
    """Training settings that make no sense; the message says which and why."""


@dataclass(frozen=True)
class Training:
    """Settings shared by every trial of a run. Ages are in months throughout; nothing is normalised."""

    epochs: int = 30
    batch: int = 32
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-5
    schedule: Schedule = "cosine"  # "step" is the paper's: tenfold down at equal intervals until the final rate
    warmup_epochs: float = 0.0  # linear from zero, before the schedule
    loss: Loss = "mse"  # in months; huber turns linear at 10 months
    l2: float = 1e-4  # on the output layer's weights alone, as in the paper
    start_at_mean: bool = True  # output bias starts at the training mean, so no epoch is spent climbing to it
    bn_momentum: float = 0.99  # forgets its start after about 5/(1 - momentum) steps: lower it in short runs
    flip_horizontal: bool = True
    flip_vertical: bool = False
    zoom: float = 0.0  # up to this fraction in or out
    rotation_degrees: float = 0.0
    translation: float = 0.0  # up to this fraction of the image's side
    precision: Precision = "auto"  # half where the device has it in hardware: precision.py

    def __post_init__(self) -> None:
        positive = {"epochs": self.epochs, "batch": self.batch, "learning_rate": self.learning_rate}
        for name, value in positive.items():
            if value <= 0:
                raise TrainingError(f"{name} must be positive, got {value:g}")
        if not 0 < self.final_learning_rate <= self.learning_rate:
            raise TrainingError(
                f"final_learning_rate must be above 0 and at most learning_rate ({self.learning_rate:g}), "
                f"got {self.final_learning_rate:g}"
            )
        if not 0 <= self.warmup_epochs < self.epochs:
            raise TrainingError(
                f"warmup_epochs must be at least 0 and below epochs ({self.epochs}), got {self.warmup_epochs:g}"
            )
        if not 0 < self.bn_momentum < 1:
            raise TrainingError(f"bn_momentum must be between 0 and 1, got {self.bn_momentum:g}")
        fractions = {"zoom": self.zoom, "translation": self.translation}
        for name, value in fractions.items():
            if not 0 <= value < 1:
                raise TrainingError(f"{name} is a fraction from 0 to below 1, got {value:g}")
        if self.l2 < 0 or not 0 <= self.rotation_degrees <= 180:
            raise TrainingError(
                f"l2 must be at least 0 and rotation_degrees within 0 to 180, got {self.l2:g}, {self.rotation_degrees:g}"
            )
