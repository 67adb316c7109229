from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import DataError, ExitCode
from hint_tools.formats.predictions import FORMAT, HandAnswers, decode, encode


def some(count: int = 5) -> HandAnswers:
    random = np.random.default_rng(0)
    return HandAnswers(
        model="ours",
        image=np.array([f"{i // 2}.jpg" for i in range(count)]),
        right=np.arange(count) % 2 == 0,
        keypoints=random.uniform(0, 100, (count, 21, 2)),
        keypoints_3d=random.normal(size=(count, 21, 3)),
        vertices=random.normal(size=(count, 778, 3)),
        center=random.uniform(0, 100, (count, 2)),
    )


def as_document(answers: HandAnswers) -> dict:
    hands = [
        {
            "image": str(answers.image[i]),
            "side": "right" if answers.right[i] else "left",
            "keypoints": answers.keypoints[i].tolist(),
            "keypoints_3d": answers.keypoints_3d[i].tolist(),
        }
        for i in range(len(answers))
    ]
    return {"format": FORMAT, "version": 1, "model": answers.model, "hands": hands}


def test_npz_and_json_say_the_same() -> None:
    answers = some()
    one = decode(encode(answers), "a.npz")
    other = decode(json.dumps(as_document(answers)).encode(), "a.json")
    for name in ("image", "right", "keypoints", "keypoints_3d", "vertices", "center"):
        np.testing.assert_array_equal(getattr(one, name), getattr(answers, name))
    for name in ("image", "right", "keypoints", "keypoints_3d"):
        np.testing.assert_array_equal(getattr(other, name), getattr(answers, name))
    assert other.vertices is None
    assert one.model == other.model == "ours"
    assert encode(answers) == encode(answers)


def test_numbers_that_are_not_finite_are_named_and_counted() -> None:
    for name in ("keypoints", "keypoints_3d", "vertices", "center"):
        values = getattr(some(), name).copy()
        values[1:, 0] = np.nan
        with pytest.raises(
            DataError, match=r"4 of 5 hands have numbers that are not finite: 0\.jpg left, 1\.jpg"
        ) as got:
            decode(encode(replace(some(), **{name: values})), "a.npz")
        assert got.value.exit_code == ExitCode.DATA
    document = as_document(some())
    document["hands"][2]["keypoints"][3][0] = float("nan")
    with pytest.raises(DataError, match=r"1 of 5 hands have numbers that are not finite: 1\.jpg right"):
        decode(json.dumps(document).encode(), "a.json")


def test_a_hand_that_stands_there_twice_is_refused() -> None:
    twice = replace(some(2), image=np.array(["a.jpg", "a.jpg"]), right=np.array([True, True]), center=None)
    with pytest.raises(DataError, match=r"1 hands stand there more than once: a\.jpg right"):
        decode(encode(twice), "a.npz")
    # two right hands of one image are two hands where their centres say so
    assert len(decode(encode(replace(twice, center=np.array([[0.0, 0], [50, 50]]))), "a.npz")) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "expected hint-tools.predictions version 1"),
        ({"version": 2}, "version 1"),
        ({"hands": [{"image": "a.jpg", "side": "both", "keypoints": []}]}, "1 of 1 hands lack"),
        ({"hands": [{"image": "a.jpg", "side": "left", "keypoints": [[1, 2]]}]}, "expected numbers of shape"),
        ({"hands": [{"image": "a.jpg", "side": "left", "keypoints": ["x"] * 21}]}, "same number of numbers"),
    ],
)
def test_other_json_is_one_message(change: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        decode(json.dumps(as_document(some(1)) | change).encode(), "a.json")


def test_optional_parts_are_for_all_hands_or_for_none() -> None:
    document = as_document(some(3))
    del document["hands"][1]["keypoints_3d"]
    with pytest.raises(DataError, match="for every hand or for none"):
        decode(json.dumps(document).encode(), "a.json")


def test_rubbish_and_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a predictions file"):
        decode(b"\x00\x01", "x")
    path = tmp_path / "evil.npz"
    np.savez(path, imgname=np.array([print], dtype=object), right=np.ones(1), keypoints=np.zeros((1, 21, 2)))
    with pytest.raises(DataError, match="never needs"):
        decode(path.read_bytes(), "evil.npz")
    np.savez(path, imgname=np.array(["a"]), right=np.ones(1))
    with pytest.raises(DataError, match="missing keypoints"):
        decode(path.read_bytes(), "half.npz")


def test_a_file_without_hands_is_refused() -> None:
    with pytest.raises(DataError, match="no hand at all"):
        decode(json.dumps({"format": FORMAT, "version": 1, "hands": []}).encode(), "a.json")
    with pytest.raises(DataError, match="no hand at all"):
        decode(encode(some(0)), "a.npz")
