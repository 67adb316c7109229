"""Hands23's files for hands of ours: one line a hand, as its owners write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hint_tools.store.atomic import write_bytes, write_text

Hand = tuple[str, str, Sequence[float]]
"""Side, state of contact, and box (px; the centre of the top-left pixel is (0, 0))."""


def hands23_text(hands: Sequence[Hand]) -> str:
    """The text of one picture."""
    return "".join(f"{_line(*hand)}\n" for hand in hands)


def _line(side: str, state: str, box: Sequence[float]) -> str:
    numbers = ",".join(f"{v + 0.5:.1f}" for v in box)
    return f"{side}_hand | {state} | {numbers} | None | None | None | None"


def write_hands23(root: Path, split: str, pictures: Mapping[str, tuple[bytes, Sequence[Hand]]]) -> None:
    """Pictures with their texts and the list of a split below `root`.

    Args:
        root: of the archive.
        split: `TRAIN`, `VAL` or `TEST`.
        pictures: by name, the JPEG and its hands.
    """
    for name, (jpeg, hands) in sorted(pictures.items()):
        write_bytes(root / "allMergedBlur" / name, jpeg)
        write_text(root / "allMergedTxt" / f"{name}.txt", hands23_text(hands))
    write_text(root / "allMergedSplit" / f"{split}.txt", "".join(f"{name}\n" for name in sorted(pictures)))
