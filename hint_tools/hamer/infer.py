"""The configuration of a network, read off the shapes of its parameters.

Only the number of attention heads leaves no trace in a shape. It comes from the file's own settings where
there are any, else from the preset of the same shapes, else from the custom of 64-wide heads; a guess is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.hamer.config import PRESETS, BackboneConfig, DecoderConfig, HamerConfig, paper_decoder
from hint_tools.hamer.layouts import HEAD, is_grid

_USUAL_HEAD = 64
_DECODER = "mano_head.transformer"


def config_of_shapes(
    state: Mapping[str, Tensor], *, source: str, stated: HamerConfig | None = None
) -> tuple[HamerConfig, tuple[Finding, ...]]:
    """The configuration whose network has the shapes of `state`, and what had to be guessed.

    Args:
        state: a state dict of HaMeR, or of its backbone alone; the decoder is then that of `stated` or of the preset
            with this backbone, else the paper's.
        source: where it comes from, for messages.
        stated: settings found with it; they say what shapes can't (heads, focal length, loss weights).

    Raises:
        DataError: it is no HaMeR state dict, or its number of heads can't be told.
    """
    try:
        backbone, decoder = _sizes(state)
    except (KeyError, IndexError, ValueError) as error:
        some = ", ".join(sorted(state)[:3]) or "nothing"
        raise DataError(
            f"{source}: expected the parameters of a HaMeR network, but {error} is not there (it holds {some}...)",
            hint="name a checkpoint made by `hint train`, or HaMeR's hamer.ckpt",
        ) from None
    for known in (stated, *PRESETS.values()):
        if known is not None and _same_shapes(known, backbone, decoder):
            if decoder is None:
                decoder = _one_headed(known.decoder)
            vit = replace(backbone, heads=known.backbone.heads, drop_path=known.backbone.drop_path)
            head = replace(decoder, heads=known.decoder.heads, dim_head=known.decoder.dim_head)
            config = replace(stated or known, backbone=vit, decoder=head, image_px=vit.image_height_px)
            return config, _unlike(stated, known, source)
    return _guessed(backbone, decoder or _one_headed(paper_decoder(backbone.dim)), stated, source)


def _sizes(state: Mapping[str, Tensor]) -> tuple[BackboneConfig, DecoderConfig | None]:
    """Everything shapes tell; heads are 1 and as wide as all of them together. No decoder where there is no head."""
    backbone = _backbone_sizes(state)
    if not any(name.startswith(HEAD) for name in state):
        return backbone, None
    layer = f"{_DECODER}.transformer.layers.0"
    inner = state[f"{layer}.1.fn.to_q.weight"].shape[0]
    decoder = DecoderConfig(
        dim=state[f"{_DECODER}.to_token_embedding.weight"].shape[0],
        depth=_count(state, f"{_DECODER}.transformer.layers."),
        heads=1,
        dim_head=inner,
        mlp_dim=state[f"{layer}.2.fn.net.0.weight"].shape[0],
        context_dim=state[f"{layer}.1.fn.to_kv.weight"].shape[1],
    )
    return backbone, decoder


def _backbone_sizes(state: Mapping[str, Tensor]) -> BackboneConfig:
    patches = state["backbone.patch_embed.proj.weight"].shape
    tokens = state["backbone.pos_embed"].shape[1] - 1
    if not is_grid(tokens):
        raise ValueError(f"a 4:3 grid of patches ({tokens} of them)")
    unit = math.isqrt(tokens // 12)
    return BackboneConfig(
        image_height_px=4 * unit * patches[2],
        image_width_px=3 * unit * patches[2],
        patch_px=patches[2],
        dim=patches[0],
        depth=_count(state, "backbone.blocks."),
        heads=1,
        mlp_ratio=state["backbone.blocks.0.mlp.fc1.weight"].shape[0] / patches[0],
    )


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({name[len(prefix) :].split(".")[0] for name in state if name.startswith(prefix)})


def _same_shapes(known: HamerConfig, backbone: BackboneConfig, decoder: DecoderConfig | None) -> bool:
    return replace(known.backbone, heads=1, drop_path=0.0) == backbone and decoder in (None, _one_headed(known.decoder))


def _one_headed(decoder: DecoderConfig) -> DecoderConfig:
    """The decoder as its shapes show it."""
    return replace(decoder, heads=1, dim_head=decoder.heads * decoder.dim_head, dropout=0.0)


def _unlike(stated: HamerConfig | None, used: HamerConfig, source: str) -> tuple[Finding, ...]:
    if stated is None or stated is used:
        return ()
    return (
        Finding(
            code="hamer.config-differs",
            severity=Severity.WARNING,
            message=f"{source}: the settings found with it describe a network of other sizes; the sizes of its "
            "parameters are used, and from the settings only focal length, image statistics and loss weights",
            suggestion="put the model_config.yaml that belongs to this checkpoint beside it",
            subjects=(source,),
        ),
    )


def _guessed(
    backbone: BackboneConfig, decoder: DecoderConfig, stated: HamerConfig | None, source: str
) -> tuple[HamerConfig, tuple[Finding, ...]]:
    inner = decoder.dim_head
    if backbone.dim % _USUAL_HEAD or inner % _USUAL_HEAD:
        raise DataError(
            f"{source}: the number of attention heads can't be told from the parameters (widths {backbone.dim} and "
            f"{inner}), expected it in a model_config.yaml beside the checkpoint",
            hint="write MODEL.BACKBONE.HEADS and MODEL.MANO_HEAD.TRANSFORMER_DECODER into that file",
        )
    vit = replace(backbone, heads=backbone.dim // _USUAL_HEAD)
    head = replace(decoder, heads=inner // _USUAL_HEAD, dim_head=_USUAL_HEAD)
    try:
        config = replace(stated or PRESETS["vit_h"], backbone=vit, decoder=head, image_px=vit.image_height_px)
    except ConfigError as error:
        raise DataError(f"{source}: the parameters make no HaMeR network ({error})") from error
    finding = Finding(
        code="hamer.heads-assumed",
        severity=Severity.WARNING,
        message=f"{source}: it does not say how many attention heads it has; assumed {vit.heads} in the backbone and "
        f"{head.heads} in the decoder ({_USUAL_HEAD} wide)",
        suggestion="put a model_config.yaml with the right numbers beside the checkpoint",
        subjects=(source,),
    )
    return config, (finding,)
