"""Everything the studies could come to, as one space: what a search without stages has to search.

The width grid, every block group of the reference from none of it to `depth_extra` steps more, the fully connected widths,
the dropout rates, and, where they are asked for, attention and resolution; of each what the reference has, too, so that the reference is a
point of the space. A group that it lacks stays out, as no study brings it in.
"""

from collections.abc import Mapping
from dataclasses import replace

from models.architecture import Architecture, family_named
from models.cost import Cost, cost
from studies import resolution
from studies.caps import caps, over
from studies.preset import Preset
from studies.study import Point, Space, Value


def space(preset: Preset) -> Space:
    reference, family = preset.reference, family_named(preset.reference.family)
    return {
        "beta": tuple(round(reference.beta * factor, 4) for factor in preset.width_factors),
        **{
            group: family.stepped(group, count, 0, count + preset.depth_extra * family.step(group))
            for group, count in reference.blocks._asdict().items()
            if count
        },
        "fc_units": tuple(sorted({0, reference.fc_units, *preset.fc_choices})),
        "dropout": tuple(sorted({0.0, reference.dropout, *preset.dropouts})),
        **({"se_ratio": tuple(sorted({0.0, reference.se_ratio, *preset.se_choices}))} if preset.se_choices else {}),
        **({resolution.PX: resolution.choices(preset, reference)} if preset.px_choices else {}),
    }


def architecture(preset: Preset, point: Mapping[str, Value]) -> Architecture:
    groups = preset.reference.blocks._fields
    counts = {name: int(value) for name, value in point.items() if name in groups}
    network = replace(
        preset.reference,
        beta=float(point["beta"]),
        blocks=preset.reference.blocks._replace(**counts),
        fc_units=int(point["fc_units"]),
        dropout=float(point["dropout"]),
        se_ratio=float(point.get("se_ratio", preset.reference.se_ratio)),
    )
    return resolution.moved(network, point, preset.preparation.image_px)


def point(preset: Preset, architecture: Architecture) -> Point:
    """The point of this space that is this architecture."""
    values: dict[str, Value] = {
        "beta": architecture.beta,
        **architecture.blocks._asdict(),
        "fc_units": architecture.fc_units,
        "dropout": architecture.dropout,
        "se_ratio": architecture.se_ratio,
        resolution.PX: architecture.seen_px(preset.preparation.image_px),
    }
    return {name: values[name] for name in space(preset)}


def cost_of(preset: Preset, point: Mapping[str, Value]) -> Cost:
    return cost(architecture(preset, point), preset.preparation.image_px)


def fits(preset: Preset, point: Mapping[str, Value]) -> bool:
    return not over(caps(preset, preset.max_params), cost_of(preset, point))
