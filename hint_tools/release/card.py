"""The card of a release: what is in it, how it was made, how sure it is, what it must not be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hint_tools.core.records import Side, Split, Visibility
from hint_tools.data.annotations import Annotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How a release came about.

    Args:
        project: the project's name.
        notes: what the maker says of this version.
        annotators: how many people answered.
        submissions: how many of their answers count.
        dropped: reason -> hands left out.
        without_pixels: pictures left out because they may not be passed on.
    """

    project: str
    notes: str
    annotators: int
    submissions: int
    dropped: Mapping[str, int]
    without_pixels: int


def card(name: str, rows: Sequence[Annotation], making: Making) -> str:
    """The card, as Markdown."""
    fitted = sum(r.global_orient is not None for r in rows)
    parts = [
        f"# {name}",
        f"{len(rows)} annotated hands of the project “{_line(making.project)}”: 21 keypoints each with visibility and "
        f"uncertainty" + (f", {fitted} with MANO parameters." if fitted else "."),
        making.notes.strip(),
        "## What is in it",
        _counts(rows),
        _joints(rows),
        "## Annotators and agreement",
        _agreement(rows, making),
        "## Licences",
        _licences(rows, making),
        "## How it was made",
        "Frames and hands were sampled from the sources named above, pre-labelled by a model, corrected by annotators "
        "in Label Studio, checked and merged into a consensus with a covariance for every joint. Hands left out: "
        + (", ".join(f"{_line(k)} {v}" for k, v in sorted(making.dropped.items())) or "none")
        + ". `release.json` has the settings; `checksums.sha256` has every file.",
        "## How to read it",
        "Px of the full frame; the centre of the top-left pixel is (0, 0). Joints: wrist, then thumb, index, middle, "
        "ring, pinky from base to tip. The JSON beside each picture is HInt's; the side is the last letter of the "
        "file's name. `annotations.parquet` has all else. `eval/` has HaMeR's evaluation files.",
        f'```python\nfrom hint_tools import HInt\n\nhands = HInt("{name}", split="train")\n```',
        "## How to cite",
        "Cite this release by its name and the digest of its `checksums.sha256`; cite the sources of the frames and "
        "HInt (Pavlakos et al., Reconstructing Hands in 3D with Transformers, CVPR 2024), whose layout it keeps.",
        "## Limits",
        _limits(rows, fitted),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _counts(rows: Sequence[Annotation]) -> str:
    hands = Counter((r.source, r.split) for r in rows)
    lines = []
    for source in sorted({r.source for r in rows}):
        of_source = [r for r in rows if r.source == source]
        splits = [hands[source, s.value] for s in Split]
        frames, videos = len({r.frame_id for r in of_source}), len({r.video for r in of_source})
        left = sum(r.side == Side.LEFT for r in of_source)
        lines.append([_line(source), *splits, frames, videos, left, len(of_source) - left])
    return _table(["source", "train", "val", "test", "frames", "videos", "left", "right"], lines)


def _joints(rows: Sequence[Annotation]) -> str:
    state = np.stack([r.visibility for r in rows])
    shares = {v: float((state == v).mean()) for v in Visibility}
    return (
        f"Of all joints {shares[Visibility.VISIBLE]:.1%} are visible, {shares[Visibility.OCCLUDED]:.1%} occluded and "
        f"{shares[Visibility.NOT_ANNOTATABLE]:.1%} not annotatable."
    )


def _agreement(rows: Sequence[Annotation], making: Making) -> str:
    several = [r for r in rows if r.n_submissions > 1]
    told = f"{making.annotators} annotators gave {making.submissions} answers that count. "
    if not several:
        return told + "No hand was answered by more than one of them, so their agreement could not be measured."
    spread = np.array([r.disagreement for r in several])
    sides = float(np.mean([r.side_agreement for r in several]))
    spread = spread[np.isfinite(spread)]
    text = told + f"{len(several)} hands were answered more than once; on them {sides:.1%} agree on the side"
    if len(spread):
        text += (
            f", and the largest spread of a joint is {np.median(spread):.3f} of the hand's size in the median and "
            f"{np.quantile(spread, 0.9):.3f} at the 90th percentile"
        )
    return text + ". `sigmas.json`, where present, has the annotators' deviation of each joint."


def _licences(rows: Sequence[Annotation], making: Making) -> str:
    counts = Counter((r.licence, r.redistributable) for r in rows)
    lines = [[_line(licence), "yes" if free else "no", n] for (licence, free), n in sorted(counts.items())]
    text = _table(["licence of the picture", "may be passed on", "hands"], lines)
    if making.without_pixels:
        text += (
            f"\n\nThe pictures of {making.without_pixels} hands are not in this folder. Get their frames from the "
            "owners (`origin` and `frame_index` in `annotations.parquet` say which) and put them under the names in "
            "the column `image`; `pixel_sha256` tells whether they are the right ones."
        )
    return text


def _limits(rows: Sequence[Annotation], fitted: int) -> str:
    single = sum(r.n_submissions < 2 for r in rows)
    limits = [
        f"{single} of {len(rows)} hands rest on one annotator: their covariance comes from the others' deviations.",
        "Positions of occluded joints are best guesses; weigh them with `weight` or `covariance`.",
        "3D joints and MANO parameters are fits to 2D keypoints, not measurements: depth is the model's guess."
        if fitted
        else "There is no 3D truth.",
    ]
    return "\n".join(f"- {one}" for one in limits)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in rows]
    return "\n".join(lines)


def _line(text: str) -> str:
    """`text` on one line, so that it can't start a heading or end a table."""
    return " ".join(text.split())
