"""The card of a run: what was trained, on what, and how it went."""

from __future__ import annotations

from hint_tools.hamer.model_config import config_to_fields
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel
from hint_tools.store.manifests import CHECKSUMS, file_sha256
from hint_tools.train.config import TrainConfig

_OPEN_HAND = (
    "Trained with the open hand, which is not MANO: its shape and pose numbers mean other hands than MANO's. "
    "The checkpoint may be shared like the pictures it was trained on."
)
_LICENSED_HAND = (
    "The checkpoint holds the arrays of the hand model it was trained with. If that is MANO, its licence applies to "
    "the file."
)


def settings_of(config: TrainConfig, network: Hamer, hand_model: HandModel) -> dict[str, object]:
    """What `config.yaml` of a run says: the recipe, the hand model, and the network in HaMeR's fields."""
    return {
        "recipe": config.recipe(),
        "steps": config.steps,
        "hand_model": hand_model.identity,
        "network": config_to_fields(network.config),
    }


def card(
    config: TrainConfig, network: Hamer, hand_model: HandModel, *, hands: int, step: int, rows: list[dict[str, float]]
) -> str:
    """The card as Markdown.

    Args:
        config: settings of the run.
        network: what was trained.
        hand_model: it was trained with.
        hands: how many hands it saw each epoch.
        step: steps behind it.
        rows: lines of its log.
    """
    listed = config.release / CHECKSUMS
    identity = file_sha256(listed)[:16] if listed.exists() else "no checksum list"
    count = sum(p.numel() for p in network.parameters())
    vit, decoder = network.config.backbone, network.config.decoder
    lines = [
        f"# HaMeR run `{config.name}`",
        "",
        f"- release: `{config.release.name}` ({identity}), split {config.split}, {hands} hands, target {config.target}",
        f"- network: {count:,} parameters; ViT {vit.dim} wide, {vit.depth} blocks; "
        f"decoder {decoder.dim} wide, {decoder.depth} layers",
        f"- hand model: `{hand_model.identity}`",
        f"- steps: {step} of {config.steps}, {config.batch_size * config.devices} hands each, seed {config.seed}",
        f"- learning rate {config.rate:g}, weight decay {config.weight_decay:g}, precision {config.precision}, "
        f"discriminator: {config.adversarial}",
        "",
        _OPEN_HAND if hand_model.is_open else _LICENSED_HAND,
        "",
        "| losses (sums over a batch) | first | last |",
        "|---|---|---|",
    ]
    if rows:
        first, last = rows[0], rows[-1]
        lines += [f"| {n} | {first[n]:.4g} | {last[n]:.4g} |" for n in last if n != "step" and n in first]
    return "\n".join(lines) + "\n"
