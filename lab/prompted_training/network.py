"""The head of the prompted landmark network in torch, as it is trained: `core.perception.prompted_graph` runs it.

Batch normalization follows most convolutions here and is folded into them for the product.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from core.contract.skeleton import LANDMARKS
from core.perception.prompted_graph import COARSE_FEATURES, INPUT_CHANNELS

_COUNT = len(LANDMARKS)
MAPS, LOCATIONS, WHOLE = _COUNT + 1, 4 * _COUNT, 3 * _COUNT + 1
"""Channels of the three outputs."""


class Layer(nn.Module):
    """A convolution with padding "same" as TensorFlow has it (an odd pixel goes after), batch normalization and ReLU."""

    def __init__(self, channels: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, out, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out)
        total = kernel - stride
        self._padding = (total // 2, total - total // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.convolution(functional.pad(x, self._padding))))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of one convolution that does the same in evaluation."""
        assert self.norm.running_var is not None and self.norm.running_mean is not None
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        weight = self.convolution.weight * scale[:, None, None, None]
        return weight, self.norm.bias - self.norm.running_mean * scale


class Beside(nn.Module):
    """Normalization over the batch, then a 1x1 convolution, which adds nothing before it is trained."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.convolution = nn.Conv2d(channels, out, 1)
        for values in self.convolution.parameters():
            nn.init.zeros_(values)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(self.norm(x))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of one convolution that does the same in evaluation."""
        assert self.norm.running_var is not None and self.norm.running_mean is not None
        assert self.convolution.bias is not None
        scale = 1 / torch.sqrt(self.norm.running_var + self.norm.eps)
        weight = self.convolution.weight * scale[None, :, None, None]
        return weight, self.convolution.bias - weight[..., 0, 0] @ self.norm.running_mean


class PromptedHead(nn.Module):
    """See `core.perception.prompted_graph.head_graph`; channels come first here."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Layer(INPUT_CHANNELS, 64, 1)
        self.beside1, self.beside2, self.beside3 = (
            Beside(channels, out) for (_, channels), out in zip(COARSE_FEATURES, (64, 96, 128))
        )
        self.down1, self.same1 = Layer(64, 64, stride=2), Layer(64, 64)
        self.down2, self.same2 = Layer(64, 96, stride=2), Layer(96, 96)
        self.down3, self.same3, self.again3 = Layer(96, 128, stride=2), Layer(128, 128), Layer(128, 128)
        self.up2, self.fuse2 = nn.Conv2d(128, 96, 1), Layer(96, 96)
        self.up1, self.fuse1 = nn.Conv2d(96, 64, 1), Layer(64, 64)
        self.top = Layer(64, 64, groups=64)
        self.pooled = Layer(128, 64, 1)
        self.maps, self.locations = nn.Conv2d(64, MAPS, 1), nn.Conv2d(96, LOCATIONS, 1)
        self.whole = nn.Conv2d(64, WHOLE, 1)
        for layer in (self.locations, self.whole):
            nn.init.zeros_(layer.weight)

    def forward(
        self, x: Float[Tensor, "B C 64 64"], *coarse: Float[Tensor, "B _ _ _"]
    ) -> tuple[Float[Tensor, "B 34 64 64"], Float[Tensor, "B 132 16 16"], Float[Tensor, "B 100"]]:
        stem = self.stem(x)
        half = self.down1(stem) + self.beside1(coarse[0])
        half = half + self.same1(half)
        quarter = self.down2(half) + self.beside2(coarse[1])
        quarter = quarter + self.same2(quarter)
        eighth = self.down3(quarter) + self.beside3(coarse[2])
        eighth = eighth + self.same3(eighth)
        eighth = eighth + self.again3(eighth)
        quarter = self.fuse2(quarter + _twice_as_large(self.up2(eighth)))
        half = self.fuse1(half + _twice_as_large(self.up1(quarter)))
        top = self.top(stem + _twice_as_large(half))
        whole = self.whole(self.pooled(eighth.mean((2, 3), keepdim=True)))
        return self.maps(top), self.locations(quarter), whole[:, :, 0, 0]

    def product_tensors(self) -> dict[str, Tensor]:
        """Weights by layer in the graph's layout (OHWI), batch normalization folded in, as float16."""
        tensors: dict[str, Tensor] = {}
        for name, layer in self.named_children():
            convolution = layer.convolution if isinstance(layer, Layer | Beside) else layer
            assert isinstance(convolution, nn.Conv2d)
            weight, bias = (
                layer.folded() if isinstance(layer, Layer | Beside) else (convolution.weight, convolution.bias)
            )
            assert bias is not None
            # a depthwise convolution's weight is [C,1,H,W] here and [1,H,W,C] there
            order = (1, 2, 3, 0) if convolution.groups > 1 else (0, 2, 3, 1)
            tensors[f"{name}.weight"] = weight.detach().permute(order).half()
            tensors[f"{name}.bias"] = bias.detach().half()
        return tensors


def _twice_as_large(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
