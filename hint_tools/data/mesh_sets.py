"""FreiHAND's and HO-3D's evaluation sets: images as their owners ship them, truth where it is public.

Hands are right hands in the camera of their image: x right, y down, z forward, m, in our joint order, whatever the
files say; HO-3D's order and axes are converted in `formats.ho3d_eval`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import box_center, box_size
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.data.evaluation import EvaluationSet, Subset
from hint_tools.formats import ho3d_eval
from hint_tools.formats.freihand_eval import read_truth
from hint_tools.formats.hamer_npz import HamerSet
from hint_tools.formats.hamer_npz import decode as decode_npz
from hint_tools.media.crops import HINT_RESCALE, BoxRule

Floats = npt.NDArray[np.float64]

FREIHAND: Final = "freihand"
HO3D: Final = ("ho3d-v2", "ho3d-v3")
N_VERTICES: Final = 778
XYZ, VERTS, LIST, CAMERAS = "evaluation_xyz.json", "evaluation_verts.json", "evaluation.txt", "evaluation_K.json"
_DIGITS: Final = re.compile(r"(\d+)\.[A-Za-z]+$")
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class MeshSet:
    """An evaluation set with hands in space.

    Args:
        name: `freihand`, `ho3d-v2` or `ho3d-v3`.
        root: its folder.
        keys: one a hand, in the official order: the image's name below the root.
        joints: (n, 21, 3) m; None where the truth is not there.
        meshes: gives the (778, 3) m of each hand in turn; None where the truth is not there.
    """

    name: str
    root: Path
    keys: npt.NDArray[np.str_]
    joints: Floats | None
    meshes: Callable[[], Iterator[Floats]] | None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def is_ho3d(self) -> bool:
        """Its files keep HO-3D's joint order and camera."""
        return self.name in HO3D

    def sequences(self) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int64]]:
        """(n,) sequence and (n,) frame number of each hand; FreiHAND has none: every hand stands alone."""
        if not self.is_ho3d:
            return self.keys, np.zeros(len(self), dtype=np.int64)
        parts = [key.split("/") for key in self.keys.tolist()]
        return np.array([p[1] for p in parts]), np.array([int(p[3].split(".")[0]) for p in parts], dtype=np.int64)


def read_mesh_set(name: str, root: Path) -> MeshSet:
    """The set `name` in `root`; opens no image.

    Raises:
        DataError: neither a truth file nor the list of images is there, or a file is broken.
    """
    truth = _truth_joints(root / XYZ, name) if (root / XYZ).exists() else None
    keys = _freihand_keys(root, truth) if name == FREIHAND else _ho3d_keys(root, name, truth)
    if truth is not None and len(truth) != len(keys):
        raise DataError(f"{root}: {XYZ} has {len(truth)} hands, but {LIST} names {len(keys)} images")
    verts = root / VERTS

    def meshes() -> Iterator[Floats]:
        for mesh in read_truth(verts, N_VERTICES):
            yield ho3d_eval.turned(mesh) if name in HO3D else mesh

    return MeshSet(name, root, keys, truth, meshes if truth is not None and verts.exists() else None)


def _truth_joints(path: Path, name: str) -> Floats:
    joints = np.stack(list(read_truth(path, N_JOINTS)) or [np.zeros((N_JOINTS, 3))])
    return ho3d_eval.joints_to_ours(joints) if name in HO3D else joints


def _freihand_keys(root: Path, truth: Floats | None) -> npt.NDArray[np.str_]:
    count = len(truth) if truth is not None else len(list((root / "evaluation" / "rgb").glob("*.jpg")))
    if not count:
        raise DataError(
            f"{root}: neither {XYZ} nor images in evaluation/rgb", hint="give the folder of FreiHAND_pub_v2_eval"
        )
    return np.array([f"evaluation/rgb/{i:08d}.jpg" for i in range(count)], dtype=np.str_)


def _ho3d_keys(root: Path, name: str, truth: Floats | None) -> npt.NDArray[np.str_]:
    listed = root / LIST
    ending = "png" if name == HO3D[0] else "jpg"
    if listed.exists():
        frames = ho3d_eval.decode_list(listed.read_bytes(), str(listed))
        return np.array([f"evaluation/{s}/rgb/{f}.{ending}" for s, f in frames], dtype=np.str_)
    if truth is None:
        raise DataError(f"{root}: neither {LIST} nor {XYZ}", hint=f"give the folder of {name.upper()}")
    # no list: the order of the truth is all there is, so nothing can be said of sequences
    return np.array([f"evaluation/hand{i}/rgb/0000.{ending}" for i in range(len(truth))], dtype=np.str_)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """How a network sees the hands of a `MeshSet`.

    Args:
        crops: the images, cut out, in the official order.
        cameras: (n, 3, 3) px.
        boxes: where the boxes come from, in words.
    """

    crops: EvaluationSet
    cameras: Floats
    boxes: str


