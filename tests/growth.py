"""How a cost grows with a size: the exponent of its power law, and a plot of it, for the parts of `make bench`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from search.show.html import BLUE, GREY, ORANGE, PURPLE, TEAL
from search.show.svg import INK, LINE, svg, words

Points = Sequence[tuple[float, float]]  # size, cost

FOLDER = Path(__file__).parents[1] / "docs" / "growth"
COLOURS = (BLUE, ORANGE, TEAL, PURPLE, GREY)
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, LINE_PX = 640, 380, 76, 20, 24, 50, 20


def exponent(points: Points) -> tuple[float, float]:
    """p of the cost ~ sizeᵖ that fits best, and the largest relative deviation of a cost from it."""
    size, cost = np.log(np.array(points, float)).T
    slope, intercept = np.polyfit(size, cost, 1)
    return round(float(slope), 6) + 0.0, float(np.abs(np.exp(cost - slope * size - intercept) - 1).max())


def show(name: str, size: str, unit: str, growths: Mapping[str, Points]) -> None:
    """A table of exponents, and the plot `docs/growth/<name>.svg`, both axes logarithmic."""
    print(f"\n| {unit} | from | to | exponent | off the power law by at most |\n|---|---|---|---|---|")
    for what, points in growths.items():
        power, off = exponent(points)
        (least, low), (most, high) = points[0], points[-1]
        print(
            f"| {what} | {low:.3g} at {least:g} | {high:.3g} at {most:g} | {power:.2f} | {off:.0%} |",
            flush=True,
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(drawn(size, unit, growths))
    print(f"\n![{unit} by {size}](docs/growth/{name}.svg)")


def drawn(size: str, unit: str, growths: Mapping[str, Points]) -> str:
    sizes = sorted({point[0] for points in growths.values() for point in points})
    costs = [cost for points in growths.values() for _, cost in points]
    low, high = math.log(min(costs)), math.log(max(costs))
    top = TOP + LINE_PX * len(growths)

    def x(value: float) -> float:
        share = (math.log(value) - math.log(sizes[0])) / (math.log(sizes[-1]) - math.log(sizes[0]))
        return LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24)

    def y(value: float) -> float:
        return top + (high - math.log(value)) / max(high - low, 1e-9) * (HEIGHT - top - BOTTOM)

    parts = []
    for row in range(5):
        cost = math.exp(low + row * (high - low) / 4)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(cost):.1f}" y2="{y(cost):.1f}" stroke="{LINE}"/>')
        parts.append(words(LEFT - 8, y(cost) + 4, f"{cost:.2g}", anchor="end"))
    parts += [words(x(value), HEIGHT - BOTTOM + 20, f"{value:g}") for value in sizes]
    for row, (what, points) in enumerate(growths.items()):
        colour = COLOURS[row % len(COLOURS)]
        corners = " ".join(f"{x(value):.1f},{y(cost):.1f}" for value, cost in points)
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(value):.1f}" cy="{y(cost):.1f}" r="4" fill="{colour}"/>' for value, cost in points]
        label = f"{what}: exponent {exponent(points)[0]:.2f}"
        parts.append(words(LEFT, TOP + LINE_PX * row, label, colour=colour, anchor="start"))
    parts.append(words(WIDTH / 2, HEIGHT - 8, f"{size}; {unit}", colour=INK))
    return svg(WIDTH, HEIGHT, f"{unit} by {size}", *parts)
