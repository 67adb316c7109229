"""What was sent and what of it is known to have arrived.

Two phases: before a request the keys go into the journal; they count as sent only once the server lists
them. A command that is killed in between finds the open keys, waits until the server has settled, and
sends what is really missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding
from hint_tools.core.progress import note
from hint_tools.core.records import LedgerEntry
from hint_tools.formats.labelstudio import Picture
from hint_tools.labelstudio.client import Client, Json
from hint_tools.store.journal import Journal

SETTLE_S: Final = 10.0
"""A server may finish a request after its client has gone; 200 tasks take it a second on a free machine."""
_POLL_S: Final = 1.0

Listing = Mapping[str, Sequence[Json]]


class Sent:
    """The journal of one `push`, opened.

    Args:
        journal: an opened journal.
        clock: seconds since the epoch.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was odd about the journal."""
        return tuple(self._journal.findings)

    def intend(self, keys: Iterable[str]) -> None:
        """These keys are about to be sent."""
        self._journal.append({"event": "intent", "at": self._clock(), "keys": sorted(keys)})

    def confirm(self, keys: Iterable[str]) -> None:
        """These keys were answered for, or seen on the server."""
        self._journal.append({"event": "confirmed", "keys": sorted(keys)})

    def open_keys(self) -> dict[str, float]:
        """Keys whose arrival nobody has confirmed, with the time they were sent, s."""
        pending: dict[str, float] = {}
        for entry in self._journal.entries:
            for key in entry["keys"]:
                if entry["event"] == "intent":
                    pending[key] = float(entry["at"])
                else:
                    pending.pop(key, None)
        return pending

    def sent_at(self) -> dict[str, float]:
        """When each key was last sent, s."""
        return {k: float(e["at"]) for e in self._journal.entries if e["event"] == "intent" for k in e["keys"]}

    def settled(self, client: Client, project: int) -> Listing:
        """What the server lists, once every open key is there or has had time enough to appear.

        Raises:
            RemoteError: the server is down or refuses the token.
        """
        told = False
        while True:
            listing = client.task_ids_by_key(project)
            waiting = {k: at for k, at in self.open_keys().items() if k not in listing}
            if not waiting or max(waiting.values()) + SETTLE_S < self._clock():
                if self.open_keys():
                    self.confirm(self.open_keys())
                return listing
            if not told:
                note(f"a push was cut off: waiting up to {SETTLE_S:g} s to see what arrived")
                told = True
            time.sleep(_POLL_S)


def entry_of(task: Json, project: int, *, prediction_id: str, pushed_at: str) -> LedgerEntry:
    """The ledger's row for a task as the server lists it.

    Raises:
        DataError: the task's data is not what `push` writes.
    """
    data = task["data"]
    try:
        crop = data["crop"]
        return LedgerEntry(
            task_key=str(data["hint_key"]),
            hand_id=str(data["hand_id"]),
            server_project=project,
            task_id=int(task["id"]),
            prediction_id=prediction_id,
            crop=np.array([crop["x0"], crop["y0"], crop["scale"]], dtype=np.float64),
            crop_width_px=int(crop["width"]),
            crop_height_px=int(crop["height"]),
            image_sha256=str(data["image_sha256"]),
            pushed_at=pushed_at,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"task {task.get('id')}: its data is not what `hint push` writes ({error})") from error


def picture_of(entry: LedgerEntry) -> Picture:
    """What annotators of a task saw."""
    x0, y0, scale = (float(v) for v in entry.crop)
    return Picture(x0, y0, scale, entry.crop_width_px, entry.crop_height_px)


def written_time(seconds: float) -> str:
    """UTC, whole seconds, as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
