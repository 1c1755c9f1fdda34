"""Adam for the descents of the fit: the arithmetic is PyTorch's, without what its optimizer classes load first.

`torch.optim.Adam` imports PyTorch's compiler when it is made, which takes 2.5 s of CPU time in every new process. Nothing here is
compiled.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma and Ba, 2015) over tensors with a factor of the learning rate each, as `torch.optim.Adam` computes it."""

    def __init__(self, variables: Iterable[tuple[Tensor, float]], betas: tuple[float, float]) -> None:
        self._variables = [_Variable(tensor, factor) for tensor, factor in variables]
        self._betas = betas

    def zero_grad(self) -> None:
        for each in self._variables:
            each.tensor.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move all tensors by their gradients; those without one stay."""
        for each in self._variables:
            if each.tensor.grad is not None:
                adam(
                    [each.tensor],
                    [each.tensor.grad],
                    [each.mean],
                    [each.mean_square],
                    [],
                    [each.steps],
                    amsgrad=False,
                    beta1=self._betas[0],
                    beta2=self._betas[1],
                    lr=each.factor * learning_rate,
                    weight_decay=0.0,
                    eps=1e-8,
                    maximize=False,
                )


class _Variable:
    """A tensor with the running moments of its gradient."""

    def __init__(self, tensor: Tensor, factor: float) -> None:
        self.tensor, self.factor = tensor, factor
        self.mean, self.mean_square = torch.zeros_like(tensor), torch.zeros_like(tensor)
        self.steps = torch.tensor(0.0)
