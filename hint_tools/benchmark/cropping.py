"""Batches of crops for a network, the next ones cut out while it works on the last one."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Final

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hint_tools.core.errors import DataError
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.data.hamer_item import normalise_into
from hint_tools.media.crops import PATCH_PX

_AHEAD: Final = 2
"""Batches whose crops are cut while the network works."""
_THREADS: Final = 2
"""That cut them where the network itself runs on the processor."""
_MOST_THREADS: Final = 16
"""That cut them for a GPU: one core decodes some hundred frames a second, a GPU answers for some thousand hands."""


def prepared(hands: EvaluationSet, rows: Sequence[range], workers: int, device: torch.device) -> Iterator[Tensor]:
    """The crops (b, 3, 256, 256) float32 of the hands in each of `rows`; valid until the next are asked for.

    Args:
        hands: the set.
        rows: of each batch.
        workers: processes that cut them; 0 for threads.
        device: where they go afterwards: for a GPU they lie in pinned memory, and all cores cut.

    Raises:
        DataError: an image can't be read.
    """
    if not rows:
        return iter(())
    return _by_processes(hands, rows, workers, device) if workers else _by_threads(hands, rows, device)


def _by_threads(hands: EvaluationSet, rows: Sequence[range], device: torch.device) -> Iterator[Tensor]:
    """Decoding, warping and normalising leave Python's lock, so threads do them beside the network without copies."""
    shape = (max(map(len, rows)), 3, PATCH_PX, PATCH_PX)
    # one more than are being filled: the network looks at that one
    buffers = [torch.empty(shape, pin_memory=device.type == "cuda") for _ in range(min(_AHEAD, len(rows)) + 1)]
    waiting: deque[tuple[Tensor, list[Future[None]]]] = deque()
    with ThreadPoolExecutor(_threads(device)) as pool:

        def submit(number: int) -> None:
            if number < len(rows):
                buffer = buffers[number % len(buffers)][: len(rows[number])]
                waiting.append((buffer, _submitted(pool, hands, rows[number], buffer)))

        for number in range(_AHEAD):
            submit(number)
        for number in range(len(rows)):
            crops, parts = waiting.popleft()
            for part in parts:
                part.result()
            submit(number + _AHEAD)
            yield crops


def _submitted(pool: ThreadPoolExecutor, hands: EvaluationSet, row: range, buffer: Tensor) -> list[Future[None]]:
    """The cutting of a batch, one piece of work an image."""
    names, planes = hands.names[row.start : row.stop].tolist(), buffer.numpy()

    def cut(members: list[int]) -> None:
        for k in members:
            normalise_into(planes[k], hands.crop(row[k]))

    return [pool.submit(cut, list(group)) for _, group in groupby(range(len(row)), key=names.__getitem__)]


def _threads(device: torch.device) -> int:
    if device.type == "cpu":
        return _THREADS
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or _THREADS
    return max(_THREADS, min(there, _MOST_THREADS))


class _CropBatches(Dataset[Tensor | DataError]):
    """Batches of crops (b, 256, 256, 3) uint8 by number, for the loader's processes.

    An image that can't be read is told, not raised: a loader would wrap the message in the trace of its process.
    """

    def __init__(self, hands: EvaluationSet, rows: Sequence[range]) -> None:
        self.hands = hands
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Tensor | DataError:
        row = self.rows[number]
        # written where the other process reads it, and a quarter of the bytes of normalised ones
        crops = torch.empty(len(row), PATCH_PX, PATCH_PX, 3, dtype=torch.uint8)
        crops.share_memory_()  # type: ignore[no-untyped-call]
        try:
            for k, index in enumerate(row):
                crops[k].numpy()[:] = self.hands.crop(index)
        except DataError as error:
            return error
        return crops


def _by_processes(hands: EvaluationSet, rows: Sequence[range], workers: int, device: torch.device) -> Iterator[Tensor]:
    on_gpu = device.type == "cuda"
    loader = DataLoader(
        _CropBatches(hands, rows),
        batch_size=None,
        num_workers=min(workers, len(rows)),
        # a process that has a GPU open can't be forked
        multiprocessing_context="spawn" if on_gpu else None,
    )
    buffer = torch.empty((max(map(len, rows)), 3, PATCH_PX, PATCH_PX), pin_memory=on_gpu)
    for crops in loader:
        if isinstance(crops, DataError):
            raise crops
        for planes, crop in zip(buffer.numpy(), crops.numpy(), strict=False):
            normalise_into(planes, crop)
        yield buffer[: len(crops)]
