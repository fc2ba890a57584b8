"""Optimisers: Muon for the kernels of a network, AdamW for its other parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["with_muon"]


def with_muon(net: nn.Module, adam: torch.optim.AdamW, lr: float) -> list[torch.optim.Optimizer]:
    """Move the kernels of a network from AdamW to Muon; return both optimisers.

    torch's Muon accepts matrices only. Each kernel is passed as a matrix (out, everything else)
    that shares its memory; so is its gradient before each step. 1x1 layers stay with AdamW.
    """
    kernels = [
        layer.weight
        for layer in net.modules()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and layer.kernel_size != (1, 1)
    ]
    matrices = [nn.Parameter(_as_matrix(kernel.detach())) for kernel in kernels]

    def share_gradients(*_: object) -> None:
        for kernel, matrix in zip(kernels, matrices, strict=True):
            matrix.grad = None if kernel.grad is None else _as_matrix(kernel.grad)

    muon = torch.optim.Muon(matrices, lr=lr, weight_decay=0.0, momentum=0.95)
    muon.register_step_pre_hook(share_gradients)
    taken = {id(kernel) for kernel in kernels}
    for group in adam.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in taken]
    return [adam, muon]


def _as_matrix(kernel: Tensor) -> Tensor:
    """View a kernel (out, in, ky, kx) as (out, everything else), with channels last or not."""
    if not kernel.is_contiguous():
        kernel = kernel.permute(0, 2, 3, 1)
    return kernel.reshape(len(kernel), -1)
