"""`load_hamer` on every kind of file people have, and on those they should not trust."""

from __future__ import annotations

import collections
import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from golden_paths import COPIED
from typer.testing import CliRunner

from hint_tools.cli import hamer as hamer_verbs
from hint_tools.core.errors import DataError, EnvironmentFault, UsageError
from hint_tools.core.findings import Severity
from hint_tools.hamer import load_hamer
from hint_tools.hamer.checkpoint import load_checkpoint, save_checkpoint
from hint_tools.hamer.config import PRESETS
from hint_tools.hamer.convert import convert, describe
from hint_tools.hamer.model_config import write_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.hamer.precision import keep_in
from hint_tools.mano.assets import load_hand_model

CROP = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network() -> Hamer:
    torch.manual_seed(5)
    return Hamer(PRESETS["tiny"], load_hand_model()).eval()


def features(network: Hamer) -> torch.Tensor:
    with torch.no_grad():
        return network.backbone(CROP[..., 32:-32])


def trunk(network: Hamer) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in network.state_dict().items() if k.startswith("backbone.")}


def test_the_network_is_ready_to_answer(tmp_path, network) -> None:
    torch.save({"state_dict": network.state_dict(), "global_step": 9}, tmp_path / "hamer.ckpt")
    loaded = load_hamer(str(tmp_path / "hamer.ckpt"))
    assert not loaded.network.training
    assert (loaded.config, loaded.step, loaded.has_head, loaded.findings) == (PRESETS["tiny"], 9, True, ())
    assert (loaded.keys.missing, loaded.keys.unexpected) == ((), ())
    with torch.no_grad():
        expected, got = network({"img": CROP}), loaded.network({"img": CROP})
    assert torch.equal(expected["pred_vertices"], got["pred_vertices"])


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, hint_tools.hamer as h; assert 'torch' not in sys.modules; assert 'load_hamer' in h.__all__"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


VITPOSE = {
    "keypoint_head.final_layer.weight": torch.zeros(17, 8, 1, 1),
    "keypoint_head.final_layer.bias": torch.zeros(17),
}


@pytest.mark.parametrize("layout", ["vitpose", "bare", "no-class-place", "state"])
def test_a_vitpose_backbone_gives_the_same_features(tmp_path, network, layout) -> None:
    state = trunk(network)
    if layout == "bare":
        state = {k.removeprefix("backbone."): v for k, v in state.items()}
    elif layout == "no-class-place":  # 192 places: what the class token's place would have added is in the patches'
        places = state["backbone.pos_embed"]
        state["backbone.pos_embed"] = places[:, 1:] + places[:, :1]
    else:
        state |= VITPOSE
    document = state if layout == "state" else {"meta": {"epoch": np.int64(3)}, "state_dict": state}
    torch.save(document, tmp_path / "vitpose.pth")
    loaded = load_hamer(tmp_path / "vitpose.pth", config=PRESETS["tiny"])
    torch.testing.assert_close(features(loaded.network), features(network), rtol=1e-5, atol=1e-5)
    assert not loaded.has_head
    codes = [f.code for f in loaded.findings]
    assert codes[0] == "hamer.head-untrained"
    assert ("hamer.keys-ignored" in codes) == (layout in ("vitpose", "state"))
    assert all(k.startswith(("mano_head.", "discriminator.", "mano.", "initialized")) for k in loaded.keys.missing)


def test_a_backbone_alone_is_refused_where_answers_are_wanted(tmp_path, network) -> None:
    torch.save({"state_dict": trunk(network)}, tmp_path / "vitpose.pth")
    with pytest.raises(DataError, match="backbone alone") as caught:
        load_checkpoint(tmp_path / "vitpose.pth", config=PRESETS["tiny"])
    assert "hint train" in caught.value.hint


def test_a_fresh_head_is_always_the_same_and_leaves_the_generator_alone(tmp_path, network) -> None:
    torch.save({"state_dict": trunk(network)}, tmp_path / "vitpose.pth")
    heads = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        loaded = load_hamer(tmp_path / "vitpose.pth", config=PRESETS["tiny"])
        assert torch.equal(torch.get_rng_state(), before)
        heads.append(loaded.network.mano_head.state_dict())
    assert all(torch.equal(heads[0][k], heads[1][k]) for k in heads[0])
    assert heads[0]["decpose.weight"].abs().sum() > 0


