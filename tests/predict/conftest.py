from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from hint_tools.core.records import Side
from hint_tools.hamer.checkpoint import save_checkpoint
from hint_tools.hamer.config import PRESETS
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.media.images import encode_png
from hint_tools.synth.stills import Still, make_still, seeded


@pytest.fixture(autouse=True)
def quiet_machine(tmp_path, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HINT_MANO", raising=False)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def model() -> HandModel:
    return load_hand_model()


@dataclass(frozen=True)
class Scene:
    folder: Path
    stills: dict[str, Still]
    boxes: Path

    @property
    def hands(self) -> int:
        return sum(len(still.hands) for still in self.stills.values())


@pytest.fixture(scope="session")
def scene(tmp_path_factory, model) -> Scene:
    """Three rendered pictures with left and right hands, and a COCO file of their true boxes."""
    root = tmp_path_factory.mktemp("scene")
    folder = root / "pictures"
    folder.mkdir()
    stills: dict[str, Still] = {}
    coco = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "left_hand"}, {"id": 2, "name": "right"}]}
    for i in range(3):
        name = f"a{i}.png"
        still = make_still(
            seeded(3, "pw", i), model, file=name, where="desk", view="upright", width_px=320, height_px=240
        )
        stills[name] = still
        (folder / name).write_bytes(encode_png(still.picture))
        coco["images"].append({"id": i, "file_name": name})
        for hand in still.hands:
            x0, y0, x1, y1 = hand.box.tolist()
            coco["annotations"].append(
                {
                    "id": len(coco["annotations"]),
                    "image_id": i,
                    "bbox": [x0 + 0.5, y0 + 0.5, x1 - x0, y1 - y0],
                    "category_id": 1 if hand.side == Side.LEFT else 2,
                }
            )
    (root / "boxes.json").write_text(json.dumps(coco))
    return Scene(folder, stills, root / "boxes.json")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, model) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.ckpt"
    save_checkpoint(path, Hamer(PRESETS["tiny"], model), step=3, hand_model=model)
    return path
