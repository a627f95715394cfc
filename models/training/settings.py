"""How a network is trained, as one frozen value; what is done with it is in `fit.py`."""

from dataclasses import dataclass
from typing import Any, Literal

from data.ranges import Range, check, whole

Schedule = Literal["constant", "step", "cosine"]
Loss = Literal["mse", "mae", "huber"]
Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]


class TrainingError(ValueError):
    """Training settings that make no sense; the message says which and why."""


EPOCHS = 100_000  # nobody trains longer
RANGES = {
    "epochs": whole(1, EPOCHS),
    "batch": whole(1, 65_536),
    "learning_rate": Range(0, 100, above=True),
    "final_learning_rate": Range(0, 100, above=True),
    "warmup_epochs": Range(0, EPOCHS),
    "l2": Range(0, 1000),
    "bn_momentum": Range(0, 1, above=True, below=True),
    "zoom": Range(0, 1, below=True),
    "rotation_degrees": Range(0, 180),
    "translation": Range(0, 1, below=True),
    "resampling": Range(0, 0.9),
    "blur_px": Range(0, 20),
    "sharpness": Range(0, 20),
    "gamma": Range(0, 10),
    "contrast": Range(0, 1),
    "noise": Range(0, 1),
    "erased_border": Range(0, 0.4),
}


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
    resampling: float = 0.0  # shrunk by up to this share of the side and enlarged again, by filters at random
    blur_px: float = 0.0  # standard deviation up to this
    sharpness: float = 0.0  # unsharp masking up to so strong
    gamma: float = 0.0  # greys to a power between 1 / this and this; 0 is off, else at least 1
    contrast: float = 0.0  # contrast and brightness changed by up to this fraction
    noise: float = 0.0  # standard deviation up to this fraction of the grey range
    erased_border: float = 0.0  # a strip in one grey, on each side up to this fraction of it
    precision: Precision = "auto"  # half where the device has it in hardware: precision.py
    weights: str = (
        ""  # file of keras.applications weights that networks start from, as far as they are stock; none: fresh ones
    )

    def __post_init__(self) -> None:
        check(self, RANGES, TrainingError)
        if not isinstance(self.weights, str):
            raise TrainingError(f"weights must be the name of a file; got {self.weights!r}")
        if 0 < self.gamma < 1:
            raise TrainingError(f"gamma must be 0 (off) or at least 1; got {self.gamma:g}: set --gamma to one of these")
        if self.final_learning_rate > self.learning_rate:
            raise TrainingError(
                f"final_learning_rate must be at most learning_rate ({self.learning_rate:g}), "
                f"got {self.final_learning_rate:g}: lower --final-learning-rate, or raise --learning-rate"
            )
        if self.warmup_epochs >= self.epochs:
            raise TrainingError(
                f"warmup_epochs must be below epochs ({self.epochs}), got {self.warmup_epochs:g}: lower --warmup-epochs, or raise --epochs"
            )

    def to_dict(self) -> dict[str, Any]:
        """By name, as it is recorded: what earlier versions did not know is left out where it is off, so that what they
        recorded stays the same training. Of a file of weights a job has the digest, whatever it is called."""
        return {
            name: value
            for name, value in vars(self).items()
            if name != "weights" and (name not in FILMS_OFF or value != FILMS_OFF[name])
        }


# What the training films are varied by, each at the value that leaves it out.
FILMS_OFF: dict[str, Any] = dict.fromkeys(
    ("resampling", "blur_px", "sharpness", "gamma", "contrast", "noise", "erased_border"), 0.0
)

# Other scanners, archives and resamplers, as training is to know them: of the sizes that such films were seen to differ by.
FILMS: dict[str, Any] = {
    "resampling": 0.6,
    "blur_px": 1.2,
    "sharpness": 2.0,
    "gamma": 2.5,
    "contrast": 0.2,
    "noise": 0.03,
    "erased_border": 0.08,
}

# At a third of the pixels, in a training of a few epochs: by the strengths above such a network hardly leaves the constant.
FILMS_BRIEFLY: dict[str, Any] = {
    "resampling": 0.3,
    "blur_px": 0.4,
    "sharpness": 0.7,
    "gamma": 1.4,
    "contrast": 0.1,
    "noise": 0.01,
    "erased_border": 0.03,
}