def open_views(hands: MeshSet, npz: Path | None) -> Views:
    """The crops and cameras of a set.

    Args:
        hands: the set.
        npz: HaMeR's own evaluation file with its boxes (`freihand_eval.npz`); without it FreiHAND's boxes are put
            around the true joints, and HO-3D's are its own.

    Raises:
        DataError: images, cameras or boxes are missing, or don't belong to these hands.
    """
    if hands.is_ho3d:
        metas = [_meta(hands.root, key) for key in hands.keys.tolist()]
        cameras = np.stack([m.camera_matrix for m in metas])
        boxes: Floats | None = np.stack([m.box for m in metas])
        words = "the data set's own boxes, twice their longer side"
    else:
        cameras = np.stack(list(read_truth(hands.root / CAMERAS, 3)))[: len(hands)]
        boxes = _boxes_of_truth(hands, cameras) if hands.joints is not None else None
        words = "boxes around the true joints, twice their longer side"
    if len(cameras) != len(hands):
        raise DataError(f"{hands.root}: {len(cameras)} cameras for {len(hands)} hands")
    points = _projected(hands.joints, cameras) if hands.joints is not None else np.zeros((len(hands), N_JOINTS, 2))
    center, scale, rule, factor = _boxes(hands, npz, boxes)
    table = HamerSet(
        imgname=hands.keys,
        center=center,
        scale=scale,
        right=np.ones(len(hands), dtype=np.float32),
        hand_keypoints_2d=np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1),
    )
    everything = (Subset("all", np.ones((len(hands), N_JOINTS), dtype=bool)),)
    crops = EvaluationSet(hands.name, table, hands.root, everything, rescale=factor, rule=rule)
    return Views(crops, cameras, f"boxes of {npz.name}, padded to 3:4 as HaMeR does" if npz else words)


def cameras_of(hands: MeshSet, which: Sequence[int]) -> Floats | None:
    """(k, 3, 3) px of the images of some hands; None where the set's folder does not hold them.

    Raises:
        DataError: what it holds is broken.
    """
    if hands.is_ho3d:
        paths = [_meta_path(hands.root, str(hands.keys[i])) for i in which]
        if not all(path.is_file() for path in paths):
            return None
        return np.stack([ho3d_eval.decode_meta(p.read_bytes(), str(p)).camera_matrix for p in paths])
    if not (hands.root / CAMERAS).is_file():
        return None
    wanted = dict.fromkeys(which)
    found = {i: camera for i, camera in enumerate(read_truth(hands.root / CAMERAS, 3)) if i in wanted}
    return np.stack([found[i] for i in which]) if len(found) == len(wanted) else None


def _boxes(hands: MeshSet, npz: Path | None, boxes: Floats | None) -> tuple[Floats, Floats, BoxRule, float]:
    if npz is None:
        if boxes is None:
            raise DataError(
                f"{hands.root}: without {XYZ} nothing says where the hands are", hint="add --npz freihand_eval.npz"
            )
        return box_center(boxes), box_size(boxes), BoxRule.SQUARE, HINT_RESCALE
    file = decode_npz(npz.read_bytes(), str(npz))
    row_of = {_identity(name): row for row, name in enumerate(file.imgname.tolist())}
    wanted = [_identity(key) for key in hands.keys.tolist()]
    lost = [str(key) for key, name in zip(hands.keys, wanted, strict=True) if name not in row_of]
    if lost:
        raise DataError(f"{npz}: no box for {len(lost)} of {len(hands)} images: {', '.join(lost[:_EXAMPLES])}")
    rows = np.array([row_of[name] for name in wanted])
    return file.center[rows], file.scale[rows], BoxRule.PADDED, 1.0


def _identity(name: str) -> tuple[str, int]:
    """Sequence (empty for FreiHAND) and number of an image, whatever folders stand before them."""
    match, parts = _DIGITS.search(name), name.split("/")
    if match is None:
        return name, -1
    return parts[-3] if len(parts) > 2 and parts[-3] != "evaluation" and parts[-2] == "rgb" else "", int(match[1])


def _meta_path(root: Path, key: str) -> Path:
    path = root / key.replace("/rgb/", "/meta/").rsplit(".", 1)[0]
    return path.with_name(path.name + ".pkl")


def _meta(root: Path, key: str) -> ho3d_eval.Ho3dMeta:
    path = _meta_path(root, key)
    if not path.is_file():
        raise DataError(f"{path}: no such file", hint="give the folder that holds evaluation/ and evaluation.txt")
    return ho3d_eval.decode_meta(path.read_bytes(), str(path))


def _boxes_of_truth(hands: MeshSet, cameras: Floats) -> Floats:
    points = _projected(hands.joints if hands.joints is not None else np.zeros((0, N_JOINTS, 3)), cameras)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def _projected(points: Floats, cameras: Floats) -> Floats:
    """(n, 21, 2) px of `points` (n, 21, 3) m through `cameras` (n, 3, 3)."""
    seen = points @ cameras.transpose(0, 2, 1)
    pixels: Floats = seen[..., :2] / seen[..., 2:]
    return pixels