@pytest.mark.parametrize(("preset", "heads"), [("vit_s", 12), ("vit_b", 12), ("vit_l", 16), ("vit_h", 16)])
def test_vitpose_sizes_are_read_off_their_shapes(preset, heads) -> None:
    """S has 32-wide heads, so a rule of 64 would give half of them."""
    from hint_tools.hamer.infer import config_of_shapes

    with torch.device("meta"):
        state = Hamer(PRESETS[preset], load_hand_model()).state_dict()
    alone = {k: v for k, v in state.items() if k.startswith("backbone.")}
    config, findings = config_of_shapes(alone, source="x")
    assert (config.backbone, config.backbone.heads, findings) == (PRESETS[preset].backbone, heads, ())
    assert config.decoder == PRESETS[preset].decoder


def test_a_backbone_takes_the_decoder_of_the_config_beside_it(tmp_path, network) -> None:
    torch.save(trunk(network), tmp_path / "v.pth")
    own = replace(PRESETS["tiny"], decoder=replace(PRESETS["tiny"].decoder, depth=1, heads=3), focal_px=900.0)
    write_model_config(tmp_path / "model_config.yaml", own)
    assert load_hamer(tmp_path / "v.pth").config == own


@pytest.mark.parametrize("preset", ["vit_s", "vit_b", "vit_l", "vit_h"])
def test_backbones_have_as_many_parameters_as_counted_by_hand(preset) -> None:
    """Patches, places, blocks and last norm: d (3·16² + 1) + 193 d + depth (12 d² + 13 d) + 2 d; ViT-H: 630,912,000."""
    d, depth = PRESETS[preset].backbone.dim, PRESETS[preset].backbone.depth
    by_hand = d * (3 * 16**2 + 1) + 193 * d + depth * (12 * d * d + 13 * d) + 2 * d
    with torch.device("meta"):
        assert sum(p.numel() for p in Hamer(PRESETS[preset], load_hand_model()).backbone.parameters()) == by_hand


def test_a_wilor_checkpoint_gives_its_backbone(tmp_path, network) -> None:
    dim = PRESETS["tiny"].backbone.dim
    state = trunk(network) | {
        "backbone.pose_emb.weight": torch.zeros(dim, 6), "backbone.decpose.weight": torch.zeros(6, dim),
        "backbone.init_hand_pose": torch.zeros(1, 96), "refine_net.deconv.first_conv.0.weight": torch.zeros(4, 4),
    }  # fmt: skip
    torch.save({"state_dict": state, "hyper_parameters": {}}, tmp_path / "wilor.ckpt")
    loaded = load_hamer(tmp_path / "wilor.ckpt", config=PRESETS["tiny"])
    assert loaded.keys.unexpected == tuple(sorted(state.keys() - trunk(network).keys()))
    assert torch.equal(features(loaded.network), features(network))


