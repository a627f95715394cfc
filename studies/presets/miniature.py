"""The preset `miniature`: which search is better, where every network of the space can be trained?"""

from dataclasses import replace

from data.preparation import Preparation
from models.architecture import Architecture, Blocks
from models.training.settings import FILMS_OFF
from studies.preset import Preset
from studies.presets.cpu import cpu


def miniature() -> Preset:
    """The paper's question so small that every network of its space can be trained: what searches are compared on.

    As in Table 1, β and the repeats of mixed5, mixed7 and mixed9 are searched, then the head; the other groups are left
    out, which 64 px do not need. The cap is a little over twice the reference, as the paper's is three times stock. Of 324
    networks, 180 meet it; one takes half a minute of one core.
    """
    return replace(
        cpu(),
        name="miniature",
        preparation=Preparation(image_px=64, images=4000, validation_fraction=0.25, test_fraction=0.25),
        training=replace(cpu().training, **FILMS_OFF, epochs=6, learning_rate=3e-3),
        reference=Architecture(beta=0.14, blocks=Blocks(0, 0, 0, 1, 1, 1), stem_pools=(False, True)),
        max_params=500_000,
        width_factors=(1.0, 1.4286, 2.0),  # β 0.14, 0.2, 0.28
        depth_extra=1,
        fc_choices=(128,),
        dropouts=(0.3,),
    )
