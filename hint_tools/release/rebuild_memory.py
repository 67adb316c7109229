"""What a rebuild remembers of each clip it finished, and when that still holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hint_tools.release.rebuild_extract import ClipResult, MadePicture
from hint_tools.release.rebuild_plan import ClipWork
from hint_tools.store.manifests import file_sha256


def entry_of(result: ClipResult, state: str, made_with: str) -> dict[str, Any]:
    """The journal's line about a finished clip.

    Args:
        result: what came of it.
        state: `file_state` of the clip.
        made_with: version of FFmpeg 5.1; empty without one.
    """
    return {
        "clip": result.uid,
        "clip_bytes": result.clip_bytes,
        "state": state,
        "made_with": made_with,
        "pictures": [asdict(p) for p in result.pictures],
        "missing": dict(result.missing),
    }


def remembered(
    entry: dict[str, Any] | None, clip: ClipWork, state: str, made_with: str, tree: Path
) -> ClipResult | None:
    """What an earlier run made of a clip; None when anything about it has changed since.

    Args:
        entry: the journal's last line about it.
        clip: what is wanted now.
        state: of the clip's file now.
        made_with: version of FFmpeg 5.1 now.
        tree: where the files stand: each is read again and compared.
    """
    if entry is None or (entry["state"], entry["made_with"]) != (state, made_with):
        return None
    pictures = tuple(MadePicture(**p) for p in entry["pictures"])
    wanted = {file for files in clip.files.values() for file in files}
    if {p.file for p in pictures} | entry["missing"].keys() != wanted:
        return None
    for picture in pictures:
        path = tree / picture.file
        if picture.standing or not path.is_file() or file_sha256(path) != picture.sha256:
            return None
    return ClipResult(clip.uid, entry["clip_bytes"], pictures, entry["missing"], 0)


def written_before(entry: dict[str, Any] | None) -> frozenset[str]:
    """sha256 of the files an earlier run put into the tree."""
    return frozenset(p["sha256"] for p in entry["pictures"] if not p["standing"]) if entry else frozenset()
