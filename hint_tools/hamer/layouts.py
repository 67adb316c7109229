"""Other tools' state dicts, and wrapped ones, under HaMeR's names.

ViTPose keeps its backbone as `backbone.*` beside a `keypoint_head.*`; HaMeR's pre-trained backbone has no prefix at
all; WiLoR runs HaMeR's blocks over more tokens and has a head of its own. Of all of them the vision transformer fits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

BACKBONE = "backbone."
HEAD = "mano_head."
_PLACES = f"{BACKBONE}pos_embed"
_PATCHES = "patch_embed.proj.weight"
_COMPILED = "_orig_mod."
_WRAPPERS = ("module.", "model.", "module.")
"""Before every name: `DistributedDataParallel`, Lightning modules that keep their network in `model`, and both."""
_GRID = 12
"""Tokens of a 4:3 grid are 12 times a square number."""


@dataclass(frozen=True, slots=True)
class NamedState:
    """A state dict with HaMeR's names.

    Args:
        arrays: by name.
        has_head: False where there is a backbone alone.
    """

    arrays: dict[str, Tensor]
    has_head: bool


def named_as_hamer(state: Mapping[str, Tensor]) -> NamedState:
    """`state` with HaMeR's names; arrays that HaMeR does not have keep theirs.

    Places (`pos_embed`) without one for a class token get a zero in front: HaMeR adds that place to every patch,
    so nothing changes.
    """
    arrays = _unwrapped(state)
    if _PATCHES in arrays:
        arrays = {f"{BACKBONE}{name}": values for name, values in arrays.items()}
    places = arrays.get(_PLACES)
    if places is not None and places.dim() == 3 and is_grid(places.shape[1]) and not is_grid(places.shape[1] - 1):
        arrays[_PLACES] = torch.cat([places.new_zeros(1, 1, places.shape[2]), places], dim=1)
    has_head = any(name.startswith(HEAD) for name in arrays)
    return NamedState(arrays, has_head or f"{BACKBONE}{_PATCHES}" not in arrays)


def _unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` without what data parallelism, compilers and training frames put before the names of all its arrays."""
    names = {name: name.replace(_COMPILED, "") for name in state}
    for wrapper in _WRAPPERS:
        if names and all(short.startswith(wrapper) for short in names.values()):
            names = {name: short.removeprefix(wrapper) for name, short in names.items()}
    if len(set(names.values())) < len(names):  # two arrays would get one name: leave all as they are
        return dict(state)
    return {names[name]: values for name, values in state.items()}


def is_grid(tokens: int) -> bool:
    """Whether so many patches make a grid of four rows to three columns."""
    unit = math.isqrt(max(tokens, 0) // _GRID)
    return tokens > 0 and unit * unit * _GRID == tokens
