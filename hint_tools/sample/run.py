"""`hint sample`: choose frames and hands of a source, extract them, write the frames and hands tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.progress import note
from hint_tools.core.records import Frame, Hand, Split
from hint_tools.core.report import Report
from hint_tools.parallel.engine import Engine
from hint_tools.sample import filters
from hint_tools.sample.accounts import account, findings, hands_dropped, nothing, of_tables
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.crops import CropRules
from hint_tools.sample.explain import write_explanation
from hint_tools.sample.extract import Extractor
from hint_tools.sample.forecast import forecast
from hint_tools.sample.gather import Gathered, draw, gather
from hint_tools.sample.measure import Looks
from hint_tools.sample.page import write_page
from hint_tools.sample.readers import read_source
from hint_tools.sample.rows import frame_row, hand_row, repeated
from hint_tools.sample.splits import Origin, assert_no_leak, assign, leaks
from hint_tools.sample.table import HandTable, Verdicts, frame_id, table_of
from hint_tools.sources.candidates import Candidate, SourceReading, known_everywhere
from hint_tools.store.atomic import remove_leftovers
from hint_tools.store.fetch import Cache, clear_cache, open_cache
from hint_tools.store.project import Project
from hint_tools.store.remote import SourcePath, source_path
from hint_tools.store.tables import FRAMES, HANDS

STAGE = "sample"
NO_OFFICIAL_SPLIT = "no official split"
ELSEWHERE = "the same moment came from another source"


@dataclass(frozen=True, slots=True)
class _Means:
    """Where the source lies, who reads it, and where remote files of it are put meanwhile."""

    root: SourcePath
    engine: Engine
    cache: Cache


@dataclass(frozen=True, slots=True)
class _Written:
    """What went into the tables, and what to say of it."""

    frames: list[Frame]
    hands: list[Hand]
    rows: dict[int, str]
    findings: list[Finding]


def run(config: SampleConfig, project: Project) -> Report:
    """Frames and hands of a source are in the project's tables; the report accounts for every candidate.

    Raises:
        DataError: the source is missing or empty, or not one of its frames can be had.
        EnvironmentFault: the project can't be written, or another process holds it; a driver or Ray is missing.
        RemoteError: the root is at a URL, and whoever keeps it can't be reached.
    """
    root = source_path(config.root, Path.cwd())
    cache = Cache(project.path(".hint/cache"), round(config.cache_gb * 1e9), config.keep and not config.dry_run)
    open_cache(cache, root)
    with Engine.of(config, root) as engine:
        try:
            return _sampled(config, project, _Means(root, engine, cache))
        finally:
            clear_cache(cache)


def _sampled(config: SampleConfig, project: Project, means: _Means) -> Report:
    reading, box_findings = read_source(config, means.root, means.engine, means.cache)
    others = [f for f in project.read_if_any(FRAMES) if f.source != config.label]
    table = table_of(reading.candidates, config.seed)
    verdicts = filtered(config, reading.candidates, table, others)
    if config.dry_run:
        draw(config, table, verdicts)
        drawn = [reading.candidates[i] for i in sorted(set(table.candidate[verdicts.alive].tolist()))]
        return Report(
            stage=STAGE,
            counts=account(reading, table, verdicts) | forecast(drawn, config.seed, means.cache),
            findings=(*box_findings, *reading.findings),
        )
    with project.lock():
        remove_leftovers(project.path(f"frames/{config.label}"))
        gathered, journal_findings, how_read = _gather(config, project, means, reading, table, verdicts, others)
        if not gathered.frames:
            raise nothing(config, reading, table, gathered.verdicts, gathered.failures)
        written = _write(config, project, gathered)
        counts = account(reading, table, gathered.verdicts) | _sizes(written)
        outputs = _tell(config, project, table, gathered, written, counts, reading)
        project.stamp(STAGE, reads=(), writes=(FRAMES, HANDS))
    n_lots = len({(h.candidate.unit, h.candidate.action) for f in gathered.frames for h in f.hands})
    n_taken = n_lots if config.mode == "seq" else len(gathered.frames)
    dropped = hands_dropped(table, gathered.verdicts)
    told = findings(config, gathered.failures, gathered.changed, dropped, n_taken)
    return Report(
        stage=STAGE,
        counts=counts,
        findings=(*box_findings, *reading.findings, *journal_findings, *told, *written.findings),
        outputs=outputs,
        next_command="hint prelabel",
        details={"extraction": how_read},
    )


def filtered(
    config: SampleConfig, candidates: Sequence[Candidate], table: HandTable, others: Sequence[Frame]
) -> Verdicts:
    """The verdicts that need no pixel: what is alive afterwards may be drawn.

    Args:
        config: of the stage.
        candidates: of the source.
        table: of their hands.
        others: frames of other sources.
    """
    verdicts = Verdicts(len(table))
    if config.splits == "official":
        known = np.array([c.official_split in set(Split) for c in candidates], np.bool_)
        verdicts.drop(~known[table.candidate], NO_OFFICIAL_SPLIT)
    claimed = {_moment(f.video, f.time_s) for f in others if known_everywhere(f.video) and np.isfinite(f.time_s)}
    if claimed:
        taken = np.array([_moment(c.video, c.time_s) in claimed for c in candidates], np.bool_)
        verdicts.drop(taken[table.candidate], ELSEWHERE)
    filters.drop_unwanted(
        table, verdicts, min_hand_px=config.min_hand_px, contact=config.contact, frame_types=config.frame_types
    )
    if config.mode == "seq":
        filters.drop_repeated(table, verdicts)
        filters.keep_runs(table, verdicts, config.min_run, config.seed)
    else:
        filters.keep_per_action(table, verdicts, config.per_action, config.seed)
        filters.drop_repeated(table, verdicts)
    if config.one_hand:
        filters.keep_one_hand(table, verdicts, config.seed)
    if config.min_gap_s > 0:
        filters.keep_apart(table, verdicts, config.min_gap_s)
    return verdicts


def _moment(video: str, time_s: float) -> tuple[str, str]:
    return video, f"{time_s:.3f}"


def _gather(
    config: SampleConfig,
    project: Project,
    means: _Means,
    reading: SourceReading,
    table: HandTable,
    verdicts: Verdicts,
    others: Sequence[Frame],
) -> tuple[Gathered, tuple[Finding, ...], dict[str, Any]]:
    by_id = {f.frame_id: f for f in others}
    hands = [(by_id[h.frame_id], h) for h in project.read_if_any(HANDS) if h.frame_id in by_id]
    pixels = frozenset(f.pixel_sha256 for f in others)
    with project.journal(STAGE) as journal:
        rules = CropRules(config, Looks(project, journal, means.engine), hands)
        extractor = Extractor(
            project, config.label, journal, means.engine, means.cache, bare=config.leaves_out_metadata
        )  # fmt: skip
        gathered = gather(config, reading.candidates, table, verdicts, extractor, rules, pixels)
        how_read = extractor.how_read()
        if how_read["remote bytes"]:
            fetched, size = how_read["fetched bytes"] / 1e6, how_read["remote bytes"] / 1e6
            note(f"{fetched:.1f} of {size:.1f} MB of video were fetched")
        return gathered, tuple(journal.findings), how_read


def _write(config: SampleConfig, project: Project, gathered: Gathered) -> _Written:
    """Replace this source's rows, keep those of others."""
    known = project.read_if_any(FRAMES)
    others = [f for f in known if f.source != config.label]
    gone = {f.frame_id for f in known if f.source == config.label}
    splits = _splits(config, gathered, known)
    frames: list[Frame] = []
    hands: dict[int, Hand] = {}
    rows: dict[int, str] = {}
    for item in gathered.frames:
        frame = frame_row(config.label, item.candidate, item.stored, splits[frame_id(config.label, item.candidate)])
        frames.append(frame)
        rows |= {h.row: frame.frame_id for h in item.hands}
        hands |= {h.row: hand_row(frame, h.candidate, h.hand) for h in item.hands if h.hand is not None}
    told: list[Finding] = []
    if config.splits == "official":
        told += _official_leaks([*others, *frames])
    else:
        assert_no_leak([*others, *frames])
    again = repeated(list(hands.values()), config.repeats, config.seed)
    # hands first: a run killed between the two leaves hands without frames, which the next run clears away;
    # the other way round frames would pass for ones that came without boxes
    kept = {f.frame_id for f in others}
    elsewhere = [h for h in project.read_if_any(HANDS) if h.frame_id in kept]
    project.write(HANDS, [*elsewhere, *hands.values(), *again])
    project.write(FRAMES, [*others, *frames])
    rows |= {row: hand.hand_id for row, hand in hands.items()}
    told += of_tables(config, frames, gone - {f.frame_id for f in frames})
    return _Written(frames, [*hands.values(), *again], rows, told)


