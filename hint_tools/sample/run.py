"""`hint sample`: choose frames and hands of a source, extract them, write the frames and hands tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.records import Frame, Hand
from hint_tools.core.report import Report
from hint_tools.formats.coco_boxes import parse_coco_boxes
from hint_tools.sample.choose import Pool, make_pool, take
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.extract import Extractor, Failure, Stored
from hint_tools.sample.rows import frame_row, hand_rows, hands_inside
from hint_tools.sample.splits import Origin, assert_no_leak, assign
from hint_tools.sources.candidates import Candidate, HandBox, SourceReading, Tally
from hint_tools.sources.ego4d import read_ego4d
from hint_tools.sources.folder import Boxes, read_folder
from hint_tools.store.atomic import remove_leftovers
from hint_tools.store.config import resolve_path
from hint_tools.store.project import Project
from hint_tools.store.tables import FRAMES, HANDS

STAGE = "sample"
_NO_HAND_LEFT = "no hand inside the picture"


@dataclass(frozen=True, slots=True)
class _Taken:
    """One frame that made it, with its hands inside the picture."""

    candidate: Candidate
    stored: Stored
    hands: tuple[HandBox, ...]


@dataclass(slots=True)
class _Outcome:
    """What extraction gave: frames, the reasons of those without, and what happened to hands."""

    taken: list[_Taken] = field(default_factory=list)
    failed: dict[tuple[str, int], str] = field(default_factory=dict)
    failures: Tally = field(default_factory=Tally)
    hands: Counter[str] = field(default_factory=Counter)


def run(config: SampleConfig, project: Project) -> Report:
    """Frames and hands of a source are in the project's tables; the report accounts for every candidate.

    Raises:
        DataError: the source is missing or empty, or not one of its frames can be had.
        EnvironmentFault: the project can't be written, or another process holds it.
    """
    reading, box_findings = _read(config)
    pool = make_pool(reading.candidates, per_action=config.per_action, min_hand_px=config.min_hand_px, seed=config.seed)
    if config.dry_run:
        chosen = take(pool.candidates, config.n, config.seed)
        counts = _account(reading, pool, _Outcome(), len(chosen))
        return Report(stage=STAGE, counts=counts, findings=(*box_findings, *reading.findings))
    with project.lock():
        remove_leftovers(project.path(f"frames/{config.label}"))
        outcome, journal_findings = _extract(config, project, pool)
        if not outcome.taken:
            raise _nothing(config, reading, pool, outcome)
        split_counts, notes = _write(config, project, outcome.taken)
        project.stamp(STAGE, reads=(), writes=(FRAMES, HANDS))
    findings = (*box_findings, *reading.findings, *journal_findings, *_findings(config, pool, outcome), *notes)
    return Report(
        stage=STAGE,
        counts=_account(reading, pool, outcome, len(outcome.taken)) | split_counts,
        findings=findings,
        outputs=(f"frames/{config.label}",),
        next_command="hint prelabel",
    )


def _read(config: SampleConfig) -> tuple[SourceReading, tuple[Finding, ...]]:
    root = resolve_path(config.root, Path.cwd())
    if config.source == "ego4d":
        return read_ego4d(root), ()
    boxes, findings = _boxes(config.boxes)
    reading = read_folder(
        root,
        seed=config.seed,
        every_s=config.every_s,
        boxes=boxes,
        licence=config.licence,
        redistributable=config.redistributable,
    )
    return reading, findings


def _boxes(path: Path | None) -> tuple[Boxes, tuple[Finding, ...]]:
    if path is None:
        return {}, ()
    file = resolve_path(path, Path.cwd())
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: the box file can't be read ({error.strerror})", hint=f"ls {file.parent}") from error
    hands, findings = parse_coco_boxes(data, str(file))
    return {k: tuple(HandBox(box=h.box, side=h.side, origin="user") for h in v) for k, v in hands.items()}, findings


def _extract(config: SampleConfig, project: Project, pool: Pool) -> tuple[_Outcome, tuple[Finding, ...]]:
    """Extract until `n` frames are there: one that can't be had is replaced by the next in order."""
    outcome = _Outcome()
    with project.journal(STAGE) as journal:
        extractor = Extractor(project, config.label, journal)
        while True:
            outcome.taken, outcome.hands, failed_before = [], Counter(), len(outcome.failed)
            for candidate, result in extractor.extract(take(pool.candidates, config.n, config.seed, outcome.failed)):
                _sort_in(outcome, candidate, result)
            if len(outcome.failed) == failed_before:
                return outcome, tuple(journal.findings)


def _sort_in(outcome: _Outcome, candidate: Candidate, result: Stored | Failure) -> None:
    key, name = (candidate.unit, candidate.frame_index), f"{candidate.origin} {candidate.frame_index}"
    if isinstance(result, Failure):
        outcome.failed[key] = result.reason
        outcome.failures.add(result.reason, result.message)
        return
    hands, happened = hands_inside(candidate, result.width_px, result.height_px)
    if candidate.hands and not hands:
        outcome.failed[key] = _NO_HAND_LEFT
        outcome.failures.add(_NO_HAND_LEFT, name)
        return
    outcome.hands += happened
    outcome.taken.append(_Taken(candidate, result, hands))


