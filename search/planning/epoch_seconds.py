"""How long an epoch of a network takes, from its MACs and what the run has measured so far.

`seconds = fixed + per_mac · MACs`, neither negative, fitted to relative errors, so that small networks count as much as large
ones. Only trainings under like conditions are compared, and of those the latest: a machine gets slower and faster with what
else it does. On recorded runs a window of 10 to 32 trainings mostly predicted the next better than the whole history did.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LATEST = 16  # trainings that a prediction is made from


@dataclass(frozen=True)
class Timed:
    """One training that has ended."""

    macs: int  # of one image, forward
    seconds: float  # of an epoch, mean over the training: the first one, which builds the graph, is paid for too
    conditions: str = ""  # device, precision, batch
    workers: int = 0  # trainings at once, which share the machine; 0 where that was not recorded

    @property
    def alike(self) -> tuple[str, int]:
        """What trainings must share for one to say how long another takes."""
        return self.conditions, self.workers


@dataclass(frozen=True)
class Line:
    fixed: float  # seconds of an epoch, whatever the network
    per_mac: float

    def __call__(self, macs: int) -> float:
        return self.fixed + self.per_mac * macs


def line(history: Sequence[Timed], alike: tuple[str, int]) -> Line | None:
    """From the latest trainings under these conditions; proportional where there is one, None where there is none."""
    latest = [timed for timed in history if timed.alike == alike][-LATEST:]
    if not latest:
        return None
    if len(latest) == 1:
        return Line(0.0, latest[0].seconds / latest[0].macs)
    import numpy as np
    from scipy.optimize import nnls  # takes a third of a second to import

    largest = max(timed.macs for timed in latest)  # both columns of a size
    relative = np.array([(1 / timed.seconds, timed.macs / largest / timed.seconds) for timed in latest])
    (fixed, at_largest), _ = nnls(relative, np.ones(len(latest)))
    return Line(float(fixed), float(at_largest) / largest)


def errors(history: Sequence[Timed], first: int = 0) -> list[float]:
    """Each training from the `first` on predicted from those that ended before it: |predicted / measured - 1|.

    The first of its conditions is not predicted.
    """
    predicted = ((line(history[:ended], history[ended].alike), history[ended]) for ended in range(first, len(history)))
    return [abs(fitted(timed.macs) / timed.seconds - 1) for fitted, timed in predicted if fitted]
