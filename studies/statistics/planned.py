"""What the design of an ablation can find, said before it trains; a design that can find nothing is refused."""

from studies.preset import MIN_SEEDS, Preset, StudyError
from studies.statistics.design import POWER, detectable
from studies.study import in_months


def planned(preset: Preset, variants: int, anyway: bool = False) -> str:
    """A sentence. StudyError where more than one seed was asked for and still none of the verdicts could ever be given."""
    seeds = max(preset.seeds, MIN_SEEDS, preset.resolve) if preset.resolve else preset.seeds
    if seeds == 1:
        return f"one seed for each variant makes estimates and no verdicts; {finds(preset, MIN_SEEDS, variants)}"
    if seeds >= MIN_SEEDS:
        return finds(preset, seeds, variants)
    said = (
        f"{seeds} seeds cost as many trainings more and make no verdict either, however large an effect: "
        f"{finds(preset, MIN_SEEDS, variants)}; --seeds 1 makes estimates"
    )
    if not anyway:
        raise StudyError(f"{said}; --anyway trains these all the same")
    return said


def finds(preset: Preset, seeds: int, variants: int) -> str:
    """The least effect, with the spread of seeds that the preset expects: before it trains, a run knows no other."""
    reference = preset.reference_seeds(seeds, variants)
    effect = detectable(seeds, reference, variants) * preset.seed_sd_months
    return (
        f"{seeds} seeds of each of {variants} variants and {reference} of the baseline find an effect of {in_months(round(effect, 2))} "
        f"with a power of {POWER:g}, if seeds differ by {preset.seed_sd_months:g} (standard deviation; --seed-sd-months)"
    )
