"""Networks and photographs that the tests of this room share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.geometry import Floats
from hint_tools.media.images import Rgb, read_image
from hint_tools.prelabel.weights import HandWeights, ensure_hand_weights

REAL_HANDS = Path(__file__).resolve().parents[3] / "shared" / "data" / "real_hands"


@dataclass(frozen=True)
class RealHand:
    """A hand of a photograph with ground truth."""

    name: str
    image: Rgb
    box: Floats
    keypoints: Floats
    labelled: np.typing.NDArray[np.bool_]
    side: str | None

    @property
    def size_px(self) -> float:
        return float((self.box[2:] - self.box[:2]).max())


@pytest.fixture(scope="session")
def weights() -> HandWeights:
    """The embedded networks; the first test of a machine really fetches them."""
    return ensure_hand_weights()


@pytest.fixture(scope="session")
def real_hands() -> list[RealHand]:
    listing = REAL_HANDS / "hands.json"
    if not listing.exists():
        pytest.skip(f"no reference photographs ({listing})")
    hands = []
    for entry in json.loads(listing.read_text()):
        path = REAL_HANDS / "images" / entry["dataset"] / entry["file"]
        x, y, width, height = entry["bbox_xywh"]
        hands.append(
            RealHand(
                name=f"{entry['dataset']}/{entry['file']}",
                image=read_image(path),
                box=np.array([x, y, x + width, y + height], dtype=float),
                keypoints=np.array(entry["keypoints"]),
                labelled=np.array(entry["labelled"], dtype=bool),
                side=entry["side"],
            )
        )
    return hands


@pytest.fixture
def noise() -> Rgb:
    """A picture without a hand."""
    return np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8)
