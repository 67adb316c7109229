"""The training loop: batches, steps, log, checkpoints; read it from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.hamer.checkpoint import save_checkpoint
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel
from hint_tools.train.config import TrainConfig
from hint_tools.train.interrupt import deferred_interrupt, ignore_interrupt
from hint_tools.train.log import TrainingLog
from hint_tools.train.poses import PoseBank
from hint_tools.train.run_folder import RunFolder
from hint_tools.train.sampling import EpochBatches
from hint_tools.train.trainer import Trainer, prepare


class TrainingSet(Protocol):
    """What the loop needs of its data: HaMeR's batch entries, a function of epoch and index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]: ...

    def set_epoch(self, epoch: int) -> None:
        """The next items belong to `epoch`."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One training.

    Args:
        config: the settings.
        network: with the weights to start from.
        hand_model: it is trained with.
        data: the hands.
        bank: real hands for the discriminator, or None.
        folder: where it writes.
        start: steps behind it.
        training: states to resume from; empty at the beginning.
    """

    config: TrainConfig
    network: Hamer
    hand_model: HandModel
    data: TrainingSet
    bank: PoseBank | None
    folder: RunFolder
    start: int
    training: Mapping[str, Any]


def train(job: Job) -> float:
    """Run a job to its last step; hands a second, all devices together.

    Raises:
        DataError: the loss is no longer finite; an image can't be read.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the state is saved first.
    """
    config = job.config
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=config.devices,
        precision=config.precision,
        strategy="ddp" if config.devices > 1 else "auto",
    )
    fabric.launch()
    trainer = prepare(config, fabric, job.network, job.bank)
    if job.training:
        trainer.restore(job.training)
    batches = EpochBatches(
        len(job.data), config.batch_size, config.seed, rank=fabric.global_rank, world=fabric.world_size
    )
    loader = fabric.setup_dataloaders(_loader(config, job.data, batches), use_distributed_sampler=False)
    log = TrainingLog(job.folder.log, until=job.start)
    step, began_s = job.start, time.monotonic()
    with deferred_interrupt() as interrupted, work("train", config.steps - step) as progress:
        while step < config.steps:
            batches.seek(step)
            job.data.set_epoch(batches.epoch)
            for batch in loader:
                losses = trainer.step(cast("dict[str, Any]", batch), step)
                step += 1
                progress.advance()
                last, stopped = step == config.steps, _anywhere(fabric, interrupted())
                logged = step == 1 or step % config.log_every == 0 or last
                saved = step % config.save_every == 0 or last or stopped
                if logged or saved:
                    values = _finite(job, fabric, step, losses)
                # an interrupt adds no line: the log of a run that was stopped is that of one that was not
                if logged and fabric.is_global_zero:
                    log.add(step, values)
                if saved:
                    _save(job, log, trainer, step)
                if stopped:
                    raise KeyboardInterrupt
                if last:
                    break
    fabric.barrier()
    hands: int = (step - job.start) * config.batch_size * fabric.world_size
    return hands / max(time.monotonic() - began_s, 1e-9)


def _loader(config: TrainConfig, data: TrainingSet, batches: EpochBatches) -> DataLoader[Any]:
    return DataLoader(
        cast("Dataset[Any]", data),
        batch_sampler=batches,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        worker_init_fn=ignore_interrupt,
        # the loader draws a seed each epoch; from the global generator it would shift the network's draws
        generator=torch.Generator().manual_seed(config.seed),
        pin_memory=False,
    )


def _anywhere(fabric: Fabric, stopped: bool) -> bool:
    """Whether any device was told to stop: all of them must leave the loop after the same step, or the rest waits."""
    if fabric.world_size == 1:
        return stopped
    told = fabric.all_reduce(torch.tensor(float(stopped), device=fabric.device), reduce_op="max")
    return bool(torch.as_tensor(told))


def _finite(job: Job, fabric: Fabric, step: int, losses: Mapping[str, Tensor]) -> dict[str, float]:
    """The losses of a step, the mean over devices: nothing is logged or saved without this look at them.

    Raises:
        DataError: they are not finite.
    """
    values = torch.stack([v.float() for v in losses.values()])
    if fabric.world_size > 1:
        values = torch.as_tensor(fabric.all_reduce(values, reduce_op="mean"))
    if not bool(values.isfinite().all()):
        raise DataError(
            f"{job.folder.root}: the loss is {float(losses['loss'])} at step {step}, expected a number; "
            f"the newest good checkpoint is {job.folder.last if job.folder.last.exists() else 'none'}",
            hint=f"train with a smaller step: --learning-rate {job.config.rate / 10:g}",
        )
    return dict(zip(losses, values.tolist(), strict=True))


def _save(job: Job, log: TrainingLog, trainer: Trainer, step: int) -> None:
    if not trainer.fabric.is_global_zero:
        return
    log.flush()
    save_checkpoint(
        job.folder.checkpoint(step),
        job.network,
        step=step,
        hand_model=job.hand_model,
        training=trainer.state(),
        metadata={"recipe": job.config.recipe(), "run": job.config.name},
    )
    job.folder.publish(step, keep=job.config.keep, every=job.config.save_every)
