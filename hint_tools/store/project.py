"""The project folder: where a round of annotation lives.

::

    hint.toml            settings; its presence makes the folder a project
    tables/*.parquet     what the stages hand to one another
    frames/<source>/     extracted pictures
    crops/               what annotators see
    prelabel/model.json  which model's predictions count
    submissions/raw/     every annotation as the server gave it, by content
    qc/ fit/ benchmark/  reports
    releases/ runs/      frozen datasets, trainings
    .hint/               lock, journals, stamps of the stages
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.core.ids import content_id
from hint_tools.core.records import Hand, Record
from hint_tools.store.atomic import read_json, remove_leftovers, write_text, writing
from hint_tools.store.journal import Journal
from hint_tools.store.tables import DETECTED_HANDS, HANDS, Table, read_table, table_digest, write_table

FORMAT_VERSION = 1
"""Of the folder's layout; raised with a migration."""
MARKER = "hint.toml"
MODEL_FILE = "prelabel/model.json"
"""Names the model of the last `hint prelabel`: the table keeps every model's predictions, `hint push` takes these."""
LOCK_WAIT_S = 0.5
_WRITTEN_UNDER_LOCK = (
    "", ".hint", ".hint/stamps", "crops", "fit", "prelabel", "qc", "sample", "submissions/raw", "tables",
)  # fmt: skip
"""Folders nothing writes to without the lock: what a killed command left half written in them belongs to nobody."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Project:
    """An opened project folder.

    Args:
        root: absolute path.
        settings: parsed `hint.toml`.
    """

    root: Path
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """The project's name, as Label Studio and releases show it."""
        return str(self.settings["project"]["name"])

    @property
    def project_id(self) -> str:
        """A stable id, made once by `hint init`; survives moving the folder."""
        return str(self.settings["project"]["id"])

    def section(self, stage: str) -> dict[str, Any]:
        """The `[stage]` section of `hint.toml`, empty when absent."""
        section = self.settings.get(stage, {})
        if not isinstance(section, dict):
            raise ConfigError(f"{self.root / MARKER}: [{stage}] must be a section, got {section!r}")
        return section

    def path(self, relative: str) -> Path:
        """The absolute path of a project-relative one.

        Raises:
            DataError: it leads out of the project, or nowhere.
        """
        try:
            path = (self.root / relative).resolve()
        except (ValueError, RuntimeError, OSError) as error:  # a NUL in it, or links that lead back to themselves
            raise DataError(f"{relative!r} is no path in the project {self.root} ({error})") from error
        if not path.is_relative_to(self.root):
            raise DataError(f"{relative!r} leads out of the project {self.root}")
        return path

    def table_path(self, table: Table[Any]) -> Path:
        """Where a table lives."""
        return self.root / "tables" / f"{table.name}.parquet"

    def read(self, table: Table[R]) -> list[R]:
        """All rows of a table.

        Raises:
            DataError: there is none yet, or it can't be read.
        """
        return read_table(self.table_path(table), table)

    def read_if_any(self, table: Table[R]) -> list[R]:
        """All rows of a table, none when it was never written."""
        return self.read(table) if self.table_path(table).exists() else []

    def write(self, table: Table[R], rows: Iterable[R]) -> None:
        """Replace a table, atomically."""
        write_table(self.table_path(table), table, rows)

    def hands(self) -> list[Hand]:
        """The sampled hands and those the detector found, sorted by id.

        Raises:
            DataError: nothing was sampled yet.
        """
        hands = {h.hand_id: h for h in self.read(HANDS)}
        hands.update({h.hand_id: h for h in self.read_if_any(DETECTED_HANDS)})
        return [hands[k] for k in sorted(hands)]

    def current_model(self) -> str:
        """The model of the last `hint prelabel`; empty when it never ran to its end.

        Raises:
            DataError: the file that names it is damaged.
        """
        path = self.root / MODEL_FILE
        return str(read_json(path).get("model", "")) if path.exists() else ""

    def journal(self, stage: str) -> Journal:
        """The journal of a stage, to be opened as a context."""
        return Journal(self.root / ".hint" / "journal" / f"{stage}.jsonl")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Only one command writes at a time; a lock of a dead process does not count.

        Raises:
            EnvironmentFault: another process holds it, named by pid and host; or the project can't be written.
        """
        folder = self.root / ".hint"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise EnvironmentFault(
                f"{folder}: can't be written ({error.strerror})", hint="use a writable project"
            ) from error
        holder = folder / "lock.json"
        lock = FileLock(folder / "lock", timeout=LOCK_WAIT_S)
        try:
            with writing(folder / "lock"):
                lock.acquire()
        except Timeout:
            raise EnvironmentFault(
                f"{self.root} is in use by {_told_by(holder)}", hint="wait for it to end, or stop it"
            ) from None
        try:
            write_text(holder, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
            for sub in _WRITTEN_UNDER_LOCK:
                if (self.root / sub).is_dir():
                    remove_leftovers(self.root / sub)
            yield
        finally:
            lock.release()

    def stamp(
        self,
        stage: str,
        *,
        reads: Iterable[Table[Any]],
        writes: Iterable[Table[Any]],
        looks_at: Iterable[Table[Any]] = (),
    ) -> None:
        """Remember which tables a stage read and wrote, so that `hint status` knows what is stale.

        Args:
            stage: its name.
            reads: what the tables it wrote depend on.
            writes: those.
            looks_at: tables of later stages that only its report depends on, where they are there already: news in
                them make this stage stale and nothing that follows it.
        """
        stamp = {
            "stage": stage,
            **{
                kind: {t.name: table_digest(self.table_path(t)) for t in tables}
                for kind, tables in (("reads", reads), ("writes", writes), ("looks_at", looks_at))
            },
        }
        write_text(self.root / ".hint" / "stamps" / f"{stage}.json", json.dumps(stamp, indent=2, sort_keys=True))

    def read_stamp(self, stage: str) -> dict[str, Any] | None:
        """What `stamp` remembered; None when the stage never ran to its end.

        Raises:
            DataError: the file that remembers is damaged.
        """
        path = self.root / ".hint" / "stamps" / f"{stage}.json"
        if not path.exists():
            return None
        stamp = read_json(path)
        known = stamp if isinstance(stamp, dict) else {}
        kinds = (known.get("reads"), known.get("writes"), known.get("looks_at", {}))
        if not all(isinstance(tables, dict) for tables in kinds):
            raise DataError(f"{path}: expected the tables that hint {stage} read and wrote", hint=f"hint {stage}")
        return known


def _told_by(holder: Path) -> str:
    """Who holds the lock, as far as it had time to say."""
    try:
        who = read_json(holder)
    except DataError:
        who = {}
    known = who if isinstance(who, dict) else {}
    return f"process {known.get('pid', '?')} on {known.get('host', '?')}"


def find_project(start: Path) -> Path:
    """The nearest folder from `start` upward that holds `hint.toml`.

    Raises:
        ConfigError: there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / MARKER).is_file():
            return folder
    raise ConfigError(
        f"{start}: not in a hint project (no {MARKER} here or above)",
        hint="hint init DIR, then run the command inside DIR, or name it: --project DIR",
    )