def _write(config: SampleConfig, project: Project, taken: Sequence[_Taken]) -> tuple[dict[str, int], list[Finding]]:
    """Replace this source's rows, keep those of others; the size of each split, and what to say about it."""
    frames, hands = project.read_if_any(FRAMES), project.read_if_any(HANDS)
    ours = {f.frame_id for f in frames if f.source == config.label}
    others = [f for f in frames if f.source != config.label]
    before = {Origin(f.video, f.participant): f.split for f in frames if f.source == config.label}
    origins = [Origin(t.candidate.video, t.candidate.participant) for t in taken]
    splits = assign(
        origins, before, val_fraction=config.val_fraction, test_fraction=config.test_fraction, seed=config.seed
    )
    new_frames, new_hands = [], list[Hand]()
    for item, origin in zip(taken, origins, strict=True):
        frame = frame_row(config.label, item.candidate, item.stored, splits[origin])
        new_frames.append(frame)
        new_hands += hand_rows(frame, item.candidate, item.hands)
    assert_no_leak(new_frames)
    # hands first: a run killed between the two leaves hands without frames, which the next run clears away;
    # the other way round frames would pass for ones that came without boxes
    kept = {f.frame_id for f in others}
    project.write(HANDS, [*(h for h in hands if h.frame_id in kept), *new_hands])
    project.write(FRAMES, [*others, *new_frames])
    counts = {"hands": len(new_hands)}
    counts |= {f"frames in {s}": sum(f.split == s for f in new_frames) for s in ("train", "val", "test")}
    gone = ours - {f.frame_id for f in new_frames}
    return counts, [*_replaced(gone), *_few_groups(config, new_frames)]


def _replaced(gone: set[str]) -> list[Finding]:
    if not gone:
        return []
    return [
        Finding(
            code="sample.frames-replaced",
            severity=Severity.WARNING,
            message=f"{len(gone)} frames of an earlier choice left the tables; their pictures stay in frames/",
            suggestion="to add another folder beside the first, give it its own --name",
            subjects=tuple(sorted(gone)[:5]),
            count=len(gone),
        )
    ]


def _few_groups(config: SampleConfig, frames: Sequence[Frame]) -> list[Finding]:
    wanted = {"val": config.val_fraction, "test": config.test_fraction}
    empty = [s for s, share in wanted.items() if share > 0 and not any(f.split == s for f in frames)]
    if not empty:
        return []
    n_videos = len({f.video for f in frames})
    return [
        Finding(
            code="sample.split-empty",
            severity=Severity.INFO,
            message=f"{' and '.join(empty)} stay empty: whole videos are kept together, and there are {n_videos}",
            suggestion="nothing to do for a pilot; take frames from more videos for a release",
        )
    ]


def _findings(config: SampleConfig, pool: Pool, outcome: _Outcome) -> tuple[Finding, ...]:
    found = [*outcome.failures.findings(STAGE, "frames could not be taken")]
    for reason, count in sorted((pool.hands_dropped + outcome.hands).items()):
        code = f"sample.hands-{reason.replace(' ', '-').replace(chr(39), '')}"
        found.append(Finding(code=code, severity=Severity.INFO, message=f"{count} hand boxes: {reason}", count=count))
    if config.n is not None and len(outcome.taken) < config.n:
        found.append(
            Finding(
                code="sample.fewer-than-wanted",
                severity=Severity.WARNING,
                message=f"wanted {config.n} frames, the source has {len(outcome.taken)} that can be used",
            )
        )
    return tuple(found)


def _account(reading: SourceReading, pool: Pool, outcome: _Outcome, n_taken: int) -> dict[str, int | float | str]:
    """Counts in which every candidate is either taken or dropped for one reason."""
    dropped = pool.dropped + Counter(outcome.failed.values())
    dropped["not drawn"] = len(pool.candidates) - len(outcome.failed) - n_taken
    total = n_taken + sum(dropped.values())
    if total != len(reading.candidates) or dropped["not drawn"] < 0:
        raise AssertionError(f"{total} candidates are accounted for, the source gave {len(reading.candidates)}")
    counts: dict[str, int | float | str] = {**reading.counts, "candidates": len(reading.candidates)}
    counts |= {f"dropped: {reason}": n for reason, n in sorted((+dropped).items())}
    return counts | {"taken": n_taken}


def _nothing(config: SampleConfig, reading: SourceReading, pool: Pool, outcome: _Outcome) -> DataError:
    reasons = Counter(dict(pool.dropped)) + Counter(outcome.failed.values())
    told = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    met = "; ".join(f"{n} {what}" for what, n in reading.counts.items())
    examples = [f.message for f in (*outcome.failures.findings(STAGE, "frames"), *reading.findings)][:1]
    return DataError(
        f"{config.root}: not one frame can be taken of {len(reading.candidates)} candidates"
        + "".join(f" ({part})" for part in (told, met, *examples) if part),
        hint="hint sample --dry-run (with the same options) says what is there",
    )
