"""Counts as people read them: 1 image, 2 images, 1,234 images, 0.5 months.

This file knows nobody; all packages may import it.
"""


def counted(count: float, one: str, several: str = "") -> str:
    """The count before what is counted. `several` is said where an s is not enough: counted(n, "study", "studies"), or where
    a verb goes along: counted(n, "image is", "images are")."""
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {one if count == 1 else several or f'{one}s'}"
