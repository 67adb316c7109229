"""The vision transformer that turns a crop into a grid of features.

Module and parameter names are HaMeR's, so its checkpoints load as they are. ViT: Dosovitskiy et al.,
An Image is Worth 16x16 Words, 2021; in the form of ViTPose (Xu et al., 2022), without a class token's output.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hint_tools.hamer.config import BackboneConfig

_NORM_EPSILON = 1e-6
_INIT_STD = 0.02
_PATCH_PADDING = 2
"""Of the patch convolution: patches lie 2 px up and left of the grid (as in ViTPose)."""


class Attention(nn.Module):
    """Self-attention of all tokens."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attended tokens (B, N, dim) of `tokens` (B, N, dim)."""
        batch, count, dim = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, count, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, dim))
        return projected


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """New tokens (B, N, dim)."""
        projected: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return projected


class Block(nn.Module):
    """Attention and MLP, each normalised before and added to its input.

    Args:
        config: sizes.
        drop_path: chance that a branch is skipped for a sample, in training.
    """

    def __init__(self, config: BackboneConfig, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(config.dim, eps=_NORM_EPSILON)
        self.attn = Attention(config.dim, config.heads)
        self.norm2 = nn.LayerNorm(config.dim, eps=_NORM_EPSILON)
        self.mlp = Mlp(config.dim, round(config.dim * config.mlp_ratio))

    def forward(self, tokens: Tensor) -> Tensor:
        """New tokens (B, N, dim)."""
        tokens = tokens + self._sometimes(self.attn(self.norm1(tokens)))
        return tokens + self._sometimes(self.mlp(self.norm2(tokens)))

    def _sometimes(self, branch: Tensor) -> Tensor:
        """Stochastic depth (Huang et al., 2016): drop whole samples, scale the others to keep the mean."""
        if not self.training or self.drop_path == 0:
            return branch
        keep = 1 - self.drop_path
        kept = torch.empty(len(branch), 1, 1, device=branch.device, dtype=branch.dtype).bernoulli_(keep)
        return branch * (kept / keep)


class PatchEmbedding(nn.Module):
    """Patches to tokens."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(
            3, config.dim, kernel_size=config.patch_px, stride=config.patch_px, padding=_PATCH_PADDING
        )

    def forward(self, image: Tensor) -> Tensor:
        """Features (B, dim, rows, columns) of `image` (B, 3, H, W)."""
        features: Tensor = self.proj(image)
        return features


class VisionTransformer(nn.Module):
    """Features of an image, one vector a patch.

    Args:
        config: sizes.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        rows, columns = config.grid
        self.patch_embed = PatchEmbedding(config)
        self.pos_embed = nn.Parameter(torch.zeros(1, rows * columns + 1, config.dim))
        steps = max(config.depth - 1, 1)
        self.blocks = nn.ModuleList(Block(config, config.drop_path * i / steps) for i in range(config.depth))
        self.last_norm = nn.LayerNorm(config.dim, eps=_NORM_EPSILON)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.trunc_normal_(self.pos_embed, std=_INIT_STD)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=_INIT_STD)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Features (B, dim, rows, columns).

        Args:
            image: (B, 3, height, width) normalised RGB of the configured size.
        """
        patches = self.patch_embed(image)
        batch, dim, rows, columns = patches.shape
        # sums take over the order in memory of their first part: left as it is, every norm would make a copy
        tokens = patches.flatten(2).transpose(1, 2).contiguous()
        # The place of the absent class token is added to every patch (ViTPose's way to keep MAE weights).
        tokens = tokens + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.last_norm(tokens)
        return normed.transpose(1, 2).reshape(batch, dim, rows, columns)
