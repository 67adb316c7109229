"""Sending tasks so that each arrives once, whatever the network does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, TypeVar

from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.labelstudio.client import Client, Json
from hint_tools.labelstudio.config import PushConfig
from hint_tools.labelstudio.crops import crop_jpeg
from hint_tools.labelstudio.earlier_picture import earlier_jpeg
from hint_tools.labelstudio.ledger import Listing, Sent
from hint_tools.labelstudio.remarks import Remarks
from hint_tools.labelstudio.tasks import Planned, build_task
from hint_tools.labelstudio.wire import ServerDoubtfulError
from hint_tools.media.images import read_image
from hint_tools.store.atomic import write_bytes
from hint_tools.store.project import Project

SEND_TRIES: Final = 3
T = TypeVar("T")


class Delivery:
    """Sends the tasks of one push.

    Args:
        config: the settings.
        project: whose pictures are written to `crops/`.
        client: the server.
        remote: the project's number there.
        sent: the journal.
        remarks: where to note what can't be sent.
    """

    def __init__(
        self, config: PushConfig, project: Project, client: Client, remote: int, sent: Sent, remarks: Remarks
    ) -> None:
        self._config = config
        self._project = project
        self._client = client
        self._remote = remote
        self._sent = sent
        self._remarks = remarks

    def send(self, missing: Sequence[Planned]) -> int:
        """How many tasks were made of `missing`; those whose picture can't be read are remarked.

        Raises:
            RemoteError: the server is down or refuses; what was sent before stays, and is known to have been sent.
        """
        created = 0
        with work("push tasks", len(missing)) as progress:
            for chunk in chunks(missing, self._config.chunk):
                tasks = self._build(chunk)
                self._deliver(tasks)
                created += len(tasks)
                progress.advance(len(chunk))
        return created

    def _deliver(self, tasks: list[Json]) -> None:
        """Send tasks; after any doubt, list what arrived and send the rest."""
        left = tasks
        for attempt in range(SEND_TRIES):
            if not left:
                return
            keys = [t["data"]["hint_key"] for t in left]
            self._sent.intend(keys)
            try:
                self._client.import_tasks(self._remote, left)
            except ServerDoubtfulError:
                if attempt == SEND_TRIES - 1:
                    raise
                there = self._sent.settled(self._client, self._remote)
                left = [t for t in left if t["data"]["hint_key"] not in there]
            else:
                self._sent.confirm(keys)
                return

    def _build(self, chunk: Sequence[Planned]) -> list[Json]:
        """Tasks of a chunk, with their pictures written; each frame is decoded once."""
        tasks = []
        for _, group in groupby(sorted(chunk, key=lambda p: (p.frame.frame_id, p.key)), key=lambda p: p.frame.frame_id):
            items = list(group)
            try:
                pixels = read_image(self._project.path(items[0].frame.path))
            except DataError as error:
                self._remarks.add("picture-unreadable", error.message, *(p.hand.hand_id for p in items))
                continue
            for item in items:
                picture = crop_jpeg(pixels, item.crop)
                write_bytes(self._project.path(item.crop_path), picture)
                if item.look is not None:
                    shown = earlier_jpeg(pixels, item.hand, item.look.earlier)
                    write_bytes(self._project.path(item.earlier_path), shown)
                tasks.append(self._task(item, hashlib.sha256(picture).hexdigest()))
        return sorted(tasks, key=lambda t: str(t["data"]["hint_key"]))

    def _task(self, item: Planned, image_sha256: str) -> Json:
        try:
            return build_task(item, image_sha256, self._config.image_prefix)
        except DataError as error:
            self._remarks.add("prediction-unusable", error.message, item.hand.hand_id)
            return build_task(replace(item, prediction=None), image_sha256, self._config.image_prefix)

    def remove_doubles(self, there: Listing) -> None:
        """Delete copies that a request made which the server finished late; an answered copy is remarked and stays.

        Raises:
            RemoteError: the server is down or refuses.
        """
        for key in sorted(k for k, tasks in there.items() if k and len(tasks) > 1):
            for extra in there[key][1:]:
                task = self._client.task(int(extra["id"]))
                if task.get("annotations") or task.get("drafts"):
                    message = f"task {extra['id']} is a copy of {there[key][0]['id']}, but somebody answered it"
                    self._remarks.add("task-doubled", message, key)
                else:
                    self._client.delete_task(int(extra["id"]))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
