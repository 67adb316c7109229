"""The decoder of the head: one query token that looks at the image's features.

Vaswani et al., Attention Is All You Need, 2017, normalised before each branch. The odd module names
(`fn`, `net`, `layers.0.1`) are HaMeR's parameter names.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from hint_tools.hamer.config import DecoderConfig


class _Heads(nn.Module):
    """What self- and cross-attention share: heads, output projection."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.to_out = nn.Sequential(nn.Linear(config.heads * config.dim_head, config.dim), nn.Dropout(config.dropout))

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        mixed = functional.scaled_dot_product_attention(self._split(query), self._split(key), self._split(value))
        projected: Tensor = self.to_out(mixed.transpose(1, 2).flatten(2))
        return projected

    def _split(self, tokens: Tensor) -> Tensor:
        """(B, heads, n, dim_head) of (B, n, heads * dim_head)."""
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class SelfAttention(_Heads):
    """Attention of the query tokens among themselves."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__(config)
        self.to_qkv = nn.Linear(config.dim, 3 * config.heads * config.dim_head, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """New tokens (B, n, dim)."""
        return self.attend(*self.to_qkv(tokens).chunk(3, dim=-1))


class CrossAttention(_Heads):
    """Attention of the query tokens to the image's features."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__(config)
        inner = config.heads * config.dim_head
        self.to_kv = nn.Linear(config.context_dim, 2 * inner, bias=False)
        self.to_q = nn.Linear(config.dim, inner, bias=False)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """New tokens (B, n, dim) from `tokens` (B, n, dim) and `context` (B, N, context_dim)."""
        key, value = self.to_kv(context).chunk(2, dim=-1)
        return self.attend(self.to_q(tokens), key, value)


class FeedForward(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(config.dim, config.mlp_dim),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.mlp_dim, config.dim),
            nn.Dropout(config.dropout),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """New tokens (B, n, dim)."""
        return cast("Tensor", self.net(tokens))


class PreNorm(nn.Module):
    """A branch that sees normalised tokens."""

    def __init__(self, dim: int, branch: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = branch

    def forward(self, tokens: Tensor, *context: Tensor) -> Tensor:
        """The branch's answer (B, n, dim)."""
        return cast("Tensor", self.fn(self.norm(tokens), *context))


class _Layers(nn.Module):
    """The stack of layers; exists for the parameter names."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        branches = (SelfAttention, CrossAttention, FeedForward)
        self.layers = nn.ModuleList(
            nn.ModuleList(PreNorm(config.dim, make(config)) for make in branches) for _ in range(config.depth)
        )

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        for layer in self.layers:
            among, across, forward = cast("nn.ModuleList", layer)
            tokens = tokens + among(tokens)
            tokens = tokens + across(tokens, context)
            tokens = tokens + forward(tokens)
        return tokens


class TransformerDecoder(nn.Module):
    """One vector that sums up an image's features.

    Args:
        config: sizes.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.to_token_embedding = nn.Linear(1, config.dim)
        self.pos_embedding = nn.Parameter(torch.randn(1, 1, config.dim))
        self.transformer = _Layers(config)

    def forward(self, context: Tensor) -> Tensor:
        """The query's answer (B, dim) to `context` (B, N, context_dim)."""
        query = self.to_token_embedding(context.new_zeros(len(context), 1, 1)) + self.pos_embedding
        answer: Tensor = self.transformer(query, context)
        return answer[:, 0]
