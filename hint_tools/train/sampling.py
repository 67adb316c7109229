"""Which hands each step sees: a function of the seed and the step alone, so resuming needs no memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class EpochBatches(Sampler[list[int]]):
    """The batches of one epoch for one device; set `epoch` and `start` before iterating.

    Every epoch shuffles all hands. Where they don't fill the last batch, it takes more from the epoch's start:
    no hand is left out.

    Args:
        count: number of hands.
        batch_size: hands a batch, on each device.
        seed: of the shuffling.
        rank: which device this is.
        world: number of devices.
    """

    def __init__(self, count: int, batch_size: int, seed: int, *, rank: int = 0, world: int = 1) -> None:
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world = world
        self.epoch = 0
        self.start = 0

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch, on each device."""
        return -(-self.count // (self.batch_size * self.world))

    def seek(self, step: int) -> None:
        """Stand before the batch of `step`, counted from 0 over all epochs."""
        self.epoch, self.start = divmod(step, self.steps_per_epoch)

    def __len__(self) -> int:
        return self.steps_per_epoch - self.start

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        whole = self.batch_size * self.world
        filled = np.resize(order, self.steps_per_epoch * whole)
        for step in range(self.start, self.steps_per_epoch):
            begin = step * whole + self.rank * self.batch_size
            yield filled[begin : begin + self.batch_size].tolist()
