"""The preset `demo`: what does every part of a search look like, in minutes?"""

from dataclasses import replace

from data.preparation import Preparation
from models.architecture import Architecture, Blocks
from models.training.settings import FILMS_OFF
from studies.preset import Preset
from studies.presets.cpu import cpu


def demo() -> Preset:
    """Every part of the search in a few minutes, on drawn hands: shows how it works, decides nothing about radiographs.

    Batches of 8, a BatchNorm that forgets fast and a high learning rate learn half of what there is to learn within 14 epochs. The rate
    is what each weight of the output may move in a step, and those have far to go until the answers differ by months. So learn all of the
    seeds that it trains itself, and 86 of 90 trainings with others. By its own three neither block group matters for the drawn hands.
    """
    return replace(
        cpu(),
        name="demo",
        data="phantom:700",
        preparation=Preparation(image_px=48, validation_fraction=0.25, test_fraction=0.1),
        training=replace(
            cpu().training, **FILMS_OFF, epochs=14, batch=8, learning_rate=1.2e-2, warmup_epochs=1.0, bn_momentum=0.8
        ),
        reference=Architecture(beta=0.1, blocks=Blocks(0, 0, 0, 0, 1, 1), stem_pools=(False, True)),
        max_params=1_100_000,
        margin_months=1.0,
        equivalence_months=3.0,
        width_factors=(0.7, 1.0, 1.4),
        width_trials=1,
        depth_trials=2,
        refine_trials=1,
        depth_patience=3,
        fc_choices=(64,),
        dropouts=(0.3,),
    )
