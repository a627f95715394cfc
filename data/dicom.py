"""A DICOM radiograph as grey values, bone bright: rescale, window, MONOCHROME1 and padding as the standard says (PS3.3 C.7.6.3, C.11)."""

import logging
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from data.preparation import DataError

# Scanners take liberties that pydicom reads and remarks upon; what it cannot read is refused below.
logging.getLogger("pydicom").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")

SUFFIXES = (".dcm", ".dicom")
TOP = 65535


def is_dicom(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header alone. Raises DataError where the file is not one radiograph."""
    header = read(path, pixels=False)
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1:
        raise DataError(f"multi-frame: {path} holds {frames} frames; a radiograph is one image")
    if "Rows" not in header or "Columns" not in header:
        raise DataError(f"unreadable: {path} is DICOM without an image")
    return int(header.Columns), int(header.Rows)


def male(path: Path) -> bool | None:
    """By PatientSex; None where the file does not say M or F. Raises DataError where it is not DICOM."""
    return {"M": True, "F": False}.get(str(read(path, pixels=False).get("PatientSex") or "").strip().upper())


def grey(path: Path) -> np.ndarray:
    """uint16 (height, width), black 0; what the file's own window shows spans the whole range."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    dataset = read(path, pixels=True)
    try:
        stored = dataset.pixel_array
        if stored.ndim == 3:  # a screenshot in colour
            return np.asarray(stored.mean(axis=2) * (TOP / 255)).astype(np.uint16)
        shown = apply_voi_lut(apply_modality_lut(stored, dataset), dataset).astype(np.float32)
    except NotImplementedError as error:
        raise DataError(f"unreadable: {path} is compressed in a way that needs another library ({error})") from None
    except FAULTS as error:
        raise DataError(f"unreadable: {path} is damaged DICOM ({error})") from None
    padding = stored == dataset.PixelPaddingValue if "PixelPaddingValue" in dataset else np.zeros(stored.shape, bool)
    content = shown[~padding] if not padding.all() else shown
    low, high = float(content.min()), float(content.max())
    scaled = np.clip((shown - low) / max(high - low, 1e-6), 0, 1) * TOP
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":  # white is the smallest value
        scaled = TOP - scaled
    scaled[padding] = 0
    return np.asarray(scaled, dtype=np.uint16)


# What a damaged element leads to is decided by whichever part of pydicom meets it first.
FAULTS = (AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError, struct.error)


def read(path: Path, pixels: bool) -> Any:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        return dcmread(path, stop_before_pixels=not pixels)
    except InvalidDicomError:
        raise DataError(f"unreadable: {path} is named like DICOM and is not DICOM") from None
    except FAULTS as error:
        if isinstance(error, PermissionError):
            raise
        raise DataError(f"unreadable: {path} is damaged DICOM ({error})") from None
