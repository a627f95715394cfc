"""The preset `cpu`: what can a few CPU cores find out about radiographs?"""

from data.preparation import Preparation
from models.architecture import Architecture
from models.training.settings import FILMS_BRIEFLY, Training
from studies.preset import Preset
from studies.presets.default import EVEN_TONE


def cpu() -> Preset:
    """The real question at a size that a few CPU cores can answer; `plan --preset cpu` says how long they take.

    Images of 100 px, β 0.25, 4,000 images to train on, 9 epochs.

    The cap is the paper's 70M at this β: 70M · 0.25². The first stem pooling is left out, since with it an image of
    100 px is one pixel wide where mixed9 works. So short a training needs many steps (small batches), a high learning
    rate, no augmentation but of the films, and a BatchNorm that forgets its start within an epoch.
    """
    return Preset(
        name="cpu",
        preparation=Preparation(image_px=100, fit="squash", images=5000, validation_fraction=0.18, test_fraction=0.02),
        training=Training(
            epochs=9,
            batch=16,
            learning_rate=4e-3,  # at 1e-2 the seed decides when a network leaves the constant: epoch 1 to 4
            warmup_epochs=0.5,
            bn_momentum=0.9,
            flip_horizontal=False,
            precision="float32",
            **FILMS_BRIEFLY,
        ),
        reference=Architecture(beta=0.25, stem_pools=(False, True), even_tone=EVEN_TONE),
        max_params=4_400_000,
        margin_months=1.0,
        equivalence_months=2.0,
        seed_sd_months=0.8,
        width_factors=(0.5, 0.7, 1.0, 1.4, 1.7),
        width_trials=4,
        depth_trials=6,
        refine_trials=6,
        depth_patience=4,
        depth_extra=2,
        fc_choices=(512,),
        dropouts=(0.2, 0.5),
    )
