"""How fast the network is, how far half precision moves its answers, and that the paper's checkpoint fits.

    python benchmarks/hamer.py                 # ViT-H on a CPU: 12 GB of memory, minutes
    python benchmarks/hamer.py --device cuda   # batches of 1, 32 and 128, compiled too, and the evaluation loop

Random weights of unit gain (normals over the root of the inputs' number), so that every part of the network has
something to do. On a CPU: one thread, CPU seconds, the least of the repeats, which take turns. On a GPU: seconds
between events, the backbone's share of what a large matrix product reaches in the same type in the same run, and the
loop from files to PCK: HaMeR's way (single precision, batches of 16, eight loader processes) and ours (bf16, batches
of 128). Goals there: 60% of the product in bf16 at batch 128; three times the loop's images.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from evaluation import make_set, plain_loop
from torch import Tensor, nn

from hint_tools.benchmark.evaluate import evaluate
from hint_tools.benchmark.results import score
from hint_tools.hamer import load_hamer
from hint_tools.hamer.config import PRESETS, BackboneConfig
from hint_tools.hamer.network import Hamer
from hint_tools.hamer.precision import keep_in
from hint_tools.mano.assets import load_hand_model

REPEATS = {"cpu": 3, "cuda": 20}
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
KEYS = Path(__file__).parents[1] / "tests" / "hamer" / "golden" / "state_dict_full.json"
Ways = dict[str, Callable[[], object]]
LOOP_IMAGES, LOOP_BATCH, PLAIN_WORKERS = 2048, 128, 8


def random_network(preset: str) -> Hamer:
    with torch.device("meta"):
        network = Hamer(PRESETS[preset], load_hand_model())
    fresh = Hamer(PRESETS["tiny"], load_hand_model()).state_dict()
    generator = torch.Generator().manual_seed(0)
    learned = dict(network.named_parameters())
    state: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if name not in learned:
            state[name] = fresh[name]
        elif value.dim() > 1 and "embed" not in name:
            state[name] = torch.randn(value.shape, generator=generator) / math.sqrt(value[0].numel())
        else:
            state[name] = 0.02 * torch.randn(value.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                state[name] += 1
    network.load_state_dict(state, assign=True)
    return network.train(False)


def through_a_file(network: Hamer, preset: str) -> Hamer:
    """The network after a trip through a file of the released layout, read strictly."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hamer.ckpt"
        torch.save({"state_dict": network.state_dict(), "global_step": 0, "epoch": 0}, path)
        size = path.stat().st_size
        del network
        started = time.process_time()
        loaded = load_hamer(path)
        seconds = time.process_time() - started
    state = loaded.network.state_dict()
    assert not loaded.keys.missing
    assert not loaded.keys.unexpected
    if preset == "vit_h":
        assert {n: list(v.shape) for n, v in state.items()} == {
            n: v["shape"] for n, v in json.loads(KEYS.read_text()).items()
        }
    parameters = sum(p.numel() for p in loaded.network.parameters())
    print(f"{preset}: {parameters:,} parameters, {len(state)} keys, {size:,} bytes, loaded in {seconds:.1f} CPU-s")
    return loaded.network


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of `work` once: of the processor's, or of the GPU's."""
    if device.type != "cuda":
        started = time.process_time()
        work()
        return time.process_time() - started
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    begun.record()
    work()
    ended.record()
    torch.cuda.synchronize()
    return float(begun.elapsed_time(ended)) / 1e3


def least(ways: Ways, device: torch.device) -> dict[str, float]:
    """Least seconds of each way; they take turns, so that a busy machine is busy for all of them."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        for way in ways.values():
            way()
        for _ in range(REPEATS[device.type]):
            for name, way in ways.items():
                taken[name].append(seconds(way, device))
    return {name: min(times) for name, times in taken.items()}


def backbone_flops(config: BackboneConfig) -> float:
    """Multiplications and additions of one image: four d x d products, the MLP and attention in each block."""
    tokens = config.grid[0] * config.grid[1]
    dense = (4 + 2 * config.mlp_ratio) * config.dim**2 * tokens
    attention = 2 * tokens**2 * config.dim
    patches = 3 * config.patch_px**2 * config.dim * tokens
    return 2 * (config.depth * (dense + attention) + patches)


def peak_flops(device: torch.device, precision: str) -> float:
    """What a large matrix product reaches."""
    size = 8192
    a, b = (torch.randn(size, size, device=device, dtype=TYPES[precision]) for _ in range(2))
    return 2 * size**3 / least({"product": lambda: a @ b}, device)["product"]


def difference(full: Hamer, half: Hamer, crops: Tensor) -> str:
    with torch.inference_mode():
        one, other = full({"img": crops}), half({"img": crops})
    apart = (other["pred_vertices"] - one["pred_vertices"]).norm(dim=-1) * 1e3
    pixels = (other["pred_keypoints_2d"] - one["pred_keypoints_2d"]).norm(dim=-1) * crops.shape[-1]
    return (
        f"vertices mean {apart.mean():.2f}, max {apart.max():.2f} mm; keypoints max {pixels.max():.2f} px of the crop"
    )


def under_autocast(network: nn.Module, batch: dict[str, Tensor]) -> Callable[[], object]:
    """A forward in the caller's own `torch.autocast` to bf16, opened anew for each."""

    def work() -> None:
        with torch.autocast(device_type=batch["img"].device.type, dtype=torch.bfloat16):
            network(batch)

    return work


