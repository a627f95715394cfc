"""What the design of an ablation can find, said before it trains; a design that can find nothing is refused."""

from data.counted import counted
from studies.preset import MIN_SEEDS, Preset, StudyError
from studies.statistics.design import POWER
from studies.statistics.found import least_effect
from studies.statistics.racing import Look, looks
from studies.study import in_months

ALPHA = 0.05


def planned(preset: Preset, variants: int, anyway: bool = False) -> str:
    """A sentence. StudyError where more than one seed was asked for and still none of the verdicts could ever be given."""
    if preset.resolve:
        return finds(preset, looks(variants, preset.resolve, ALPHA), variants)
    if preset.seeds == 1:
        return f"one seed for each variant gives estimates and no verdicts; {finds(preset, once(MIN_SEEDS), variants)}"
    if preset.seeds >= MIN_SEEDS:
        return finds(preset, once(preset.seeds), variants)
    said = (
        f"{preset.seeds} seeds for each variant are too few for any verdict, however large an effect, and cost {preset.seeds} "
        f"times the trainings: {finds(preset, once(MIN_SEEDS), variants)}; --seeds 1 gives estimates"
    )
    if not anyway:
        raise StudyError(f"{said}; --anyway trains them nevertheless")
    return said


def once(seeds: int) -> list[Look]:
    """A design that looks when all seeds have ended."""
    return [Look(seeds, ALPHA)]


def finds(preset: Preset, of_design: list[Look], variants: int) -> str:
    """The least effect, with the spread of seeds that the preset expects: before it trains, a run knows no other."""
    most, spread = of_design[-1].seeds, preset.seed_sd_months

    def beside(seeds: int) -> int:
        return preset.reference_seeds(seeds, variants)

    effect = least_effect(of_design, beside, variants, preset.equivalence_months / spread) * spread
    up_to = "up to " if len(of_design) > 1 else ""
    enough = in_months(preset.equivalence_months)
    smaller = (
        f" (an effect that is surely smaller than {enough} does not matter)"
        if effect < preset.equivalence_months
        else ""
    )
    return (
        f"{up_to}{counted(most, 'seed')} of each of {counted(variants, 'variant')} and {beside(most)} of the baseline find an effect of {in_months(round(effect, 2))} "
        f"with a power of {POWER:g}{smaller}, if seeds differ by {spread:g} (standard deviation; --seed-sd-months)"
    )
