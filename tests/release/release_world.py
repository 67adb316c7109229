"""A small project after `hint qc`: three sources, both hands in one frame, one rejected, two fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hint_tools.core.records import Consensus, Fit, Frame, Hand, Submission, Visibility
from hint_tools.media.images import encode_jpeg, pixel_sha256, read_image
from hint_tools.store.manifests import file_sha256
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import CONSENSUS, FITS, FRAMES, HANDS, SUBMISSIONS

EGO_CLIP, EGO_ACTION = "0a1b2c3d-clip", "9f8e7d6c-action"
WIDTH, HEIGHT = 320, 240


def make_frame(project: Project, number: int, source: str, split: str, **more: object) -> Frame:
    random = np.random.default_rng(number)
    small = random.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    path = project.root / "frames" / source / f"{number}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_jpeg(np.kron(small, np.ones((8, 8, 1), dtype=np.uint8))))
    fields: dict[str, object] = {
        "frame_id": f"{number:020x}",
        "source": source,
        "video": f"video-{source}-{split}",
        "width_px": WIDTH,
        "height_px": HEIGHT,
        "path": path.relative_to(project.root).as_posix(),
        "sha256": file_sha256(path),
        "pixel_sha256": pixel_sha256(read_image(path)),
        "origin": f"somewhere/{number}.jpg",
        "licence": "CC-BY-4.0",
        "redistributable": True,
        "split": split,
    }
    return Frame(**(fields | more))


def make_consensus(hand: Hand, side: str, **more: object) -> Consensus:
    random = np.random.default_rng(int(hand.hand_id, 16))
    low = random.uniform([60, 60], [100, 80])
    size = random.uniform([60, 50], [150, 100])
    spread = random.uniform(0.5, 3, (21, 2))
    fields: dict[str, object] = {
        "hand_id": hand.hand_id,
        "keypoints": low + random.uniform(0.05, 0.95, (21, 2)) * size,
        "covariance": spread[:, :, None] ** 2 * np.eye(2),
        "visibility": random.choice(
            [Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.NOT_ANNOTATABLE], 21, p=[0.6, 0.3, 0.1]
        ),
        "visible_probability": random.uniform(0, 1, 21),
        "side": side,
        "side_agreement": 1.0,
        "box": np.concatenate([low, low + size]),
        "scale_px": float(np.sqrt(size.prod())),
        "n_submissions": 2,
        "disagreement": 0.05,
    }
    return Consensus(**(fields | more))


def make_fit(consensus: Consensus) -> Fit:
    random = np.random.default_rng(7)
    return Fit(
        hand_id=consensus.hand_id,
        side=consensus.side,
        global_orient=random.normal(size=3),
        hand_pose=random.normal(size=45) * 0.3,
        betas=random.normal(size=10),
        transl=np.array([0.0, 0.1, 0.6]),
        focal_px=500.0,
        principal_point=np.array([159.5, 119.5]),
        keypoints=consensus.keypoints + 1.5,
        keypoints_3d=random.normal(size=(21, 3)) * 0.05 + [0, 0, 0.6],
        residual_px=np.full(21, 2.0),
        sd_mm=np.full(21, 5.0),
        cost=1.0,
        accepted=True,
        hand_model="open_hand_778 abc",
    )


def make_hand(frame: Frame, number: int, **more: object) -> Hand:
    return Hand(
        hand_id=f"{number:020x}", frame_id=frame.frame_id, box=np.array([1.0, 1, 9, 9]), split=frame.split, **more
    )


def make_project(root: Path) -> Project:
    """8 hands: 2 in one Ego4D frame, 2 train and 1 test of newdays (one without pixels' licence), 1 rejected..."""
    project = create_project(root, "little round")
    ego = make_frame(
        project, 1, "ego4d", "train", clip=EGO_CLIP, frame_index=120, redistributable=False, licence="Ego4D agreement"
    )
    nd = make_frame(project, 2, "newdays", "train", origin="allMergedBlur/ND__xGfgKCYT7A_frame005751.jpg")
    plain = make_frame(project, 3, "my photos", "train")
    nd_test = make_frame(project, 4, "newdays", "test", origin="x/ND_abcdefghijk_frame000012.jpg")
    ek_test = make_frame(project, 5, "epick", "test")
    val = make_frame(project, 6, "newdays", "val")
    action = {"action": EGO_ACTION, "frame_type": "pre_45"}
    hands = {
        "ego_left": (make_hand(ego, 101, **action), "left"),
        "ego_right": (make_hand(ego, 102, **action), "right"),
        "nd": (make_hand(nd, 103), "left"),
        "plain": (make_hand(plain, 104), "right"),
        "plain_again": (make_hand(plain, 105), "right"),
        "nd_test": (make_hand(nd_test, 106), "right"),
        "ek_test": (make_hand(ek_test, 107), "left"),
        "rejected": (make_hand(val, 108), "left"),
    }
    consensus = {k: make_consensus(h, side, rejected=k == "rejected") for k, (h, side) in hands.items()}
    project.write(FRAMES, [ego, nd, plain, nd_test, ek_test, val])
    project.write(HANDS, [h for h, _ in hands.values()])
    project.write(CONSENSUS, consensus.values())
    project.write(FITS, [make_fit(consensus["ego_left"]), make_fit(consensus["nd_test"])])
    project.write(SUBMISSIONS, [_submission(h, who) for h, _ in hands.values() for who in ("ada", "ben")])
    return project


def _submission(hand: Hand, annotator: str) -> Submission:
    return Submission(
        submission_id=f"{hand.hand_id}-{annotator}",
        hand_id=hand.hand_id,
        task_key="t",
        annotator=annotator,
        annotation_id=1,
    )
