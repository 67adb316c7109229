from __future__ import annotations

import sys
import types
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.hamer.checkpoint import export_safetensors, load_checkpoint, save_checkpoint
from hint_tools.hamer.config import PRESETS, BackboneConfig, DecoderConfig, HamerConfig
from hint_tools.hamer.model_config import config_to_fields, write_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import load_hand_model

ODD = HamerConfig(  # neither a preset, nor 64-wide heads
    backbone=BackboneConfig(dim=48, depth=1, heads=3, mlp_ratio=2.0, image_height_px=128, image_width_px=96),
    decoder=DecoderConfig(dim=32, depth=3, heads=5, dim_head=8, mlp_dim=40, context_dim=48),
    image_px=128,
)


@pytest.fixture(scope="module")
def network() -> Hamer:
    torch.manual_seed(3)
    return Hamer(PRESETS["tiny"], load_hand_model()).eval()


def save_as_released(path: Path, network: Hamer, **more) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"epoch": 0, "global_step": 7, "state_dict": network.state_dict(), **more}, path)
    return path


def same_answer(a: Hamer, b: Hamer) -> bool:
    side = a.config.image_px
    image = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.equal(a.eval()({"img": image})["pred_vertices"], b.eval()({"img": image})["pred_vertices"])


@pytest.mark.parametrize("config", [PRESETS["tiny"], ODD], ids=["tiny", "odd"])
def test_our_checkpoint_brings_its_network_of_any_size(tmp_path, config) -> None:
    saved = Hamer(config, load_hand_model())
    save_checkpoint(tmp_path / "a.ckpt", saved, step=12, hand_model=load_hand_model(), metadata={"note": "x"})
    loaded = load_checkpoint(tmp_path / "a.ckpt")
    assert (loaded.config, loaded.step, loaded.metadata["note"], loaded.findings) == (config, 12, "x", ())
    assert loaded.metadata["hand_model"] == load_hand_model().identity
    assert same_answer(saved, loaded.network)


def test_safetensors_hold_the_same_network(tmp_path, network) -> None:
    save_checkpoint(tmp_path / "a.ckpt", network, step=5, hand_model=load_hand_model(), training={"optimiser": {}})
    export_safetensors(tmp_path / "a.safetensors", load_checkpoint(tmp_path / "a.ckpt"))
    loaded = load_checkpoint(tmp_path / "a.safetensors")
    assert (loaded.config, loaded.step, loaded.training) == (network.config, 5, {})
    expected, got = network.state_dict(), loaded.network.state_dict()
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)


def test_the_released_layout_is_read_off_its_shapes(tmp_path, network) -> None:
    loaded = load_checkpoint(save_as_released(tmp_path / "checkpoints" / "hamer.ckpt", network))
    assert (loaded.config, loaded.step, loaded.metadata["layout"]) == (PRESETS["tiny"], 7, "hamer")
    assert same_answer(network, loaded.network)


def test_its_model_config_is_used(tmp_path) -> None:
    """Heads and focal length leave no trace in shapes."""
    config = replace(ODD, focal_px=1234.0)
    network = Hamer(config, load_hand_model())
    path = save_as_released(tmp_path / "checkpoints" / "hamer.ckpt", network)
    with pytest.raises(DataError, match="number of attention heads"):
        load_checkpoint(path)
    write_model_config(tmp_path / "model_config.yaml", config)
    loaded = load_checkpoint(path)
    assert loaded.config == config
    assert same_answer(network, loaded.network)


def test_a_model_config_of_another_network_is_reported(tmp_path, network) -> None:
    path = save_as_released(tmp_path / "checkpoints" / "hamer.ckpt", network)
    write_model_config(tmp_path / "model_config.yaml", replace(PRESETS["vit_h"], focal_px=1000.0))
    loaded = load_checkpoint(path)
    assert [f.code for f in loaded.findings] == ["hamer.config-differs"]
    assert loaded.config == replace(PRESETS["tiny"], focal_px=1000.0)


def test_assumed_heads_are_told(tmp_path) -> None:
    config = HamerConfig(
        backbone=BackboneConfig(dim=192, depth=1, heads=3),
        decoder=DecoderConfig(dim=64, depth=1, heads=2, dim_head=64, mlp_dim=64, context_dim=192),
    )
    loaded = load_checkpoint(save_as_released(tmp_path / "a" / "x.ckpt", Hamer(config, load_hand_model())))
    assert [f.code for f in loaded.findings] == ["hamer.heads-assumed"]
    assert loaded.config == config


@pytest.fixture
def yacs_class(monkeypatch):
    """A class with yacs' name and form, importable while the checkpoint is written only."""
    module = types.ModuleType("yacs.config")
    node = type("CfgNode", (dict,), {"__module__": "yacs.config"})
    module.CfgNode = node
    monkeypatch.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
    monkeypatch.setitem(sys.modules, "yacs.config", module)

    def make(values):
        made = node({k: make(v) if isinstance(v, dict) else v for k, v in values.items()})
        made.__dict__["__immutable__"] = True
        return made

    return make


def test_settings_of_the_reference_training_are_read_without_its_classes(tmp_path, yacs_class, monkeypatch) -> None:
    network = Hamer(ODD, load_hand_model())
    cfg = yacs_class(config_to_fields(ODD))
    path = save_as_released(tmp_path / "a" / "x.ckpt", network, hyper_parameters={"cfg": cfg})
    monkeypatch.delitem(sys.modules, "yacs.config")
    monkeypatch.delitem(sys.modules, "yacs")
    assert load_checkpoint(path).config == ODD


