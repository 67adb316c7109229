"""What is wrong with a download of annotated clips: one finding each with a count, and the rest goes on."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from as_a_user import User, tables, world

from hint_tools.store.project import open_project
from hint_tools.store.tables import FRAMES, HANDS

pytestmark = pytest.mark.slow

MAIN = "v2/annotations/fho_main.json"
SECOND = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def here(user: User) -> User:
    """Somebody in an empty project beside a download of two clips, of two videos."""
    root = user.here / "ego4d"
    shutil.copytree(world().ego4d, root)
    document = json.loads((root / MAIN).read_text())
    (video,) = document["videos"]
    del video["annotated_intervals"][1:]  # of a clip that is not there
    other = copy.deepcopy(video)
    other["video_uid"] = SECOND.replace("1", "9")
    (interval,) = other["annotated_intervals"]
    clips = root / "v2" / "clips"
    shutil.copy(clips / f"{interval['clip_uid']}.mp4", clips / f"{SECOND}.mp4")
    interval["clip_uid"] = SECOND
    for number, action in enumerate(interval["narrated_actions"]):
        action["uid"] = f"other-{number}"
    document["videos"].append(other)
    (root / MAIN).write_text(json.dumps(document))
    assert user.types("init", "round").code == 0
    return user.at(user.here / "round")


def sampled(here: User) -> tuple[dict[str, int], dict[str, int]]:
    """Counts, and the count of each finding, of a `hint sample` that accounts for every candidate; twice is once."""
    ask = ("sample", "--source", "ego4d", "--root", here.here.parent / "ego4d")
    said = here.asks(*ask)
    counts = said["counts"]
    for taken, offered, dropped in (("taken", "candidates", "dropped"), ("hands", "hands offered", "hands dropped")):
        lost = sum(n for name, n in counts.items() if name.startswith(f"{dropped}:"))
        assert counts[offered] == counts[taken] + lost, counts
    project = open_project(here.here)
    assert (len(project.read(FRAMES)), len(project.read(HANDS))) == (counts["taken"], counts["hands"])
    before = tables(here.here)
    assert here.asks(*ask)["findings"] == said["findings"]
    assert tables(here.here) == before
    return counts, {f["code"]: f["count"] for f in said["findings"]}


def actions(document: dict[str, Any]) -> list[dict[str, Any]]:
    intervals = (i for v in document["videos"] for i in v["annotated_intervals"])
    return [a for i in intervals for a in i["narrated_actions"] if a["frames"]]


def spoil(here: User, change: Callable[[dict[str, Any]], None]) -> None:
    path = here.here.parent / "ego4d" / MAIN
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_annotations_that_make_no_sense(here: User) -> None:
    def change(document: dict[str, Any]) -> None:
        first, second = actions(document)[:2]
        moments = first["frames"]
        moments[0]["frame_type"] = "mid_7"
        moments[1]["frame_number"] += 1
        moments[2]["boxes"][0]["object_type"] = "third_hand"
        moments[3]["boxes"].append(copy.deepcopy(moments[3]["boxes"][0]))
        moments.append(copy.deepcopy(moments[4]))
        moments[5]["boxes"] = [
            {"object_type": "left_hand", "bbox": {"x": 1, "y": float("nan"), "width": 2, "height": 3}},
            {"object_type": "right_hand", "bbox": None},
        ]
        moments[4]["boxes"].append(None)
        for moment in second["frames"]:
            moment["boxes"][0]["bbox"] = {"x": -50, "y": -50, "width": 900, "height": 900}
            moment["boxes"][1]["bbox"] = {"x": 5000, "y": 5000, "width": 50, "height": 50}
        document["videos"].append(copy.deepcopy(document["videos"][0]))
        document["videos"].append("a video")

    whole = len(actions(json.loads((here.here.parent / "ego4d" / MAIN).read_text()))[0]["frames"][0]["boxes"])
    assert whole >= 2
    spoil(here, change)
    counts, told = sampled(here)
    assert counts["taken"] == 2
    assert told["ego4d.action-listed-twice"] == 1
    for code, least in {
        "ego4d.unknown-frame-type": 2,
        "ego4d.frame-number-disagrees-with-critical_frames": 2,
        "ego4d.unknown-object-type": 1,
        "ego4d.second-box-for-one-side": 1,
        "ego4d.frame-listed-twice-in-one-action": 2,
        "ego4d.box-without-four-finite-numbers-and-a-size": 2,
        "ego4d.no-object-where-one-is-expected": 2,
        "sample.hands-outside-the-picture": 1,
        "sample.hands-cut-at-the-pictures-border": 1,
    }.items():
        assert told.get(code, 0) >= least, (code, told)
    assert "ego4d.participants-unknown" not in told
    for hand in open_project(here.here).read(HANDS):
        assert np.isfinite(hand.box).all()
        assert hand.box.min() >= -0.5


def test_nobody_is_named(here: User) -> None:
    (here.here.parent / "ego4d" / "ego4d.json").unlink()
    assert sampled(here)[1]["ego4d.participants-unknown"] == 1


def no_clip(path: Path) -> None:
    path.unlink()


def an_empty_one(path: Path) -> None:
    path.write_bytes(b"")


def a_short_one(path: Path) -> None:
    """The first second of it, before the middle of its action."""
    short = path.with_name("short.mp4")
    with av.open(str(path)) as old, av.open(str(short), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in (p for n, p in enumerate(old.demux(video=0)) if p.size and n < 2):
            packet.stream = stream
            new.mux(packet)
    short.replace(path)


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        sound.sample_rate, sound.pts = 16000, 0
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("damage", [no_clip, an_empty_one, a_short_one, sound_alone])
def test_one_clip_of_two(damage: Callable[[Path], None], here: User) -> None:
    """The action of the good clip is taken, the other one is accounted for by name."""
    damage(here.here.parent / "ego4d" / "v2" / "clips" / f"{SECOND}.mp4")
    counts, told = sampled(here)
    assert counts["taken"] == 1
    if damage is no_clip:
        assert told["ego4d.clip-file-missing"] >= 1
    else:
        assert told["sample.unreadable-video-frame"] == counts["dropped: unreadable video frame"] == 1


def test_nothing_to_read(here: User) -> None:
    root = here.here.parent / "ego4d"
    ask = ("sample", "--source", "ego4d", "--root", root)
    main = (root / MAIN).read_text()
    for text, says in (
        ('{"videos": [', "expected JSON"),
        ("[1, 2]", "expected an object with a list `videos`"),
        ('{"videos": 3}', "expected an object with a list `videos`"),
    ):
        (root / MAIN).write_text(text)
        assert says in here.asks(*ask, code=4)["error"]["message"]
    (root / MAIN).write_text(main)
    for clip in (root / "v2" / "clips").iterdir():
        clip.unlink()
    assert "none of the clips that fho_main.json names is here" in here.types(*ask).error(4)
    assert not (here.here / "tables").exists()
