"""Counts in which every candidate and every hand is either taken or dropped for one reason, and what to say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.records import Frame
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.draw import NOT_DRAWN
from hint_tools.sample.pictures import BARE
from hint_tools.sample.rows import OTHER_SHAPE, OUTSIDE
from hint_tools.sample.table import NO_HAND, HandTable, Verdicts
from hint_tools.sources.candidates import SourceReading, Tally

NO_HAND_LEFT = "no hand inside the picture"
SAME_FRAME = "same frame under another action"
_OF_FRAME = {OUTSIDE: NO_HAND_LEFT, OTHER_SHAPE: NO_HAND_LEFT}
"""What is said of a frame whose last hand went for a reason."""


def candidate_verdicts(table: HandTable, verdicts: Verdicts, n_candidates: int) -> list[str]:
    """Why each candidate was dropped; empty for those taken, one a frame.

    A candidate without a hand left is dropped for the reason of the hand that went last. Of several candidates of one
    frame, the first with a hand stands for it.
    """
    reasons = [""] * n_candidates
    latest = np.zeros(n_candidates, np.int64)
    np.maximum.at(latest, table.candidate, verdicts.code.astype(np.int64))
    alive = np.flatnonzero(verdicts.alive)
    stands: dict[int, int] = {}
    for row in alive.tolist():
        stands.setdefault(int(table.frame[row]), int(table.candidate[row]))
    standing, with_hands = set(stands.values()), set(table.candidate[alive].tolist())
    for i in range(n_candidates):
        if i in standing:
            continue
        word = verdicts.words[latest[i]]
        reasons[i] = SAME_FRAME if i in with_hands else _OF_FRAME.get(word, word)
    return reasons


def account(reading: SourceReading, table: HandTable, verdicts: Verdicts) -> dict[str, int | float | str]:
    """The counts of a run.

    Raises:
        AssertionError: they don't add up.
    """
    reasons = Counter(candidate_verdicts(table, verdicts, len(reading.candidates)))
    taken = reasons.pop("", 0)
    frames = len(np.unique(table.frame[verdicts.alive]))
    if taken != frames or taken + sum(reasons.values()) != len(reading.candidates):
        raise AssertionError(
            f"{taken} taken and {sum(reasons.values())} dropped of {len(reading.candidates)}; {frames} frames"
        )
    boxed = table.place != NO_HAND
    offered, kept = int(boxed.sum()), int((boxed & verdicts.alive).sum())
    hands = hands_dropped(table, verdicts)
    if kept + sum(hands.values()) != offered:
        raise AssertionError(f"{kept} hands taken and {sum(hands.values())} dropped of {offered}")
    counts: dict[str, int | float | str] = {**reading.counts, "candidates": len(reading.candidates)}
    counts |= {f"dropped: {reason}": n for reason, n in sorted(reasons.items())}
    counts |= {"taken": taken, "hands offered": offered}
    return counts | {f"hands dropped: {reason}": n for reason, n in sorted(hands.items())} | {"hands": kept}


def hands_dropped(table: HandTable, verdicts: Verdicts) -> Counter[str]:
    """Hands dropped, by reason; frames without hands don't count."""
    boxed = verdicts.copy()
    boxed.code = verdicts.code[table.place != NO_HAND]
    return boxed.counts()


def findings(
    config: SampleConfig, failures: Tally, changed: Counter[str], dropped: Counter[str], n_taken: int
) -> tuple[Finding, ...]:
    """What a person should know of a run.

    Args:
        config: of the stage.
        failures: frames that could not be had.
        changed: what was done to boxes.
        dropped: hands, by reason.
        n_taken: number of lots taken.
    """
    found = [*failures.findings("sample", "frames could not be taken")]
    told = {reason: n for reason, n in (dropped + changed).items() if reason != NOT_DRAWN}
    for reason, count in sorted(told.items()):
        code = f"sample.hands-{reason.removeprefix('hands ').replace(' ', '-').replace(chr(39), '')}"
        message = f"{count} hand boxes: {reason}"
        found.append(Finding(code=code, severity=Severity.INFO, message=message, count=count))
    if config.n is not None and n_taken < config.n:
        found.append(
            Finding(
                code="sample.fewer-than-wanted",
                severity=Severity.WARNING,
                message=f"wanted {config.n} {'frames' if config.mode == 'img' else 'runs'}, the source has {n_taken} "
                "that can be used",
            )
        )
    return tuple(found)


def of_tables(config: SampleConfig, frames: Sequence[Frame], gone: set[str]) -> list[Finding]:
    """What to say of the tables that were written.

    Args:
        config: of the stage.
        frames: new rows.
        gone: ids of frames that an earlier run had and this one has not.
    """
    found = []
    if gone:
        found.append(
            Finding(
                code="sample.frames-replaced",
                severity=Severity.WARNING,
                message=f"{len(gone)} frames of an earlier choice left the tables; their pictures stay in frames/",
                suggestion="to add another folder beside the first, give it its own --name",
                subjects=tuple(sorted(gone)[:5]),
                count=len(gone),
            )
        )
    n_bare = sum(f.decoder == BARE for f in frames)
    if n_bare:
        found.append(
            Finding(
                code="sample.metadata-left-out",
                severity=Severity.INFO,
                message=f"{n_bare} pictures carried metadata (place, time, camera...): left out, same pixels",
                suggestion="--metadata keeps it",
                count=n_bare,
            )
        )
    wanted = {"val": config.val_fraction, "test": config.test_fraction}
    empty = [s for s, share in wanted.items() if share > 0 and not any(f.split == s for f in frames)]
    if empty and config.splits == "grouped":
        n_videos = len({f.video for f in frames})
        found.append(
            Finding(
                code="sample.split-empty",
                severity=Severity.INFO,
                message=f"{' and '.join(empty)} stay empty: whole videos are kept together, and there are {n_videos}",
                suggestion="nothing to do for a pilot; take frames from more videos for a release",
            )
        )
    return found


def nothing(
    config: SampleConfig, reading: SourceReading, table: HandTable, verdicts: Verdicts, failures: Tally
) -> DataError:
    """The error of a run that could not take a single frame."""
    reasons = Counter(candidate_verdicts(table, verdicts, len(reading.candidates)))
    told = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    met = "; ".join(f"{n} {what}" for what, n in reading.counts.items())
    examples = [f.message for f in (*failures.findings("sample", "frames"), *reading.findings)][:1]
    return DataError(
        f"{config.root}: not one frame can be taken of {len(reading.candidates)} candidates"
        + "".join(f" ({part})" for part in (told, met, *examples) if part),
        hint="hint sample --dry-run (with the same options) says what is there",
    )
