"""Why every hand was taken or not: one line a hand, in a file a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from hint_tools.core.records import Frame
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.gather import Gathered
from hint_tools.sample.table import NO_HAND, HandTable
from hint_tools.sources.candidates import Candidate
from hint_tools.store.atomic import write_text

HEAD = (
    "verdict", "why", "id", "split", "source", "unit", "frame_index", "video", "participant", "action", "frame_type",
    "side", "contact", "size_px", "box",
)  # fmt: skip


def write_explanation(
    path: Path,
    config: SampleConfig,
    candidates: Sequence[Candidate],
    table: HandTable,
    gathered: Gathered,
    ids: Mapping[int, str],
    frames: Sequence[Frame],
) -> None:
    """`path` holds one line a hand the source offered (or a frame without hands), in the source's order.

    Args:
        path: of the CSV file.
        config: of the stage.
        candidates: of the source.
        table: of their hands.
        gathered: what became of them.
        ids: of the hands taken (of the frame where it has none), by row.
        frames: their frames.
    """
    turns = {h.row: turn for turn, f in enumerate(gathered.frames, start=1) for h in f.hands}
    frame_of = {h.row: f for f, item in zip(frames, gathered.frames, strict=True) for h in item.hands}
    n = len(gathered.frames)
    by = ", then ".join(config.balance)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for row in range(len(table)):
        c = candidates[table.candidate[row]]
        hand = None if table.place[row] == NO_HAND else c.hands[table.place[row]]
        taken = row in turns
        why = f"frame {turns[row]} of {n} drawn in turn by {by}" if taken else gathered.verdicts.reason(row)
        frame = frame_of.get(row)
        writer.writerow(
            (
                "taken" if taken else "dropped", why, ids.get(row, ""), "" if frame is None else frame.split,
                c.collection, c.unit, c.frame_index, c.video, c.participant, c.action, c.frame_type,
                (hand.side or "") if hand else "no hand", hand.contact if hand else "", f"{table.size_px[row]:.1f}",
                " ".join(f"{v:.1f}" for v in hand.box) if hand else "",
            )
        )  # fmt: skip
    write_text(path, text.getvalue())
