"""The preset `paper`: what did the paper itself do?"""

from data.preparation import Preparation
from models.paper import MODIFIED
from models.training.settings import Training
from studies.preset import Preset


def paper() -> Preset:
    """The report's own settings (Ma 2021, sections IV-VI): for reproducing its Table 1, whose rows depth tries first."""
    return Preset(
        name="paper",
        strategy="paper",
        preparation=Preparation(fit="squash", stretch=False),
        training=Training(
            epochs=30,
            batch=32,
            learning_rate=1e-2,
            final_learning_rate=1e-5,
            schedule="step",
            loss="mse",
            l2=1e-4,  # "a common value"
            start_at_mean=False,
            flip_horizontal=True,
            flip_vertical=True,
            zoom=0.1,
            precision="float32",
        ),
        full_epochs=100,
        confirm=0,  # nor was the report's search confirmed
        refine_max_params=80_000_000,  # its Final has 78M
        depth_start=tuple((row.beta, row.blocks) for row in MODIFIED),
        dropouts=(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    )
