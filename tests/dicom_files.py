"""DICOM files as scanners, archives and converters write them, made with pydicom: helpers of the tests."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

RAMP = np.linspace(0, 4000, 64 * 64).reshape(64, 64).astype(np.uint16)  # 12 bits in 16


def write(path: Path, pixels: np.ndarray = RAMP, **elements: Any) -> Path:
    """A radiograph of 12 bits in 16, with these elements set or changed; None takes one away. `syntax` is its transfer syntax."""
    made(path, pixels, **elements).save_as(path, enforce_file_format=True)
    return path


def made(path: Path, pixels: np.ndarray = RAMP, **elements: Any) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = elements.pop("syntax", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.PixelData = pixels.tobytes()
    return dataset


def bits(allocated: int, stored: int | None = None, signed: int = 0) -> dict[str, int]:
    stored = stored or allocated
    return {
        "BitsAllocated": allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": signed,
    }


def colour(photometric: str, planar: int, rows: int = 64, columns: int = 64) -> dict[str, Any]:
    return {
        "PhotometricInterpretation": photometric,
        "SamplesPerPixel": 3,
        "PlanarConfiguration": planar,
        "Rows": rows,
        "Columns": columns,
    }


def lut(
    name: str, entries: np.ndarray, first: int = 0, entry_bits: int = 16, entry_bytes: int = 0, said: int = 0
) -> dict[str, Sequence]:
    """A modality or VOI look-up table of unsigned entries from the stored value `first` on.

    Its data are numbers, or with `entry_bytes` the bytes of 16 bit words; `said` is how many entries it says it has.
    """
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [(said or len(entries)) % 65536, first, entry_bits])
    data = entries.astype(f"<u{entry_bytes}").tobytes() if entry_bytes else entries.astype(np.uint16).tolist()
    item.add_new("LUTData", "OW" if entry_bytes else "US", data)
    if name == "ModalityLUTSequence":
        item.ModalityLUTType = "US"
    return {name: Sequence([item])}


def palette(entries: np.ndarray, entry_bits: int, entry_bytes: int = 2, order: str = "<") -> dict[str, Any]:
    """The same entries for red, green and blue, in 16 bit words of the byte order."""
    found: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    data = entries.astype(f"{order}u{entry_bytes}").tobytes()
    if entry_bytes == 1 and order == ">":
        data = np.frombuffer(data, "<u2").byteswap().tobytes()
    for name in ("Red", "Green", "Blue"):
        found[f"{name}PaletteColorLookupTableDescriptor"] = [len(entries) % 65536, 0, entry_bits]
        found[f"{name}PaletteColorLookupTableData"] = data
    return found
