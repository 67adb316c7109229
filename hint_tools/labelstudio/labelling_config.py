"""The labelling screen, as Label Studio's XML, built from the skeleton."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, JOINT_NAMES
from hint_tools.formats.labelstudio import (
    BOX,
    BOX_LABEL,
    IMAGE,
    JOINT,
    REJECT,
    REJECT_REASONS,
    SIDE,
    SIDE_UNKNOWN,
    VISIBILITY,
    VISIBILITY_WORDS,
)

_COLOURS: Final = {"thumb": "#e6194b", "index": "#f58231", "middle": "#3cb44b", "ring": "#4363d8", "pinky": "#911eb4"}
_WRIST_COLOUR: Final = "#ffe119"
_JOINT_KEYS: Final = "0123456789qwertyiopas"
"""One a joint; without them the editor hands out keys of its own, which then clash with the choices."""
_VISIBILITY_KEYS: Final = {Visibility.VISIBLE: "d", Visibility.OCCLUDED: "x", Visibility.NOT_ANNOTATABLE: "z"}
_VISIBILITY_SHOWN: Final = {
    Visibility.VISIBLE: ("visible", "The joint itself can be seen"),
    Visibility.OCCLUDED: ("hidden, best guess", "Something is in front of it; the point is where it should be"),
    Visibility.NOT_ANNOTATABLE: ("can't be placed", "Outside the picture, or nobody can know where it is"),
}
_REJECT_SHOWN: Final = {
    "not_a_hand": "not a hand",
    "too_blurry": "too blurry",
    "too_dark": "too dark",
    "wrong_crop": "the hand is cut off or not in the middle",
    "other": "another reason",
}
_SIDE_KEYS: Final = {Side.LEFT.value: "[", Side.RIGHT.value: "]", SIDE_UNKNOWN: "\\"}

INSTRUCTION: Final = (
    "Drag every point to the centre of its joint. Select a point and press x when the joint is hidden, z when it "
    "can't be placed, d when it is visible. Check the side ([ left, ] right). If this is no usable hand, choose a "
    "reason to reject it. Ctrl+Enter submits."
)


def labelling_config() -> str:
    """The XML: 21 joints, each with a visibility, a box, the side, and reasons to reject."""
    view = ET.Element("View", style="display:flex; gap:12px")
    left = ET.SubElement(view, "View", style="flex:1 1 auto; min-width:420px")
    ET.SubElement(
        left, "Image", name=IMAGE, value="$image", zoom="true", zoomControl="true", rotateControl="false",
        brightnessControl="true", contrastControl="true", defaultZoom="fit",
    )  # fmt: skip
    right = ET.SubElement(view, "View", style="flex:0 0 300px; max-height:88vh; overflow:auto")
    _add_choices(right)
    _add_labels(right)
    ET.SubElement(right, "Header", value="The whole frame", size="5")
    ET.SubElement(right, "Image", name="context", value="$context", zoom="false", zoomControl="false", width="280px")
    ET.indent(view)
    return ET.tostring(view, encoding="unicode")


def _add_choices(parent: ET.Element) -> None:
    ET.SubElement(parent, "Header", value="Side", size="5")
    side = _choices(parent, SIDE, required="true", requiredMessage="Choose the side of the hand")
    for word, key in _SIDE_KEYS.items():
        ET.SubElement(side, "Choice", value=word, hotkey=key)
    ET.SubElement(parent, "Header", value="The selected joint is", size="5")
    seen = _choices(parent, VISIBILITY, perRegion="true", whenTagName=JOINT)
    for state, (shown, hint) in _VISIBILITY_SHOWN.items():
        word = VISIBILITY_WORDS[state]
        ET.SubElement(seen, "Choice", value=shown, alias=word, hint=hint, hotkey=_VISIBILITY_KEYS[state])
    ET.SubElement(parent, "Header", value="Reject, because", size="5")
    reject = _choices(parent, REJECT)
    for number, reason in enumerate(REJECT_REASONS, start=1):
        # two keys at once: the editor would else give out single letters, and one slip would reject a hand
        ET.SubElement(reject, "Choice", value=_REJECT_SHOWN[reason], alias=reason, hotkey=f"alt+{number}")


def _choices(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    fixed = {"name": name, "toName": IMAGE, "choice": "single-radio", "showInline": "true"}
    return ET.SubElement(parent, "Choices", {**fixed, **attributes})


def _add_labels(parent: ET.Element) -> None:
    ET.SubElement(parent, "Header", value="Joints", size="5")
    joints = ET.SubElement(
        parent, "KeyPointLabels", name=JOINT, toName=IMAGE, strokeWidth="2", opacity="0.8", showInline="true"
    )
    finger_of = {j: f for f in FINGERS for j in FINGER_JOINTS[f]}
    for index, name in enumerate(JOINT_NAMES):
        colour = _COLOURS[finger_of[index]] if index in finger_of else _WRIST_COLOUR
        ET.SubElement(joints, "Label", value=name, background=colour, hotkey=_JOINT_KEYS[index])
    ET.SubElement(parent, "Header", value="Box", size="5")
    box = ET.SubElement(parent, "RectangleLabels", name=BOX, toName=IMAGE, showInline="true")
    ET.SubElement(box, "Label", value=BOX_LABEL, background="#00b3b3", hotkey="b")
