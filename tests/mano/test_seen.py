"""What a camera sees of a hand, against hands turned by hand and against rays."""

from __future__ import annotations

import numpy as np
import pytest

from hint_tools.core.skeleton import JOINT_INDEX
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.mano.kinematics import pose_hand
from hint_tools.mano.seen import Skin, seen_joints, seen_vertices, view_of

FAR = np.array([0.02, -0.05, 0.6])


@pytest.fixture(scope="module")
def model() -> HandModel:
    return load_hand_model()


@pytest.fixture(scope="module")
def skin(model: HandModel) -> Skin:
    return Skin.of(model.faces, model.weights, model.v_template)


def posed(model: HandModel, orient: tuple[float, float, float], pose: np.ndarray | None = None, transl=FAR):
    hand = pose_hand(model, orient, np.zeros(45) if pose is None else pose, np.zeros(10), transl)
    return hand.vertices, hand.joints


def test_a_flat_hand_shows_one_side_and_all_joints(model: HandModel, skin: Skin) -> None:
    """From the palm and from the back: every joint is seen, and the two sides share little but the rim."""
    halves = []
    for turn in (0.0, np.pi):
        vertices, joints = posed(model, (turn + np.pi / 2, 0, 0))
        assert seen_joints(vertices, joints, skin).all()
        halves.append(seen_vertices(vertices, skin.faces))
    share = (halves[0] & halves[1]).mean()
    assert (halves[0] | halves[1]).mean() > 0.95
    assert share < 0.35


def test_the_camera_s_place_decides_not_its_lens(model: HandModel, skin: Skin) -> None:
    vertices, joints = posed(model, (0.3, 0.4, 0.5))
    near = seen_vertices(vertices, skin.faces)
    far = seen_vertices((vertices - FAR) + FAR * 20, skin.faces)
    assert (near == far).mean() > 0.9
    camera = view_of(vertices)
    inside = camera.project(vertices)
    assert inside.min() > 10
    assert inside.max() < 245
    assert np.ptp(inside, axis=0).max() == pytest.approx(0.9 * 256, rel=1e-6)
    assert seen_joints(vertices, joints, skin).shape == (21,)


@pytest.mark.parametrize(("orient", "in_front", "behind"), [
    ((0, 0, 0), "pinky", ("index", "middle")), ((np.pi, 0, 0), "index", ("ring", "pinky")),
])  # fmt: skip
def test_fingers_behind_one_another_are_hidden(model: HandModel, skin: Skin, orient, in_front, behind) -> None:
    """Looking along the row of knuckles, the first finger hides the others."""
    vertices, joints = posed(model, orient)
    middle = {f: JOINT_INDEX[f"{f}_pip"] for f in (in_front, *behind)}
    seen = seen_joints(vertices, joints, skin)
    assert seen[middle[in_front]]
    assert all(joints[middle[f], 2] > joints[middle[in_front], 2] + 0.02 for f in behind)
    assert not any(seen[middle[f]] for f in behind)


def test_vertices_agree_with_rays(model: HandModel, skin: Skin) -> None:
    """A vertex that no triangle stands before is seen; one with a triangle well before it is not."""
    random = np.random.default_rng(0)
    vertices, _ = posed(model, (0.5, 1.0, -0.4), random.normal(scale=0.4, size=45))
    seen = seen_vertices(vertices, skin.faces)
    corners = vertices[skin.faces]
    wrong = checked = 0
    for i in random.permutation(len(vertices))[:150]:
        ray = vertices[i] / np.linalg.norm(vertices[i])
        a, b, c = (corners[:, k] for k in range(3))
        normal = np.cross(b - a, c - a)
        along = normal @ ray
        distance = (normal * a).sum(axis=1) / np.where(along == 0, 1e-12, along)
        hit = distance[:, None] * ray
        inside = np.ones(len(a), dtype=bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= (np.cross(q - p, hit - p) * normal).sum(axis=1) >= 0
        own = (skin.faces == i).any(axis=1)
        before = inside & ~own & (distance > 0) & (distance < np.linalg.norm(vertices[i]) - 0.003)
        checked += 1
        wrong += seen[i] == before.any()
    # a face is seen when any of it is, so vertices at a rim may count though they are hidden
    assert wrong / checked < 0.12


def test_a_hand_that_no_camera_sees(model: HandModel, skin: Skin) -> None:
    vertices, joints = posed(model, (0, 0, 0), transl=np.array([0, 0, 0.01]))
    assert seen_vertices(vertices, skin.faces) is None
    assert seen_joints(vertices, joints, skin) is None
    assert seen_vertices(np.full((778, 3), np.nan), skin.faces) is None
    assert view_of(np.ones((778, 3))) is None
