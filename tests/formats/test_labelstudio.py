"""Percent <-> px against the editor's own arithmetic, and everything an annotator can do to a task."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.formats.labelstudio import Picture, build_result, prediction_of
from hint_tools.formats.labelstudio_answers import ParsedAnswer, parse_result

PICTURE = Picture(x0_px=99.6, y0_px=49.6, scale=5.0, width_px=700, height_px=500)
PREDICTION = "0123456789abcdef0123"


def points(seed: int = 0) -> np.ndarray:
    """21 points inside the picture, px of the frame, no two alike."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(101, 238, 21), rng.uniform(51, 148, 21)])


def states() -> np.ndarray:
    return (np.arange(21) % 3).astype(np.int8)


def result(**changes: Any) -> list[dict[str, Any]]:
    given: dict[str, Any] = {
        "keypoints": points(), "visibility": states(), "box": np.array([110.0, 60.0, 220.0, 140.0]), "side": "left",
        "prediction_id": PREDICTION,
    }  # fmt: skip
    return build_result(PICTURE, **{**given, **changes})


def codes(answer: ParsedAnswer) -> set[str]:
    return {p.code for p in answer.problems}


def region(regions: list[dict[str, Any]], suffix: str, kind: str) -> dict[str, Any]:
    return next(r for r in regions if r["id"].endswith(suffix) and r["type"] == kind)


def test_percent_count_from_the_corner_of_the_first_pixel() -> None:
    whole = Picture(x0_px=0, y0_px=0, scale=1, width_px=200, height_px=100)
    # the centre of the top-left pixel is half a pixel from the corner; the picture's middle lies between two pixels
    assert whole.to_percent(np.array([0.0, 0.0])).tolist() == [0.25, 0.5]
    assert whole.to_percent(np.array([-0.5, -0.5])).tolist() == [0.0, 0.0]
    assert whole.to_percent(np.array([99.5, 49.5])).tolist() == [50.0, 50.0]
    assert whole.to_percent(np.array([199.5, 99.5])).tolist() == [100.0, 100.0]


def test_an_answer_comes_back_as_it_was() -> None:
    answer = parse_result(result(), PICTURE)
    assert answer.problems == ()
    assert answer.usable
    assert answer.keypoints is not None
    assert np.abs(answer.keypoints - points()).max() < 1e-9
    assert answer.visibility is not None
    assert answer.visibility.tolist() == states().tolist()
    assert answer.box is not None
    assert np.abs(answer.box - [110, 60, 220, 140]).max() < 1e-9
    assert answer.side == "left"
    assert answer.reject_reasons == ()