class Evil:
    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self):
        return Path.touch, (self.sentinel,)


def test_a_checkpoint_that_wants_to_run_code_is_not_opened(tmp_path, network) -> None:
    sentinel = tmp_path / "ran"
    path = save_as_released(tmp_path / "a" / "x.ckpt", network, hyper_parameters=Evil(sentinel))
    with pytest.raises(DataError, match="without running code") as caught:
        load_checkpoint(path)
    assert "getattr" in str(caught.value) or "pathlib" in str(caught.value)
    assert "state_dict" in caught.value.hint
    assert not sentinel.exists()


def test_what_does_not_fit_is_reported_at_once(tmp_path, network) -> None:
    state = dict(network.state_dict())
    del state["backbone.last_norm.weight"]
    state["mano_head.decpose.bias"] = torch.zeros(144)
    state["backbone.texture.weight"] = torch.zeros(1)
    state["mano_head.deccam.bias"] = torch.full((3,), torch.nan)
    torch.save({"state_dict": state}, tmp_path / "x.ckpt")
    with pytest.raises(DataError) as caught:
        load_checkpoint(tmp_path / "x.ckpt")
    for part in (
        "1 missing (backbone.last_norm.weight)",
        "1 unexpected (backbone.texture.weight)",
        "1 misshaped (mano_head.decpose.bias: expected [96], got [144])",
        "1 not finite (mano_head.deccam.bias)",
    ):
        assert part in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_checkpoint_that_does_not_fit_the_asked_network(tmp_path, network) -> None:
    save_checkpoint(tmp_path / "a.ckpt", network, step=1, hand_model=load_hand_model())
    with pytest.raises(DataError, match="does not fit the network"):
        load_checkpoint(tmp_path / "a.ckpt", config=PRESETS["small"])


def test_hand_and_discriminator_may_be_absent(tmp_path, network) -> None:
    state = {k: v for k, v in network.state_dict().items() if k.startswith(("backbone.", "mano_head."))}
    torch.save(state, tmp_path / "weights.ckpt")
    loaded = load_checkpoint(tmp_path / "weights.ckpt")
    assert [f.code for f in loaded.findings] == ["hamer.keys-filled"]
    assert same_answer(network, loaded.network)
    assert all(p.device.type == "cpu" for p in loaded.network.parameters())


def test_half_precision_weights_become_single(tmp_path, network) -> None:
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}, tmp_path / "h.ckpt"
    )
    loaded = load_checkpoint(tmp_path / "h.ckpt").network
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


@pytest.mark.shared
def test_another_hand_than_the_checkpoints_is_told(golden, random_hand) -> None:
    own = load_checkpoint(golden / "hamer_tiny.ckpt", hand_model=random_hand)
    other = load_checkpoint(golden / "hamer_tiny.ckpt", hand_model=load_hand_model())
    assert "hamer.hand-model-differs" not in [f.code for f in own.findings]
    assert "hamer.hand-model-differs" in [f.code for f in other.findings]
    assert same_answer(own.network, other.network)  # the checkpoint's hand wins in both


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "folder", "list", "missing", "version"])
def test_broken_files_are_data_errors(tmp_path, network, damage) -> None:
    path = tmp_path / "x.ckpt"
    save_checkpoint(path, network, step=1, hand_model=load_hand_model())
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda i: i.file_size)
        middle = largest.header_offset + largest.file_size // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 0x40]) + data[middle + 1 :])
    elif damage in ("empty", "text"):
        path.write_bytes(b"" if damage == "empty" else b"not a checkpoint")
    elif damage in ("folder", "missing"):
        path.unlink()
        if damage == "folder":
            path.mkdir()
    elif damage == "list":
        torch.save([1, 2], path)
    else:
        torch.save({"format": "hint-tools.hamer", "format_version": 99, "state_dict": {}}, path)
    with pytest.raises(DataError, match=r"x\.ckpt") as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < 600


def test_broken_safetensors_are_data_errors(tmp_path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(DataError, match="safetensors"):
        load_checkpoint(tmp_path / "x.safetensors")


def test_a_stored_configuration_that_makes_no_network_is_a_data_error(tmp_path, network) -> None:
    save_checkpoint(tmp_path / "x.ckpt", network, step=1, hand_model=load_hand_model())
    document = torch.load(tmp_path / "x.ckpt", weights_only=True)
    document["config"]["backbone"]["heads"] = 5
    torch.save(document, tmp_path / "x.ckpt")
    with pytest.raises(DataError, match="divisor"):
        load_checkpoint(tmp_path / "x.ckpt")


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path, network) -> None:
    path = tmp_path / "x.ckpt"
    save_checkpoint(path, network, step=1, hand_model=load_hand_model())
    before = path.read_bytes()
    with pytest.raises((AttributeError, TypeError)):
        save_checkpoint(path, network, step=2, hand_model=load_hand_model(), training={"bad": lambda: None})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.ckpt"]


def test_a_wrong_model_config_beside_it_names_the_file(tmp_path, network) -> None:
    path = save_as_released(tmp_path / "checkpoints" / "hamer.ckpt", network)
    (tmp_path / "model_config.yaml").write_text("MODEL: {BACKBONE: {TYPE: resnet}}")
    with pytest.raises(ConfigError, match=r"model_config\.yaml"):
        load_checkpoint(path)
