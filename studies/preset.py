"""What a preset is: everything that a run decides in advance, as one complete, frozen value. Those that have a name are in
`studies/presets/`; to try something else, set a field on the command line, or add one there.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from data.preparation import Preparation
from data.ranges import Range, check, whole
from data.shown import shown
from models.architecture import BETA, REPEATS, UNITS, Architecture, ArchitectureError, Blocks
from models.cost import PARAMS, cost
from models.families import FAMILIES
from models.stages import stages
from models.training.settings import EPOCHS, Training

OBJECTIVES = (("mae",), ("mae", "macs"), ("mae", "params"))
Strategy = Literal["surrogate", "paper"]


class StudyError(ValueError):
    """A study that cannot be run as asked; the message says why and what to do."""


SEEDS = 1_000  # of one point; far beyond what any verdict needs
MIN_SEEDS = 3  # of a network; fewer make estimates and no verdict
RANGES = {
    "full_epochs": whole(0, EPOCHS),
    "seed": whole(0, 2**31 - 1),  # NumPy takes 32 bits
    "seeds": whole(1, SEEDS),
    "baseline_seeds": whole(0, SEEDS),
    "confirm": whole(0, 100),
    "keep_networks": whole(0, 1_000),
    "confirm_seeds": whole(1, SEEDS),
    "resolve": whole(0, SEEDS),
    "max_params": PARAMS,
    "refine_max_params": whole(0, int(PARAMS.high)),
    "max_macs": whole(0, 10**15),
    "max_memory": whole(0, 10**15),
    "margin_months": Range(0, 240),  # ages end before
    "equivalence_months": Range(0, 240),
    "seed_sd_months": Range(0, 240, above=True),
    "width_factors": Range(0, 256, above=True),
    "width_trials": whole(1, 1_000_000),
    "depth_trials": whole(1, 1_000_000),
    "refine_trials": whole(1, 1_000_000),
    "depth_patience": whole(1, 1_000_000),
    "depth_extra": REPEATS,
    "fc_choices": whole(1, int(UNITS.high)),
    "px_choices": whole(1, 65_536),
    "se_choices": Range(0, 1, above=True),
    "dropouts": Range(0, 1, above=True, below=True),
}


@dataclass(frozen=True)
class Preset:
    """What all studies of a run share, and what each of them is given."""

    name: str
    data: str = ""  # used where no --data was given and nothing is prepared
    preparation: Preparation = field(default_factory=Preparation)
    training: Training = field(default_factory=Training)
    reference: Architecture = field(default_factory=Architecture)  # the baseline of the ablation
    families: tuple[str, ...] = ()  # that the baseline study compares before all others; none: it is not asked for
    begun_with: Architecture | None = None  # the reference before the baseline study decided for another family
    strategy: Strategy = "surrogate"  # how width, depth and refinement propose and decide
    full_epochs: int = 0  # of the network that is trained in full at the end; 0: as many as a trial's
    seed: int = 0
    confirm: int = 1  # of the networks that were best, so many are trained again after the search; 0: none
    confirm_seeds: int = 3  # each of them with so many seeds that the search has never used
    ablate_winner: bool = False  # after the search, ask of the decided network which of its block groups it needs
    keep_networks: int = 1  # trained networks that the run's best trials leave, for use before `train`; 0: none
    seeds: int = 1  # every point of ablation, width and refinement runs with so many, from `seed` on
    baseline_seeds: int = 0  # of what variants are compared with; 0: as many as `reference_seeds` says
    drop_useless: bool = False  # ablation: leave out together what can be left out, for the studies after it
    resolve: int = 0  # ablation: more seeds, up to so many, where a verdict is open
    prune: bool = False  # end trials of depth and refinement early if they have fallen behind the others
    without_sex: bool = False  # after the search, train the decided network without the sex as well
    max_params: int = 70_000_000
    refine_max_params: int = 0  # cap of the refinement alone; 0: the same as max_params
    max_macs: int = 0  # cap of one image's forward pass; 0: none
    max_memory: int = 0  # cap of the bytes in training, by arithmetic; 0: none
    margin_months: float = 0.3  # two validation MAEs closer than this are a tie where one is chosen
    equivalence_months: float = 1.0  # a change surely smaller than this does not matter
    seed_sd_months: float = 0.4  # by which seeds are taken to differ before the run has measured it
    # Of the reference β.
    width_factors: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6)
    width_trials: int = 8  # by the surrogate
    depth_trials: int = 30
    refine_trials: int = 16  # by the surrogate
    depth_patience: int = 12  # depth ends after so many trials without a better one
    objective: tuple[str, ...] = ("mae",)  # of depth; with "macs" or "params" beside it, the trade-off is searched
    depth_extra: int = 4  # a group (by the paper's strategy a key group alone) is repeated up to so many steps more than in the reference
    depth_start: tuple[tuple[float, Blocks], ...] = ()  # (β, blocks) tried before the sampler proposes
    fc_choices: tuple[int, ...] = (1024, 3072)  # widths of the additional fully connected layer
    se_choices: tuple[float, ...] = ()  # squeeze-and-excitation ratios that refinement tries
    widths_by_group: bool = False  # refinement: each block group one step narrower, or wider where it is a key group
    px_choices: tuple[int, ...] = ()  # resolutions that are compared after depth; none: the study is not asked for
    dropouts: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8)  # tried in rising order

    def __post_init__(self) -> None:
        check(self, RANGES, StudyError)
        factors, reference = self.width_factors, self.reference
        if 1.0 not in factors or list(factors) != sorted(set(factors)):
            raise StudyError(f"width_factors must rise and contain 1; got {shown(factors)}")
        widths = [round(reference.beta * factor, 4) for factor in factors]
        if len(set(widths)) < len(widths) or not all(beta in BETA for beta in widths):
            raise StudyError(
                f"width_factors times the reference's β ({reference.beta:g}) must give different widths, each {BETA}; "
                f"got {', '.join(f'{beta:g}' for beta in widths)}"
            )
        try:
            for beta in widths:
                stages(replace(reference, beta=beta))
        except ArchitectureError as error:
            raise StudyError(f"width_factors times the reference's β ({reference.beta:g}): {error}") from None
        try:
            for px in self.px_choices:
                cost(replace(reference, input_px=px), self.preparation.image_px)
        except ArchitectureError as error:
            raise StudyError(f"px_choices: {error}") from None
        if self.strategy not in get_args(Strategy):
            raise StudyError(f"strategy is one of {', '.join(get_args(Strategy))}; got {shown(self.strategy)}")
        if self.objective not in OBJECTIVES:
            raise StudyError(f"objective is one of {', '.join(map(','.join, OBJECTIVES))}; got {shown(self.objective)}")
        if self.resolve and self.resolve < max(self.seeds, 6):
            raise StudyError(
                f"resolve must be 0, or a number of seeds of at least {max(self.seeds, 6)}; got {self.resolve}: raise --resolve, or lower --seeds"
            )
        if self.seed > (highest := RANGES["seed"].high - SEEDS):
            raise StudyError(f"seed is at most {highest:,.0f}, as further seeds count on from it; got {self.seed}")
        if 0 < self.baseline_seeds < self.seeds:
            raise StudyError(
                f"baseline_seeds must be 0, which chooses the best number, or at least seeds ({self.seeds}); got {self.baseline_seeds}: raise --baseline-seeds, or lower --seeds"
            )
        named = isinstance(self.families, tuple) and all(name in list(FAMILIES) for name in self.families)
        if not named:
            raise StudyError(f"families are some of {', '.join(FAMILIES)}; got {shown(self.families)}")
        if not isinstance(self.begun_with, Architecture | None):
            raise StudyError(f"begun_with is an architecture or nothing; got {shown(self.begun_with)}")
        if len(set(self.families)) < len(self.families):
            raise StudyError(f"families must name each family once; got {shown(self.families)}")
        if not any(reference.blocks):
            raise StudyError(
                "the reference has no blocks, so the ablation cannot take one away; raise a count in --blocks"
            )
        if not isinstance(self.depth_start, tuple):
            raise StudyError(f"depth_start is written as 1.2:4/3/3;1.4:4/3/3; got {shown(self.depth_start)}")
        try:
            starts = [replace(reference, beta=beta, blocks=blocks).beta for beta, blocks in self.depth_start]
        except (ArchitectureError, TypeError, ValueError) as error:
            raise StudyError(f"depth_start is written as 1.2:4/3/3;1.4:4/3/3 ({error})") from None
        # The points of stored trials are rounded to four decimals; a finer grid would not know its own trials again.
        fine = [reference.beta, reference.se_ratio, *self.se_choices, *self.dropouts, *starts]
        if any(value != round(value, 4) for value in fine):
            raise StudyError(f"widths, ratios and dropout rates have at most four decimals; got {shown(fine)}")
        for name in ("px_choices", "se_choices", "dropouts"):
            if list(getattr(self, name)) != sorted(set(getattr(self, name))):
                raise StudyError(f"the values of {name} must rise; got {shown(getattr(self, name))}")

    def reference_seeds(self, seeds: int, variants: int) -> int:
        """How many seeds the reference has beside so many variants with `seeds` each.

        It is part of every comparison: for a given number of trainings the changes are surest where it has as many more as
        the square root of the variants' number (Dunnett 1955).
        """
        if self.baseline_seeds:
            return max(self.baseline_seeds, seeds)
        return seeds if seeds < 2 else seeds * max(1, round(variants**0.5))
