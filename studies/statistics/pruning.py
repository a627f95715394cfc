"""When a trial may be ended before its last epoch: successive halving on the objective, the best validation MAE so far.

At the rungs, `warmup` epochs and each doubling of it, a trial goes on that is in the better half of those that came so
far, or within the margin of their best: closer than that is a tie. The warm-up is measured on the ablation, all of whose
trials are trained in full: the first epoch that already tells which of two networks will be the better.
"""

from collections.abc import Sequence
from itertools import accumulate, combinations

from studies.study import Trial

FORETOLD = 0.9  # of the pairs that end more than the margin apart are in their final order after the warm-up


def warmup(trials: Sequence[Trial], margin_months: float, epochs: int) -> int:
    """Epochs before anything is pruned; `epochs` where the ablation cannot tell, and then nothing ever is."""
    curves = [best_so_far(run) for trial in trials for run in trial.by_seed if run.state == "complete"]
    apart = [
        (one, other)
        for one, other in combinations(curves, 2)
        if len(one) == len(other) == epochs and abs(one[-1] - other[-1]) > margin_months
    ]
    if not apart:
        return epochs

    def foretold(epoch: int) -> bool:
        ordered = sum((one[epoch] < other[epoch]) == (one[-1] < other[-1]) for one, other in apart)
        return ordered >= FORETOLD * len(apart)

    late = [epoch for epoch in range(epochs) if not foretold(epoch)]
    return min((late[-1] + 2) if late else 1, epochs)


def left_behind(so_far: Sequence[float], others: Sequence[Trial], warmup: int, margin_months: float) -> bool:
    """Whether a trial with these validation MAEs, one for each epoch so far, ends here."""
    epoch = len(so_far)
    if not is_rung(epoch, warmup):
        return False
    reached = sorted(curve[epoch - 1] for other in others if len(curve := best_so_far(other)) >= epoch)
    if len(reached) < 2:  # one alone says little
        return False
    mine = min(so_far)
    better = sum(their < mine for their in reached)
    return better > len(reached) / 2 and mine > reached[0] + margin_months


def is_rung(epoch: int, warmup: int) -> bool:
    if not warmup:  # not measured, by an older version
        return False
    doublings, rest = divmod(epoch, warmup)
    return rest == 0 and doublings & (doublings - 1) == 0 and doublings > 0


def best_so_far(trial: Trial) -> list[float]:
    return list(accumulate(trial.validation_mae_by_epoch, min))
