"""How fast the network is, how far half precision moves its answers, and that the paper's checkpoint fits.

    python benchmarks/hamer.py                      # ViT-H: 12 GB of memory, minutes
    python benchmarks/hamer.py --preset vit_b --device cuda --batch 1 32 128

Random weights of unit gain (normals over the root of the inputs' number), so that every part of the network has
something to do. On a CPU: one thread, CPU seconds, the least of the repeats. On a GPU: wall seconds between events,
and the backbone's share of what a large matrix product reaches in the same type.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from hint_tools.hamer import load_hamer
from hint_tools.hamer.config import PRESETS, BackboneConfig
from hint_tools.hamer.network import Hamer
from hint_tools.hamer.precision import autocast, keep_in
from hint_tools.mano.assets import load_hand_model

REPEATS = 3
KEYS = Path(__file__).parents[1] / "tests" / "hamer" / "golden" / "state_dict_full.json"


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


def seconds(network: nn.Module, batch: dict[str, Tensor], device: torch.device, precision: str) -> float:
    """Least seconds of one forward: CPU seconds, or seconds of the GPU."""
    times = []
    with torch.inference_mode(), autocast(device, precision):  # type: ignore[arg-type]
        network(batch)
        for _ in range(REPEATS):
            if device.type == "cuda":
                begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                begun.record()
                network(batch)
                ended.record()
                torch.cuda.synchronize()
                times.append(begun.elapsed_time(ended) / 1e3)
            else:
                started = time.process_time()
                network(batch)
                times.append(time.process_time() - started)
    return min(times)


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
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))

    class Product(nn.Module):
        def forward(self, _: dict[str, Tensor]) -> Tensor:
            return a @ b

    return 2 * size**3 / seconds(Product(), {}, device, "fp32")


def difference(network: nn.Module, crops: Tensor, device: torch.device, precision: str) -> str:
    with torch.inference_mode():
        full = network({"img": crops})
        with autocast(device, precision):  # type: ignore[arg-type]
            half = network({"img": crops})
    apart = (half["pred_vertices"] - full["pred_vertices"]).norm(dim=-1) * 1e3
    pixels = (half["pred_keypoints_2d"] - full["pred_keypoints_2d"]).norm(dim=-1) * crops.shape[-1]
    return (
        f"vertices mean {apart.mean():.2f}, max {apart.max():.2f} mm; keypoints max {pixels.max():.2f} px of the crop"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", choices=list(PRESETS), default="vit_h")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--no-compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(options.device)
    network = through_a_file(random_network(options.preset), options.preset).to(device)
    flops = backbone_flops(network.config.backbone)
    peaks = {p: peak_flops(device, p) for p in ("fp32", "bf16")} if device.type == "cuda" else {}
    side = network.config.image_px
    crops = torch.randn(max(options.batch), 3, side, side, generator=torch.Generator().manual_seed(1)).to(device)
    for precision in ("bf16", "fp16") if device.type == "cuda" else ("bf16",):
        print(f"{precision} against fp32: {difference(network, crops[:8], device, precision)}", flush=True)
    base: dict[int, float] = {}

    def row(used: Hamer, batch: int, precision: str, what: str) -> None:
        rate = batch / seconds(used, {"img": crops[:batch]}, device, precision)
        base.setdefault(batch, rate)
        share = f", backbone at {100 * rate * flops / peaks[precision]:.0f}% of a matrix product" if peaks else ""
        print(
            f"batch {batch:3d} {precision} {what:24} {rate:8.3f} images/s, {rate / base[batch]:.2f} x{share}",
            flush=True,
        )

    kept = copy.deepcopy(network)
    keep_in(kept, "bf16")
    for batch in options.batch:
        row(network, batch, "fp32", "")
        row(network, batch, "bf16", "autocast")
        row(kept, batch, "bf16", "matrices kept in bf16")
    if not options.no_compile:
        for used in (network, kept):
            used.backbone.compile()
        for batch in options.batch if device.type == "cuda" else options.batch[-1:]:
            row(network, batch, "fp32", "compiled")
            row(kept, batch, "bf16", "kept in bf16, compiled")


if __name__ == "__main__":
    main()
