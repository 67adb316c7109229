"""Records: frozen, checked, read-only."""

import dataclasses

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.core.records import Hand, Prediction, Submission


def test_arrays_inside_a_record_are_copies_and_read_only():
    box = np.array([1.0, 2.0, 3.0, 4.0])
    hand = Hand(hand_id="h", frame_id="f", box=box)
    box[0] = 99
    assert hand.box[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        hand.box[0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        hand.side = "left"


def test_a_wrong_shape_names_the_field_and_both_shapes():
    with pytest.raises(DataError, match=r"Prediction\.keypoints: expected shape \(21, 2\), got \(20, 2\)"):
        Prediction(
            prediction_id="p",
            hand_id="h",
            model="m",
            keypoints=np.zeros((20, 2)),
            confidence=np.zeros(21),
            hand_confidence=1.0,
        )


def test_an_optional_array_may_be_absent():
    assert Submission(submission_id="s", hand_id="h", task_key="t", annotator="a", annotation_id=1).keypoints is None


@pytest.mark.parametrize("text", ["{not json", "[1]", "null", "", "[" * 100_000])
def test_attributes_that_are_no_object_name_the_hand_and_the_column(text):
    hand = Hand(hand_id="h7", frame_id="f", box=np.zeros(4), attributes=text)
    with pytest.raises(DataError, match="table hands, column attributes of hand h7: expected a JSON object, got"):
        _ = hand.repeat_of
