"""A trained model's folder: `model.keras`, and `model.json`, which says what it is. A run's are in its `models/`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.preparation import DataError, Preparation
from models.architecture import Architecture
from search.best import MODEL
from search.run import MODELS
from search.typed import typed

ABOUT = "model.json"


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
        return self.path / MODEL


def chosen_model(run: Path, named: Path | None) -> ModelFolder:
    """The model named, else the run's newest. Raises DataError where there is none, or it is damaged."""
    return open_folder(named or newest(run))


def models_of(run: Path) -> list[Path]:
    """The run's trained models, the newest last."""
    folders = [path.parent for path in (run / MODELS).glob(f"*/{ABOUT}")]
    return sorted(folders, key=lambda folder: (read_about(folder)["made"], folder.name))


def newest(run: Path) -> Path:
    found = models_of(run)
    if not found:
        raise DataError(f"{run} has no trained model: run `{typed('train', run)}` first, or name one with --model")
    return found[-1]


def read_about(folder: Path) -> dict[str, Any]:
    """model.json. Raises DataError where the folder holds no trained model."""
    try:
        found: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    except OSError:
        raise DataError(
            f"{folder} holds no trained model ({ABOUT}); make one with `boneage-search train`, or name another --model"
        ) from None
    except ValueError as error:
        raise DataError(f"{folder / ABOUT} is damaged ({error}); train the model again") from None
    return found


def open_folder(path: Path) -> ModelFolder:
    try:
        model = ModelFolder(path, read_about(path))
        _ = model.name, model.architecture, model.preparation, model.synthetic  # all that is relied upon is there
    except (KeyError, TypeError) as error:
        raise DataError(f"{path / ABOUT} is damaged ({error!r}); train the model again") from None
    if not model.network.is_file():
        raise DataError(f"{path} holds no {MODEL}; train the model again")
    return model


def load_network(model: ModelFolder) -> Any:
    return network_at(model.network)


def network_at(path: Path) -> Any:
    """The Keras network. Raises DataError where the file is damaged."""
    from search.quiet import load_tensorflow

    load_tensorflow()
    from models.saved import load

    try:
        return load(path)
    except (ValueError, OSError, KeyError, TypeError) as error:  # whatever part of Keras or h5py meets the damage first
        raise DataError(f"{path} cannot be read ({first_line(error)}); train the model again") from None


def first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
