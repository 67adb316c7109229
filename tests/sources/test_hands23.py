"""Hands23's archive: every oddity its owners ship is read or counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.formats.hands23_txt import parse_hands23
from hint_tools.media.images import encode_jpeg
from hint_tools.sources.hands23 import origin_of, read_hands23
from hint_tools.synth.hands23_files import write_hands23

JPEG = encode_jpeg(np.full((60, 80, 3), 90, np.uint8))
ND, EK = "ND__xGfgKCYT7A_frame005751.jpg", "EK_0064_P03_10_frame_0000000249.jpg"
CC, AR = "CC_000000123456.jpg", "AR_9HvbAaq670Y_19_3510_5.jpg"


def test_a_line_of_every_kind() -> None:
    text = (
        "left_hand | object_contact | 10.5,20.5,50.5,60.5 | 1,2,3,4 | tool_,_held | 5,6,7,8 | NP-Palm\n"
        "right_hand | no_contact | '-3.5','0.5','40.5','30.5' | None | None | None | None\n"
        "\n"
        "right_hand | juggling | 1,1,9,9 | None | None | None | Spock\n"
        "both_hands | no_contact | 1,1,9,9 | None | None | None | None\n"
        "left_hand | no_contact | 9,9,1,1 | None | None | None | None\n"
        "left_hand | no_contact | None | None | None | None | None\n"
        "left_hand | no_contact | 1,nan,9,9 | None | None | None | None\n"
        "left_hand | no_contact | 1,1,9,9\n"
    )
    parsed = parse_hands23(text)
    first, second, third = parsed.hands
    assert (first.side, first.state, first.box) == ("left", "object_contact", (10, 20, 50, 60))
    assert (first.object_box, first.touch, first.grasp) == ((0.5, 1.5, 2.5, 3.5), "tool_,_held", "NP-Palm")
    assert first.second_box == (4.5, 5.5, 6.5, 7.5)
    assert (second.box, second.object_box, second.grasp, second.line) == ((-4, 0, 40, 30), None, "", 1)
    assert (third.state, third.line) == ("juggling", 3)
    assert parsed.unknown == {"state juggling": 1, "grasp Spock": 1}
    assert parsed.bad == {
        "side neither left_hand nor right_hand": 1,
        "no hand box of four finite numbers with a size": 3,
        "line without 7 fields": 1,
    }
    assert parse_hands23("").hands == ()


@pytest.mark.parametrize(
    ("name", "video", "participant"),
    [
        (ND, "_xGfgKCYT7A", ""), (EK, "P03_10", "P03"), (CC, "CC_000000123456", ""), (AR, "9HvbAaq670Y", ""),
        ("EK_frame_0000000249.jpg", "EK unknown", ""),
    ],
)  # fmt: skip
def test_names_say_the_video(name: str, video: str, participant: str) -> None:
    origin = origin_of(name)
    assert origin is not None
    assert (origin.collection, origin.video, origin.participant) == (name[:2], video, participant)


def test_an_archive(tmp_path: Path) -> None:
    hands = [("left", "object_contact", (9.5, 9.5, 40, 30)), ("right", "no_contact", (50, 20, 90, 50))]
    write_hands23(tmp_path, "TRAIN", {ND: (JPEG, hands), EK: (JPEG, hands[:1]), CC: (JPEG, [])})
    write_hands23(tmp_path, "VAL", {AR: (JPEG, hands), "EK_frame_0000000249.jpg": (JPEG, hands)})
    listed = [ND, "XX_1.jpg", f"../{ND}", "ND_aaaaaaaaaaa_frame000001.jpg"]
    (tmp_path / "allMergedSplit" / "TEST.txt").write_text("\n".join(listed))
    (tmp_path / "masks_sam").mkdir()
    (tmp_path / "masks_sam" / f"2_1_{ND.removesuffix('.jpg')}.png").write_bytes(b"")
    reading = read_hands23(tmp_path)
    by_name = {c.unit: c for c in reading.candidates}
    assert set(by_name) == {ND, EK, AR, "EK_frame_0000000249.jpg"}
    assert [h.contact for h in by_name[ND].hands] == ["object_contact", "no_contact"]
    assert by_name[ND].hands[0].box == (9.5, 9.5, 40, 30)
    assert "mask" in json.loads(by_name[ND].hands[1].attributes)
    assert "mask" not in json.loads(by_name[ND].hands[0].attributes)
    assert (by_name[EK].time_s, by_name[EK].official_split, by_name[AR].official_split) == (248 / 60, "train", "val")
    assert reading.counts == {
        "pictures listed": 9,
        "pictures with hands": 4,
        "pictures: listed twice": 1,
        "pictures: name of no known collection": 2,
        "pictures: no hand": 1,
        "pictures: picture missing": 1,
    }
    assert "hands23.epic-picture-without-a-video" in {f.code for f in reading.findings}
    newdays = read_hands23(tmp_path, subset="newdays")
    assert [c.unit for c in newdays.candidates] == [ND]
    with pytest.raises(DataError, match="expected allMergedSplit/"):
        read_hands23(tmp_path / "absent")
