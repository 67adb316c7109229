"""What an evaluation costs: FreiHAND's and HO-3D's scores, the loop from image to figure, and memory.

Run: python benchmarks/evaluation.py [--hands 400] [--images 48] [--golden ../shared/data/golden]

The loop is compared with a plain one that does what HaMeR's data set does to an image: decode it, flip the whole frame
of a left hand, warp, normalise channel by channel, one after another. Both get the same tiny network
and frames, and the network one thread.
Targets: scores at least 30 times as fast as the official scripts; the loop at least 1.8 times the plain one's images.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from hint_tools.benchmark.evaluate import evaluate
from hint_tools.benchmark.official import OfficialScores
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
    for i in range(count):
        width, height = SIZES[i % len(SIZES)]
        small = random.integers(0, 255, (height // 20, width // 20, 3), dtype=np.uint8)
        names.append(f"{i:04d}.jpg")
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
        (folder / names[-1]).write_bytes(encode_jpeg(picture))
        centers.append(random.uniform([250, 250], [width - 250, height - 250]))
    points = np.concatenate([np.repeat(np.array(centers)[:, None], 21, axis=1), np.ones((count, 21, 1))], axis=2)
    hands = HamerSet(
        imgname=np.array(names),
        center=np.array(centers),
        scale=random.uniform(120, 300, (count, 2)),
        right=np.arange(count, dtype=np.float32) % 2,
        hand_keypoints_2d=points,
    )
    return EvaluationSet("made-up", hands, folder, (Subset("all", np.ones((count, 21), dtype=bool)),))


def plain_loop(network: torch.nn.Module, hands: EvaluationSet, batch_size: int) -> None:
    """Decode, flip the whole frame, warp, normalise, ask; one after another."""
    with torch.inference_mode():
        for start in range(0, len(hands), batch_size):
            crops = [plain_item(hands, i) for i in range(start, min(start + batch_size, len(hands)))]
            answer = network({"img": torch.from_numpy(np.stack(crops))})
            assert torch.isfinite(answer["pred_keypoints_2d"]).all()


def plain_item(hands: EvaluationSet, i: int) -> npt.NDArray[np.float32]:
    """One crop (3, 256, 256), made the plain way."""
    name = str(hands.images / hands.names[i])
    image = np.asarray(cv2.imread(name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))
    center = hands.centers_px[i].copy()
    if not hands.right[i]:
        image, center[0] = image[:, ::-1, :], image.shape[1] - center[0] - 1
    half = hands.crop_sides_px[i] / 2
    x, y = center
    source = np.array([[x, y], [x, y + half], [x + half, y]], dtype=np.float32)
    target = np.array([[128, 128], [128, 256], [256, 128]], dtype=np.float32)
    crop = cv2.warpAffine(np.ascontiguousarray(image), cv2.getAffineTransform(source, target), (256, 256))
    planes = np.transpose(crop[:, :, ::-1].copy(), (2, 0, 1)).astype(np.float32)
    for channel in range(3):
        planes[channel] = (np.clip(planes[channel], 0, 255) - IMAGE_MEAN[channel]) / IMAGE_SD[channel]
    return planes


def loop(count: int) -> None:
    """Images a second from file to answer."""
    torch.manual_seed(0)
    backbone = BackboneConfig(dim=64, depth=2, heads=4)
    decoder = DecoderConfig(dim=96, depth=2, heads=2, dim_head=24, mlp_dim=128, context_dim=64)
    network = Hamer(HamerConfig(backbone=backbone, decoder=decoder), load_hand_model()).train(False)
    with tempfile.TemporaryDirectory() as temporary:
        hands = make_set(Path(temporary), count)
        ways: dict[str, Callable[[], object]] = {
            "plain": lambda: plain_loop(network, hands, 16),
            "ours": lambda: evaluate(network, hands, batch_size=16, device=torch.device("cpu")),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(3):
            for name, way in ways.items():
                began, cpu = time.perf_counter(), time.process_time()
                way()
                taken[name].append((time.perf_counter() - began, time.process_time() - cpu))
        for name, times in taken.items():
            wall, cpu = (min(column) for column in zip(*times, strict=True))
            print(f"loop, {name}: {count / wall:.1f} images/s ({1000 * cpu / count:.1f} ms of processor an image)")
        walls = {name: min(t[0] for t in times) for name, times in taken.items()}
        print(f"loop: {walls['plain'] / walls['ours']:.2f} times the images of the plain one")


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
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--golden", type=Path, default=Path("../shared/data/golden"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    official(options.hands, options.golden)
    loop(options.images)
    memory()


if __name__ == "__main__":
    main()
