"""Small drawings of one trial as SVG: its learning curve, its network. Dark on white, so that they are read anywhere."""

import math
from collections.abc import Sequence
from html import escape

from data.written import gmacs
from models.architecture import Architecture, family_named
from models.cost import Cost
from search.show.html import BLUE, GREY, ORANGE

INK, SOFT, LINE, GROUND = "#1d2329", "#5b6672", "#dfe3e8", "#ffffff"
WIDTH, HEIGHT = 640, 360  # of a learning curve
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 40, 44
BOX_WIDTH, BOX_HEIGHT, GAP, ACROSS = 150, 86, 26, 4  # of the network's boxes, so many in a row


def svg(width: int, height: int, title: str, *parts: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" role="img"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" fill="{GROUND}"/>{"".join(parts)}</svg>\n'
    )


def words(x: float, y: float, said: str, size: int = 13, colour: str = SOFT, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(said)}</text>'
    )


def learning_curve(train_mae: Sequence[float], validation_mae: Sequence[float], constant_mae: float) -> str:
    """MAEs in months by epoch; dotted what a constant answer scores. What is not finite is not drawn."""
    known = [mae for mae in (*train_mae, *validation_mae, constant_mae) if math.isfinite(mae)]
    low, high = math.floor(min(known)), math.ceil(max(known) + 0.01)
    last = max(len(train_mae), len(validation_mae), 2)

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / (last - 1) * (WIDTH - LEFT - RIGHT)

    def y(mae: float) -> float:
        return TOP + (high - mae) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(maes: Sequence[float], colour: str, dash: str = "") -> str:
        corners = " ".join(f"{x(n):.1f},{y(mae):.1f}" for n, mae in enumerate(maes, 1) if math.isfinite(mae))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2.5"{dashed}/>'

    rows = [low + n * (high - low) / 4 for n in range(5)]
    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mae):.1f}" y2="{y(mae):.1f}" stroke="{LINE}"/>'
        + words(LEFT - 8, y(mae) + 4, f"{mae:g}", anchor="end")
        for mae in rows
    )
    step = max(1, math.ceil(last / 8))
    ticks = "".join(words(x(epoch), HEIGHT - BOTTOM + 20, str(epoch)) for epoch in range(1, last + 1, step))
    legend = "".join(
        words(LEFT + 110 * n, TOP - 16, name, colour=colour, anchor="start")
        for n, (name, colour) in enumerate(
            (("validation", BLUE), ("- - training", ORANGE), ("··· constant answer", SOFT))
        )
    )
    return svg(
        WIDTH,
        HEIGHT,
        "MAE in months by epoch",
        grid,
        ticks,
        words(WIDTH / 2, HEIGHT - 6, "epoch; MAE in months"),
        line([constant_mae] * last, GREY, "2 5"),
        line(train_mae, ORANGE, "7 4"),
        line(validation_mae, BLUE),
        legend,
    )


def network(architecture: Architecture, cost: Cost) -> str:
    """A box for each block group in the network's order: repeats, size of what it puts out, parameters; dashed where left out."""
    counts = architecture.blocks._asdict()
    order = ["stem", *(name for name, _ in family_named(architecture.family).body)]
    boxes, before = [], cost.groups["stem"].output
    for name in order:
        group = cost.groups.get(name)
        repeats = f" × {counts[name]}" if name in counts else ""
        size = "×".join(map(str, group.output)) if group else "left out"
        boxes.append(
            (
                f"{name}{repeats}",
                "grid reduction" if group and group.output.height < before.height else "",
                size,
                f"{group.params:,}" if group else "",
                group is None,
            )
        )
        before = group.output if group else before
    sex = f"+ sex, {architecture.sex_units} units" if architecture.sex_units else "without the sex"
    layer = f"FC {architecture.fc_units}, " if architecture.fc_units else ""
    pooled = f"GAP {cost.gap_channels}, dropout {architecture.dropout:g}"
    boxes.append(("head", pooled, f"{sex}; {layer}months", f"{cost.groups['head'].params:,}", False))
    drawn = "".join(box(n, *one) for n, one in enumerate(boxes))
    rows = math.ceil(len(boxes) / ACROSS)
    width, height = ACROSS * (BOX_WIDTH + GAP) + GAP, rows * (BOX_HEIGHT + GAP) + GAP + 30
    said = f"{architecture.width}: {cost.params:,} parameters, {gmacs(cost.macs)} GMACs"
    return svg(width, height, said, words(GAP, 32, said, 16, INK, "start"), drawn)


def box(n: int, name: str, what: str, size: str, params: str, left_out: bool) -> str:
    x, y = GAP + n % ACROSS * (BOX_WIDTH + GAP), GAP + 30 + n // ACROSS * (BOX_HEIGHT + GAP)
    stroke = f'stroke="{GREY}" stroke-dasharray="5 4"' if left_out else f'stroke="{BLUE}"'
    middle = x + BOX_WIDTH / 2
    arrow = words(x - GAP / 2, y + BOX_HEIGHT / 2 + 6, "›", 20, SOFT) if n else ""
    lines = [line for line in (what, size, f"{params} parameters" if params else "") if line]
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="none" {stroke} stroke-width="1.5"/>'
        + arrow
        + words(middle, y + 24, name, 15, SOFT if left_out else INK)
        + "".join(words(middle, y + 44 + 16 * row, line, 11) for row, line in enumerate(lines))
    )
