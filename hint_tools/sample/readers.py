"""Which reader reads what lies at `--root`."""

from __future__ import annotations

import shlex
from pathlib import Path

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding
from hint_tools.formats.coco_boxes import parse_coco_boxes
from hint_tools.parallel.engine import Engine
from hint_tools.sample.config import SampleConfig
from hint_tools.sources.candidates import HandBox, SourceReading
from hint_tools.sources.ego4d import read_ego4d
from hint_tools.sources.epic import read_epic
from hint_tools.sources.folder import Boxes, read_folder
from hint_tools.sources.hands23 import read_hands23
from hint_tools.store.config import resolve_path
from hint_tools.store.fetch import Cache
from hint_tools.store.remote import SourcePath


def read_source(
    config: SampleConfig, root: SourcePath, engine: Engine, cache: Cache
) -> tuple[SourceReading, tuple[Finding, ...]]:
    """The candidates at `root`, and what is to be said of the user's own box file.

    Args:
        config: of the stage.
        root: where its own setting points.
        engine: looks at videos.
        cache: for remote ones.

    Raises:
        DataError: the source is missing, or is not what its kind should be.
    """
    if config.source == "ego4d":
        return read_ego4d(root), ()
    if config.source == "epic":
        return read_epic(root), ()
    if config.source == "hands23":
        return read_hands23(root, subset=config.subset), ()
    boxes, findings = _boxes(config.boxes)
    reading = read_folder(
        root,
        engine=engine,
        cache=cache,
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
        raise DataError(
            f"{file}: the box file can't be read ({error.strerror})", hint=f"ls {shlex.quote(str(file.parent))}"
        ) from error
    hands, findings = parse_coco_boxes(data, str(file))
    return {k: tuple(HandBox(box=h.box, side=h.side, origin="user") for h in v) for k, v in hands.items()}, findings
