"""Where a study and a trial are stored, which Optuna keeps to itself: all of the program that needs it asks here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna


def storage_of(study: "optuna.Study") -> "optuna.storages.BaseStorage":
    return study._storage


def read_from(study: "optuna.Study", storage: "optuna.storages.BaseStorage") -> None:
    """From now on the study reads there."""
    study._storage = storage


def enqueue(study: "optuna.Study", points: Sequence[Mapping[str, Any]], attributes: dict[str, Any] | None) -> None:
    """Trials of these points, each as `Study.enqueue_trial` makes one, but all or none of them: whoever is killed meanwhile leaves no part."""
    from optuna.trial import TrialState, create_trial

    waiting = [
        create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": dict(point)}, user_attrs=attributes)
        for point in points
    ]
    database = getattr(study._storage, "_backend", None)
    if database:
        database.create_trials(study._study_id, waiting)
    else:  # in memory, where nothing is left of who is killed
        study.add_trials(waiting)


def study_key(study: "optuna.Study") -> int:
    """The database's."""
    return study._study_id


def trial_key(trial: "optuna.Trial | optuna.trial.FrozenTrial") -> int:
    """The database's, which is one of all studies; a trial's number is its study's."""
    return trial._trial_id


def note_of(body: str, trial: int | None) -> dict[str, str]:
    """The attributes in which Optuna's dashboard keeps a note, of a trial or, with None, of the study."""
    from optuna_dashboard._note import split_body

    parts: dict[str, str] = split_body(body, trial)
    return parts


def note_version(trial: int | None) -> str:
    """The attribute that counts a note's versions."""
    from optuna_dashboard._note import note_ver_key

    key: str = note_ver_key(trial)
    return key


def is_missing(error: BaseException) -> bool:
    """Whether Optuna says that there is no such study or trial; another KeyError is of what it has read."""
    from optuna.storages._rdb.models import NOT_FOUND_MSG

    return isinstance(error, KeyError) and str(error.args[0]).startswith((NOT_FOUND_MSG, "No trial with trial number"))
