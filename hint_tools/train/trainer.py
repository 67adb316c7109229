"""One optimiser step of HaMeR: the paper's losses, the network's turn, then the discriminator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.hamer.losses import discriminator_losses, generator_loss, supervised_losses
from hint_tools.hamer.network import Hamer
from hint_tools.hamer.rotations import axis_angle_to_matrix
from hint_tools.train.config import TrainConfig
from hint_tools.train.poses import REAL_PER_PREDICTION, PoseBank


@dataclass(slots=True, eq=False)
class Trainer:
    """A network on its device with everything that changes while it trains; made by `prepare`.

    Args:
        fabric: devices, precision, distribution.
        network: the bare network; its weights are what is saved.
        model: the same network as fabric runs it.
        optimiser: of backbone and head, bare.
        model_optimiser: the same as fabric runs it.
        critic: the discriminator as fabric runs it.
        critic_optimiser: of the discriminator, bare.
        model_critic_optimiser: the same as fabric runs it.
        bank: real hands; None trains without the discriminator.
        seed: of the real hands drawn.
    """

    fabric: Fabric
    network: Hamer
    model: Any
    optimiser: torch.optim.Optimizer
    model_optimiser: Any
    critic: Any
    critic_optimiser: torch.optim.Optimizer
    model_critic_optimiser: Any
    bank: PoseBank | None
    seed: int

    def step(self, batch: Mapping[str, Any], number: int) -> dict[str, Tensor]:
        """Take one step on `batch`; the losses, unweighted, with their weighted sum as `loss`.

        Args:
            batch: HaMeR's batch keys, on the device.
            number: of the step, for the draw of real hands.
        """
        weights = self.network.config.loss_weights
        output = self.model(batch)
        losses = supervised_losses(output, batch, weights)
        pose, betas = (output["pred_mano_params"][name] for name in ("hand_pose", "betas"))
        if self.bank is not None:
            losses["adversarial"] = generator_loss(self._judged_by_frozen_critic(pose, betas))
            losses["loss"] = losses["loss"] + weights.adversarial * losses["adversarial"]
        self.model_optimiser.zero_grad()
        self.fabric.backward(losses["loss"])
        self.model_optimiser.step()
        if self.bank is not None:
            losses |= self._critic_step(self.bank, pose.detach(), betas.detach(), number)
        return {name: value.detach() for name, value in losses.items()}

    def _judged_by_frozen_critic(self, pose: Tensor, betas: Tensor) -> Tensor:
        """Scores whose gradients reach the prediction, not the discriminator."""
        critic = self.network.discriminator.requires_grad_(False)
        scores: Tensor = critic(pose, betas)
        critic.requires_grad_(True)
        return scores

    def _critic_step(self, bank: PoseBank, pose: Tensor, betas: Tensor, number: int) -> dict[str, Tensor]:
        count = REAL_PER_PREDICTION * len(pose)
        drawn = bank.draw(count, self.seed, number, self.fabric.global_rank)
        real_pose, real_betas = (values.to(self.fabric.device) for values in drawn)
        rotations = axis_angle_to_matrix(real_pose.reshape(count, 15, 3))
        # One pass over both: a distributed module may run only once before each backward.
        scores = self.critic(torch.cat([pose, rotations]), torch.cat([betas, real_betas]))
        losses = discriminator_losses(scores[: len(pose)], scores[len(pose) :])
        self.model_critic_optimiser.zero_grad()
        self.fabric.backward(self.network.config.loss_weights.adversarial * (losses["fake"] + losses["real"]))
        self.model_critic_optimiser.step()
        return {f"discriminator_{name}": value for name, value in losses.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the weights that the next step depends on."""
        on_gpu = self.fabric.device.type == "cuda"
        return {
            "optimiser": self.optimiser.state_dict(),
            "critic_optimiser": self.critic_optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "device_random": torch.cuda.get_rng_state(self.fabric.device) if on_gpu else None,
            "precision": self.fabric.strategy.precision.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned.

        Raises:
            DataError: it belongs to another network, or is incomplete.
        """
        try:
            self.optimiser.load_state_dict(state["optimiser"])
            self.critic_optimiser.load_state_dict(state["critic_optimiser"])
            torch.set_rng_state(state["random"])
            if state["device_random"] is not None and self.fabric.device.type == "cuda":
                torch.cuda.set_rng_state(state["device_random"], self.fabric.device)
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise DataError(
                f"the checkpoint's optimiser state does not fit ({error})", hint="start a new run from it: --init"
            ) from error


def prepare(config: TrainConfig, fabric: Fabric, network: Hamer, bank: PoseBank | None) -> Trainer:
    """The network on its device, with fresh optimisers (AdamW, as the paper)."""
    network.train()
    if config.freeze_backbone:
        network.backbone.requires_grad_(False)
    critic = network.discriminator
    # Each of the two is set up on its own; the network must not wait for gradients of the other.
    critic.requires_grad_(False)
    optimiser = _adamw(config, network)
    model, model_optimiser = fabric.setup(network, optimiser)
    critic.requires_grad_(True)
    critic_optimiser = _adamw(config, critic)
    wrapped_critic, model_critic_optimiser = fabric.setup(critic, critic_optimiser)
    torch.manual_seed(config.seed + fabric.global_rank)
    return Trainer(
        fabric=fabric,
        network=network,
        model=model,
        optimiser=optimiser,
        model_optimiser=model_optimiser,
        critic=wrapped_critic,
        critic_optimiser=critic_optimiser,
        model_critic_optimiser=model_critic_optimiser,
        bank=bank,
        seed=config.seed,
    )


def _adamw(config: TrainConfig, module: torch.nn.Module) -> torch.optim.Optimizer:
    learned = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(learned, lr=config.rate, weight_decay=config.weight_decay)
