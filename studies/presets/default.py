"""The preset `default`: what should a search on a GPU do where nobody says otherwise?"""

from models.architecture import Architecture
from models.training.settings import FILMS, Training
from studies.preset import Preset

EVEN_TONE = 0.35  # near the middle of RSNA's films, whose greys so change least


def default() -> Preset:
    """Settings of our own choice, at the paper's image size; not yet compared with the paper's. For a GPU.

    The output starts at the mean age, Adam at 1e-3 decays smoothly, images are cropped and padded instead of squashed,
    and flipped only as a right hand would be.
    """
    return Preset(
        name="default",
        training=Training(warmup_epochs=1.0, rotation_degrees=10, zoom=0.1, translation=0.05, **FILMS),
        reference=Architecture(even_tone=EVEN_TONE),
        full_epochs=100,
    )
