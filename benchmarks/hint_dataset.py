"""How fast a release of HInt's size opens, and what an item costs.

Run: python benchmarks/hint_dataset.py [--hands 40000]

Targets: HInt() of 40,000 hands in at most 2 s; mirroring a left hand without touching the whole frame.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from hint_tools import HInt
from hint_tools.core.records import Side, Split, Visibility
from hint_tools.data.annotations import ANNOTATIONS, ANNOTATIONS_FILE, Annotation, image_folder
from hint_tools.data.augment import draw
from hint_tools.data.hamer_item import hamer_item
from hint_tools.media.crops import crop_affine, cut
from hint_tools.media.images import encode_jpeg
from hint_tools.store.tables import write_table

OPEN_TARGET_S = 2.0
SOURCES = ("ego4d", "epick", "newdays")
WIDTH, HEIGHT = 1920, 1080


def row(number: int, random: np.random.Generator) -> Annotation:
    source, split = SOURCES[number % 3], list(Split)[max(0, number % 10 - 7)]
    side = Side.LEFT if number % 2 else Side.RIGHT
    low = random.uniform(100, 500, 2)
    box = np.concatenate([low, low + random.uniform(100, 400, 2)])
    fitted = number % 4 != 0
    optional = {
        "global_orient": np.zeros(3), "hand_pose": np.zeros(45), "betas": np.zeros(10), "transl": np.zeros(3),
        "camera": np.ones(3), "keypoints_fit": np.zeros((21, 2)), "keypoints_3d": np.zeros((21, 3)),
        "sd_mm": np.ones(21),
    }  # fmt: skip
    return Annotation(
        hand_id=f"{number:020x}", frame_id=f"{number // 2:020x}", source=source, split=split,
        image=f"{image_folder(split, source)}/{number:020x}_{side.value[0]}.jpg", image_included=True, image_sha256="",
        pixel_sha256="", width_px=WIDTH, height_px=HEIGHT, video=f"v{number // 50}", clip="", participant="",
        frame_index=number, time_s=0.0, origin="", action="", frame_type="", licence="", redistributable=True,
        side=side, side_agreement=1.0, box=box, keypoints=random.uniform(100, 900, (21, 2)),
        visibility=np.full(21, int(Visibility.VISIBLE)), visible_probability=np.ones(21),
        covariance=np.tile(np.eye(2), (21, 1, 1)), weight=np.ones(21), n_submissions=2, disagreement=0.0,
        **(optional if fitted else {}),
    )  # fmt: skip


def best(work: Callable[[], object], times: int = 5) -> float:
    """Least wall time of `work`, s."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def make(root: Path, hands: int) -> None:
    random = np.random.default_rng(0)
    rows = [row(i, random) for i in range(hands)]
    write_table(root / ANNOTATIONS_FILE, ANNOTATIONS, rows)
    picture = root / "picture.jpg"
    small = random.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)  # details as coarse as a camera's
    picture.write_bytes(encode_jpeg(np.asarray(cv2.resize(small, (WIDTH, HEIGHT)), dtype=np.uint8)))
    for one in rows:
        target = root / one.image
        target.parent.mkdir(exist_ok=True)
        target.hardlink_to(picture)
    print(f"release of {hands} hands, table {(root / ANNOTATIONS_FILE).stat().st_size / 1e6:.1f} MB")


def measure(root: Path) -> float:
    opened = best(lambda: HInt(root, "train"), times=3)
    start = time.process_time()
    hands = HInt(root, "train")
    processor = time.process_time() - start
    print(f"open, split train ({len(hands)} hands): {opened:.2f} s, {processor:.2f} s of processor "
          f"(target {OPEN_TARGET_S} s)")  # fmt: skip
    print(f"pickled for a spawned worker: {len(pickle.dumps(hands)) / 1e6:.0f} MB")
    batches = hands.as_hamer(train=True)
    print(f"HInt item {1e3 * best(lambda: hands[0]):.1f} ms, HaMeR item {1e3 * best(lambda: batches[1]):.1f} ms "
          f"(decoding {WIDTH}x{HEIGHT} whole: {1e3 * best(lambda: hands.frame(0)):.1f} ms)")  # fmt: skip
    return opened


def training_items(root: Path, items: int = 60) -> None:
    """Items of an epoch, augmented, beside the same from whole frames; in turn, the least of three rounds each."""
    batches = HInt(root, "train").as_hamer(train=True)

    def from_whole(i: int) -> object:
        truth, change = batches.truth(i), draw(batches.seed, batches.epoch, i)
        return hamer_item(batches.hint.frame(i), truth, change, rescale=batches.hint.rescale)

    taken: dict[str, list[float]] = {"ours": [], "whole": []}
    for _ in range(3):
        for name, make_item in (("ours", batches.__getitem__), ("whole", from_whole)):
            start = time.process_time()
            for i in range(items):
                make_item(i)
            taken[name].append((time.process_time() - start) / items)
    ours, whole = min(taken["ours"]), min(taken["whole"])
    print(f"augmented HaMeR items: {1e3 * ours:.1f} ms, from whole frames {1e3 * whole:.1f} ms ({whole / ours:.2f}x)")


def left_hands() -> None:
    image = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    center, side = np.array([700.0, 500.0]), 300.0

    def whole() -> object:
        matrix = crop_affine(np.array([WIDTH - 1 - center[0], center[1]]), side)
        return cv2.warpAffine(np.ascontiguousarray(image[:, ::-1]), matrix, (256, 256))

    ours = best(lambda: cut(image, crop_affine(center, side, mirror_width_px=WIDTH)), 20)
    print(f"left-hand crop: {1e3 * ours:.2f} ms, by mirroring the whole frame {1e3 * best(whole, 20):.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hands", type=int, default=40_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), arguments.hands)
        opened = measure(Path(folder))
        training_items(Path(folder))
    left_hands()
    if opened > OPEN_TARGET_S:
        raise SystemExit(f"opening took {opened:.2f} s, more than {OPEN_TARGET_S} s")


if __name__ == "__main__":
    main()