def _splits(config: SampleConfig, gathered: Gathered, known: Sequence[Frame]) -> dict[str, str]:
    """The split of each frame by its id."""
    candidates = [f.candidate for f in gathered.frames]
    if config.splits == "official":
        return {frame_id(config.label, c): c.official_split for c in candidates}
    before = {Origin.of(f.source, f.video, f.participant): f.split for f in known}
    origins = [Origin.of(config.label, c.video, c.participant) for c in candidates]
    splits = assign(
        origins, before, val_fraction=config.val_fraction, test_fraction=config.test_fraction, seed=config.seed
    )
    return {frame_id(config.label, c): splits[o] for c, o in zip(candidates, origins, strict=True)}


def _official_leaks(frames: Sequence[Frame]) -> list[Finding]:
    found = leaks(frames)
    if not found:
        return []
    return [
        Finding(
            code="sample.official-splits-leak",
            severity=Severity.WARNING,
            message=f"{len(found)} videos or participants stand in several splits, such as {min(found)}: "
            "the owners' splits were kept as they are",
            suggestion="hint sample --splits grouped",
            subjects=tuple(sorted(found)[:5]),
            count=len(found),
        )
    ]


def _sizes(written: _Written) -> dict[str, int | float | str]:
    sizes: dict[str, int | float | str] = {
        f"frames in {s}": sum(f.split == s for f in written.frames) for s in ("train", "val", "test")
    }
    n_again = sum(h.reason.startswith("repeat of ") for h in written.hands)
    return sizes | ({"hands to repeat": n_again} if n_again else {})


def _tell(
    config: SampleConfig,
    project: Project,
    table: HandTable,
    gathered: Gathered,
    written: _Written,
    counts: dict[str, int | float | str],
    reading: SourceReading,
) -> tuple[str, ...]:
    """Write the page, and the explanation where it is wanted; their names."""
    page = "sample/report.html"
    write_page(project, page, config, counts, written.frames, written.hands)
    if not config.explain:
        return f"frames/{config.label}", page
    explained = f"sample/{config.label}-explain.csv" if config.name else "sample/explain.csv"
    write_explanation(
        project.path(explained), config, reading.candidates, table, gathered, written.rows, written.frames
    )
    return f"frames/{config.label}", page, explained
