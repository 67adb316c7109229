from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.records import Frame, Hand
from hint_tools.release.naming import frame_name, image_paths, safe_name

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "hint_release" / "ego4d_frame_names.json"


def frame(**more: object) -> Frame:
    fields = {
        "frame_id": "f" * 20, "source": "s", "video": "v", "width_px": 1, "height_px": 1, "path": "p", "sha256": "",
        "pixel_sha256": "", "origin": "some/where.jpg",
    }  # fmt: skip
    return Frame(**(fields | more))


def hand(hand_id: str = "h" * 20, **more: object) -> Hand:
    return Hand(hand_id=hand_id, frame_id="f" * 20, box=np.ones(4), **more)


def published_names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from published_names(inner)


@pytest.mark.shared
@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published lists are not here")
def test_ego4d_hands_get_the_names_they_have_in_the_published_hint() -> None:
    names = sorted({Path(n).stem for n in published_names(json.loads(PUBLISHED.read_text()))})
    assert len(names) > 20_000
    wrong = []
    for name in names:
        clip, action, number, kind, of, letter = name.split("_")
        shown = frame(source="ego4d", clip=clip, frame_index=int(number))
        chosen = hand(action=action, frame_type=f"{kind}_{of}")
        (path,) = image_paths([(shown, chosen, {"l": "left", "r": "right"}[letter])], {"ego4d": "ego4d"}).values()
        if path != f"TRAIN_ego4d_img/{name}.jpg":
            wrong.append((name, path))
    assert not wrong


@pytest.mark.parametrize("name", ["ND__xGfgKCYT7A_frame005751", "EK_0064_P03_10_frame_0000000249", "CC_000000123456"])
def test_hands23_pictures_keep_their_names(name: str) -> None:
    assert frame_name(frame(origin=f"allMergedBlur/{name}.jpg"), hand()) == name


@pytest.mark.parametrize("origin", ["IMG_1.jpg", "../../ND_x/../../etc/passwd", "ND_a b.jpg", "ND_<script>.jpg", ""])
def test_other_pictures_are_called_by_their_frame(origin: str) -> None:
    assert frame_name(frame(origin=origin), hand()) == "f" * 20


def test_folder_names_are_safe() -> None:
    assert safe_name("../evil source/x") == "evil-source-x"
    assert safe_name("...") == "unnamed"


def test_names_never_collide_and_lone_ones_keep_theirs() -> None:
    one, other = frame(origin="ND_same.jpg"), frame(origin="elsewhere/ND_same.jpg", frame_id="0" * 20)
    first = [(one, hand("a" * 20), "left"), (one, hand("b" * 20), "right")]
    alone = image_paths(first, {"s": "s"})
    more = image_paths([*first, (one, hand("c" * 20), "right"), (other, hand("d" * 20), "right")], {"s": "s"})
    assert len(set(more.values())) == 4
    assert more["a" * 20] == alone["a" * 20] == "TRAIN_s_img/ND_same_l.jpg"
    assert all(path.endswith("_r.jpg") for key, path in more.items() if key[0] != "a")
