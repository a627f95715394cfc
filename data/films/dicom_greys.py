"""A DICOM image's pixels to greys, black 0, as its header says. Decoding, colour spaces and windows are pydicom's."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from data.counted import counted
from data.films.dicom_header import COLOUR, GREY, Header, Window
from data.foreign import foreign
from data.preparation import DataError

TOP = 65535
AS_STORED: Any = {"correct_unused_bits": False}  # used_bits does it; Any because pydicom's types say otherwise
RED, GREEN, BLUE = 0.299, 0.587, 0.114  # ITU-R 601, by which Pillow makes a colour PNG grey


def greys_of(path: Path, header: Header, dataset: Any) -> np.ndarray:
    """uint16 (height, width). Raises DataError where the pixels are not what the header says."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import get_expected_length
    from pydicom.uid import UID

    with foreign(f"unreadable: {path} is damaged DICOM"):
        surplus = 0 if UID(header.syntax).is_encapsulated else len(dataset.PixelData) - get_expected_length(dataset)
        cells, _ = get_decoder(header.syntax).as_array(dataset, **AS_STORED)
    # Filling is less than a row and less than a column. More belongs to another image than the header speaks of.
    if surplus > 1 and surplus >= min(header.width_px, header.height_px) * header.bits_allocated // 8:
        raise DataError(f"unreadable: {path} holds {surplus:,} bytes of pixels more than its header says")
    expected = (header.height_px, header.width_px, *([3] if header.photometric in COLOUR else []))
    if cells.shape != expected:
        raise DataError(f"unreadable: {path} holds pixels of shape {cells.shape}; its header says {expected}")
    stored = used_bits(header, cells)
    padding = padding_in(header, cells) | padding_in(header, stored)
    refuse_used_beyond(path, header, cells[~padding], stored[~padding])
    if header.photometric in GREY:
        return shown_grey(path, header, stored, padding)
    return shown_colour(header, stored)


def used_bits(header: Header, cells: np.ndarray) -> np.ndarray:
    """The cells' stored bits, with their sign."""
    unused = cells.dtype.itemsize * 8 - header.bits_stored
    return np.asarray((cells << unused) >> unused) if unused > 0 else cells


def padding_in(header: Header, values: np.ndarray) -> np.ndarray:
    """Where there is no image. A cell may be padding by its unused bits: 65535 beside pixels of 12 bits."""
    if not header.padding:
        return np.zeros(values.shape, bool)
    low, high = header.padding
    return np.asarray((values >= low) & (values <= high))


def refuse_used_beyond(path: Path, header: Header, cells: np.ndarray, stored: np.ndarray) -> None:
    """Unused bits that come and go with the pixels are used: the header names too few, and what is brightest would turn dark."""
    if header.overlaid or np.array_equal(cells, stored):
        return
    beyond = cells >> header.bits_stored
    if beyond.min() != beyond.max():
        raise DataError(
            f"unreadable: {path} holds values of more than the {counted(header.bits_stored, 'bit')} its header says"
        )


def shown_grey(path: Path, header: Header, stored: np.ndarray, padding: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        measured = header.modality(stored) if header.modality else stored * header.slope + header.intercept
    refuse_beyond_numbers(path, header, measured)
    if header.voi:
        shown = header.voi(measured)
    else:
        shown = windowed(path, header.window, measured) if header.window else measured
    content = shown[~padding] if not padding.all() else shown
    low, high = float(content.min()), float(content.max())
    if low == high:
        refuse_nothing_shown(path, header, stored[~padding] if not padding.all() else stored)
    if high > low:
        scaled = np.clip((shown - low) / (high - low), 0, 1) * TOP
        if header.photometric == "MONOCHROME1":  # white is the smallest value
            scaled = TOP - scaled
    else:  # one value, which stands out against padding alone
        scaled = np.full(shown.shape, float(TOP))
    scaled[padding] = 0
    return np.asarray(scaled, dtype=np.uint16)


def refuse_beyond_numbers(path: Path, header: Header, measured: np.ndarray) -> None:
    if not math.isfinite(float(measured.max()) - float(measured.min())):
        raise DataError(
            f"unreadable: {path} has rescale slope {header.slope:g} and intercept {header.intercept:g}: the scaled values are too large for a number"
        )


def refuse_nothing_shown(path: Path, header: Header, stored: np.ndarray) -> None:
    """Of an image that comes to one grey: whether its own values are one as well, or what the file says of showing them is why."""
    if stored.min() == stored.max():
        return
    window = header.window
    how = "rescale slope"
    if header.voi or header.modality:
        how = "look-up table"
    elif window:
        how = f"window (centre {window.centre:g}, width {window.width:g})"
    raise DataError(
        f"blank: the {how} of {path} shows nothing: its pixels hold {stored.min()} to {stored.max()}, and all become one grey"
    )


def windowed(path: Path, window: Window, values: np.ndarray) -> np.ndarray:
    """float64, black 0 and white TOP."""
    from pydicom.dataset import Dataset
    from pydicom.pixels.processing import apply_windowing

    # Without the file's rescaling: pydicom would take black and white from it, and exchange them where its slope is negative.
    alone = Dataset()
    alone.PhotometricInterpretation, alone.BitsStored, alone.PixelRepresentation = "MONOCHROME2", 16, 0
    alone.WindowCenter, alone.WindowWidth, alone.VOILUTFunction = window.centre, window.width, window.function
    with foreign(f"unreadable: {path} cannot be shown as its header says"), np.errstate(over="ignore"):
        return np.asarray(apply_windowing(values, alone))


def shown_colour(header: Header, stored: np.ndarray) -> np.ndarray:
    """A screenshot, or a scan of a film: the grey of its colours, on the scale of its bits."""
    if header.palette:
        samples = [table(stored) for table in header.palette]
        top = TOP if max(float(table.entries.max()) for table in header.palette) > 255 else 255
    else:
        samples = [stored[..., sample].astype(np.float64) for sample in range(3)]
        top = 2**header.bits_stored - 1
    red, green, blue = samples
    return np.asarray(np.rint((RED * red + GREEN * green + BLUE * blue) / top * TOP), dtype=np.uint16)