def eager_ways(network: Hamer, kept: Hamer, crops: Tensor) -> Ways:
    """Forwards without a compiler; on a GPU the backbone alone too."""
    given = {"img": crops}
    ways: Ways = {
        "fp32": lambda: network(given),
        "bf16, torch.autocast": under_autocast(network, given),
        "bf16, load_hamer(precision='bf16')": lambda: kept(given),
    }
    if crops.device.type == "cuda":
        middle = network._middle(crops).contiguous()
        ways["backbone, fp32"] = lambda: network.backbone(middle)
        ways["backbone, bf16"] = under_autocast(_Reads(kept.backbone), {"img": middle})
    return ways


def compiled_ways(network: Hamer, kept: Hamer, crops: Tensor) -> Ways:
    """Forwards with compiled backbones."""
    given = {"img": crops}
    ways: Ways = {"fp32, compiled": lambda: network(given), "bf16, compiled": lambda: kept(given)}
    if crops.device.type == "cuda":
        middle = network._middle(crops).contiguous()
        ways["backbone, bf16, compiled"] = under_autocast(_Reads(kept.backbone), {"img": middle})
    return ways


def forwards(network: Hamer, kept: Hamer, crops: Tensor, batches: list[int], *, compiled: bool) -> None:
    """Images a second of the whole network, for each batch, type and way."""
    device = crops.device
    on_gpu = device.type == "cuda"
    flops = backbone_flops(network.config.backbone)
    peaks = {p: peak_flops(device, p) for p in ("fp32", "bf16")} if on_gpu else {}
    for precision, peak in peaks.items():
        print(f"a product of 8192 x 8192 matrices in {precision}: {peak / 1e12:.0f} TFLOP/s")
    bases: dict[int, float] = {}

    def table(batch: int, ways: Ways) -> None:
        for name, taken in least(ways, device).items():
            base = bases.setdefault(batch, taken)
            share = ""
            if name.startswith("backbone"):
                peak = peaks["bf16" if "bf16" in name else "fp32"]
                share = f", {100 * batch / taken * flops / peak:.0f}% of a matrix product"
            rate = f"{batch / taken:9.3f} images/s, {taken / base:.3f} of fp32's time"
            print(f"batch {batch:3d} {name:38} {rate}{share}", flush=True)

    for batch in batches:
        table(batch, eager_ways(network, kept, crops[:batch]))
    if compiled:
        for used in (network, kept):
            used.backbone.compile(dynamic=False)
        for batch in batches if on_gpu else batches[-1:]:
            table(batch, compiled_ways(network, kept, crops[:batch]))


class _Reads(nn.Module):
    """A backbone that takes a batch as the network does."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        features: Tensor = self.backbone(batch["img"])
        return features


def loops(network: Hamer, kept: Hamer, device: torch.device, images: int) -> None:
    """Images a second from files to PCK on a GPU."""
    with tempfile.TemporaryDirectory() as folder:
        hands = make_set(Path(folder), images)

        def ours(used: Hamer, workers: int) -> float:
            answers = evaluate(used, hands, batch_size=LOOP_BATCH, device=device, workers=workers)
            return score(hands, answers, resamplings=0, seed=0).subsets[0].pck[0].mean

        cores = len(os.sched_getaffinity(0))
        ways: dict[str, Callable[[], float]] = {
            f"HaMeR's way, fp32, batches of 16, {PLAIN_WORKERS} processes": lambda: plain_loop(
                network, hands, PLAIN_WORKERS, device
            ),
            "ours, fp32, threads": lambda: ours(network, 0),
            "ours, bf16, threads": lambda: ours(kept, 0),
            f"ours, bf16, {cores} processes": lambda: ours(kept, cores),
        }
        base = 0.0
        for name, way in ways.items():
            best = math.inf
            for _ in range(2):
                began = time.perf_counter()
                way()
                best = min(best, time.perf_counter() - began)
            base = base or best
            print(f"loop, {name}: {images / best:.0f} images/s, {base / best:.2f} times HaMeR's way", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=list(PRESETS), default="vit_h")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, nargs="+", help="default: 1 4, on a GPU 1 32 128")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--loop-images", type=int, default=LOOP_IMAGES, help="of the loop on a GPU; 0 leaves it out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    options.batch = options.batch or ([1, 32, 128] if on_gpu else [1, 4])
    where = torch.cuda.get_device_name(device) if on_gpu else f"{platform.machine()}, one thread"
    print(f"torch {torch.__version__}, {where}")
    network = through_a_file(random_network(options.preset), options.preset).to(device)
    side = network.config.image_px
    crops = torch.randn(max(options.batch), 3, side, side, generator=torch.Generator().manual_seed(1)).to(device)
    kept = copy.deepcopy(network)
    keep_in(kept, "bf16")
    print(f"bf16 against fp32: {difference(network, kept, crops[:8])}", flush=True)
    if on_gpu:
        single = copy.deepcopy(network)
        keep_in(single, "fp16")
        print(f"fp16 against fp32: {difference(network, single, crops[:8])}", flush=True)
        del single
        if options.loop_images:
            loops(network, kept, device, options.loop_images)
    forwards(network, kept, crops, options.batch, compiled=not options.no_compile)


if __name__ == "__main__":
    main()
