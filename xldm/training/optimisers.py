"""Optimisers: Muon for the kernels of a network, AdamW for its other parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonal", "with_muon"]

#: Coefficients of a quintic step that takes singular values of 0.01 to 1 near 1 in five steps.
_QUINTIC = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Steps of matrices along their momentum, made orthogonal.

    The same steps as those of ``torch.optim.Muon``, without weight decay. That one computes in
    bfloat16 on every device. A CPU without instructions for bfloat16 then spends three quarters of
    a training step here, so on a CPU this one computes in float32.

    Parameters
    ----------
    matrices : iterable of Parameter
        Each of two dimensions.
    lr, momentum : float

    References
    ----------
    Keller Jordan et al. (2024): Muon, an optimizer for hidden layers in neural networks,
    https://kellerjordan.github.io/posts/muon/

    Examples
    --------
    >>> weight = nn.Parameter(torch.zeros(4, 4))
    >>> weight.grad = torch.eye(4)
    >>> Muon([weight], lr=0.1).step()
    >>> bool((weight.diag() < -0.06).all())
    True
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update the matrices from their gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                mean = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
                direction = orthogonal(matrix.grad.lerp(mean, group["momentum"]))  # Nesterov's
                rows, columns = matrix.shape
                scale = math.sqrt(max(1.0, rows / columns))
                matrix.add_(direction.to(matrix), alpha=-group["lr"] * scale)
        return loss


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Bring the singular values of a matrix near 1 by Newton and Schulz's iteration.

    They end between 0.7 and 1.2, which is near enough for a step of an optimiser. Computed in
    float32 on a CPU, in bfloat16 elsewhere.
    """
    a, b, c = _QUINTIC
    out = matrix.float() if matrix.device.type == "cpu" else matrix.bfloat16()
    tall = len(out) > out.shape[1]
    out = out.T if tall else out
    out = out / out.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = out @ out.T
        out = torch.addmm(out, torch.addmm(gram, gram, gram, beta=b, alpha=c), out, beta=a)
    return out.T if tall else out


def with_muon(net: nn.Module, adam: torch.optim.AdamW, lr: float) -> list[torch.optim.Optimizer]:
    """Move the kernels of a network from AdamW to Muon; return both optimisers.

    Muon takes matrices only. Each kernel is passed as a matrix (out, everything else)
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

    muon = Muon(matrices, lr=lr)
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
