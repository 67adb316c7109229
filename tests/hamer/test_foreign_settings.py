"""Checkpoints whose settings are objects of the real yacs and OmegaConf: read without these packages, nothing run.

`make_foreign_checkpoints.py` made the files, with the packages; they are not installed here.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

import pytest
import torch
from golden_paths import COPIED
from make_foreign_checkpoints import CONFIG

from hint_tools.core.errors import DataError
from hint_tools.hamer import load_hamer

KINDS = ("yacs", "omegaconf")


def rewritten(kind: str, path: Path, change) -> Path:
    """The file with its pickle changed, whole and with right checksums otherwise."""
    with zipfile.ZipFile(COPIED / f"settings_{kind}.ckpt") as source, zipfile.ZipFile(path, "w") as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith("data.pkl"):
                changed = change(data)
                assert changed != data
                data = changed
            target.writestr(item, data)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_read_without_their_packages(kind: str) -> None:
    assert importlib.util.find_spec(kind) is None
    loaded = load_hamer(COPIED / f"settings_{kind}.ckpt")
    assert loaded.config == CONFIG
    assert (loaded.step, loaded.metadata["layout"]) == (1234, "hamer")
    # nothing had to be guessed; the hand model and the discriminator were left out of the file
    assert [f.code for f in loaded.findings] == ["hamer.keys-filled"]
    with torch.inference_mode():
        assert loaded.network({"img": torch.zeros(1, 3, 256, 256)})["pred_vertices"].isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_real_thing(kind: str) -> None:
    """The files ask for the foreign classes by name: torch's own safe reader refuses them."""
    data = (COPIED / f"settings_{kind}.ckpt").read_bytes()
    with pytest.raises(Exception, match=r"(yacs\.config\.CfgNode|omegaconf\.)"):
        torch.load(io.BytesIO(data), weights_only=True)


@pytest.mark.parametrize(("kind", "name"), [
    ("yacs", b"cyacs.config\nCfgNode\n"), ("omegaconf", b"comegaconf.dictconfig\nDictConfig\n"),
    ("omegaconf", b"comegaconf.nodes\nAnyNode\n"),
])  # fmt: skip
@pytest.mark.parametrize("hostile", [
    b"cbuiltins\neval\n", b"cos\nsystem\n", b"ctorch.hub\nload\n", b"comegaconf.resolvers.oc\nenv\n",
    b"cyacs.config\nexec\n",
])  # fmt: skip
def test_another_name_in_its_place_is_not_opened(tmp_path: Path, kind: str, name: bytes, hostile: bytes) -> None:
    path = rewritten(kind, tmp_path / "x.ckpt", lambda data: data.replace(name, hostile))
    with pytest.raises(DataError, match="without running code") as caught:
        load_hamer(path)
    assert caught.value.exit_code == 4
    assert hostile[1:].split(b"\n")[1].decode() in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_make_no_network_are_one_message(tmp_path: Path, kind: str) -> None:
    """A text where a number belongs: the file is told, and what to put beside it."""
    path = rewritten(kind, tmp_path / "x.ckpt", lambda data: data.replace(b"FOCAL_LENGTH", b"IMAGE_LENGTH"))
    assert load_hamer(path).config.focal_px == 5000.0
    path = rewritten(
        kind, tmp_path / "y.ckpt", lambda data: data.replace(b"transformer_decoder", b"transformer_encoder")
    )
    with pytest.raises(DataError, match="transformer_encoder") as caught:
        load_hamer(path)
    assert "model_config.yaml" in caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_is_one_message(tmp_path: Path, kind: str) -> None:
    data = (COPIED / f"settings_{kind}.ckpt").read_bytes()
    for end in (10, len(data) // 2, len(data) - 30):
        path = tmp_path / "x.ckpt"
        path.write_bytes(data[:end])
        with pytest.raises(DataError, match=r"x\.ckpt"):
            load_hamer(path)
