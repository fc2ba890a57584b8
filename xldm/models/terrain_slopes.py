"""How the input itself changes with height: slopes fitted between its cells, for the regression."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor, nn

from ..config import ComponentConfig, ModelConfig
from ..numerics import nesting
from .coarse_scale import CoarseScale

__all__ = ["TerrainSlopes"]

#: Added to sums of squares of terrain (variance 1 over the domain) and of the share of land.
_RIDGE = 1e-3


class TerrainSlopes(nn.Module):
    """Extrapolate each target's own predictor to the fine terrain, by its slope against terrain.

    Convolutions multiply no inputs, so a network hardly learns from a coarse temperature how it
    falls with height that day. Here the departures of a predictor from its surroundings are
    regressed on those of the coarse terrain and of the share of land, around each coarse cell. The
    slope times the departure of the fine terrain from its own coarse scale is what the network sees
    beside the predictors. It is 0 for a predictor that was dropped, or has no target of its name.

    Parameters
    ----------
    scale : CoarseScale
        How coarse cells average fine ones, and which predictors are the targets' own.
    window : float
        Standard deviation of the weights around a cell, in coarse cells. Surroundings are half as
        wide.
    sea : int, optional
        Static channel of the share of sea; all is land by default.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> t2m = Variable("t2m", "air_temperature", "K", mean=285.0, std=8.0)
    >>> scale = CoarseScale([t2m], [t2m], factor=8, smoothing=(1.0, 1.0))
    >>> hills = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(0)).cumsum(3)
    >>> coarse = -0.5 * scale.averaged(hills)
    >>> seen = TerrainSlopes(scale, window=6.0)(coarse, hills)
    >>> bool((seen + 0.5 * scale.departed(hills)).abs().max() < 0.01)
    True
    """

    def __init__(self, scale: CoarseScale, window: float, sea: int | None = None) -> None:
        super().__init__()
        self.scale, self.window, self.sea = scale, window, sea

    @classmethod
    def of(
        cls, part: ComponentConfig, config: ModelConfig, scale: CoarseScale | None
    ) -> TerrainSlopes | None:
        """Return that of a component; None if its regression sees none."""
        if part.slope_window is None or scale is None:
            return None
        cover = config.land_cover
        return cls(scale, part.slope_window, 1 + cover.index("sea") if "sea" in cover else None)

    def forward(self, coarse: Tensor, static: Tensor) -> Tensor:
        """Return (B, C, H, W) for normalised predictors (B, P, h, w), static fields (B, S, H, W).

        One static field (1, S, H, W) serves all.
        """
        with torch.autocast(coarse.device.type, enabled=False):  # in full precision
            terrain = static[:, :1].float()
            slopes = self._slopes(self.scale.own(coarse.float()), static.float())
            return self.scale.interpolated(slopes) * self.scale.departed(terrain)

    def _slopes(self, own: Tensor, static: Tensor) -> Tensor:
        """Regress own predictors (B, C, h, w) on terrain and land around each coarse cell."""
        height = self.scale.averaged(static[:, :1])
        land = torch.ones_like(height)
        if self.sea is not None:
            land = land - self.scale.averaged(static[:, self.sea : self.sea + 1]).clamp(0, 1)

        def windowed(field: Tensor) -> Tensor:
            return _around(land * field, self.window)

        y, z, s = (f - _around(f, self.window / 2) for f in (own, height, land))
        zz, ss, zs = windowed(z * z) + _RIDGE, windowed(s * s) + _RIDGE, windowed(z * s)
        return (ss * windowed(z * y) - zs * windowed(s * y)) / (zz * ss - zs * zs)


def _around(field: Tensor, width: float) -> Tensor:
    """Return Gaussian means of a coarse field (..., h, w) around its cells."""
    rows, columns = (torch.from_numpy(_weights(n, width)).to(field) for n in field.shape[-2:])
    return rows @ (field @ columns.T)


@functools.lru_cache(maxsize=32)
def _weights(size: int, width: float) -> np.ndarray:
    """Return (size, size) weights along an axis, whose sum is 1 for each cell, also at the ends."""
    apart = np.arange(size)[:, None] - np.arange(size)
    weights = np.exp(-0.5 * (apart / width) ** 2)
    return nesting.single(weights / weights.sum(1, keepdims=True))
