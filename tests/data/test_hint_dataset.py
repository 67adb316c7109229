from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader

from hint_tools import HInt
from hint_tools.core.errors import DataError
from hint_tools.data.annotations import ANNOTATIONS
from hint_tools.media.images import read_image
from hint_tools.store.tables import read_table, write_table


def rows_of(release: Path) -> dict[str, dict]:
    return {r["hand_id"]: r for r in pq.read_table(release / "annotations.parquet").to_pylist()}


def test_an_item_leads_back_to_the_annotation_in_the_frame(release: Path) -> None:
    rows = rows_of(release)
    hands = HInt(release, "train")
    assert len(hands) == 5
    for item in hands:
        row = rows[item["hand_id"]]
        affine = item["affine"].numpy()
        back = item["keypoints"].numpy() @ affine[:, :2].T + affine[:, 2]
        np.testing.assert_allclose(back, np.reshape(row["keypoints"], (21, 2)), atol=1e-3)
        low, high = item["box"].numpy().reshape(2, 2) @ affine[:, :2].T + affine[:, 2]
        np.testing.assert_allclose([*low, *high], row["box"], atol=1e-3)
        covariance = affine[:, :2] @ item["keypoint_cov"].numpy() @ affine[:, :2].T
        np.testing.assert_allclose(covariance, np.reshape(row["covariance"], (21, 2, 2)), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(item["visibility"].numpy(), row["visibility"])
        assert (item["side"], item["source"]) == (row["side"], row["source"])
        assert bool(item["has_mano"]) == (row["global_orient"] is not None)
        assert ((item["weight"].numpy() == 0) == (np.array(row["visibility"]) == 0)).all()


def test_the_crop_shows_what_the_affine_says(release: Path) -> None:
    hands = HInt(release, "train")
    item = hands[0]
    frame = read_image(release / str(hands.hands.image[0]))
    crop, affine = item["image"].numpy(), item["affine"].numpy()
    assert crop.shape == (256, 256, 3)
    assert crop.dtype == np.uint8
    points = np.array([[40.0, 60.0], [128.0, 128.0], [200.0, 90.0]])
    there = points @ affine[:, :2].T + affine[:, 2]
    sampled = cv2.remap(frame, there[:, 0].astype(np.float32), there[:, 1].astype(np.float32), cv2.INTER_LINEAR)
    np.testing.assert_allclose(crop[points[:, 1].astype(int), points[:, 0].astype(int)], sampled[:, 0], atol=6)


def test_whole_frames_keep_the_frames_coordinates(release: Path) -> None:
    item = HInt(release, "test", sources=("epick",), crop_px=None)[0]
    row = rows_of(release)[item["hand_id"]]
    assert item["image"].shape == (240, 320, 3)
    np.testing.assert_allclose(item["keypoints"].numpy(), np.reshape(row["keypoints"], (21, 2)), atol=1e-4)


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_give_the_same_batches_as_none(release: Path, context: str) -> None:
    hands = HInt(release, "train")
    alone = list(DataLoader(hands, batch_size=2))
    loader = DataLoader(hands, batch_size=2, num_workers=2, multiprocessing_context=context)
    for one, other in zip(alone, loader, strict=True):
        assert one["hand_id"] == other["hand_id"]
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["mano"]["hand_pose"], other["mano"]["hand_pose"])


def test_it_survives_pickling(release: Path) -> None:
    hands = HInt(release, "train", transform=_only_id)
    assert list(pickle.loads(pickle.dumps(hands))) == list(hands)
    item = pickle.loads(pickle.dumps(hands.as_hamer()))[1]
    assert item["hand_id"] == hands[1]


def _only_id(item: dict) -> str:
    return item["hand_id"]


def test_missing_frames_are_told_at_once_with_counts_and_the_fix(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    for path in copy.glob("TRAIN_ego4d_img/*_l.jpg"):
        path.unlink()
    with pytest.raises(DataError, match=r"1 of 5 images are missing.*TRAIN_ego4d_img: 1 of 2 missing") as caught:
        HInt(copy, "train")
    assert "on_missing='skip'" in caught.value.hint
    hands = HInt(copy, "train", on_missing="skip")
    assert (len(hands), hands.n_missing) == (4, 1)


def test_wrong_requests_are_told(release: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no source nonsense; it has ego4d, epick"):
        HInt(release, sources=("nonsense",))
    with pytest.raises(DataError, match=r"no hand in split 'val'.*train 5"):
        HInt(release, "val")
    with pytest.raises(DataError, match="expected one of train, val, test"):
        HInt(release, "training")
    with pytest.raises(DataError, match="neither a release"):
        HInt(tmp_path)
    with pytest.raises(IndexError):
        HInt(release, "test")[2]


def test_the_fit_as_target(release: Path) -> None:
    rows = rows_of(release)
    hands = HInt(release, "train", target="fit", crop_px=None)
    assert (len(hands), hands.n_unfitted) == (1, 4)
    item = hands[0]
    row = rows[item["hand_id"]]
    np.testing.assert_allclose(item["keypoints"].numpy(), np.reshape(row["keypoints_fit"], (21, 2)), atol=1e-4)
    np.testing.assert_allclose(item["mano"]["hand_pose"].numpy(), row["hand_pose"], rtol=1e-6)
    assert bool(item["has_mano"])


def test_the_published_folders_without_our_table_load_too(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "published"
    for folder in release.glob("*_img"):
        shutil.copytree(folder, copy / folder.name)
    ours = {i["image"].numpy().tobytes(): i for i in HInt(release, "train")}
    theirs = HInt(copy, "train")
    assert len(theirs) == 5
    for item in theirs:
        twin = ours[item["image"].numpy().tobytes()] if item["source"] != "my-photos" else None
        if twin is not None and twin["source"] != "ego4d":
            torch.testing.assert_close(item["keypoints"], twin["keypoints"])
            assert (item["side"], item["source"]) == (twin["side"], twin["source"])
            assert torch.equal(item["visibility"], twin["visibility"])
    assert sorted(i["side"] for i in theirs) == sorted(i["side"] for i in ours.values())


def test_a_table_that_points_elsewhere_is_refused(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    for name in ("../secret.jpg", "/etc/secret.jpg", "a/../../b.jpg", "..\\b.jpg"):
        rows = [replace(r, image=name) for r in read_table(release / "annotations.parquet", ANNOTATIONS)]
        write_table(copy / "annotations.parquet", ANNOTATIONS, rows)
        with pytest.raises(DataError, match="leads out of"):
            HInt(copy, "train", on_missing="skip")
