"""Notes as sentences: decisions are stored without a capital and a full stop. Of which images something is."""

from data.counted import counted


def capital(words: str) -> str:
    first = words[:1].upper() if words[:1].isascii() else words[:1]  # β stays β
    return first + words[1:]


def sentence(words: str) -> str:
    return capital(words) + "." * (not words.endswith("."))


def images_of(images: int, patients: int, split: str) -> str:
    """200 test images; 200 test images of 50 patients."""
    said = counted(images, f"{split} image")
    return f"{said} of {counted(patients, 'patient')}" if patients < images else said
