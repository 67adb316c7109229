"""VISOR's download: masks become boxes cut at the wrist, and every oddity its owners admit is met."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import box_of_points, clip_box, iou
from hint_tools.core.records import Side
from hint_tools.formats.visor_json import parse_corrections, parse_visor
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.camera import Camera
from hint_tools.media.images import encode_jpeg
from hint_tools.sources.epic import read_epic
from hint_tools.sources.epic_numbering import certain, decoded_frame, parse_name, time_of
from hint_tools.sources.wrist import hand_box, mask_box
from hint_tools.synth.scene import compose, place, sample_state
from hint_tools.synth.stills import seeded
from hint_tools.synth.visor_files import hand_polygons, picture_name, visor_document

JPEG = encode_jpeg(np.full((108, 192, 3), 90, np.uint8))
SQUARE = [[[100.5, 200.5], [300.5, 200.5], [300.5, 400.5], [100.5, 400.5]]]


def annotation(kind: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{kind}{name}", "name": name, "class_id": kind, "exhaustive": "y", "segments": SQUARE, **more}


def test_numbers_and_times() -> None:
    """The owners' rule: (n - 1) / 60 s of the first videos, (n - 1) / 50 s of the extension's."""
    assert (time_of("P01_01", 61), time_of("P01_101", 51)) == (1.0, 1.0)
    assert decoded_frame("P01_101", 140, 50.0) == 139
    assert decoded_frame("P01_01", 60_001, 59.94006) == 59_940  # the naive number is 60,000
    assert (certain("P01_101", 50.0), certain("P01_01", 59.94), certain("P01_101", 59.94)) == (True, False, False)
    for wrong in (lambda: time_of("P01_01", 0), lambda: time_of("kitchen", 1), lambda: decoded_frame("P01_01", 1, 0)):
        with pytest.raises(DataError):
            wrong()


@given(st.integers(1, 400_000))
def test_where_both_rates_are_one_the_conversion_is_exact(number: int) -> None:
    assert decoded_frame("P35_105", number, 50.0) == number - 1
    # two numbers of a 60 a second numbering share each frame of a 29.97 fps film
    assert 0 <= decoded_frame("P01_01", number + 1, 29.97) - decoded_frame("P01_01", number, 29.97) <= 1


def test_names() -> None:
    found = parse_name("0064_P03_10_frame_0000000249")
    assert found is not None
    assert (found.video, found.number, found.sequence) == ("P03_10", 249, "0064")
    assert parse_name("P03_10_frame_0000000000") is None
    assert parse_name("frame_0000000249") is None


def test_every_kind_of_annotation() -> None:
    rows = [
        annotation(300, "left hand", in_contact_object="1cup"),
        annotation(1, "cup") | {"id": "1cup"},
        annotation(301, "rigth hand", in_contact_object="inconclusive", exhaustive="perhaps"),
        annotation(303, "glove", on_which_hand=["right hand"], in_contact_object="glove-not-in-contact"),
        annotation(304, "glove", on_which_hand=None),
        annotation(304, "glove", on_which_hand=["left hand", "right hand"]),
        annotation(302, "foot"),
    ]
    lone = annotation(300, "left hand") | {"segments": [[[1, 2], [3, 4]], [["a", 1]], None]}
    pictures = [
        {"image": {"name": "a.jpg"}, "annotations": rows},
        {"image": {"name": "b.jpg"}, "annotations": [lone, annotation(301, "right hand")]},
        {"image": {}, "annotations": []},
    ]
    parsed = parse_visor({"video_annotations": pictures})
    assert parsed is not None
    left, right = parsed.pictures[0].hands
    assert (left.side, left.contact, left.touches, left.glove) == ("left", "object_contact", "cup", False)
    assert (right.side, right.contact, right.glove, len(right.polygons)) == ("right", "inconclusive", True, 2)
    assert left.polygons[0].tolist() == [[100, 200], [300, 200], [300, 400], [100, 400]]
    assert [h.contact for h in parsed.pictures[1].hands] == [""]
    assert +parsed.bad == {
        "glove on no single hand": 2, "hand without a polygon of three finite corners": 1, "picture without a name": 1,
    }  # fmt: skip
    assert (+parsed.oddities)["typo in a hand's name mended"] == 1
    assert (+parsed.oddities)["unknown exhaustive perhaps"] == 1
    assert parse_visor([1]) is None


def test_a_hand_in_a_glove_touches_what_the_glove_touches() -> None:
    glove = annotation(303, "glove", on_which_hand=["left hand"], in_contact_object="1cup") | {"id": "g"}
    hand = annotation(300, "left hand", in_contact_object="g")
    cup = annotation(1, "cup") | {"id": "1cup"}
    for entries in ([hand, glove, cup], [glove, hand, cup]):
        parsed = parse_visor({"video_annotations": [{"image": {"name": "a.jpg"}, "annotations": entries}]})
        assert parsed is not None
        ((left,),) = (p.hands for p in parsed.pictures)
        assert (left.contact, left.touches, left.glove) == ("object_contact", "cup", True)
    free = [hand, glove | {"in_contact_object": "glove-not-in-contact"}, cup]
    parsed = parse_visor({"video_annotations": [{"image": {"name": "a.jpg"}, "annotations": free}]})
    assert parsed is not None
    assert parsed.pictures[0].hands[0].contact == "no_contact"


def test_corrections_of_what_a_hand_touches() -> None:
    """In the form of VISOR-HOS: the picture's name, the hand's name, the id of what it touches."""
    fixes = parse_corrections({"a.jpg": {"right hand": "1cup"}, "b.jpg": {"left hand": "1cup"}, "other.jpg": {}})
    assert fixes is not None
    hands = [annotation(300, "left hand", in_contact_object="hand-not-in-contact")]
    hands += [annotation(301, "rigth hand", in_contact_object="inconclusive"), annotation(1, "cup") | {"id": "1cup"}]
    rows = [{"image": {"name": "a.jpg"}, "annotations": hands}, {"image": {"name": "b.jpg"}, "annotations": hands[1:]}]
    parsed = parse_visor({"video_annotations": rows}, fixes)
    assert parsed is not None
    left, right = parsed.pictures[0].hands
    assert (left.contact, right.contact, right.touches) == ("no_contact", "object_contact", "cup")
    assert parsed.pictures[1].hands[0].contact == "inconclusive"
    assert (+parsed.oddities)["contact corrected by VISOR-HOS"] == 1
    assert (+parsed.oddities)["correction that fits no hand"] == 1
    for wrong in ([], {"a.jpg": "1cup"}, {"a.jpg": {"third hand": "1cup"}}, {"a.jpg": {"left hand": 1}}):
        assert parse_corrections(wrong) is None


@pytest.mark.parametrize("place", ["", "GroundTruth-SparseAnnotations"])
def test_corrections_are_read_where_they_lie_and_counted(tmp_path: Path, place: str) -> None:
    document = visor_document("P01_01", {1: [("left", SQUARE, "cup")], 2: []})
    root = download(tmp_path, {("train", "P01_01"): document}, zipped=False)
    codes = [f.code for f in read_epic(root).findings]
    assert "epic.no-corrections" in codes
    (root / place / "correct.json").write_text(
        json.dumps({picture_name("P01_01", 1): {"left hand": "hand-not-in-contact"}})
    )
    reading = read_epic(root)
    assert reading.candidates[0].hands[0].contact == "no_contact"
    told = {f.code: f.count for f in reading.findings}
    assert told["epic.contact-corrected-by-VISOR-HOS"] == 1
    assert "epic.no-corrections" not in told
    (root / place / "correct.json").write_text("[]")
    with pytest.raises(DataError, match="expected pictures with the things their hands touch"):
        read_epic(root)


def download(root: Path, documents: dict[tuple[str, str], Any], zipped: bool) -> Path:
    base = root / "GroundTruth-SparseAnnotations"
    for (split, video), document in documents.items():
        path = base / "annotations" / split / f"{video}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
        names = [row["image"]["name"] for row in document["video_annotations"]][:-1]  # the last one is never there
        folder = base / "rgb_frames" / split / video[:3]
        folder.mkdir(parents=True, exist_ok=True)
        if zipped:
            with zipfile.ZipFile(folder / f"{video}.zip", "w") as archive:
                for name in names:
                    archive.writestr(name, JPEG)
        else:
            (folder / video).mkdir()
            for name in names:
                (folder / video / name).write_bytes(JPEG)
    return root


@pytest.mark.parametrize("zipped", [True, False])
def test_a_download(tmp_path: Path, zipped: bool) -> None:
    hand = ("left", SQUARE, "cup")
    documents = {
        ("train", "P01_01"): visor_document("P01_01", {1: [hand], 61: [hand], 99: [], 200: [hand]}),
        ("val", "P02_101"): visor_document("P02_101", {51: [hand], 52: [hand]}),
    }
    root = download(tmp_path, documents, zipped)
    (root / "EPIC_100_train.csv").write_text(
        "narration_id,video_id,start_timestamp,stop_timestamp\n"
        "P01_01_0,P01_01,00:00:00.50,00:00:02.00\nP01_01_1,P01_01,00:00:00.90,00:00:00.95\nbad,P01_01,x,y\n"
    )
    reading = read_epic(root)
    got = {(c.unit, c.time_s, c.action, c.participant, c.official_split) for c in reading.candidates}
    assert got == {
        ("P01_01_frame_0000000001", 0.0, "", "P01", "train"),
        ("P01_01_frame_0000000061", 1.0, "P01_01_0", "P01", "train"),
        ("P02_101_frame_0000000051", 1.0, "", "P02", "val"),
    }
    first = reading.candidates[0]
    assert bool(first.member) == zipped
    assert first.hands[0].box == (100, 200, 300, 400)  # nowhere at the border: nothing to cut
    assert first.hands[0].contact == "object_contact"
    assert reading.counts == {
        "pictures listed": 6, "pictures with hands": 3, "pictures: no hand": 1, "pictures: picture missing": 2,
    }  # fmt: skip
    assert picture_name("P01_01", 1) in first.origin
    with pytest.raises(DataError, match="GroundTruth-SparseAnnotations"):
        read_epic(tmp_path / "absent")


def test_what_the_cut_at_the_wrist_is_worth() -> None:
    """On rendered hands with forearms, half of them in sleeves, seen as their owner sees them: none of these hands was
    used to set the method's numbers."""
    model, camera = load_hand_model(), Camera.centered(700, 640, 360)
    with_cut, without, n_cut = [], [], 0
    for number in range(40):
        rng = seeded(2026, "wrist test", number)
        side = (Side.LEFT, Side.RIGHT)[number % 2]
        center = np.array([640, 360]) * rng.uniform(0.3, 0.65, 2)
        state = place(model, sample_state(rng, model, side, "egocentric"), camera, center, float(rng.uniform(120, 220)))
        scene = compose(model, [state], [], [])
        polygons = [np.array(p) - 0.5 for p in hand_polygons(scene.mesh, camera, 0)]
        truth = clip_box(box_of_points(camera.project(scene.hands[0].vertices)), 640, 360)
        box, cut = hand_box(polygons, 640, 360)
        n_cut += cut
        with_cut.append(float(iou(np.array(box), truth)))
        without.append(float(iou(np.array(mask_box(polygons)), truth)))
    assert n_cut >= 36
    assert np.mean(with_cut) > 0.85, np.mean(with_cut)
    assert np.mean(without) < 0.55, np.mean(without)
    assert np.percentile(with_cut, 10) > 0.7, sorted(with_cut)[:6]
