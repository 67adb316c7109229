"""Scores on FreiHAND and HO-3D: the official ones, and ours with intervals, from answers that come in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.batches import Batches
from hint_tools.benchmark.metrics import interval
from hint_tools.benchmark.motion import acceleration_error_mm
from hint_tools.benchmark.official import HandErrors, OfficialScores
from hint_tools.benchmark.surface import SurfaceErrors
from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.data.mesh_sets import N_VERTICES, MeshSet
from hint_tools.formats import ho3d_eval
from hint_tools.formats.freihand_eval import ANSWER_DEPTH, count_hands, read_answers
from hint_tools.formats.predictions import HandAnswers
from hint_tools.mano.seen import Skin

Floats = npt.NDArray[np.float64]
Piece = tuple[Floats, Floats | None]
"""Joints (n, 21, 3) and vertices (n, 778, 3) of some hands, m, our order and camera."""
Pieces = Callable[[], Iterator[Piece]]

OFFICIAL_SIZES: Final = {"freihand": 3960, "ho3d-v2": 11524, "ho3d-v3": 20137}
FIGURES: Final = ("mpjpe_mm", "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "pa_mpvpe_mm", "pa_mpvpe_reflected_mm")
_AT_ONCE: Final = 64
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class MeshScore:
    """All figures of one model on one set.

    Args:
        name: of the set.
        hands: how many.
        official: the scores under their official names; means in cm.
        errors: figure -> (n,) of each hand; `f_5` and `f_15` among them where there are meshes.
        intervals: figure -> ends of the 95% interval of its mean.
        acceleration_mm: (t,) per three consecutive frames, mm per frame²; empty without sequences.
        curve: thresholds (m) and the shares of joints within them, aligned as the official scripts do.
        surface: errors by joint and vertex, and hands to show.
    """

    name: str
    hands: int
    official: dict[str, float]
    errors: dict[str, Floats]
    intervals: dict[str, tuple[float, float]]
    acceleration_mm: Floats
    curve: tuple[Floats, Floats]
    surface: SurfaceErrors

    @property
    def whole(self) -> bool:
        """These are all the hands of the official set."""
        return self.hands == OFFICIAL_SIZES[self.name]


def score_mesh(
    hands: MeshSet, pieces: Pieces, *, resamplings: int, seed: int, skin: Skin | None = None, examples: int = 0
) -> MeshScore:
    """The figures of a model whose answers `pieces` gives, in the set's order.

    Holds the meshes of one piece at a time, and of every hand its joints and a handful of errors.

    Args:
        hands: a set with its truth.
        pieces: the answers.
        resamplings: for the intervals.
        seed: of them.
        skin: of the meshes, for what the camera sees of them; None says nothing of it.
        examples: best and worst hands to keep.

    Raises:
        DataError: the set has no truth, or there are not as many answers as hands.
    """
    if hands.joints is None:
        raise DataError(f"{hands.root}: there is no truth to score with")
    gathered, surface = OfficialScores(scale_and_wrist=hands.is_ho3d), SurfaceErrors(skin, examples)
    truth_meshes = hands.meshes() if hands.meshes else iter(())
    found: list[HandErrors] = []
    joints: list[Floats] = []
    done = 0
    with work(f"scoring {hands.name}", len(hands)) as progress:
        for own_joints, own_mesh in pieces():
            count = len(own_joints)
            true_mesh = list(islice(truth_meshes, count))
            usable = own_mesh is not None and len(true_mesh) == count
            meshes = (own_mesh, np.stack(true_mesh)) if usable else (None, None)
            true_joints = hands.joints[done : done + count]
            found.append(gathered.add(own_joints, true_joints, *meshes))
            surface.add(own_joints, true_joints, *meshes)
            joints.append(own_joints)
            done += count
            progress.advance(count)
    if done != len(hands):
        raise DataError(f"{hands.name}: {done} answers for {len(hands)} hands")
    errors = _together(found) | surface.per_hand()
    every = np.concatenate(joints)
    shaking = acceleration_error_mm(every, hands.joints, *hands.sequences())
    curve = gathered.curves["xyz_al"]
    return MeshScore(
        name=hands.name,
        hands=done,
        official=gathered.scores(),
        errors=errors,
        intervals={k: _mean_interval(v, resamplings, seed) for k, v in errors.items()} if resamplings else {},
        acceleration_mm=shaking,
        curve=(curve.thresholds_m, curve.shares),
        surface=surface,
    )


def _together(found: list[HandErrors]) -> dict[str, Floats]:
    errors: dict[str, Floats] = {}
    for name in FIGURES:
        parts = [getattr(f, name) for f in found]
        if all(p is not None for p in parts):
            errors[name] = np.concatenate(parts)
    f = [one.f for one in found if one.f is not None]
    if len(f) == len(found):
        errors["f_5"], errors["f_15"] = np.concatenate(f).T
    return errors


def _mean_interval(values: Floats, resamplings: int, seed: int) -> tuple[float, float]:
    random = np.random.default_rng(seed)
    return interval(
        np.array([values[random.integers(len(values), size=len(values))].mean() for _ in range(resamplings)])
    )


def pieces_of_batches(batches: Batches) -> Pieces:
    """The answers a network gave, moved before the cameras."""

    def pieces() -> Iterator[Piece]:
        for part in batches.load():
            moved = part["translation"][:, None]
            yield part["keypoints_3d"] + moved, part["vertices"].astype(np.float64) + moved

    return pieces


def is_official(path: Path) -> bool:
    """`path` begins like a `pred.json`: with a list."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(64).lstrip().startswith(b"[")


def pieces_of_official(path: Path, hands: MeshSet) -> Pieces:
    """The answers in a `pred.json` (or a zip of it), which has no names: its order is the set's.

    Raises:
        DataError: it does not have as many hands as the set.
    """
    counts = [count_hands(path, ANSWER_DEPTH, part) for part in (0, 1)]
    if counts[0] != len(hands) or counts[1] not in (0, len(hands)):
        raise DataError(
            f"{path}: joints of {counts[0]} and vertices of {counts[1]} hands for the {len(hands)} of {hands.name}",
            hint="a pred.json has no names, so it must answer every image in the official order",
        )

    def pieces() -> Iterator[Piece]:
        joints, meshes = read_answers(path, 0, N_JOINTS), read_answers(path, 1, N_VERTICES)
        while batch := list(islice(joints, _AT_ONCE)):
            mesh = list(islice(meshes, len(batch))) if counts[1] else []
            if hands.is_ho3d:
                yield ho3d_eval.joints_to_ours(np.stack(batch)), ho3d_eval.turned(np.stack(mesh)) if mesh else None
            else:
                yield np.stack(batch), np.stack(mesh) if mesh else None

    return pieces


def pieces_of_answers(answers: HandAnswers, hands: MeshSet, source: str) -> Pieces:
    """The answers of a predictions file, brought into the set's order by image.

    Raises:
        DataError: hands have no answer (the first few, and how many), or the file says nothing of space.
    """
    points, vertices = answers.keypoints_3d, answers.vertices
    if points is None:
        raise DataError(f"{source}: {hands.name} needs keypoints_3d of every hand")
    if vertices is not None and vertices.shape[1] != N_VERTICES:
        raise DataError(f"{source}: expected {N_VERTICES} vertices, got {vertices.shape[1]}")
    row_of = {name: row for row, name in enumerate(answers.image.tolist())}
    lost = [key for key in hands.keys.tolist() if key not in row_of]
    if lost:
        raise DataError(
            f"{source}: no answer for {len(lost)} of {len(hands)} hands of {hands.name}: {', '.join(lost[:_EXAMPLES])}",
            hint="answer every hand; images are named below the data set's folder",
        )
    rows = np.array([row_of[key] for key in hands.keys.tolist()])

    def pieces() -> Iterator[Piece]:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            yield points[some], None if vertices is None else vertices[some]

    return pieces
