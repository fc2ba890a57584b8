"""Quadratic interpolation, the simplest baseline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..config import Variable
from ..errors import ArgumentError
from ..inputs.units import in_units
from ..numerics import nesting, scaling
from .downscaler import Downscaler

__all__ = ["Interpolation"]


class Interpolation(Downscaler):
    """Interpolate the coarse field of the same name quadratically: the simplest baseline.

    Splines of degree 2 run through the coarse values along each axis, and extrapolate over the half
    cell at the edges.

    Parameters
    ----------
    predictors, targets : sequence of Variable
        Each target must be a predictor too.
    factor : int
        Fine cells per coarse cell and axis.

    Raises
    ------
    ArgumentError
        If a target is not among the predictors, or its units do not convert.
    """

    gain: Tensor
    offset: Tensor

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
        own = (predictors[i] for i in self.index)
        source = [in_units(p, t.units) for p, t in zip(own, targets, strict=True)]
        self.source, self.targets = source, targets
        self.linear = all(map(scaling.same_transform, source, targets))
        # From the scaling of the predictor to that of the target: x_t = gain * x_p + offset.
        lines = torch.tensor(list(map(scaling.linear_map, source, targets)))
        self.register_buffer("gain", lines[:, 0, None, None])
        self.register_buffer("offset", lines[:, 1, None, None])

    def prepare(self, static: Tensor) -> None:
        """Do nothing: interpolation does not use the static fields."""

    def condition(self, coarse: Tensor, prepared: None) -> Tensor:
        """Interpolate the targets (B, C, H, W)."""
        rows, columns = (
            torch.from_numpy(nesting.quadratic(n, self.factor)).to(coarse)
            for n in coarse.shape[-2:]
        )
        fine = rows @ (coarse[:, self.index] @ columns.T)
        if self.linear:
            return self.gain * fine + self.offset
        return scaling.normalise(scaling.denormalise(fine, self.source), self.targets)
