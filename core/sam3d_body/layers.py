"""Layers of the network: perceptron, attention, the decoder's layer, and normalisation over the channels of feature maps."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8
_EPSILON = 1e-6


class Perceptron(nn.Module):
    """Linear layers with an activation between them."""

    def __init__(self, widths: tuple[int, ...], activation: Callable[[Tensor], Tensor] = functional.relu) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, after) for width, after in zip(widths, widths[1:]))
        self._activation = activation

    def forward(self, values: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch D"]:
        for number, layer in enumerate(self.layers):
            values = layer(self._activation(values) if number else values)
        return values


class ChannelNorm(nn.Module):
    """Layer normalisation of every pixel of a feature map over its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        last = features.movedim(1, -1)
        return functional.layer_norm(last, self.weight.shape, self.weight, self.bias, _EPSILON).movedim(-1, 1)


class Attention(nn.Module):
    """Scaled dot-product attention with HEADS heads of `width` channels together."""

    def __init__(self, queries: int, keys: int, width: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(queries, width)
        self.k_proj = nn.Linear(keys, width)
        self.v_proj = nn.Linear(keys, width)
        self.proj = nn.Linear(width, queries)

    def forward(
        self, queries: Float[Tensor, "B N C"], keys: Float[Tensor, "B M D"], values: Float[Tensor, "B M D"]
    ) -> Float[Tensor, "B N C"]:
        projected = (self.q_proj(queries), self.k_proj(keys), self.v_proj(values))
        heads = [each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in projected]
        return self.proj(functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """Self-attention of the tokens, attention of the tokens to the picture, and a perceptron, each on normalised input.

    Positions are added to queries and keys in every layer, normalised by the layer itself (LaPE, Yu et al., ICCV 2023).
    """

    def __init__(self, tokens: int, features: int, width: int, inner: int, *, first: bool) -> None:
        super().__init__()
        self._first = first

        def norm(channels: int) -> nn.LayerNorm:
            return nn.LayerNorm(channels, eps=_EPSILON)

        self.ln_pe_1, self.ln_pe_2 = norm(tokens), norm(features)
        self.ln1 = norm(tokens)
        self.self_attn = Attention(tokens, tokens, width)
        self.ln2_1, self.ln2_2 = norm(tokens), norm(features)
        self.cross_attn = Attention(tokens, features, width)
        self.ln3 = norm(tokens)
        self.ffn = Perceptron((tokens, inner, tokens), functional.gelu)

    def forward(
        self,
        tokens: Float[Tensor, "B N C"],
        picture: Float[Tensor, "B M D"],
        token_positions: Float[Tensor, "B N C"],
        picture_positions: Float[Tensor, "1 M D"],
    ) -> Float[Tensor, "B N C"]:
        token_positions, picture_positions = self.ln_pe_1(token_positions), self.ln_pe_2(picture_positions)
        own = self.ln1(tokens)
        placed = (
            own if self._first else own + token_positions
        )  # the first layer's tokens do not look at each other's places
        tokens = tokens + self.self_attn(placed, placed, own)
        seen = self.ln2_2(picture)
        tokens = tokens + self.cross_attn(self.ln2_1(tokens) + token_positions, seen + picture_positions, seen)
        return tokens + self.ffn(self.ln3(tokens))


class Decoder(nn.Module):
    """The layers, and the norm under which the tokens are read after each of them."""

    def __init__(self, tokens: int, features: int, width: int, inner: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(tokens, features, width, inner, first=number == 0) for number in range(depth)
        )
        self.norm_final = nn.LayerNorm(tokens, eps=_EPSILON)
