from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.core.records import Side, Visibility
from hint_tools.formats.hint_json import HintAnnotation, decode, encode, side_of_stem, stem_with_side

numbers = st.floats(-1e5, 1e5, allow_nan=False)


def published() -> dict[str, Any]:
    """A file as the published HInt has it."""
    return {
        "bbox": [[10.5, 20, 110, 220.25]],
        "keypoints": [[float(j), 2.0 * j] for j in range(21)],
        "occlusion": [1 if j in (3, 7) else 0 for j in range(21)],
        "existence": [0 if j in (7, 20) else 1 for j in range(21)],
    }


def test_a_published_file_is_read() -> None:
    hand = decode(json.dumps([published()]).encode(), "x.json")
    np.testing.assert_array_equal(hand.box, [10.5, 20, 110, 220.25])
    np.testing.assert_array_equal(hand.keypoints[9], [9, 18])
    assert hand.visibility[3] == Visibility.OCCLUDED
    # outside the image outranks occluded
    assert hand.visibility[[7, 20]].tolist() == [Visibility.NOT_ANNOTATABLE] * 2
    assert (hand.visibility == Visibility.VISIBLE).sum() == 18


@settings(max_examples=200, deadline=None)
@given(
    st.lists(numbers, min_size=42, max_size=42),
    st.lists(numbers, min_size=4, max_size=4),
    st.lists(st.sampled_from(list(Visibility)), min_size=21, max_size=21),
)
def test_what_is_written_is_read_exactly(points: list[float], box: list[float], states: list[Visibility]) -> None:
    hand = HintAnnotation(box=box, keypoints=np.reshape(points, (21, 2)), visibility=states)
    data = encode(hand)
    again = decode(data, "x")
    for name in ("box", "keypoints", "visibility"):
        np.testing.assert_array_equal(getattr(again, name), getattr(hand, name))
    assert encode(again) == data
    (raw,) = json.loads(data)
    assert list(raw) == ["bbox", "keypoints", "occlusion", "existence"]
    assert [v == 0 for v in raw["existence"]] == [s == Visibility.NOT_ANNOTATABLE for s in states]


def test_unknown_positions_become_zero_and_known_ones_must_be_numbers() -> None:
    points, states = np.ones((21, 2)), np.full(21, 2)
    points[4], states[4] = np.nan, Visibility.NOT_ANNOTATABLE
    hand = HintAnnotation(box=np.ones(4), keypoints=points, visibility=states)
    assert decode(encode(hand), "x").keypoints[4].tolist() == [0, 0]
    states[4] = Visibility.OCCLUDED
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(HintAnnotation(box=np.ones(4), keypoints=points, visibility=states))


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**400) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=22) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["bbox", "keypoints", "occlusion", "existence", None]), junk)
def test_broken_files_are_one_clear_error(key: str | None, value: Any) -> None:
    hand = published()
    document: Any = [hand]
    if key is None:
        document = value
    else:
        hand[key] = value
    try:
        decode(json.dumps(document).encode(), "broken.json")
    except DataError as error:
        assert "broken.json" in error.message  # noqa: PT017  (either outcome is fine, a traceback is not)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"keypoints": [[0, 0]] * 20}, "21 x 2"),
        ({"keypoints": [[0, "1"]] + [[0, 0]] * 20}, "finite numbers"),
        ({"occlusion": [2] * 21}, "0 or 1"),
        ({"existence": [1] * 22}, "0 or 1"),
        ({"bbox": [1, 2, 3, 4]}, "1 x 4"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        decode(json.dumps([published() | change]).encode(), "x.json")


def test_other_files_are_told() -> None:
    for data in (b"", b"\xff\xfe", b"[" * 5000, b'{"bbox": []}', b"[{}, {}]"):
        with pytest.raises(DataError, match=r"x\.json"):
            decode(data, "x.json")
    hand = published()
    del hand["existence"], hand["bbox"]
    with pytest.raises(DataError, match="missing bbox, existence"):
        decode(json.dumps([hand]).encode(), "x.json")


def test_the_side_is_the_last_letter() -> None:
    assert side_of_stem("ND__xGfgKCYT7A_frame005751_l") == ("ND__xGfgKCYT7A_frame005751", Side.LEFT)
    assert side_of_stem(stem_with_side("a_r", "left")) == ("a_r", Side.LEFT)
    for wrong in ("frame_x", "_l", "frame", "frame_L"):
        with pytest.raises(DataError, match="ends in _l or _r"):
            side_of_stem(wrong)