def open_project(root: Path) -> Project:
    """Open the project at `root`.

    Raises:
        ConfigError: no project there, a broken `hint.toml`, or one made by a newer version.
    """
    marker = root / MARKER
    if not marker.is_file():
        raise ConfigError(f"{root}: not a hint project (no {MARKER})", hint=f"hint init {shlex.quote(str(root))}")
    try:
        settings = tomllib.loads(marker.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{marker}: expected TOML ({error})", hint="mend the line it names") from error
    header = settings.get("project")
    if not isinstance(header, dict) or not {"name", "id", "format"} <= header.keys():
        raise ConfigError(f"{marker}: expected [project] with name, id and format, got {header!r}")
    if header["format"] != FORMAT_VERSION:
        raise ConfigError(
            f"{marker}: made for project format {header['format']}; this hint-tools reads format {FORMAT_VERSION}",
            hint="upgrade: pip install --upgrade hint-tools",
        )
    return Project(root=root.resolve(), settings=settings)


def create_project(root: Path, name: str) -> Project:
    """Make a project; an existing one of the same format is opened as it is.

    Raises:
        ConfigError: something else stands at `root`, or an existing project can't be opened.
    """
    if (root / MARKER).exists():
        return open_project(root)
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{root}: a file stands where the project folder should be")
    identity = content_id("project", name, socket.gethostname(), str(root.resolve()), os.urandom(8).hex())
    text = (
        "# Settings of this round. A section named like a command ([sample], [qc], ...) sets its options.\n"
        f"[project]\nname = {json.dumps(name)}\nid = {json.dumps(identity)}\nformat = {FORMAT_VERSION}\n"
    )
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / MARKER, text)
    return open_project(root)
