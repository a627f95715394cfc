"""A trained model's folder: `model.keras`, and `model.json`, which says what it is. A run's are in its `models/`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.preparation import DataError, Preparation
from models.architecture import Architecture
from studies.preset import StudyError

MODELS = "models"  # in the run's folder


@dataclass(frozen=True)
class ModelFolder:
    path: Path
    about: dict[str, Any]  # model.json

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def architecture(self) -> Architecture:
        return Architecture.from_dict(self.about["architecture"])

    @property
    def preparation(self) -> Preparation:
        return Preparation(**self.about["preparation"])

    @property
    def synthetic(self) -> bool:
        return bool(self.about["synthetic"])

    @property
    def network(self) -> Path:
        return self.path / "model.keras"


def chosen_model(run: Path, named: Path | None) -> ModelFolder:
    """The model named, else the run's only one. Raises StudyError where there is none or several, DataError where it is damaged."""
    if named:
        return open_model(named)
    there = sorted(path.parent for path in (run / MODELS).glob("*/model.json"))
    if not there:
        raise StudyError(f"{run} has no trained model; train one, or name another's folder with --model")
    if len(there) > 1:
        names = ", ".join(str(path) for path in there)
        raise StudyError(f"{run} has several models; name one with --model: {names}")
    return open_model(there[0])


def open_model(path: Path) -> ModelFolder:
    try:
        model = ModelFolder(path, json.loads((path / "model.json").read_text()))
        _ = model.name, model.architecture, model.preparation, model.synthetic  # all that is relied upon is there
    except OSError as error:
        raise DataError(f"{path} is no model's folder ({error.strerror}: model.json)") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path / 'model.json'} is damaged ({error!r}); train the model again") from None
    if not model.network.is_file():
        raise DataError(f"{path} holds no model.keras; train the model again")
    return model


def load_network(model: ModelFolder) -> Any:
    """The Keras network. Raises DataError where the file is damaged."""
    from search.quiet import load_tensorflow

    load_tensorflow()
    from models.saved import load

    try:
        return load(model.network)
    except (ValueError, OSError, KeyError, TypeError) as error:  # whatever part of Keras or h5py meets the damage first
        raise DataError(f"{model.network} cannot be read ({first_line(error)}); train the model again") from None


def first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
