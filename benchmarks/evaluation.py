"""What an evaluation costs: FreiHAND's and HO-3D's scores, the loop from image to figure, and memory.

Run: python benchmarks/evaluation.py [--hands 400] [--images 128] [--golden ../shared/data/golden]

The loop is compared with a plain one that does what HaMeR's evaluation does: a loader whose items decode the frame,
flip all of it for a left hand, warp, and normalise channel by channel; then network and PCK, batch by batch. Both get
the same tiny network (one thread), the same frames, half of them with left hands, and the same number of helpers that
prepare crops; runs take turns. HaMeR's evaluation runs all of it once for all, once for visible and once for occluded
joints; here one pass of each is compared.
Targets: scores at least 30 times as fast as the official scripts; the loop at least 1.8 times the plain one's images.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hint_tools.benchmark.evaluate import evaluate
from hint_tools.benchmark.official import OfficialScores
from hint_tools.benchmark.results import score
from hint_tools.benchmark.spatial import Floats, Piece, score_mesh
from hint_tools.data.evaluation import EvaluationSet, Subset
from hint_tools.data.hamer_item import IMAGE_MEAN, IMAGE_SD
from hint_tools.data.mesh_sets import MeshSet
from hint_tools.formats.hamer_npz import HamerSet
from hint_tools.hamer.config import BackboneConfig, DecoderConfig, HamerConfig
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import load_hand_model
from hint_tools.media.images import encode_jpeg

SIZES = ((1800, 1200), (1600, 1182), (960, 540), (1920, 1080))
"""Of the frames; New Days' and EPIC's are like these."""
BATCH = 16
DISTINCT = 64
"""Different frames; more files are copies of them. A multiple of the number of sizes."""


def official(hands: int, golden: Path) -> None:
    """Seconds for all scores of both scripts."""
    random = np.random.default_rng(0)
    meshes = random.normal(scale=0.03, size=(hands, 778, 3))
    predicted = meshes + random.normal(scale=0.008, size=meshes.shape)
    began = time.perf_counter()
    gathered = OfficialScores(scale_and_wrist=True)
    for start in range(0, hands, 64):
        part = slice(start, start + 64)
        gathered.add(predicted[part, :21], meshes[part, :21], predicted[part], meshes[part])
    took = (time.perf_counter() - began) / hands
    print(f"scores of made-up meshes: {1000 * took:.2f} ms a hand; HO-3D v3's 20,137 hands in {20137 * took:.0f} s")
    if not (golden / "official_eval").is_dir():
        return
    folder = golden / "official_eval"
    truth = [np.array(json.loads((folder / f"ref/evaluation_{k}.json").read_text())) for k in ("xyz", "verts")]
    recorded = json.loads((golden / "official_eval_scores.json").read_text())
    for answers in ("res", "res_mirror"):
        own = [np.array(part) for part in json.loads((folder / answers / "pred.json").read_text())]
        for name in ("freihand", "ho3d"):
            began = time.perf_counter()
            scores = OfficialScores(scale_and_wrist=name == "ho3d")
            scores.add(own[0], truth[0], own[1], truth[1])
            took = time.perf_counter() - began
            seconds = recorded[f"{name}_{answers}"]["seconds"]
            print(f"{name} {answers}: {took:.3f} s for {len(own[0])} hands; the script took {seconds:.1f} s "
                  f"({seconds / took:.0f} times as long, recorded on another day)")  # fmt: skip


def make_set(folder: Path, count: int) -> EvaluationSet:
    """Noise photographs with a left and a right hand in turn."""
    random = np.random.default_rng(0)
    names, centers = [], []
    pictures: list[bytes] = []
    for i in range(count):
        width, height = SIZES[i % len(SIZES)]
        if i < DISTINCT:
            small = random.integers(0, 255, (height // 20, width // 20, 3), dtype=np.uint8)
            picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
            pictures.append(encode_jpeg(picture))
        names.append(f"{i:04d}.jpg")
        (folder / names[-1]).write_bytes(pictures[i % DISTINCT])
        centers.append(random.uniform([250, 250], [width - 250, height - 250]))
    points = np.concatenate([np.repeat(np.array(centers)[:, None], 21, axis=1), np.ones((count, 21, 1))], axis=2)
    hands = HamerSet(
        imgname=np.array(names),
        center=np.array(centers),
        scale=random.uniform(120, 300, (count, 2)),
        right=(np.arange(count) // len(SIZES) % 2).astype(np.float32),
        hand_keypoints_2d=points,
    )
    return EvaluationSet("made-up", hands, folder, (Subset("all", np.ones((count, 21), dtype=bool)),))


class PlainItems(Dataset[dict[str, Any]]):
    """What HaMeR's data set makes of a hand."""

    def __init__(self, hands: EvaluationSet) -> None:
        self.hands = hands
        self.names, self.centers, self.right = hands.names, hands.centers_px, hands.right
        self.sides, self.points = hands.crop_sides_px, hands.hands.hand_keypoints_2d[hands.rows]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> dict[str, Any]:
        points, side = self.points[i].copy(), float(self.sides[i])
        image = cv2.imread(str(self.hands.images / self.names[i]), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        assert image is not None
        width = image.shape[1]
        center = self.centers[i].copy()
        if not self.right[i]:
            image = image[:, ::-1, :]
            center[0], points[:, 0] = width - center[0] - 1, width - points[:, 0] - 1
        (x, y), half = center, side / 2
        source = np.array([[x, y], [x, y + half], [x + half, y]], dtype=np.float32)
        target = np.array([[128, 128], [128, 256], [256, 128]], dtype=np.float32)
        matrix = cv2.getAffineTransform(source, target)
        crop = cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        planes = np.transpose(crop.copy()[:, :, ::-1], (2, 0, 1)).astype(np.float32)
        for channel in range(3):
            planes[channel] = (np.clip(planes[channel], 0, 255) - IMAGE_MEAN[channel]) / IMAGE_SD[channel]
        points[:, :2] = (points[:, :2] @ matrix[:, :2].T + matrix[:, 2]) / 256 - 0.5
        return {
            "img": planes,
            "keypoints_2d": points.astype(np.float32),
            "right": np.float32(self.right[i]),
            "box_center": self.centers[i].copy(),
            "box_size": side,
            "orig_keypoints_2d": self.points[i].copy(),
        }


def plain_loop(network: torch.nn.Module, hands: EvaluationSet, workers: int, device: torch.device) -> float:
    """PCK@0.05 the plain way."""
    hits, counted = np.zeros(21), np.zeros(21)
    context = "spawn" if workers and device.type == "cuda" else None
    loader = DataLoader(
        PlainItems(hands), BATCH, shuffle=False, num_workers=workers, multiprocessing_context=context
    )  # fmt: skip
    for found in loader:
        batch = {name: value.to(device) for name, value in found.items()}
        with torch.no_grad():
            points = network(batch)["pred_keypoints_2d"].clone()
        points[:, :, 0] *= 2 * batch["right"][:, None] - 1
        side = batch["box_size"].float()[:, None]
        truth = batch["orig_keypoints_2d"]
        placed = points * side[..., None] + batch["box_center"].float()[:, None]
        distance = (placed - truth[..., :2]).norm(dim=-1) / (side / hands.rescale)
        known = truth[..., 2] > 0.5
        hits += ((distance <= 0.05) & known).sum(dim=0).cpu().numpy()
        counted += known.sum(dim=0).cpu().numpy()
    return float((hits / counted).mean())


def our_loop(network: torch.nn.Module, hands: EvaluationSet, workers: int) -> float:
    """PCK@0.05 our way; with 0 workers two threads prepare."""
    answers = evaluate(network, hands, batch_size=BATCH, device=torch.device("cpu"), workers=workers)
    return score(hands, answers, resamplings=0, seed=0).subsets[0].pck[0].mean


def processor_s() -> float:
    """Seconds of processor of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def loop(count: int) -> None:
    """Images a second from file to figure."""
    torch.manual_seed(0)
    backbone = BackboneConfig(dim=64, depth=2, heads=4)
    decoder = DecoderConfig(dim=96, depth=2, heads=2, dim_head=24, mlp_dim=128, context_dim=64)
    network = Hamer(HamerConfig(backbone=backbone, decoder=decoder), load_hand_model()).train(False)
    processor = torch.device("cpu")
    with tempfile.TemporaryDirectory() as temporary:
        hands = make_set(Path(temporary), count)
        ways: dict[str, Callable[[], float]] = {
            "plain, no helper": lambda: plain_loop(network, hands, 0, processor),
            "plain, two processes": lambda: plain_loop(network, hands, 2, processor),
            "ours, two threads": lambda: our_loop(network, hands, 0),
            "ours, two processes": lambda: our_loop(network, hands, 2),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        figures = set()
        for _ in range(5):
            for name, way in ways.items():
                began, cpu = time.perf_counter(), processor_s()
                figures.add(round(way(), 6))
                taken[name].append((time.perf_counter() - began, processor_s() - cpu))
        assert len(figures) == 1, f"the ways answer differently: {figures}"
        least = {name: tuple(min(column) for column in zip(*times, strict=True)) for name, times in taken.items()}
        for name, (wall, cpu) in least.items():
            print(f"loop, {name}: {count / wall:.1f} images/s ({1000 * cpu / count:.1f} ms of processor an image)")
        for ours in ("ours, two threads", "ours, two processes"):
            for plain in ("plain, two processes", "plain, no helper"):
                wall, cpu = (a / b for a, b in zip(least[plain], least[ours], strict=True))
                print(f"loop: {ours} against {plain}: {wall:.2f} times the images/s, {cpu:.2f} an hour of processor")


def memory() -> None:
    """Peak memory while scoring meshes, for one number of hands and ten times as many."""
    for count in (200, 2000):
        tracemalloc.start()
        score_made_up(count)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"memory while scoring {count} meshes ({count * 778 * 24 / 1e6:.0f} MB of vertices): {peak:.1f} MB")


def score_made_up(count: int) -> None:
    """Score `count` copies of one mesh, which exist one piece at a time."""
    random = np.random.default_rng(0)
    joints, mesh = random.normal(scale=0.03, size=(count, 21, 3)), random.normal(scale=0.03, size=(778, 3))

    def meshes() -> Iterator[Floats]:
        for _ in range(count):
            yield mesh.copy()

    def pieces() -> Iterator[Piece]:
        for start in range(0, count, 64):
            part = joints[start : start + 64]
            yield part, np.repeat(mesh[None], len(part), axis=0)

    hands = MeshSet("freihand", Path(), np.arange(count).astype(np.str_), joints, meshes)
    score_mesh(hands, pieces, resamplings=0, seed=0)


def main() -> None:
    """All of it, one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hands", type=int, default=400)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--golden", type=Path, default=Path("../shared/data/golden"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    official(options.hands, options.golden)
    loop(options.images)
    memory()


if __name__ == "__main__":
    main()
