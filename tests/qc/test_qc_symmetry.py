"""What must not matter: the order of hands, where the picture's origin is, its scale and turn, and left or right."""

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round, swapped

from hint_tools.core.records import Hand
from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig

CONFIG = QcConfig(bootstrap=50)


def spoilt(seed=91):
    """A round with a swap, a shifted finger, a slip, a mirror image, a wrong side and an absent joint."""
    made = make_round(60, 3, seed=seed)
    changed(made, 1, "bo", keypoints=joints_of(made, 1, "bo")[swapped(1, 2)])
    points = joints_of(made, 2, "cy").copy()
    points[9:12] = points[10:13]
    points[12] += 0.3 * (points[12] - points[10])
    changed(made, 2, "cy", keypoints=points)
    points = joints_of(made, 3, "ana").copy()
    points[4] += 0.4 * made.scale[3]
    changed(made, 3, "ana", keypoints=points)
    own = joints_of(made, 4, "bo")
    changed(made, 4, "bo", keypoints=own * [-1, 1] + [2 * own[:, 0].mean(), 0])
    changed(made, 5, "cy", side="left")
    absent = np.array(made.visibility[6])
    absent[[3, 7]] = 0
    changed(made, 6, "ana", visibility=absent)
    return made


def moved(made, linear, shift, *, flip=False):
    """The same round with all points x -> linear x + shift, boxes about them, and sides changed if asked."""
    other = {"left": "right", "right": "left"}
    for s in made.submissions:
        object.__setattr__(s, "keypoints", s.keypoints @ linear.T + shift)
        if flip:
            object.__setattr__(s, "side", other[s.side])
    made.hands[:] = [
        Hand(
            hand_id=h.hand_id,
            frame_id=h.frame_id,
            side=other[h.side] if flip else h.side,
            box=box_of(made.truth[i] @ linear.T + shift),
        )
        for i, h in enumerate(made.hands)
    ]
    return made


def box_of(points):
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


def told(found):
    return sorted((m.kind, m.hand, m.slots, m.joint_order, m.certain) for m in found.mistakes)


# half a turn: a box has the same size then, and left to right stays left to right
MOTIONS = {
    "larger": (3.0 * np.eye(2), np.array([50.0, 9.0])),
    "moved": (np.eye(2), np.array([1000.0, 300.0])),
    "turned": (-np.eye(2), np.array([2000.0, 2000.0])),
}


@pytest.mark.parametrize("motion", MOTIONS)
def test_nothing_depends_on_origin_scale_or_turn(motion):
    linear, shift = MOTIONS[motion]
    before, after = analysed(spoilt()), analysed(moved(spoilt(), linear, shift))
    assert len(told(before)) >= 5
    assert [t for t in told(before) if t[0] != "outside-picture"] == [
        t for t in told(after) if t[0] != "outside-picture"
    ]
    assert np.allclose(before.sigmas.table, after.sigmas.table, rtol=1e-4, equal_nan=True)
    for one, other in zip(before.consensus, after.consensus, strict=True):
        assert np.allclose(one.keypoints @ linear.T + shift, other.keypoints, atol=0.05)
        assert np.allclose(linear @ one.covariance @ linear.T, other.covariance, rtol=0.02, atol=1e-3)
        assert np.array_equal(one.visibility, other.visibility)
        assert (one.side, one.status) == (other.side, other.status)
    assert [q.hand_id for q in before.queue] == [q.hand_id for q in after.queue]
    assert np.allclose(*([a.oks.value for a in f.agreement] for f in (before, after)), atol=1e-4, equal_nan=True)


def test_left_hands_are_judged_as_right_ones_in_the_mirror():
    mirror = np.diag([-1.0, 1.0])
    before, after = analysed(spoilt()), analysed(moved(spoilt(), mirror, np.array([1200.0, 0.0]), flip=True))
    inside = [t for t in told(before) if t[0] != "outside-picture"]
    assert inside == [t for t in told(after) if t[0] != "outside-picture"]
    other = {"left": "right", "right": "left", "": ""}
    for one, twin in zip(before.consensus, after.consensus, strict=True):
        assert np.allclose(one.keypoints @ mirror + [1200, 0], twin.keypoints, atol=0.05)
        assert other[one.side] == twin.side
    assert [q.hand_id for q in before.queue] == [q.hand_id for q in after.queue]
    # habits along the hand stay, and those across it, too: they are measured towards the thumb
    for one, twin in zip(before.profiles, after.profiles, strict=True):
        assert [b.measured.value for b in one.biases] == pytest.approx(
            [b.measured.value for b in twin.biases], abs=1e-4
        )


def test_the_order_in_which_hands_and_answers_come_does_not_matter():
    made, shuffled = spoilt(), spoilt()
    rng = np.random.default_rng(0)
    for rows in (shuffled.hands, shuffled.submissions):
        rows[:] = [rows[i] for i in rng.permutation(len(rows))]
    before, after = analysed(made), analysed(shuffled)
    assert told(before) == told(after)
    assert [q.hand_id for q in before.queue] == [q.hand_id for q in after.queue]
    for one, other in zip(before.consensus, after.consensus, strict=True):
        assert one.hand_id == other.hand_id
        assert np.array_equal(one.keypoints, other.keypoints, equal_nan=True)
    distances = ([(a.distance.value, a.distance.low, a.distance.high) for a in f.agreement] for f in (before, after))
    assert np.array_equal(*distances, equal_nan=True)
