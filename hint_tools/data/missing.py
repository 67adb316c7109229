"""Which images of a dataset are there, found by listing folders, and what to do where they are not."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.data.annotations import Names

_EXAMPLES: Final = 3


def present_images(root: Path, images: Names, *, on_missing: Literal["error", "skip"]) -> npt.NDArray[np.bool_]:
    """(n,) bool: which of `images`, paths below `root`, exist.

    Args:
        root: the dataset's folder.
        images: (n,) relative paths with forward slashes.
        on_missing: `"error"` raises where any is missing.

    Raises:
        DataError: images are missing (says how many of how many in which folder, and what to do), or a name leads
            out of `root`.
    """
    for name in images.tolist():
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise DataError(f"{root}: the image name {name!r} leads out of the folder", hint="get the data set again")
    # split as text: 40,000 path objects would cost half a second
    places = [name.rpartition("/")[::2] for name in images.tolist()]
    listed = {folder: _names(root / folder) for folder in sorted({folder for folder, _ in places})}
    there = np.array([name in listed[folder] for folder, name in places], dtype=bool)
    if on_missing == "error" and not there.all():
        missing = [place for place, found in zip(places, there, strict=True) if not found]
        wanted, lost = Counter(folder for folder, _ in places), Counter(folder for folder, _ in missing)
        table = "; ".join(f"{folder or '.'}: {lost[folder]} of {wanted[folder]} missing" for folder in sorted(lost))
        raise DataError(
            f"{root}: {len(missing)} of {len(places)} images are missing ({table}), such as "
            + ", ".join("/".join(filter(None, place)) for place in missing[:_EXAMPLES]),
            hint="put the frames there, or leave their hands out: on_missing='skip' (--on-missing skip)",
        )
    return there


def _names(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(e.name for e in entries)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise DataError(f"{folder}: can't be listed ({error.strerror})") from error
