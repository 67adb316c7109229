"""Sizes and constants of a HaMeR network; the paper's, and smaller ones.

Light on purpose: command-line options are made from it, so nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from hint_tools.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneConfig:
    """A plain vision transformer.

    Args:
        image_height_px: height of what it sees.
        image_width_px: width of what it sees; HaMeR cuts the middle out of a square crop.
        patch_px: side of a patch.
        dim: width of a token.
        depth: number of blocks.
        heads: attention heads a block; divides `dim`.
        mlp_ratio: hidden width of a block's MLP over `dim`.
        drop_path: chance that the last block is skipped for a sample in training; rises linearly from 0.
    """

    image_height_px: int = 256
    image_width_px: int = 192
    patch_px: int = 16
    dim: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    drop_path: float = 0.0

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.image_height_px // self.patch_px, self.image_width_px // self.patch_px


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """The cross-attention decoder of the head.

    Args:
        dim: width of its one query token.
        depth: number of layers.
        heads: attention heads a layer.
        dim_head: width of a head.
        mlp_dim: hidden width of a layer's MLP.
        context_dim: width of the tokens it looks at: the backbone's `dim`.
        dropout: in attention outputs and MLPs, in training.
    """

    dim: int
    depth: int
    heads: int
    dim_head: int
    mlp_dim: int
    context_dim: int
    dropout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """What each loss is multiplied by (the released configuration's values)."""

    keypoints_2d: float = 0.01
    keypoints_3d: float = 0.05
    global_orient: float = 0.001
    hand_pose: float = 0.001
    betas: float = 0.0005
    adversarial: float = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class HamerConfig:
    """Everything that fixes a network, and what its crops and losses are made with.

    Args:
        backbone: the vision transformer.
        decoder: the head's decoder.
        image_px: side of the square crop.
        focal_px: focal length in px of the crop that the weak-perspective camera is turned into a full one with.
        image_mean: of RGB in [0, 1], subtracted from crops.
        image_std: of RGB in [0, 1], crops are divided by it.
        loss_weights: for training.

    Raises:
        ConfigError: the sizes do not fit together; all of what is wrong is listed.
    """

    backbone: BackboneConfig
    decoder: DecoderConfig
    image_px: int = 256
    focal_px: float = 5000.0
    image_mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    image_std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    loss_weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise ConfigError("these sizes make no HaMeR network:", problems=problems)


def _problems(config: HamerConfig) -> list[str]:
    vit, decoder = config.backbone, config.decoder
    problems = []
    for part, prefix in ((vit, "backbone"), (decoder, "decoder")):
        for spec in fields(part):
            value = getattr(part, spec.name)
            least_is_zero = spec.name in ("drop_path", "dropout")
            if value < 0 or (value == 0 and not least_is_zero):
                problems.append(f"{prefix}.{spec.name}: expected more than 0, got {value}")
    if problems:
        return problems
    if vit.dim % vit.heads:
        problems.append(f"backbone.heads: expected a divisor of dim {vit.dim}, got {vit.heads}")
    for side in ("image_height_px", "image_width_px"):
        if getattr(vit, side) % vit.patch_px:
            problems.append(
                f"backbone.{side}: expected a multiple of patch_px {vit.patch_px}, got {getattr(vit, side)}"
            )
        if getattr(vit, side) > config.image_px:
            problems.append(f"backbone.{side}: expected at most image_px {config.image_px}, got {getattr(vit, side)}")
    if decoder.context_dim != vit.dim:
        problems.append(f"decoder.context_dim: expected the backbone's dim {vit.dim}, got {decoder.context_dim}")
    return problems


def config_to_dict(config: HamerConfig) -> dict[str, Any]:
    """The configuration as plain numbers, lists and dicts; inverse of `config_from_dict`."""
    plain = asdict(config)
    return {**plain, "image_mean": list(config.image_mean), "image_std": list(config.image_std)}


def config_from_dict(values: Mapping[str, Any]) -> HamerConfig:
    """The configuration that `config_to_dict` wrote.

    Raises:
        ConfigError: a field is missing, unknown, or makes no network.
    """
    parts = {"backbone": BackboneConfig, "decoder": DecoderConfig, "loss_weights": LossWeights}
    made: dict[str, Any] = {}
    try:
        for name, value in values.items():
            if name in parts:
                made[name] = parts[name](**value)
            else:
                made[name] = tuple(value) if isinstance(value, list) else value
        return HamerConfig(**made)
    except TypeError as error:
        raise ConfigError(f"a stored network configuration does not fit: {error}") from None


def paper_decoder(context_dim: int) -> DecoderConfig:
    """The paper's decoder of six layers, for backbones of any width."""
    return DecoderConfig(dim=1024, depth=6, heads=8, dim_head=64, mlp_dim=1024, context_dim=context_dim)


def _with_backbone(backbone: BackboneConfig) -> HamerConfig:
    return HamerConfig(backbone=backbone, decoder=paper_decoder(backbone.dim))


PRESETS: Final[Mapping[str, HamerConfig]] = MappingProxyType(
    {
        # The paper's: ViT-H and a decoder of six layers; 671,955,048 parameters with the discriminator.
        "vit_h": _with_backbone(BackboneConfig(dim=1280, depth=32, heads=16, drop_path=0.55)),
        # ViTPose's smaller backbones (widths, blocks, heads and stochastic depth of its published
        # configurations; note S's 32-wide heads), each with the paper's decoder.
        "vit_l": _with_backbone(BackboneConfig(dim=1024, depth=24, heads=16, drop_path=0.5)),
        "vit_b": _with_backbone(BackboneConfig(dim=768, depth=12, heads=12, drop_path=0.3)),
        "vit_s": _with_backbone(BackboneConfig(dim=384, depth=12, heads=12, drop_path=0.1)),
        # For training on a CPU in seconds.
        "small": HamerConfig(
            backbone=BackboneConfig(dim=128, depth=3, heads=2),
            decoder=DecoderConfig(dim=128, depth=2, heads=2, dim_head=64, mlp_dim=256, context_dim=128),
        ),
        # As small as it gets with every part present: for tests.
        "tiny": HamerConfig(
            backbone=BackboneConfig(dim=64, depth=2, heads=4),
            decoder=DecoderConfig(dim=96, depth=2, heads=2, dim_head=24, mlp_dim=128, context_dim=64),
        ),
    }
)
"""Networks by name, largest first."""
