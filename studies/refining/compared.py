"""What the refinement's trials say of each part of the network: the network with the part, compared with the network without it.

The network without the sex is compared after the search (`around/sex.py`); refinements of earlier versions have trained it themselves.
"""

from collections.abc import Mapping, Sequence

from studies.findings import Compared
from studies.refining import by_group
from studies.statistics.fresh import estimates
from studies.study import Given, Point, Trial, Value, at, complete_at

Pairs = Mapping[str, tuple[Trial, Trial]]  # by what was changed: the network with it, and the one without
NAMES = {"beta": "β", "fc_units": "FC", "dropout": "dropout", "se_ratio": "squeeze-and-excitation", by_group.NAME: ""}
WITHOUT: Point = {"fc_units": 0, "dropout": 0.0, "se_ratio": 0.0, by_group.NAME: by_group.NONE}


def of_steps(
    steps: tuple[Sequence[Point], Sequence[Point], Sequence[Point]], chosen: Trial | None, trials: Sequence[Trial]
) -> Pairs:
    """Every wider network, fully connected layer and rate of dropout against the network without it, and without the sex."""
    widths, heads, rates = steps
    pairs: dict[str, tuple[Trial, Trial]] = {}
    added = [name for name in ("se_ratio", by_group.NAME) if heads and name in heads[0]]
    plain = [point for point in heads if all(point[name] == heads[0][name] for name in added)]
    steps_taken: list[tuple[str, Sequence[Point]]] = [("beta", widths), ("fc_units", plain)]
    for name in added:
        changed = [point for point in heads if point[name] != heads[0][name]]
        alike = [
            point for point in changed if all(point[other] == changed[0][other] for other in point if other != name)
        ]
        steps_taken.append((name, [changed[0] | {name: heads[0][name]}, *alike] if changed else []))
    steps_taken.append(("dropout", rates))
    for parameter, tried in steps_taken:
        complete = [trial for point in tried if (trial := complete_at(trials, point))]
        start = next((trial for trial in complete if trial.point == tried[0]), None)
        for trial in complete if start is not None else []:
            if trial is not start and start is not None:
                pairs[instead(parameter, trial.point[parameter], start.point[parameter])] = (trial, start)
    sexless = None if chosen is None else at(trials, chosen.point | {"sex_units": 0})
    if chosen is not None and sexless is not None and sexless is not chosen and sexless.state == "complete":
        pairs["without the sex"] = (sexless, chosen)
    return pairs


def around(trials: Sequence[Trial], point: Point) -> Pairs:
    """The decided network beside those that were trained and differ from it in one part of the head alone."""
    decided = at(trials, point)
    pairs: dict[str, tuple[Trial, Trial]] = {}
    for parameter, without in WITHOUT.items():
        plain = at(trials, point | {parameter: without}) if parameter in point else None
        if decided is not None and plain is not None and plain is not decided and plain.state == "complete":
            pairs[instead(parameter, point[parameter], without)] = (decided, plain)
    sexless = at(trials, point | {"sex_units": 0})
    if decided is not None and sexless is not None and sexless is not decided and sexless.state == "complete":
        pairs["without the sex"] = (sexless, decided)
    return pairs


def estimated(given: Given, pairs: Pairs, decided: Trial | None = None) -> tuple[Compared, ...]:
    """No verdicts: by these very trainings the reference was picked, as the best of the step before, or where the variant is the network
    that was decided for, that."""
    from studies.statistics.pairs import all_compared  # brings SciPy

    rows = zip(all_compared(given, pairs), pairs.values(), strict=True)
    return tuple(
        one
        for row, (variant, _) in rows
        for one in estimates([row], "the variant" if variant is decided else "the reference")
    )


def instead(parameter: str, value: Value, start: Value) -> str:
    """FC 512 instead of none; mixed9 × 0.7 instead of as decided."""
    if parameter == by_group.NAME:
        return f"{str(value).replace('=', ' × ')} instead of {start}"
    return f"{NAMES[parameter]} {value:g} instead of {f'{start:g}' if start else 'none'}"
