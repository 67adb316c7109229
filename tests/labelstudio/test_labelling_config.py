"""The labelling screen holds what the parser reads, and no key does two things."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.formats.labelstudio import REJECT_REASONS, VISIBILITY_WORDS
from hint_tools.labelstudio.labelling_config import labelling_config

VIEW = ET.fromstring(labelling_config())  # noqa: S314  (our own text)


def words(name: str) -> list[str]:
    control = next(e for e in VIEW.iter() if e.get("name") == name)
    return [str(e.get("alias") or e.get("value")) for e in control.iter() if e.tag in {"Choice", "Label"}]


def test_all_joints_in_order() -> None:
    assert words("joint") == list(JOINT_NAMES)


def test_choices_are_what_the_parser_knows() -> None:
    assert words("visibility") == list(VISIBILITY_WORDS.values())
    assert words("side") == ["left", "right", "unknown"]
    assert words("reject") == list(REJECT_REASONS)
    assert words("box") == ["hand"]


def test_no_key_does_two_things() -> None:
    keys = Counter(e.get("hotkey") for e in VIEW.iter() if e.get("hotkey"))
    assert max(keys.values()) == 1
    assert len(keys) == 21 + 3 + 3 + 1 + len(REJECT_REASONS)


def test_the_picture_can_not_be_turned() -> None:
    assert next(e for e in VIEW.iter("Image") if e.get("name") == "image").get("rotateControl") == "false"


def test_it_is_the_same_every_time() -> None:
    assert labelling_config() == labelling_config()
