"""The caps that every network of a search has to meet: parameters, MACs, training memory. All by arithmetic, before anything is built."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from models.cost import Sizes, training_bytes
from studies.preset import Preset


@dataclass(frozen=True)
class Cap:
    option: str  # that sets it
    unit: str
    most: int
    measure: Callable[[Sizes], int]

    def __str__(self) -> str:
        return f"{self.most:,} {self.unit}"

    def is_over(self, cost: Sizes) -> bool:
        return self.measure(cost) > self.most


def caps(preset: Preset, max_params: int) -> tuple[Cap, ...]:
    """Those that are set; the one of parameters is, always, and is the study's own."""
    option = "--max-params" if max_params == preset.max_params else "--refine-max-params"
    found = [Cap(option, "parameters", max_params, lambda cost: cost.params)]
    if preset.max_macs:
        found.append(Cap("--max-macs", "MACs", preset.max_macs, lambda cost: cost.macs))
    if preset.max_memory:
        found.append(Cap("--max-memory", "bytes in training", preset.max_memory, lambda cost: memory(preset, cost)))
    return tuple(found)


def memory(preset: Preset, cost: Sizes) -> int:
    """Bytes in training; `auto` counts as float32, which it is where half precision is not computed in hardware."""
    return training_bytes(cost, preset.training.batch, preset.training.precision.startswith("mixed"))


def over(met: Iterable[Cap], cost: Sizes) -> tuple[Cap, ...]:
    """The caps that it does not meet."""
    return tuple(cap for cap in met if cap.is_over(cost))


def said(met: Sequence[Cap]) -> str:
    """70,000,000 parameters and 5,000,000,000 MACs."""
    return " and ".join(map(str, met))


def unmet(what: str, met: Sequence[Cap]) -> str:
    """Where none of these meets all of them."""
    return f"no {what} fits {said(met)}; raise {options(met)}"


def options(met: Sequence[Cap]) -> str:
    return " or ".join(cap.option for cap in met)