@given(
    x0=st.floats(-50, 4000), y0=st.floats(-50, 4000), scale=st.integers(1, 40), width=st.integers(16, 4000),
    height=st.integers(16, 4000), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_positions_go_there_and_back_to_a_millionth(
    x0: float, y0: float, scale: int, width: int, height: int, seed: int
) -> None:
    picture = Picture(x0, y0, scale, width, height)
    inside = np.random.default_rng(seed).uniform(0, 1, (21, 2)) * [(width - 1) / scale, (height - 1) / scale] + [x0, y0]
    regions = build_result(picture, keypoints=inside, visibility=states(), box=None, side="right")
    back = parse_result(regions, picture).keypoints
    assert back is not None
    assert np.abs(back - inside).max() < 1e-6


def test_joints_keep_their_names_whatever_the_order() -> None:
    shuffled = result()
    np.random.default_rng(3).shuffle(shuffled)  # type: ignore[arg-type]
    answer = parse_result(shuffled, PICTURE)
    assert answer.keypoints is not None
    assert np.abs(answer.keypoints - points()).max() < 1e-9
    assert answer.visibility is not None
    assert answer.visibility.tolist() == states().tolist()


def test_the_box_is_last_so_that_points_can_be_clicked() -> None:
    assert [r["type"] for r in result()][-1] == "rectanglelabels"


def test_every_point_has_a_width_or_the_editor_drops_it() -> None:
    assert all(r["value"]["width"] > 0 for r in result() if r["from_name"] in {"joint", "visibility"})


def test_points_outside_are_clipped_to_the_picture() -> None:
    far = points() + 1000
    values = [r["value"] for r in result(keypoints=far) if r["type"] == "keypointlabels"]
    assert {(v["x"], v["y"]) for v in values} == {(100.0, 100.0)}


def test_the_origin_survives_in_the_region_ids() -> None:
    assert prediction_of(result()) == PREDICTION
    assert prediction_of(result(prediction_id="")) == ""
    assert prediction_of("nonsense") == ""
    assert prediction_of([{"id": "x7Gh_"}, 3]) == ""


def test_a_missing_joint_is_named_and_the_rest_kept() -> None:
    left = [r for r in result() if not r["id"].endswith("index_tip")]
    answer = parse_result(left, PICTURE)
    assert not answer.usable
    assert "index_tip" in next(p.message for p in answer.problems if p.code == "missing-joint")
    assert answer.keypoints is not None
    assert np.isnan(answer.keypoints[8]).all()
    assert np.isfinite(np.delete(answer.keypoints, 8, axis=0)).all()


def test_a_doubled_joint_is_not_guessed_at() -> None:
    extra = copy.deepcopy(region(result(), "index_tip", "keypointlabels")) | {"id": "new"}
    answer = parse_result([*result(), extra], PICTURE)
    assert codes(answer) >= {"duplicated-joint"}
    assert not answer.usable


def test_a_joint_without_a_choice_counts_as_visible_and_is_reported() -> None:
    left = [r for r in result() if not (r["id"].endswith("00_wrist") and r["type"] == "choices")]
    answer = parse_result(left, PICTURE)
    assert answer.usable
    assert codes(answer) == {"missing-visibility"}
    assert answer.visibility is not None
    assert answer.visibility[0] == Visibility.VISIBLE


def test_an_unknown_label_is_reported_and_its_joint_is_missing() -> None:
    regions = result()
    region(regions, "index_tip", "keypointlabels")["value"]["keypointlabels"] = ["sixth_finger"]
    answer = parse_result(regions, PICTURE)
    assert codes(answer) >= {"unknown-label", "missing-joint"}
    assert not answer.usable


def test_a_turned_picture_gives_no_positions() -> None:
    answer = parse_result([r | {"image_rotation": 90} for r in result()], PICTURE)
    assert "rotated-picture" in codes(answer)
    assert answer.keypoints is None
    assert not answer.usable


def test_a_box_turned_by_a_right_angle_is_its_own_upright_box() -> None:
    regions = result()
    value = regions[-1]["value"]
    # 90 degrees clockwise about the top-left corner: what was right is below, what was below is left
    value.update(x=60.0, y=20.0, width=10.0, height=20.0, rotation=90)
    answer = parse_result(regions, PICTURE)
    assert answer.box is not None
    width, height = 10.0 * 7, 20.0 * 5  # px of the picture
    corner = np.array([60.0 * 7, 20.0 * 5])
    expected = np.array([corner[0] - height, corner[1], corner[0], corner[1] + width])
    shown = (answer.box - [99.6, 49.6, 99.6, 49.6]) * 5 + 0.5
    assert shown == pytest.approx(expected)
    assert codes(answer) == {"rotated-box"}


@pytest.mark.parametrize(
    ("sides", "code"), [([], "missing-side"), (["unknown"], "missing-side"), (["both"], "unclear-side")]
)
def test_a_side_that_is_not_one_is_reported(sides: list[str], code: str) -> None:
    regions = result()
    region(regions, "side", "choices")["value"]["choices"] = sides
    answer = parse_result(regions, PICTURE)
    assert code in codes(answer)
    assert not answer.usable
    assert answer.side is None


def test_a_rejection_needs_nothing_else() -> None:
    regions = build_result(
        PICTURE, keypoints=None, visibility=None, box=None, side=None, reject_reasons=("too_blurry",)
    )
    answer = parse_result(regions, PICTURE)
    assert answer.reject_reasons == ("too_blurry",)
    assert answer.keypoints is None
    assert answer.problems == ()


def test_a_result_of_another_picture_is_not_used() -> None:
    answer = parse_result([r | {"original_width": 500, "original_height": 700} for r in result()], PICTURE)
    assert "other-picture" in codes(answer)
    assert not answer.usable


ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**400), 10**400) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("id", "type", "from_name", "value", "image_rotation", "original_width", "original_height")


@given(data=st.data())
def test_no_mutation_raises_and_none_passes_unseen(data: st.DataObject) -> None:
    regions: list[Any] = result()
    index = data.draw(st.integers(0, len(regions) - 1))
    if data.draw(st.booleans()):
        regions[index] = data.draw(ODD)
    elif data.draw(st.booleans()):
        regions[index] = {**regions[index], data.draw(st.sampled_from(KEYS)): data.draw(ODD)}
    else:
        value = dict(regions[index]["value"])
        value[data.draw(st.sampled_from(sorted(value)))] = data.draw(ODD)
        regions[index] = {**regions[index], "value": value}
    answer = parse_result(regions, PICTURE)
    if answer.problems or answer.reject_reasons:
        return
    # nothing was said, so nothing may be missing: all 21 joints, each with a state, a box and a side
    assert answer.keypoints is not None
    assert np.isfinite(answer.keypoints).all()
    assert answer.visibility is not None
    assert set(answer.visibility.tolist()) <= {0, 1, 2}
    others = np.abs(answer.keypoints - points()).max(axis=1) < 1e-9
    assert others.sum() >= 20  # one region was touched, so at most one joint moved
    assert answer.box is not None
    assert answer.side in {"left", "right"}


@pytest.mark.parametrize("nonsense", [None, 3, "x", {}, [None], [[]], [{"value": 3}], [{"value": {}, "type": []}]])
def test_nonsense_is_named(nonsense: object) -> None:
    answer = parse_result(nonsense, PICTURE)
    assert not answer.usable
    assert codes(answer) >= {"missing-joint"}


def test_every_joint_has_its_own_region_pair() -> None:
    regions = [r for r in result() if r["from_name"] in {"joint", "visibility"}]
    assert len({r["id"] for r in regions}) == len(JOINT_NAMES)
    assert len(regions) == 2 * len(JOINT_NAMES)
