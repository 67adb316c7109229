"""The page of a sample: what was dropped and why, how what was taken is spread, and what it looks like."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.ids import order_key
from hint_tools.core.records import Frame, Hand, Split
from hint_tools.media.draw import draw_box, hand_crop
from hint_tools.media.images import read_image
from hint_tools.report.charts import bar_chart, grouped_bar_chart, histogram
from hint_tools.report.page import Chart, Figure, Gallery, Section, Table, Text, write_report
from hint_tools.sample.config import SampleConfig
from hint_tools.store.project import Project

SHEET = 36
"""Hands on the contact sheet."""
_CROP_PX = 160
_MOST_BARS = 20


def write_page(
    project: Project,
    path: str,
    config: SampleConfig,
    counts: Mapping[str, int | float | str],
    frames: Sequence[Frame],
    hands: Sequence[Hand],
) -> None:
    """`path` in the project is the page of what was sampled from one source.

    Args:
        project: of the pictures.
        path: relative to it.
        config: of the stage.
        counts: of the run.
        frames: taken.
        hands: taken, repeats among them.
    """
    facts = {
        "frames": f"{len(frames)}\nof {counts['candidates']} candidates",
        "hands": f"{len(hands)}\nof {counts['hands offered']} offered",
        "videos": f"{len({f.video for f in frames})}",
        "participants": f"{len({f.participant for f in frames if f.participant})}",
    }
    sections = [_dropped(counts), *_spread(frames, hands), _sheet(project, config, frames, hands)]
    settings = "; ".join(f"{k}: {_words(v)}" for k, v in sorted(_set(config).items()))
    write_report(project.path(path), f"Sample of {config.label}", settings, facts, sections)


def _set(config: SampleConfig) -> dict[str, object]:
    """The settings that were given, but for where the data lie and who works: the page is the same on every machine."""
    given = config.model_dump(mode="json", exclude_defaults=True)
    elsewhere = {"root", "boxes", "dry_run", "workers", "engine", "address", "keep", "cache_gb"}
    return {k: v for k, v in given.items() if k not in elsewhere}


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _dropped(counts: Mapping[str, int | float | str]) -> Section:
    rows = []
    for what, prefix, kept in (("frames", "dropped: ", "taken"), ("hands", "hands dropped: ", "hands")):
        rows += [(what, "taken", int(counts[kept]))]
        rows += [(what, k.removeprefix(prefix), int(n)) for k, n in counts.items() if k.startswith(prefix)]
    met = [(k, v) for k, v in counts.items() if k not in ("candidates", "hands offered") and "dropped: " not in k]
    read = [(str(k), v) for k, v in met if not k.startswith("frames in ") and k not in ("taken", "hands")]
    tables = [Table(("of", "what became of them", "number"), rows)]
    return Section(
        "What became of every candidate",
        [*tables, *([Table(("read from the source", "number"), read)] if read else [])],
        intro="Each candidate frame and each hand it offers is taken, or dropped for one reason.",
    )


def _spread(frames: Sequence[Frame], hands: Sequence[Hand]) -> list[Section]:
    blocks = []
    by_split = {s.value: Counter(f.video for f in frames if f.split == s) for s in Split}
    labels = [s for s in by_split if by_split[s]]
    blocks.append(
        Chart(
            grouped_bar_chart(
                labels,
                {
                    "frames": [sum(by_split[s].values()) for s in labels],
                    "hands": [sum(h.split == s for h in hands) for s in labels],
                    "videos": [len(by_split[s]) for s in labels],
                },
                title="Splits",
            ),
            "Splits: whole participants and videos stay together.",
        )
    )
    told = [json.loads(h.attributes) for h in hands]
    collections = [t.get("collection", "") for t in told]
    for title, values in (
        ("Source", collections if len(set(collections)) > 1 else []),
        ("Side", [h.side or "not known" for h in hands]),
        ("Contact", [t["contact"] for t in told if t.get("contact")]),
        ("Frame type", [h.frame_type for h in hands if h.frame_type]),
        ("Participant", [f.participant for f in frames if f.participant]),
        ("Video", [f.video for f in frames]),
    ):
        if values:
            common = Counter(values).most_common(_MOST_BARS)
            more = f"; the {len(common)} most frequent of {len(set(values))}" if len(common) < len(set(values)) else ""
            chart = bar_chart([k for k, _ in common], [float(n) for _, n in common], title=title)
            blocks.append(Chart(chart, f"{title}{more}."))
    if hands:
        sizes = [float(max(h.box[2] - h.box[0], h.box[3] - h.box[1])) for h in hands]
        blocks.append(Chart(histogram(sizes, unit="px", title="Hand size"), "Longer side of the hand's box."))
    return [Section("How it is spread", blocks)]


def _sheet(project: Project, config: SampleConfig, frames: Sequence[Frame], hands: Sequence[Hand]) -> Section:
    """Some hands, drawn by keyed hash; frames where no hand is known."""
    by_id = {f.frame_id: f for f in frames}
    chosen = sorted(hands, key=lambda h: order_key(config.seed, "sheet", h.hand_id))[:SHEET]
    shown = [(by_id[h.frame_id], h.box, h.side or "hand") for h in chosen]
    if not hands:
        whole = sorted(frames, key=lambda f: order_key(config.seed, "sheet", f.frame_id))[:SHEET]
        shown = [(f, np.array([-0.5, -0.5, f.width_px - 0.5, f.height_px - 0.5]), "frame") for f in whole]
    figures = []
    for frame, box, word in sorted(shown, key=lambda s: (s[0].frame_id, s[2])):
        try:
            picture = read_image(project.path(frame.path))
        except DataError:
            continue
        drawn = draw_box(picture, box) if word != "frame" else picture
        crop, _ = hand_crop(drawn, box, size_px=_CROP_PX, context=1.6 if word != "frame" else 1.0)
        figures.append(Figure(crop, f"{word}, {frame.split}", f"{word} in {frame.origin}"))
    blocks = [Gallery(figures, columns=6)] if figures else [Text("No picture could be read.")]
    return Section("Contact sheet", blocks, intro=f"{len(figures)} of {len(hands) or len(frames)}, drawn at random.")
