"""What every rival may still ask for: networks of the joint space that fit the cap and that it has not had yet."""

from models.cost import cost
from search.planning.asking import key
from studies import joint
from studies.caps import caps
from studies.preset import Preset
from studies.study import Point

TRIES = 1_000  # proposals, before a rival counts as having none left


class Fresh:
    """Which points of the joint space may still be had."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.space = joint.space(preset)
        self.caps = caps(preset, preset.max_params)
        self.taken: set[tuple[object, ...]] = set()

    def fits(self, point: Point) -> bool:
        return self.excess(point) <= 0

    def excess(self, point: Point) -> float:
        """By what share the cap is exceeded that is exceeded most; not above 0 where all are met."""
        found = cost(joint.architecture(self.preset, point), self.preset.preparation.image_px)
        return max(cap.measure(found) / cap.most for cap in self.caps) - 1

    def is_fresh(self, point: Point) -> bool:
        return key(point) not in self.taken and self.fits(point)

    def take(self, point: Point) -> bool:
        """Whether it fits and is new; from now on it is not."""
        if not self.is_fresh(point):
            return False
        self.taken.add(key(point))
        return True
