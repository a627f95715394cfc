"""Whether a table of recorded trainings can replace those that a comparison asks for, and whether its first line is plausible."""

import json
import math
from dataclasses import fields, replace
from statistics import fmean, pvariance
from typing import Any

from data.counted import counted
from data.shown import shown
from data.written import months
from models.architecture import Architecture
from models.training.settings import FILMS_OFF
from search.compare.curves import Recorded
from search.planning.asking import key
from search.run import Run, settings_in_full
from studies import ablation, joint, resolution
from studies.preset import Preset, StudyError
from studies.presets import PRESETS
from studies.study import Given, points

ROUNDED = 0.005  # months: a truth may be written with two decimals
ERRORS = 5  # standard errors that the lowest of many means may be off


def refuse_unusable(recorded: Recorded, run: Run) -> None:
    """Raises StudyError where searches of this run could not be played on the table, or would be told of other trainings."""
    refuse_another_space(recorded, run.preset)
    refuse_other_networks(recorded, run.preset)
    refuse_other_trainings(recorded, run)
    refuse_too_many_seeds(recorded, run.preset)
    refuse_another_truth(recorded)


def refuse_another_space(recorded: Recorded, preset: Preset) -> None:
    """Raises StudyError where searches under this preset could ask for what was not recorded."""
    space = {name: list(values) for name, values in joint.space(preset).items()}
    about = recorded.about
    if space != about["space"] or preset.max_params > about["max_params"] or preset.training.epochs != about["epochs"]:
        raise StudyError(
            f"the trainings were recorded with preset {about['preset']}, the space {about['space']}, {counted(about['epochs'], 'epoch')} "
            f"and at most {about['max_params']:,} parameters; this command asks for {space}, {counted(preset.training.epochs, 'epoch')} "
            f"and {preset.max_params:,}"
        )


def fixed(preset: Preset) -> dict[str, Any]:
    """What all networks of the joint space have alike, as JSON holds it."""
    names = {field.name for field in fields(Architecture)} - {"blocks", *joint.space(preset)}
    values = settings_in_full(preset)
    return {name: values[name] for name in sorted(names)}


def refuse_other_networks(recorded: Recorded, preset: Preset) -> None:
    """Where the same points mean other networks, and where the table lacks some that may be asked for.

    A table of an earlier version does not say what its networks had alike: that was as in the preset.
    """
    now, said = fixed(preset), recorded.about.get("reference")
    were = fixed(PRESETS[preset.name]()) | (said if isinstance(said, dict) else {})
    if other := [name for name in now if now[name] != were.get(name)]:
        differs = "; ".join(f"{name} {shown(were.get(name))}, now {shown(now[name])}" for name in other)
        raise StudyError(
            f"the trainings are of other networks than this command asks for ({differs}): give the options that they were recorded "
            "with, or use another --run-dir"
        )
    may_be_asked = [point for point in points(joint.space(preset)) if joint.fits(preset, point)]
    if lacking := [point for point in may_be_asked if key(point) not in recorded.curves]:
        raise StudyError(
            f"the table lacks {len(lacking):,} of the {counted(len(may_be_asked), 'network')} that the searches may ask for, as {lacking[0]}: record "
            "them, or lower the cap"
        )


def without_another_caps_truth(recorded: Recorded, preset: Preset) -> Recorded:
    """The lowest true MAE of all recorded networks is no goal of searches that may not ask for all of them."""
    if "truth" not in recorded.about or all(joint.fits(preset, point) for point in recorded.points):
        return recorded
    return replace(recorded, about={name: value for name, value in recorded.about.items() if name != "truth"})


def refuse_other_trainings(recorded: Recorded, run: Run) -> None:
    """Where trainings are asked for otherwise than the recorded ones were: they are read, and none is made.

    What a table does not say of its trainings was as in the preset. How its images were chosen it never says, so that is not compared.
    """
    preset, made = PRESETS[run.preset.name](), recorded.about.get("training")
    were = vars(preset.training) | {"image_px": recorded.about.get("image_px", preset.preparation.image_px)}
    if isinstance(made, dict):
        were = were | FILMS_OFF | made  # `Training.to_dict` leaves out what is off
    asked = json.loads(json.dumps(settings_in_full(run.preset)))
    other = [name for name in run.overrides if name in were and name != "epochs" and asked[name] != were[name]]
    if other:
        said = "; ".join(f"{name} {shown(were[name])}, now {shown(asked[name])}" for name in other)
        raise StudyError(
            f"the trainings were recorded with other settings ({said}), and --replay runs no new trainings: leave these options out, "
            "or, where they come from this run, use another --run-dir"
        )


def seeds_needed(preset: Preset) -> int:
    """How many trainings of one network the studies' designs ask for, at most."""
    [variants] = ablation.space(Given(preset, {}, 0.0)).values()
    least = max(preset.seeds, ablation.FIRST_LOOK) if preset.resolve else preset.seeds
    return preset.reference_seeds(max(least, preset.resolve), len(variants) - 1)


def refuse_too_many_seeds(recorded: Recorded, preset: Preset) -> None:
    """A training that was made once is no second seed, however often it is looked at."""
    most, needed = recorded.most_seeds, seeds_needed(preset)
    has = f"the table has {counted(most, 'training')} of each network"
    if needed > most:
        by = f"--seeds {preset.seeds}" + (f" and --resolve {preset.resolve}" if preset.resolve else "")
        also = f", or --seeds {most} --baseline-seeds {most}" if most > 1 else ""
        raise StudyError(
            f"{has}, and {by} needs {needed} of the reference: use --seeds 1{also}{', without --resolve' * bool(preset.resolve)}"
        )
    if resolution.asked(preset):
        raise StudyError(
            f"{has}, and sides are compared with seeds of their own: leave --px-choices out, or leave --replay out"
        )


def refuse_another_truth(recorded: Recorded) -> None:
    """Where the lowest true MAE that the first line tells contradicts the networks' own, their mean test MAEs.

    Most made-up tables have the truth itself there, and then the two are equal. Where a network's tests differ from seed to seed,
    the truth may lie as far from their mean as chance takes it, and where some have none, below all of them.
    """
    if "truth" not in recorded.about:
        return
    truth = recorded.about["truth"]
    if isinstance(truth, bool) or not isinstance(truth, int | float) or not math.isfinite(truth):
        raise StudyError(f"truth in the table's first line is the lowest true MAE in months; it has {shown(truth)}")
    by_network = [
        [curve.test_mae for curve in by_seed.values() if curve.test_mae is not None]
        for by_seed in recorded.curves.values()
    ]
    tested = [maes for maes in by_network if maes]
    if not tested:
        return
    several = [pvariance(maes) * len(maes) / (len(maes) - 1) for maes in tested if len(maes) > 1]
    luck = ERRORS * math.sqrt(fmean(several)) / math.sqrt(min(map(len, tested))) if several else 0.0
    lowest = min(map(fmean, tested))
    below_all = truth < lowest - luck - ROUNDED and len(tested) == len(by_network)
    if below_all or truth > lowest + luck + ROUNDED:
        raise StudyError(
            f"the table's first line gives a lowest true MAE (truth) of {truth:g} months, but the lowest test MAE of its networks is "
            f"{months(lowest)}: correct truth, or leave it out"
        )
