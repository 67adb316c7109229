"""Skeletons and marks over photographs: what is hidden looks hidden, what is nowhere is not drawn, places are exact."""

import re

import numpy as np
import pytest

from hint_tools.core.skeleton import FINGER_JOINTS
from hint_tools.media.draw import FINGER_COLOURS
from hint_tools.report.marks_svg import areas_95, connectors, outline, pointed_out
from hint_tools.report.skeleton_svg import skeleton

POINTS = np.stack([np.arange(21) * 10.0, np.arange(21) * 7.0], axis=1)
VISIBLE = np.full(21, 2)


def paths(svg: str, kind: str) -> list[str]:
    """The coloured paths of a kind, without the edges under them."""
    return re.findall(rf'<path class="{kind}"[^>]* d="([^"]+)"', svg)


def pieces(svg: str, kind: str) -> int:
    return sum(d.count("M") for d in paths(svg, kind))


def test_every_bone_and_joint_of_a_hand_is_drawn_in_its_fingers_colour():
    svg = skeleton(POINTS, VISIBLE)
    assert (pieces(svg, "solid"), pieces(svg, "dot"), pieces(svg, "dash"), pieces(svg, "ring")) == (20, 21, 0, 0)
    for name, (red, green, blue) in FINGER_COLOURS.items():
        bones = re.search(rf'<path class="solid" stroke="#{red:02x}{green:02x}{blue:02x}" d="([^"]+)"', svg).group(1)
        tip = FINGER_JOINTS[name][-1]
        assert bones.endswith(f"L{POINTS[tip, 0] + 0.5:.1f} {POINTS[tip, 1] + 0.5:.1f}")  # SVG counts from the edge


def test_hidden_joints_are_rings_and_bones_that_touch_them_dashes():
    hidden = VISIBLE.copy()
    hidden[[8, 6]] = 1  # the index tip; its pip, with a bone on either side
    svg = skeleton(POINTS, hidden)
    assert (pieces(svg, "solid"), pieces(svg, "dash"), pieces(svg, "dot"), pieces(svg, "ring")) == (17, 3, 19, 2)


def test_joints_that_are_nowhere_are_left_out_with_their_bones():
    gone, states = POINTS.copy(), VISIBLE.copy()
    gone[20], gone[16], states[12] = np.nan, 1e9, 0
    svg = skeleton(gone, states)
    assert (pieces(svg, "solid"), pieces(svg, "dot")) == (17, 18)
    assert "nan" not in svg
    assert skeleton(np.full((21, 2), np.nan), VISIBLE) == ""
    assert skeleton(POINTS, np.zeros(21, int)) == ""


def test_other_skeletons_are_refused():
    with pytest.raises(ValueError, match="21 joints"):
        skeleton(POINTS[:20], VISIBLE)
    with pytest.raises(ValueError, match="21 joints"):
        skeleton(POINTS, VISIBLE[:20])


def test_ellipses_hold_95_percent_and_lie_as_the_covariance_does():
    angle = np.radians(30)
    way = np.array([np.cos(angle), np.sin(angle)])
    covariance = 9 * np.outer(way, way) + 1 * (np.eye(2) - np.outer(way, way))
    svg = areas_95(np.array([[10.0, 20.0], [np.nan, 0.0]]), np.array([covariance, covariance]))
    rx, ry, x, y, turned = re.search(
        r'rx="([\d.]+)" ry="([\d.]+)" transform="translate\(([\d.]+) ([\d.]+)\) rotate\((-?\d+)\)"', svg
    ).groups()
    assert svg.count("<ellipse") == 1
    assert (float(x), float(y)) == (10.5, 20.5)
    assert int(turned) % 180 == 30
    # the sizes, checked against points drawn from the law
    drawn = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000)
    along, across = drawn @ way, drawn @ np.array([-way[1], way[0]])
    assert ((along / float(rx)) ** 2 + (across / float(ry)) ** 2 <= 1).mean() == pytest.approx(0.95, abs=0.006)


def test_lines_end_in_a_dot_and_unknown_ends_have_none():
    starts, ends = np.array([[0.0, 0], [1, 1], [np.nan, 2]]), np.array([[5.0, 6], [np.nan, 1], [2, 2]])
    svg = connectors(starts, ends)
    assert paths(svg, "line") == ["M0.5 0.5L5.5 6.5"]
    assert paths(svg, "dot") == ["M5.5 6.5h0"]
    assert svg.index("edge") < svg.index('"line"')  # the white edge lies under the line
    assert connectors(np.zeros((0, 2)), np.zeros((0, 2))) == ""


def test_squares_and_frames_are_where_they_should_be():
    assert paths(pointed_out(np.array([[10.0, 20.0]]), 4.0), "line") == ["M6.5 16.5h8v8h-8z"]
    assert pointed_out(np.full((1, 2), np.nan)) == ""
    assert paths(outline(np.array([1.0, 2.0, 5.0, 8.0])), "line") == ["M1.5 2.5H5.5V8.5H1.5z"]
