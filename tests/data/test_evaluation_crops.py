"""What the evaluation loop shows a network is what a data set's item shows it, to the bit."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.data.evaluation import EvaluationSet, Subset
from hint_tools.data.hamer_item import IMAGE_MEAN, IMAGE_SD, hamer_item, normalise_into
from hint_tools.formats.hamer_npz import HamerSet
from hint_tools.media.crops import BoxRule
from hint_tools.media.images import encode_jpeg, encode_png, read_image

WIDTH, HEIGHT = 320, 480


def made_up(folder: Path, count: int = 24) -> EvaluationSet:
    """Hands of both sides all over six pictures, some of them beyond an edge; two pictures hold one hand each."""
    random = np.random.default_rng(0)
    names = ["a.jpg", "b.png", "c.jpg", "d.jpg"]
    for name in (*names, "one.jpg", "other.jpg"):
        small = random.integers(0, 255, (60, 40, 3), dtype=np.uint8)
        picture = np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
        (folder / name).write_bytes(encode_png(picture) if name.endswith("png") else encode_jpeg(picture))
    center = random.uniform([-40, -40], [WIDTH + 40, HEIGHT + 40], (count, 2))
    center[:2] = [[100.0, 90.0], [200.0, 60.5]]
    hands = HamerSet(
        imgname=np.array(["one.jpg", "other.jpg", *(names[i % 4] for i in range(count - 2))]),
        center=center,
        scale=random.uniform(8, 150, (count, 2)),
        right=np.arange(count, dtype=np.float32) // 2 % 2,
        hand_keypoints_2d=np.ones((count, 21, 3)),
    )
    return EvaluationSet("made-up", hands, folder, (Subset("all", np.ones((count, 21), dtype=bool)),))


@pytest.mark.parametrize("rule", list(BoxRule))
@pytest.mark.parametrize("rescale", [1.0, 2.0])
def test_crops_are_those_of_whole_pictures(tmp_path: Path, rule: BoxRule, rescale: float) -> None:
    hands = made_up(tmp_path)
    hands.rule, hands.rescale = rule, rescale
    planes = np.full((3, 256, 256), np.nan, dtype=np.float32)
    for i in range(len(hands)):
        whole = read_image(tmp_path / str(hands.names[i]))
        expected = hamer_item(whole, hands.truth(i), rule=rule, rescale=rescale)
        normalise_into(planes, hands.crop(i))
        np.testing.assert_array_equal(planes, expected["img"].numpy())
        item = hands[i]
        assert item.keys() == expected.keys() | {"imgname", "index"}
        for name, value in expected.items():
            if not isinstance(value, dict):
                np.testing.assert_array_equal(item[name].numpy(), value.numpy())


def test_only_what_is_needed_is_decoded(tmp_path: Path) -> None:
    hands = made_up(tmp_path)
    upper = hands._picture(1)
    assert len(upper.pixels) < HEIGHT == upper.height_px
    shared = hands._picture(2)
    assert len(shared.pixels) == HEIGHT
    assert hands._picture(6) is shared


def test_normalising_is_done_in_double_precision(tmp_path: Path) -> None:
    hands = made_up(tmp_path)
    planes = np.empty((3, 256, 256), dtype=np.float32)
    normalise_into(planes, hands.crop(0))
    levels = planes.astype(np.float64) * IMAGE_SD[:, None, None] + IMAGE_MEAN[:, None, None]
    np.testing.assert_allclose(levels, levels.round(), atol=1e-4)
    exact = ((levels.round() - IMAGE_MEAN[:, None, None]) / IMAGE_SD[:, None, None]).astype(np.float32)
    np.testing.assert_array_equal(planes, exact)


def test_a_set_can_be_sent_to_another_process(tmp_path: Path) -> None:
    hands = made_up(tmp_path)
    np.testing.assert_array_equal(hands.crop(5), pickle.loads(pickle.dumps(hands)).crop(5))


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    hands = made_up(tmp_path)
    (tmp_path / "one.jpg").write_bytes((tmp_path / "one.jpg").read_bytes()[:-300])
    with pytest.raises(DataError, match=r"one\.jpg"):
        hands.crop(0)