def test_a_backbone_of_other_shapes_is_refused(tmp_path, network) -> None:
    state = trunk(network)
    state["backbone.blocks.1.mlp.fc2.weight"] = torch.zeros(32, 256)  # a mixture of experts splits it
    torch.save({"state_dict": state}, tmp_path / "moe.pth")
    with pytest.raises(DataError, match="1 misshaped"):
        load_hamer(tmp_path / "moe.pth", config=PRESETS["tiny"])
    del state["backbone.blocks.1.mlp.fc2.weight"]
    torch.save({"state_dict": state}, tmp_path / "cut.pth")
    with pytest.raises(DataError, match="1 missing"):
        load_hamer(tmp_path / "cut.pth", config=PRESETS["tiny"])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "noted",
    [
        np.float64(0.5), np.arange(3.0), Path("data/mano"), collections.defaultdict(list, {"a": [1]}),
        collections.Counter("abc"), torch.float16,
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_what_training_tools_note_beside_the_weights_is_passed_over(tmp_path, network, noted, zipped) -> None:
    path = tmp_path / "x.ckpt"
    document = {"state_dict": network.state_dict(), "hyper_parameters": {"noted": noted}}
    torch.save(document, path, _use_new_zipfile_serialization=zipped)
    assert load_hamer(path).config == PRESETS["tiny"]


class Evil:
    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self):
        return Path.touch, (self.sentinel,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("where", ["settings", "weights", "whole"])
def test_a_hostile_file_runs_nothing(tmp_path, network, where, zipped) -> None:
    sentinel, path = tmp_path / "ran", tmp_path / "x.ckpt"
    evil = Evil(sentinel)
    document = {
        "settings": {"state_dict": network.state_dict(), "hyper_parameters": evil},
        "weights": {"state_dict": {**network.state_dict(), "backbone.x": evil}},
        "whole": evil,
    }[where]
    torch.save(document, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match="it asks for") as caught:
        load_hamer(path)
    assert len(str(caught.value)) < 400
    assert not sentinel.exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_scripted_module_is_not_run(tmp_path) -> None:
    path = tmp_path / "x.ckpt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(DataError, match=r"x\.ckpt"):
        load_hamer(path)


def test_no_such_device(tmp_path, network) -> None:
    torch.save(network.state_dict(), tmp_path / "x.ckpt")
    with pytest.raises(EnvironmentFault, match="device"):
        load_hamer(tmp_path / "x.ckpt", device="tpu9")


def test_a_converted_checkpoint_answers_the_same_without_the_hand(tmp_path, network) -> None:
    save_checkpoint(tmp_path / "a.ckpt", network, step=4, hand_model=load_hand_model())
    report = convert(tmp_path / "a.ckpt", tmp_path / "a.safetensors")
    counts = report.counts
    assert counts["arrays written"] + counts["left out, hand model"] == counts["arrays in the checkpoint"]
    from safetensors import safe_open

    with safe_open(tmp_path / "a.safetensors", framework="np") as opened:
        names = set(opened.keys())
    assert names == {n for n in network.state_dict() if not n.startswith("mano.")}
    loaded = load_hamer(tmp_path / "a.safetensors")
    assert [f.code for f in loaded.findings] == ["hamer.keys-filled"]
    assert loaded.step == 4
    with torch.no_grad():
        assert torch.equal(network({"img": CROP})["pred_vertices"], loaded.network({"img": CROP})["pred_vertices"])
    first = (tmp_path / "a.safetensors").read_bytes()
    convert(tmp_path / "a.ckpt", tmp_path / "a.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == first


@pytest.mark.shared
def test_another_hand_than_the_one_left_out_is_told(tmp_path, golden, random_hand) -> None:
    """The released layout does not name its hand: the sums that stay tell it."""
    convert(golden / "hamer_tiny.ckpt", tmp_path / "a.safetensors")
    own = load_hamer(tmp_path / "a.safetensors", hand_model=random_hand)
    other = load_hamer(tmp_path / "a.safetensors")
    assert [f.code for f in own.findings] == ["hamer.keys-filled"]
    assert "hamer.hand-model-differs" in [f.code for f in other.findings]


@pytest.mark.shared
def test_the_reference_checkpoint_is_described(golden) -> None:
    report = describe(golden / "hamer_tiny.ckpt")
    expected = json.loads((COPIED / "state_dict_tiny.json").read_text())
    learned = sum(int(np.prod(v["shape"])) for v in expected.values() if v["param"])
    assert report.counts["parameters"] == learned
    assert (report.counts["arrays missing"], report.counts["arrays unexpected"]) == (0, 0)
    assert report.counts["layout"] == "hamer"


def test_convert_wants_the_right_ending_and_a_head(tmp_path, network) -> None:
    save_checkpoint(tmp_path / "a.ckpt", network, step=1, hand_model=load_hand_model())
    with pytest.raises(UsageError, match="safetensors"):
        convert(tmp_path / "a.ckpt", tmp_path / "b.ckpt")
    torch.save(trunk(network), tmp_path / "v.pth")
    write_model_config(tmp_path / "model_config.yaml", PRESETS["tiny"])
    with pytest.raises(DataError, match="backbone alone"):
        convert(tmp_path / "v.pth", tmp_path / "v.safetensors")
    assert describe(tmp_path / "v.pth").counts["decoder"] == "none in the file"
    convert(tmp_path / "a.ckpt", tmp_path / "dry.safetensors", dry_run=True)
    assert not (tmp_path / "dry.safetensors").exists()


def test_the_commands(tmp_path, network) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    hamer_verbs.register(app)

    def hint(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(words))
        return done.exit_code, done.stdout

    save_checkpoint(tmp_path / "a.ckpt", network, step=1, hand_model=load_hand_model())
    made = str(tmp_path / "a.safetensors")
    assert hint("hamer", "convert", str(tmp_path / "a.ckpt"), made, "--json")[0] == 0
    code, told = hint("hamer", "info", made, "--json")
    assert (code, json.loads(told)["counts"]["layout"]) == (0, "safetensors")
    (tmp_path / "bad.ckpt").write_bytes(b"no")
    assert hint("hamer", "info", str(tmp_path / "bad.ckpt"))[0] == 4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_answers_in_single(network, dtype) -> None:
    with torch.no_grad():
        full = network({"img": CROP})
        with torch.autocast("cpu", dtype=dtype):
            half = network({"img": CROP})
    assert half.keys() == full.keys()
    flat = {k: v for k, v in half.items() if k != "pred_mano_params"} | half["pred_mano_params"]
    assert {v.dtype for v in flat.values()} == {torch.float32}
    assert 0 < (half["pred_vertices"] - full["pred_vertices"]).abs().max() < 0.002


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_matrices_kept_in_half_precision_give_the_same_bits(network, precision, dtype) -> None:
    kept = copy.deepcopy(network)
    keep_in(kept, precision)
    assert sum(p.dtype != torch.float32 for p in kept.parameters()) == 2 * (1 + 4 * PRESETS["tiny"].backbone.depth)
    with torch.no_grad():
        plain = network({"img": CROP})
        got = kept({"img": CROP})
        with torch.autocast("cpu", dtype=dtype):
            expected, again = network({"img": CROP}), kept({"img": CROP})
    assert torch.equal(got["pred_vertices"], expected["pred_vertices"])
    assert torch.equal(again["pred_vertices"], expected["pred_vertices"])
    assert 0 < (got["pred_vertices"] - plain["pred_vertices"]).abs().max() < 0.002


def test_loaded_in_half_precision_it_needs_no_autocast(tmp_path, network) -> None:
    save_checkpoint(tmp_path / "a.ckpt", network, step=1, hand_model=load_hand_model())
    half = load_hamer(tmp_path / "a.ckpt", precision="bf16").network
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected = load_hamer(tmp_path / "a.ckpt").network({"img": CROP})
    with torch.inference_mode():
        got = half({"img": CROP})
    assert got["pred_vertices"].dtype == torch.float32
    assert torch.equal(got["pred_keypoints_2d"], expected["pred_keypoints_2d"])
    with pytest.raises(EnvironmentFault, match="can't compute in fp16"):
        keep_in(copy.deepcopy(network).to("meta"), "fp16")


def test_the_network_compiles_without_breaks(network) -> None:
    """The graph is caught whole, and answers the same; a back end is not needed to see that."""
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    with torch.no_grad():
        expected, got = network({"img": CROP}), compiled({"img": CROP})
    torch.testing.assert_close(got["pred_vertices"], expected["pred_vertices"], rtol=0, atol=1e-6)
    torch._dynamo.reset()


def test_modules_of_others_are_ignored_and_told(tmp_path, network) -> None:
    """As in HTM's checkpoints, which are HaMeR's with textures."""
    more = {"texture_model.a": torch.zeros(2), "texture_model.b": torch.zeros(1), "recoLoss.vgg.weight": torch.zeros(3)}
    torch.save({"state_dict": network.state_dict() | more}, tmp_path / "htm.ckpt")
    loaded = load_hamer(tmp_path / "htm.ckpt")
    (finding,) = loaded.findings
    assert (finding.code, finding.count, finding.severity) == ("hamer.modules-ignored", 3, Severity.WARNING)
    assert loaded.keys.unexpected == tuple(sorted(more))
    with torch.no_grad():
        assert torch.equal(loaded.network({"img": CROP})["pred_vertices"], network({"img": CROP})["pred_vertices"])


@pytest.mark.parametrize("wrapped", ["module.{}", "model.{}", "module.model.{}", "model.module.{}", "_orig_mod.{}"])
def test_wrapped_networks_are_unwrapped(tmp_path, network, wrapped) -> None:
    """As data parallelism, Lightning modules and compilers name things."""
    state = network.state_dict()
    torch.save({wrapped.format(name): values for name, values in state.items()}, tmp_path / "w.ckpt")
    loaded = load_hamer(tmp_path / "w.ckpt")
    assert not loaded.findings
    assert all(torch.equal(values, state[name]) for name, values in loaded.network.state_dict().items())


def test_a_compiled_backbone_among_other_parts(tmp_path, network) -> None:
    state = {n.replace("backbone.", "backbone._orig_mod."): v for n, v in network.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "c.ckpt")
    assert not load_hamer(tmp_path / "c.ckpt").findings
    # names that would fall together are left as they are, and refused
    torch.save({"state_dict": network.state_dict() | state}, tmp_path / "d.ckpt")
    with pytest.raises(DataError, match="unexpected"):
        load_hamer(tmp_path / "d.ckpt")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_hand_in_half_precision_is_the_same_hand(tmp_path, network, dtype) -> None:
    state = {n: v.to(dtype) if v.is_floating_point() else v for n, v in network.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "half.ckpt")
    assert not load_hamer(tmp_path / "half.ckpt").findings
    state["mano.v_template"] = state["mano.v_template"] * 1.01
    torch.save({"state_dict": state}, tmp_path / "other.ckpt")
    assert [f.code for f in load_hamer(tmp_path / "other.ckpt").findings] == ["hamer.hand-model-differs"]
