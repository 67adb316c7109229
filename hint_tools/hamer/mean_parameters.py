"""Mean hand parameters, which the head's answers are added to."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from hint_tools.core.errors import DataError

Floats = npt.NDArray[np.float32]

_ROOT_6D = np.array([1.0, 0.0, 0.0, -1.00000048, 0.0, 1.50000005e-7], dtype=np.float32)
"""HaMeR's mean root pose, bit for bit.

It was written with the two columns interleaved and is read as two vectors in a row, which are then collinear
but for the last digit. That digit turns it into the rotation by 90° about x. Tidy it and the rotation is lost.
"""
_CAMERA = np.array([4.0, 0.0, 0.0], dtype=np.float32)
"""A scale at which a hand fills two fifths of the crop, in its middle."""


@dataclass(frozen=True, slots=True)
class MeanParameters:
    """Where predictions start from.

    Args:
        pose: (96,) float32, six numbers for the root and each of 15 joints.
        shape: (10,) float32.
        camera: (3,) float32, scale and shift.
    """

    pose: Floats
    shape: Floats
    camera: Floats


def mean_of_hand(mean_pose: npt.NDArray[np.floating]) -> MeanParameters:
    """Mean parameters made from a hand model's mean pose.

    Args:
        mean_pose: (45,) axis-angle in radians, relative to the flat hand.
    """
    columns = Rotation.from_rotvec(np.array(mean_pose, dtype=np.float64).reshape(15, 3)).as_matrix()[:, :, :2]
    joints = columns.transpose(0, 2, 1).reshape(-1).astype(np.float32)
    return MeanParameters(np.concatenate([_ROOT_6D, joints]), np.zeros(10, np.float32), _CAMERA)


def read_mean_parameters(path: Path) -> MeanParameters:
    """The parameters in HaMeR's `mano_mean_params.npz`.

    Raises:
        DataError: missing, not an npz of plain numbers, or of other shapes.
    """
    expected = {"pose": 96, "shape": 10, "cam": 3}
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            read = {name: np.asarray(stored[name], dtype=np.float32).reshape(-1) for name in expected}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected an npz with pose, shape and cam ({error})") from error
    for name, size in expected.items():
        if read[name].shape != (size,) or not np.isfinite(read[name]).all():
            raise DataError(f"{path}: {name}: expected {size} finite numbers, got {read[name].size}")
    return MeanParameters(read["pose"], read["shape"], read["cam"])
