"""The labelling screen, as Label Studio's XML, built from the skeleton."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, JOINT_NAMES
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
from hint_tools.media.draw import FINGER_COLOURS

_WRIST_COLOUR: Final = "#8a93a3"
"""The pictures' own is nearly white, which nobody could read in the editor's lists."""
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
    "wrong_crop": "badly cropped",
    "other": "another reason",
}
_SIDE_KEYS: Final = {Side.LEFT.value: "[", Side.RIGHT.value: "]", SIDE_UNKNOWN: "\\"}

INSTRUCTION: Final = (
    "Drag every point to the centre of its joint. Select a point and press x when the joint is hidden, z when it "
    "can't be placed, d when it is visible (the same key again takes it off); Alt+. selects the next one. Check the "
    "side ([ left, ] right). If this is no usable hand, choose a reason to reject it. Ctrl+Enter submits."
)
SECOND_LOOK_INSTRUCTION: Final = (
    "Earlier answers to these hands differ, or look wrong. Read why, look at the earlier answers on the right, then "
    "decide on the clean picture on the left: your answer is the one that counts. " + INSTRUCTION
)
_STYLE: Final = """
.hint-side h4 { margin: 8px 0 2px !important; font-size: 14px; line-height: 18px; }
.hint-side .lsf-label, .hint-side [class*="label--"] { font-size: 12px; line-height: 18px; margin: 0 2px 2px 0; }
.hint-side .ant-radio-wrapper, .hint-side .ant-checkbox-wrapper { margin: 0 10px 0 0; line-height: 22px; }
.hint-side .lsf-toolbar { display: none; }
"""
"""Of the column beside the picture: all of it in view on a laptop's screen."""


def labelling_config(*, second_look: bool = False) -> str:
    """The XML: 21 joints, each with a visibility, a box, the side, and reasons to reject.

    Args:
        second_look: with the task's `reason` and the picture of its `earlier` answers beside the clean one.
    """
    view = ET.Element("View", style="display:flex; gap:12px")
    ET.SubElement(view, "Style").text = _STYLE
    left = ET.SubElement(view, "View", style="flex:1 1 auto; min-width:420px")
    ET.SubElement(
        left, "Image", name=IMAGE, value="$image", zoom="true", zoomControl="true", rotateControl="false",
        brightnessControl="true", contrastControl="true", defaultZoom="fit",
    )  # fmt: skip
    frame = ET.SubElement(left, "View", className="hint-side")
    ET.SubElement(frame, "Header", value="The whole frame", size="5")
    ET.SubElement(frame, "Image", name="context", value="$context", zoom="false", zoomControl="false", width="280px")
    width = "420px" if second_look else "340px"
    right = ET.SubElement(
        view, "View", className="hint-side", style=f"flex:0 0 {width}; max-height:88vh; overflow:auto"
    )
    if second_look:
        ET.SubElement(right, "Header", value="Why this hand is looked at again", size="5")
        ET.SubElement(right, "Text", name="why", value="$reason")
        ET.SubElement(right, "Image", name="before", value="$earlier", zoom="true", zoomControl="false", width="400px")
    _add_choices(right)
    _add_labels(right)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode")


def _add_choices(parent: ET.Element) -> None:
    ET.SubElement(parent, "Header", value="Side", size="5")
    side = _choices(parent, SIDE, required="true", requiredMessage="Choose the side of the hand")
    for word, key in _SIDE_KEYS.items():
        ET.SubElement(side, "Choice", value=word, hotkey=key)
    # as high without a selection as with one: nothing below it jumps when a joint is selected
    selected = ET.SubElement(parent, "View", style="min-height:56px")
    ET.SubElement(selected, "Header", value="The selected joint is", size="5")
    seen = _choices(selected, VISIBILITY, perRegion="true", whenTagName=JOINT)
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
    ET.SubElement(parent, "Header", value="Joints, to place one that is missing", size="5")
    joints = ET.SubElement(
        parent, "KeyPointLabels", name=JOINT, toName=IMAGE, strokeWidth="2", opacity="0.8", showInline="true"
    )
    for name, members in (("wrist", (0,)), *FINGER_JOINTS.items()):
        row = ET.SubElement(joints, "View", style="display:flex; flex-wrap:wrap")
        colour = _hex(FINGER_COLOURS[name]) if name in FINGER_COLOURS else _WRIST_COLOUR
        for joint in members:
            ET.SubElement(row, "Label", value=JOINT_NAMES[joint], background=colour, hotkey=_JOINT_KEYS[joint])
    ET.SubElement(parent, "Header", value="Box", size="5")
    # nearly no fill: it must not tint the hand
    box = ET.SubElement(
        parent, "RectangleLabels", name=BOX, toName=IMAGE, showInline="true", opacity="0.03", strokeWidth="1"
    )
    ET.SubElement(box, "Label", value=BOX_LABEL, background="#00b3b3", hotkey="b")


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + bytes(colour).hex()
