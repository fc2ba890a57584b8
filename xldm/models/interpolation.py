"""Quadratic interpolation, the simplest baseline."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.interpolate import make_interp_spline
from torch import Tensor, nn

from ..config import Variable
from ..errors import ArgumentError

if TYPE_CHECKING:
    from .components import Sampling

__all__ = ["Interpolation"]


class Interpolation(nn.Module):
    """Quadratic interpolation of the coarse field of the same name: the simplest baseline.

    Splines of degree 2 through the coarse values along each axis, extrapolated over the half cell
    at the edges.

    Parameters
    ----------
    predictors, targets : sequence of Variable
        Every target is a predictor too.
    factor : int
        Fine cells per coarse cell and axis.

    Raises
    ------
    ArgumentError
        If a target is not among the predictors.
    """

    def __init__(
        self, predictors: Sequence[Variable], targets: Sequence[Variable], factor: int
    ) -> None:
        super().__init__()
        names = [p.name for p in predictors]
        missing = [t.name for t in targets if t.name not in names]
        if missing:
            raise ArgumentError(
                f"interpolation needs each target among the predictors ({', '.join(names)}); "
                f"missing: {', '.join(missing)}"
            )
        self.factor = factor
        self.index = [names.index(t.name) for t in targets]
        source = [predictors[i] for i in self.index]
        # From the predictor's normalisation to the target's: x_t = gain * x_p + offset.
        gain = [p.std / t.std for p, t in zip(source, targets, strict=True)]
        offset = [(p.mean - t.mean) / t.std for p, t in zip(source, targets, strict=True)]
        self.register_buffer("gain", torch.tensor(gain)[:, None, None])
        self.register_buffer("offset", torch.tensor(offset)[:, None, None])

    def prepare(self, static: Tensor) -> None:
        """Nothing: interpolation does not see the static fields."""

    def condition(self, coarse: Tensor, prepared: None) -> Tensor:
        """Interpolated targets (B, C, H, W)."""
        rows, columns = (
            torch.from_numpy(_quadratic(n, self.factor)).to(coarse) for n in coarse.shape[-2:]
        )
        fine = rows @ (coarse[:, self.index] @ columns.T)
        return self.gain * fine + self.offset

    def draw(self, condition: Tensor, noise: None, sampling: Sampling) -> Tensor:
        """The interpolated targets: there is one member only."""
        return condition

    def noise_shape(self, height: int, width: int) -> None:
        """No noise."""


@functools.lru_cache(maxsize=32)
def _quadratic(size: int, factor: int) -> np.ndarray:
    """Matrix (size * factor, size) from values at coarse centres to fine centres along one axis."""
    fine = (np.arange(size * factor) + 0.5) / factor - 0.5
    spline = make_interp_spline(np.arange(size), np.eye(size), k=2)
    return spline(fine, extrapolate=True).astype(np.float32)
