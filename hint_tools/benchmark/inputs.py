"""What a benchmark is asked to score, and on what: read and checked before anything runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.core.errors import ConfigError, DataError
from hint_tools.data.evaluation import EvaluationSet, read_npz_set, read_release_sets
from hint_tools.data.published_sets import is_published, read_published_sets
from hint_tools.media.crops import HINT_RESCALE, BoxRule
from hint_tools.store.atomic import read_json
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import CHECKSUMS, file_sha256
from hint_tools.store.project import Project

RELEASE: Final = "release.json"
_HINT_ONLY: Final = ("release", "sources", "images", "crop", "as_reference", "split", "on_missing", "mesh_visibility")
"""Options that only annotated images give a meaning to."""
_NETWORK_ONLY: Final = ("shard", "precision", "compile")
"""Options that only a checkpoint gives a meaning to."""
_CROPS: Final = {
    "hint": (HINT_RESCALE, BoxRule.SQUARE),
    "padded": (1.0, BoxRule.PADDED),
    "demo": (HINT_RESCALE, BoxRule.PADDED),
}


@dataclass(frozen=True, slots=True, eq=False)
class HintData:
    """The sets of annotated images to score on.

    Args:
        sets: one a source.
        facts: for the report: where they come from.
        folder: the release or published HInt they are of; None for npz files.
    """

    sets: list[EvaluationSet]
    facts: dict[str, Any]
    folder: Path | None


def require_sense(config: BenchmarkConfig) -> None:
    """There is a checkpoint or a predictions file, not both, and no option that would be without effect.

    Raises:
        ConfigError: otherwise.
    """
    if (config.checkpoint is None) == (config.predictions is None):
        got = "neither" if config.checkpoint is None else "both"
        raise ConfigError(
            f"expected a checkpoint or --predictions, got {got}", hint="hint benchmark model.ckpt --release DIR"
        )

    fields = type(config).model_fields
    networks = _NETWORK_ONLY if config.predictions is not None else ()
    useless = [name for name in networks if getattr(config, name) != fields[name].default]
    others = ("root",) if config.dataset == "hint" else _HINT_ONLY
    useless += [name for name in others if getattr(config, name) != fields[name].default]
    if useless:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
        what = "a predictions file" if set(useless) & set(networks) else f"--dataset {config.dataset}"
        raise ConfigError(f"{words} means nothing with {what}", hint=f"leave out {words}")


def read_hint_data(config: BenchmarkConfig, project: Project | None, base: Path) -> HintData:
    """The sets that `config` names, cut the way it says.

    Raises:
        ConfigError: it does not say on what, or says it twice.
        DataError: the data is missing or broken.
    """
    folder = _folder(config, project, base)
    if folder is None:
        images = resolve_path(config.images or base, base)
        sets = [read_npz_set(resolve_path(f, base), images, on_missing=config.on_missing) for f in config.npz]
        digests = {f.name: file_sha256(resolve_path(f, base)) for f in config.npz}
        facts: dict[str, Any] = {"npz": digests, "truth_3d": "file"}
    elif not (folder / RELEASE).exists() and is_published(folder):
        sets = read_published_sets(folder, split=config.split, on_missing=config.on_missing)
        facts = {"release": f"published HInt in {folder.name}", "split": config.split, "truth_3d": ""}
    else:
        sets = read_release_sets(folder, split=config.split, on_missing=config.on_missing)
        facts = _release_facts(folder, config.split)
    unknown = sorted(set(config.sources) - {s.name for s in sets})
    if unknown:
        raise DataError(f"no source {', '.join(unknown)} to score on; there are {', '.join(s.name for s in sets)}")
    chosen = [s for s in sets if not config.sources or s.name in config.sources]
    for hands in chosen:
        hands.rescale, hands.rule = _CROPS[config.crop]
    return HintData(chosen, facts | {"crop": config.crop}, folder)


def _folder(config: BenchmarkConfig, project: Project | None, base: Path) -> Path | None:
    """The release to score on; None when npz files were named instead."""
    if config.npz:
        if config.release is not None:
            raise ConfigError("expected either a release or npz files, got both", hint="leave out --release or --npz")
        if config.images is None:
            raise ConfigError("npz files need the folder of their images", hint="add --images DIR")
        return None
    if config.release is not None:
        return resolve_path(config.release, base)
    found = sorted(p.parent for p in (project.root / "releases").glob(f"[!.]*/{RELEASE}")) if project else []
    if len(found) != 1:
        got = f"the project has {len(found)} releases" if project else "this is no project"
        raise ConfigError(f"say what to score on: {got}", hint="add --release DIR, or --npz F --images DIR")
    return found[0]


def _release_facts(release: Path, split: str) -> dict[str, Any]:
    described = read_json(release / RELEASE)
    digest = file_sha256(release / CHECKSUMS) if (release / CHECKSUMS).exists() else ""
    return {
        "release": described.get("name", release.name),
        "checksums_sha256": digest,
        "split": split,
        "truth_3d": described.get("keypoints_3d", ""),
    }


def set_digest(hands: EvaluationSet) -> str:
    """A digest of everything the answers for a set depend on: which hands, where, how cut, of which files."""
    digest = hashlib.sha256(f"{hands.name} {hands.rescale} {hands.rule}".encode())
    for column in (hands.centers_px, hands.hands.scale[hands.rows], hands.right):
        digest.update(column.tobytes())
    for name in hands.names.tolist():
        about = (hands.images / name).stat()
        digest.update(f"{name}\x1f{about.st_size}\x1f{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()
