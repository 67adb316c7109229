"""`hint release build`: the consensus of a project, frozen as a dataset folder.

::

    releases/<name>/
        TRAIN_<source>_img/<stem>_l.jpg + .json   HInt's layout: one hand a file, its side in the name
        annotations.parquet                       everything HInt's JSON has no place for
        eval/TEST_<source>_img_{all,vis,occ}.npz  HaMeR's evaluation files
        sigmas.json  card.md  release.json  manifest.json  checksums.sha256
"""

from __future__ import annotations

import shlex
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.core.progress import note, track
from hint_tools.core.report import Report
from hint_tools.data.annotations import ANNOTATIONS, ANNOTATIONS_FILE, RELEASE_FILE, RELEASE_FORMAT, Annotation
from hint_tools.formats import hint_json
from hint_tools.media.images import encode_jpeg, probe_image, read_image
from hint_tools.release.card import Making, card
from hint_tools.release.config import ReleaseBuildConfig
from hint_tools.release.manifest import MANIFEST_FILE, manifest_of
from hint_tools.release.naming import image_paths, safe_name
from hint_tools.release.rows import annotation, evaluation_files
from hint_tools.release.select import Selection, Taken, select
from hint_tools.store.atomic import read_json, remove_leftovers, write_bytes, write_folder, write_json, write_text
from hint_tools.store.manifests import file_sha256, read_checksums, write_checksums
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, DETECTED_HANDS, FITS, FRAMES, HANDS, SUBMISSIONS, write_table

STAGE = "release"
SIGMAS = "sigmas.json"
CARD = "card.md"


class _SameRelease(Exception):  # noqa: N818  (no error: it ends the work early)
    """The release that stands there holds the same files."""


def run_build(config: ReleaseBuildConfig, project: Project) -> Report:
    """Build `releases/<name>/`; the same inputs give the same bytes, and a release is never changed.

    Raises:
        DataError: there is nothing to release, a video stands in two splits, or another release has this name.
        EnvironmentFault: it could not be written.
    """
    selection = select(config, project)
    target = project.path(f"releases/{config.name}")
    if config.dry_run:
        return _report(config, selection, _rows(config, selection), "would be built")
    with project.lock():
        if target.parent.is_dir():
            remove_leftovers(target.parent)
        state = _build(config, project, selection, target)
        project.stamp(STAGE, reads=(FRAMES, HANDS, DETECTED_HANDS, SUBMISSIONS, CONSENSUS, FITS), writes=())
    return _report(config, selection, _rows(config, selection), state)


def _build(config: ReleaseBuildConfig, project: Project, selection: Selection, target: Path) -> str:
    """Fill the folder; `built` or `unchanged`."""

    def fill(folder: Path) -> None:
        _fill(folder, config, project, selection)
        if target.exists():
            _compare(folder, target)

    try:
        write_folder(target, fill)
    except _SameRelease:
        note(f"{target.name} stands there with the same content: nothing to do")
        return "unchanged"
    return "built"


def _compare(built: Path, standing: Path) -> None:
    new, old = read_checksums(built), read_checksums(standing)
    if new == old:
        raise _SameRelease
    differing = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    raise DataError(
        f"{standing}: another release has this name ({len(differing)} files differ, such as {differing[0]}); "
        "a release is never changed",
        hint=f"hint release build {shlex.quote(standing.name + '-2')}",
    )


def _rows(config: ReleaseBuildConfig, selection: Selection) -> list[Annotation]:
    names = _source_names(selection.taken)
    paths = image_paths(((t.frame, t.hand, t.consensus.side) for t in selection.taken), names)
    every = config.images == "all"
    return [
        annotation(
            t,
            image=paths[t.hand.hand_id],
            included=every or t.frame.redistributable,
            source=names[t.frame.source],
        )
        for t in selection.taken
    ]


def _source_names(taken: Sequence[Taken]) -> dict[str, str]:
    """What each source is called in folder names.

    Raises:
        DataError: two sources would share one.
    """
    names = {source: safe_name(source) for source in sorted({t.frame.source for t in taken})}
    if len(set(names.values())) < len(names):
        raise DataError(f"two of the sources {', '.join(names)} would share one folder name", hint="rename one of them")
    return names


