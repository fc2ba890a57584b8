"""The moving average of the denoiser's weights, which a package keeps instead of the weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["average_decay", "averaged", "trained_weights"]


def averaged(net: nn.Module, limit: float) -> AveragedModel:
    """Make the moving average of a network, with `average_decay` up to a limit."""
    average = AveragedModel(net, multi_avg_fn=functools.partial(_move, limit))
    return average.requires_grad_(False)


def average_decay(updates: float, limit: float) -> float:
    """Return the decay of averaged weights after n updates, min(limit, (1 + n) / (10 + n)).

    Examples
    --------
    >>> average_decay(5, limit=0.9999), average_decay(10**9, limit=0.5)
    (0.4, 0.5)
    """
    return min(limit, (1 + updates) / (10 + updates))


def trained_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Select a component's tensors from a checkpoint, with the denoiser's average if it has one."""
    found = {name[4:]: tensor for name, tensor in state.items() if name.startswith("net.")}
    prefix = "average.module."
    averages = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
    return found | {f"denoiser.{name}": tensor for name, tensor in averages.items()}


@torch.no_grad()
def _move(
    limit: float, averages: Sequence[Tensor], current: Sequence[Tensor], updates: Tensor | int
) -> None:
    step = 1 - average_decay(float(updates), limit)
    # torch has no annotation of a single weight for all tensors.
    torch._foreach_lerp_(averages, current, step)  # type: ignore[call-overload]
