"""What losses see of targets that may be dry, such as rain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..numerics.dry import dry_room
from ..numerics.scaling import denormalise
from ..numerics.transforms import Scaled

__all__ = ["censored", "with_logarithms"]


def censored(field: Tensor, targets: Sequence[Scaled]) -> Tensor:
    """Set all dry values of a normalised field (..., C, H, W) to the threshold.

    So a loss does not ask networks for the dither. The gradient of a dry value is that of the value
    at the threshold, so dry values learn to be wet as wet ones learn to be dry. A plain maximum
    lets dry values learn nothing, and networks that are trained with it rain in too few cells.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> tp = Variable("tp", "precipitation_amount", "kg m-2", 0, 1, lower=0.0, dry_below=1.0)
    >>> rain = torch.tensor([0.0, 0.5, 2.0], requires_grad=True)
    >>> held = censored(rain.reshape(1, 1, 3), [tp]).ravel()
    >>> held.tolist()
    [1.0, 1.0, 2.0]
    >>> (held * torch.tensor([-1.0, 1.0, 1.0])).sum().backward()
    >>> rain.grad.tolist()
    [-1.0, 1.0, 1.0]
    """
    if all(t.dry_below is None for t in targets):
        return field
    least = [-np.inf if t.dry_below is None else _threshold(t) for t in targets]
    held: Tensor = _Held.apply(field, field.new_tensor(least)[:, None, None])
    return held


def with_logarithms(field: Tensor, targets: Sequence[Scaled]) -> Tensor:
    """Append the logarithm over the threshold of each target that may be dry, 0 where it is dry.

    ``field`` (..., C, H, W) is normalised and `censored`. Spectra of rain itself are of its
    heaviest places; those of the logarithm are also of where it rains.
    """
    logarithms = []
    for i, target in enumerate(targets):
        if target.dry_below is not None:
            amount = denormalise(field[..., i : i + 1, :, :], [target])
            logarithms.append((amount / target.dry_below).clamp_min(1.0).log())
    return torch.cat([field, *logarithms], -3) if logarithms else field


def _threshold(target: Scaled) -> float:
    """Return the smallest value that is not dry, normalised."""
    return (dry_room(target)[1] - target.mean) / target.std


class _Held(torch.autograd.Function):
    """The maximum of a field and a floor, with the gradient of the field itself."""

    @staticmethod
    def forward(ctx: Any, field: Tensor, floor: Tensor) -> Tensor:
        return field.maximum(floor)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        return slope, None