def _fill(folder: Path, config: ReleaseBuildConfig, project: Project, selection: Selection) -> None:
    rows = _rows(config, selection)
    for taken, row in track(list(zip(selection.taken, rows, strict=True)), "writing hands"):
        _write_hand(folder, row, project.path(taken.frame.path))
    write_table(folder / ANNOTATIONS_FILE, ANNOTATIONS, rows)
    for name, data in evaluation_files(rows).items():
        write_bytes(folder / name, data)
    sigmas = project.path(f"qc/{SIGMAS}")
    if sigmas.exists():
        write_json(folder / SIGMAS, read_json(sigmas))
    making = _making(config, project, selection, rows)
    write_text(folder / CARD, card(config.name, rows, making))
    write_json(folder / RELEASE_FILE, _description(config, rows))
    named = SIGMAS if sigmas.exists() else ""
    manifest = manifest_of(config.name, rows, selection.dropped, sigmas=named, card=CARD)
    write_json(folder / MANIFEST_FILE, manifest.model_dump(mode="json"))
    write_checksums(folder)


def _write_hand(folder: Path, row: Annotation, picture: Path) -> None:
    """The picture and its JSON. A folder is put in place as a whole, so plain writes are safe in it."""
    image = folder / row.image
    image.parent.mkdir(exist_ok=True)
    hand = hint_json.HintAnnotation(box=row.box, keypoints=row.keypoints, visibility=row.visibility)
    image.with_suffix(".json").write_bytes(hint_json.encode(hand))
    if not row.image_included:
        return
    info = probe_image(picture)
    if (info.width_px, info.height_px) != (row.width_px, row.height_px):
        raise DataError(
            f"{picture}: expected {row.width_px} x {row.height_px} px as sampled, "
            f"got {info.width_px} x {info.height_px}",
            hint="extract the frames again: hint sample",
        )
    if not info.is_plain_jpeg:
        image.write_bytes(encode_jpeg(read_image(picture)))
        return
    if file_sha256(picture) != row.image_sha256:
        raise DataError(f"{picture}: it was changed since it was sampled", hint="extract the frames again: hint sample")
    shutil.copyfile(picture, image)


def _making(config: ReleaseBuildConfig, project: Project, selection: Selection, rows: Sequence[Annotation]) -> Making:
    released = {r.hand_id for r in rows}
    answers = [s for s in project.read_if_any(SUBMISSIONS) if s.hand_id in released and s.valid and not s.superseded]
    return Making(
        project=project.name,
        notes=config.notes,
        annotators=len({s.annotator for s in answers}),
        submissions=len(answers),
        dropped=selection.dropped,
        without_pixels=sum(not r.image_included for r in rows),
    )


def _description(config: ReleaseBuildConfig, rows: Sequence[Annotation]) -> dict[str, Any]:
    """What `release.json` says; no time and no place, so that a rebuild is the same."""
    return {
        "format": "hint-tools.release",
        "version": RELEASE_FORMAT,
        "name": config.name,
        "notes": config.notes,
        "images": config.images,
        "hands": len(rows),
        "splits": dict(sorted(Counter(f"{r.split}_{r.source}" for r in rows).items())),
        "keypoints_3d": "fit" if any(r.keypoints_3d is not None for r in rows) else "none",
        "joint_order": "hint",
        "pixel_origin": "centre of the top-left pixel",
    }


def _report(config: ReleaseBuildConfig, selection: Selection, rows: Sequence[Annotation], state: str) -> Report:
    candidates = len(rows) + sum(selection.dropped.values())
    counts: dict[str, int | float | str] = {"hands with a consensus": candidates, "released": len(rows)}
    counts |= {f"left out: {reason.replace('_', ' ')}": n for reason, n in selection.dropped.items()}
    counts |= dict(sorted(Counter(f"{r.split} {r.source}" for r in rows).items()))
    counts["pictures left out"] = sum(not r.image_included for r in rows)
    counts["with MANO"] = sum(r.global_orient is not None for r in rows)
    counts["release"] = state
    where = f"releases/{config.name}"
    return Report(
        stage=STAGE,
        counts=counts,
        findings=selection.findings,
        outputs=() if config.dry_run else (f"{where}/{CARD}", f"{where}/{ANNOTATIONS_FILE}"),
        next_command=f"hint release verify {shlex.quote(where)}",
    )
