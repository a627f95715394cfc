"""Where a study and a trial are stored, which Optuna keeps to itself: all of the program that needs it asks here."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def storage_of(study: "optuna.Study") -> "optuna.storages.BaseStorage":
    return study._storage


def read_from(study: "optuna.Study", storage: "optuna.storages.BaseStorage") -> None:
    """From now on the study reads there."""
    study._storage = storage


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
