"""`hint release rebuild`: the published HInt with its Ego4D pictures, made from the clips one may download.

Beside the tree, so that nothing strange ends in it::

    <tree>.rebuild/
        clip_uids.txt     the clips really needed, for Ego4D's own downloader
        plan.json         what has to be made
        journal.jsonl     what was made, clip by clip: the same command continues
        pictures.json     every picture: frame, sha256, pixel hash, size, how it was made
        checksums.sha256  of the pictures, as `sha256sum -c` reads it inside the tree
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.progress import note, work
from hint_tools.core.report import Report
from hint_tools.media.ffmpeg51 import Ffmpeg51, find_ffmpeg51
from hint_tools.media.video import decoder_version
from hint_tools.parallel.engine import Engine
from hint_tools.release.config import ReleaseRebuildConfig
from hint_tools.release.published_zip import write_published_zip
from hint_tools.release.rebuild_extract import ClipTask, MadePicture, run_tasks
from hint_tools.release.rebuild_findings import Outcome, against, findings_of, zip_finding
from hint_tools.release.rebuild_memory import entry_of, remembered, written_before
from hint_tools.release.rebuild_plan import (
    KEY_FRAME_DISTANCES,
    PICTURE_BYTES,
    Plan,
    decode_work,
    read_plan,
    unlike_published,
)
from hint_tools.release.verify_published import verify_published
from hint_tools.store.atomic import remove_leftovers, write_json, write_text
from hint_tools.store.config import resolve_path
from hint_tools.store.fetch import Cache, clear_cache, open_cache
from hint_tools.store.journal import Journal
from hint_tools.store.project import Project
from hint_tools.store.remote import SourcePath, file_state, source_path

STAGE = "rebuild"
UIDS, PLAN, JOURNAL = "clip_uids.txt", "plan.json", "journal.jsonl"
PICTURES, CHECKSUMS, ARCHIVE = "pictures.json", "checksums.sha256", "HInt_annotation.zip"
PICTURES_FORMAT = "hint-tools.rebuilt-pictures"
_FETCH = "ego4d --output_directory DIR --version v1 --datasets clips --video_uid_file"
_CLIP_FOLDERS = ("clips", "v1/clips", "v2/clips")


def run_rebuild(config: ReleaseRebuildConfig, project: Project | None = None) -> Report:
    """Plan, extract, compare, complete; the report accounts for every listed file.

    Raises:
        DataError: the tree, the list or the folder of clips is not what it should be.
        EnvironmentFault: the tree can't be written, another rebuild of it runs, or `ffmpeg` is no FFmpeg 5.1.
    """
    tree = resolve_path(config.partial, Path.cwd())
    if not tree.is_dir():
        raise DataError(f"{tree}: no such folder; expected the unpacked HInt_annotation_partial")
    plan = read_plan(resolve_path(config.frames, Path.cwd()))
    folder = tree.with_name(f"{tree.name}.rebuild") if config.work is None else resolve_path(config.work, Path.cwd())
    if folder.is_relative_to(tree):
        raise DataError(f"{folder}: the working folder must not be inside the tree {tree}")
    planned = (*plan.findings, *unlike_published(plan))
    if config.dry_run:
        return Report(stage=STAGE, counts=_planned(plan), findings=planned)
    with _locked(folder):
        _write_plan(folder, plan)
        if config.clips is None:
            fetch = f"{_FETCH} {shlex.quote(str(folder / UIDS))}"
            outputs = (str(folder / UIDS), str(folder / PLAN))
            return Report(stage=STAGE, counts=_planned(plan), findings=planned, outputs=outputs, next_command=fetch)
        ffmpeg = find_ffmpeg51(str(resolve_path(config.ffmpeg, Path.cwd())) if config.ffmpeg else None)
        outcome = _extract(config, config.clips, plan, tree, folder, ffmpeg)
        return _finish(config, plan, tree, folder, outcome, planned)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0.5):
            remove_leftovers(folder)
            yield
    except Timeout:
        raise EnvironmentFault(f"{folder} is in use by another rebuild", hint="wait for it to end") from None
    except PermissionError as error:
        raise EnvironmentFault(f"{folder}: can't be written ({error.strerror})", hint="name another: --work") from error


def _planned(plan: Plan) -> dict[str, int | float | str]:
    counts: dict[str, int | float | str] = {"files listed": plan.listed}
    counts |= {f"not planned: {why}": n for why, n in plan.dropped.items()}
    counts |= {"pictures": plan.n_pictures, "different frames": plan.n_frames, "clips needed": len(plan.clips)}
    for distance in KEY_FRAME_DISTANCES:
        groups, frames = decode_work(plan, distance)
        counts[f"key-frame groups, one in {distance} frames"] = f"{groups} ({frames} frames to decode)"
    low, high = (plan.n_pictures * size / 1e9 for size in PICTURE_BYTES)
    counts["to be written, about"] = f"{low:.1f} to {high:.1f} GB"
    counts.update(plan.per_folder)
    return counts


def _write_plan(folder: Path, plan: Plan) -> None:
    write_text(folder / UIDS, "".join(f"{clip.uid}\n" for clip in plan.clips))
    clips = {c.uid: {str(number): list(files) for number, files in c.files.items()} for c in plan.clips}
    described = {"format": "hint-tools.rebuild-plan", "version": 1, "folders": plan.per_folder, "clips": clips}
    write_json(folder / PLAN, described)


def _extract(
    config: ReleaseRebuildConfig, clips: str | Path, plan: Plan, tree: Path, folder: Path, ffmpeg: Ffmpeg51 | None
) -> Outcome:
    """Extract what an earlier run left; a clip is remembered when all its files stand in the tree."""
    root = source_path(clips, Path.cwd())
    cache = Cache(folder / "cache", round(config.cache_gb * 1e9), config.keep)
    open_cache(cache, root)
    found = _find_clips(root, plan)
    outcome = Outcome(absent=tuple(c for c in plan.clips if c.uid not in found), official=ffmpeg is not None)
    for name in plan.per_folder:
        if (tree / name).is_dir():
            remove_leftovers(tree / name)
    made_with = ffmpeg.version if ffmpeg else ""
    with Journal(folder / JOURNAL) as journal, work("rebuilding pictures", plan.n_pictures) as progress:
        outcome.findings += journal.findings
        known = {e["clip"]: e for e in journal.entries if "clip" in e}
        tasks = []
        for clip in plan.clips:
            if clip.uid not in found:
                progress.advance(clip.n_files)
                continue
            path = found[clip.uid]
            result = remembered(known.get(clip.uid), clip, file_state(path), made_with, tree)
            if result is None:
                ours = written_before(known.get(clip.uid))
                tasks.append(ClipTask(clip.uid, path, tree, clip.files, ffmpeg, config.replace, cache, ours))
            else:
                outcome.results.append(result)
                progress.advance(clip.n_files)
        if tasks and outcome.results:
            note(f"{len(outcome.results)} clips were done before, {len(tasks)} are left")
        with Engine.of(config, root) as engine:
            for result in run_tasks(tasks, engine):
                if not result.interrupted:
                    journal.append(entry_of(result, file_state(found[result.uid]), made_with))
                outcome.results.append(result)
                progress.advance(len(result.pictures) + len(result.missing))
    clear_cache(cache)
    outcome.results.sort(key=lambda r: r.uid)
    return outcome


def _find_clips(root: SourcePath, plan: Plan) -> dict[str, SourcePath]:
    """Where each clip's file is.

    Raises:
        DataError: not one of them is below `root`.
    """
    folders: list[SourcePath] = [root, *(root / f for f in _CLIP_FOLDERS)]
    found = {
        c.uid: next((f / f"{c.uid}.mp4" for f in folders if (f / f"{c.uid}.mp4").is_file()), None) for c in plan.clips
    }
    here = {uid: path for uid, path in found.items() if path is not None}
    if not here:
        raise DataError(
            f"{root}: expected Ego4D's <clip uid>.mp4, found not one of the {len(plan.clips)} that are needed",
            hint=f"{_FETCH} {UIDS}",
        )
    return here


def _finish(
    config: ReleaseRebuildConfig, plan: Plan, tree: Path, folder: Path, outcome: Outcome, planned: Sequence[Finding]
) -> Report:
    """Write what was made, compare, check the tree, archive it."""
    pictures = outcome.pictures()
    taken, dropped = sum(not p.standing for p in pictures), outcome.dropped()
    if taken + sum(dropped.values()) != plan.n_pictures:
        raise AssertionError("a planned picture was lost")
    _write_pictures(folder, pictures, outcome)
    findings = [*planned, *findings_of(outcome)]
    if config.expect is not None:
        findings += against(resolve_path(config.expect, Path.cwd()), pictures, PICTURES_FORMAT)
    checked = verify_published(tree)
    findings += checked.findings
    counts: dict[str, int | float | str] = {"pictures planned": plan.n_pictures, "in the tree now": taken}
    counts["written by this run"] = sum(r.written for r in outcome.results)
    counts |= {f"not made: {why}": n for why, n in sorted(dropped.items())}
    in_tree = Counter(p.file.partition("/")[0] for p in pictures if not p.standing)
    counts |= {name: f"{in_tree[name]} of {n}" for name, n in plan.per_folder.items()}
    counts |= {f"made: {way}": n for way, n in sorted(Counter(p.way for p in pictures).items())}
    counts["bytes"] = sum(p.size_bytes for p in pictures if not p.standing)
    outputs = [str(folder / PICTURES), str(folder / CHECKSUMS)]
    if config.zip:
        findings += _archive(tree, folder, counts, outputs, complete=not checked.gate_failed)
    failed = any(f.severity is Severity.ERROR for f in findings)
    return Report(
        stage=STAGE, counts=counts, findings=tuple(findings), outputs=tuple(outputs), gate_failed=failed,
        next_command=f"hint release verify {shlex.quote(str(tree))}",
    )  # fmt: skip


def _archive(
    tree: Path, folder: Path, counts: dict[str, int | float | str], outputs: list[str], *, complete: bool
) -> list[Finding]:
    if not complete:
        return [zip_finding("", complete=False)]
    digest = write_published_zip(tree, folder / ARCHIVE)
    counts["archive's MD5"] = digest
    outputs.append(str(folder / ARCHIVE))
    return [zip_finding(digest, complete=True)]


def _write_pictures(folder: Path, pictures: Sequence[MadePicture], outcome: Outcome) -> None:
    rows = {p.file: {k: v for k, v in asdict(p).items() if k != "file"} for p in pictures}
    write_json(
        folder / PICTURES,
        {
            "format": PICTURES_FORMAT,
            "version": 1,
            "decoder": decoder_version(),
            "clips": {r.uid: r.clip_bytes for r in outcome.results},
            "pictures": rows,
        },
    )
    lines = [f"{p.sha256}  {p.file}\n" for p in sorted(pictures, key=lambda p: p.file) if not p.standing]
    write_text(folder / CHECKSUMS, "".join(lines))
