"""HaMeR's `model_config.yaml`: the fields that say something about the network, read and written.

The published file does not tell the size of the backbone (the reference builds ViT-H whatever it says);
ours adds it under MODEL.BACKBONE, where the reference ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.hamer.config import PRESETS, BackboneConfig, DecoderConfig, HamerConfig, LossWeights
from hint_tools.store.atomic import write_text

_BACKBONE_FIELDS = {
    "DIM": "dim",
    "DEPTH": "depth",
    "HEADS": "heads",
    "MLP_RATIO": "mlp_ratio",
    "DROP_PATH": "drop_path",
    "PATCH_PX": "patch_px",
    "HEIGHT_PX": "image_height_px",
    "WIDTH_PX": "image_width_px",
}
_DECODER_FIELDS = ("dim", "depth", "heads", "dim_head", "mlp_dim", "context_dim", "dropout")


def config_to_fields(config: HamerConfig) -> dict[str, Any]:
    """The configuration as the nested fields of HaMeR's `model_config.yaml`."""
    weights = config.loss_weights
    decoder = {name: getattr(config.decoder, name) for name in _DECODER_FIELDS}
    return {
        "EXTRA": {"FOCAL_LENGTH": config.focal_px},
        "LOSS_WEIGHTS": {name.upper(): getattr(weights, name) for name in LossWeights.__slots__},
        "MANO": {"NUM_HAND_JOINTS": 15},
        "MODEL": {
            "IMAGE_SIZE": config.image_px,
            "IMAGE_MEAN": list(config.image_mean),
            "IMAGE_STD": list(config.image_std),
            "BACKBONE": {
                "TYPE": "vit",
                **{theirs: getattr(config.backbone, ours) for theirs, ours in _BACKBONE_FIELDS.items()},
            },
            "MANO_HEAD": {
                "TYPE": "transformer_decoder",
                "TRANSFORMER_DECODER": {**decoder, "emb_dropout": 0.0, "norm": "layer"},
            },
        },
    }


def config_from_fields(values: Mapping[str, Any], *, source: str) -> HamerConfig:
    """The configuration that HaMeR's fields describe; what they leave out is the paper's.

    Args:
        values: nested fields.
        source: where they come from, for messages.

    Raises:
        ConfigError: another kind of backbone or head, a value of another type, or sizes that do not fit together.
    """
    paper = PRESETS["vit_h"]
    model = _section(values, "MODEL", source)
    backbone = _section(model, "BACKBONE", source)
    head = _section(model, "MANO_HEAD", source)
    for part, expected in ((backbone, "vit"), (head, "transformer_decoder")):
        if part.get("TYPE", expected) != expected:
            raise ConfigError(f"{source}: expected TYPE {expected}, got {part['TYPE']!r}")
    stated = _section(head, "TRANSFORMER_DECODER", source)
    weights = _section(values, "LOSS_WEIGHTS", source)
    extra = _section(values, "EXTRA", source)
    weight_fields = {name.upper(): name for name in LossWeights.__slots__}
    try:
        return HamerConfig(
            backbone=BackboneConfig(**_numbers(paper.backbone, backbone, _BACKBONE_FIELDS, f"{source}: BACKBONE")),
            decoder=DecoderConfig(
                **_numbers(paper.decoder, stated, {n: n for n in _DECODER_FIELDS}, f"{source}: TRANSFORMER_DECODER")
            ),
            image_px=_like(paper.image_px, model.get("IMAGE_SIZE"), f"{source}: MODEL.IMAGE_SIZE"),
            focal_px=_like(paper.focal_px, extra.get("FOCAL_LENGTH"), f"{source}: EXTRA.FOCAL_LENGTH"),
            image_mean=_triple(paper.image_mean, model.get("IMAGE_MEAN"), f"{source}: MODEL.IMAGE_MEAN"),
            image_std=_triple(paper.image_std, model.get("IMAGE_STD"), f"{source}: MODEL.IMAGE_STD"),
            loss_weights=LossWeights(**_numbers(paper.loss_weights, weights, weight_fields, f"{source}: LOSS_WEIGHTS")),
        )
    except ConfigError as error:
        raise error if str(error).startswith(source) else ConfigError(f"{source}: {error}") from error


def read_model_config(path: Path) -> HamerConfig:
    """The configuration in a `model_config.yaml`, HaMeR's own or ours.

    Raises:
        DataError: missing, or not YAML.
        ConfigError: its values make no network.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected YAML, got something else ({error})") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: expected YAML sections, got {type(values).__name__}")
    return config_from_fields(values, source=str(path))


def write_model_config(path: Path, config: HamerConfig) -> None:
    """Write the configuration as a `model_config.yaml` that HaMeR's own loader understands."""
    write_text(path, yaml.safe_dump(config_to_fields(config), sort_keys=True))


def _section(values: Mapping[str, Any], name: str, source: str) -> Mapping[str, Any]:
    section = values.get(name, {})
    if not isinstance(section, Mapping):
        raise ConfigError(f"{source}: {name} must be a section, got {section!r}")
    return section


def _numbers(default: Any, values: Mapping[str, Any], names: Mapping[str, str], where: str) -> dict[str, Any]:
    """Our fields, by name, out of `values` under their names there; the default's where absent."""
    return {
        ours: _like(getattr(default, ours), values.get(theirs), f"{where}.{theirs}") for theirs, ours in names.items()
    }


def _like(default: Any, value: Any, where: str) -> Any:
    """`value` as a number of the default's type; the default where there is none."""
    if value is None:
        return default
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(default, int) and value != int(value)):
        raise ConfigError(f"{where}: expected a number like {default}, got {value!r}")
    return type(default)(value)


def _triple(default: tuple[float, float, float], value: Any, where: str) -> tuple[float, float, float]:
    if value is None:
        return default
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ConfigError(f"{where}: expected three numbers, got {value!r}")
    red, green, blue = (_like(0.0, v, where) for v in value)
    return red, green, blue
