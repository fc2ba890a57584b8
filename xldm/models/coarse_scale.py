"""The coarse scale of a field is that of its own predictor: differentiable, so in training too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..config import ComponentConfig, Variable
from ..inputs.units import in_units
from ..numerics import nesting, scaling

__all__ = ["CoarseScale"]


class CoarseScale(nn.Module):
    """Replace the coarse scale of fields by that of the predictors of the same names.

    With A, the means of a field around coarse cells, and Q, quadratic interpolation, a field f with
    the predictor x becomes ``f + Q (x - A f)``. So networks only give the departure from the
    interpolated predictor. Targets without a predictor of their name, or with another transform,
    stay as they are.

    Parameters
    ----------
    predictors, targets : sequence of Variable
    factor : int
        Fine cells per coarse cell and axis.
    smoothing : (float, float)
        Standard deviation of the weights of a mean along y and x, in coarse cells.

    Examples
    --------
    >>> t2m = Variable("t2m", "air_temperature", "K", mean=285.0, std=8.0)
    >>> scale = CoarseScale([t2m], [t2m], factor=8, smoothing=(1.0, 1.0))
    >>> warm = scale(torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 8, 8))
    >>> bool((warm - 1).abs().max() < 1e-4)
    True
    """

    def __init__(
        self,
        predictors: Sequence[Variable],
        targets: Sequence[Variable],
        factor: int,
        smoothing: tuple[float, float],
    ) -> None:
        super().__init__()
        names = [p.name for p in predictors]
        units = {t.name: t.units for t in targets}
        predictors = [in_units(p, units.get(p.name, p.units)) for p in predictors]
        self.factor, self.smoothing, self.targets = factor, smoothing, len(targets)
        #: Pairs of (channel of the target, channel of its predictor), and the line between them.
        self.pairs = [
            (i, names.index(t.name))
            for i, t in enumerate(targets)
            if t.name in names and scaling.same_transform(predictors[names.index(t.name)], t)
        ]
        self.lines = [
            scaling.linear_map(predictors[source], targets[target]) for target, source in self.pairs
        ]

    @classmethod
    def of(
        cls, part: ComponentConfig, predictors: Sequence[Variable], factor: int
    ) -> CoarseScale | None:
        """Return that of a component; None if it has no smoothing."""
        if part.smoothing is None:
            return None
        return cls(predictors, part.targets, factor, part.smoothing)

    def forward(self, field: Tensor, coarse: Tensor) -> Tensor:
        """Constrain normalised fields (B, C, H, W) to normalised predictors (B, P, h, w)."""
        with torch.autocast(field.device.type, enabled=False):  # in full precision
            field = field.float()
            own = self.own(coarse.float())
            return field + self.interpolated(own - self.coarsened(field))

    def departure(self, field: Tensor) -> Tensor:
        """Return fields (B, C, H, W) without their coarse scale."""
        with torch.autocast(field.device.type, enabled=False):
            field = field.float()
            return field - self.interpolated(self.coarsened(field))

    def coarsened(self, field: Tensor) -> Tensor:
        """Return the means (B, C, h, w) around coarse cells; 0 of targets without a predictor."""
        return self.averaged(field) * self._constrained(field)

    def averaged(self, field: Tensor) -> Tensor:
        """Return the means (..., h, w) of any fine field around coarse cells."""
        rows, columns = (
            torch.from_numpy(nesting.means(n // self.factor, self.factor, width)).to(field)
            for n, width in zip(field.shape[-2:], self.smoothing, strict=True)
        )
        return rows @ (field @ columns.T)

    def departed(self, field: Tensor) -> Tensor:
        """Return any fine field without its coarse scale."""
        return field - self.interpolated(self.averaged(field))

    def given(self, coarse: Tensor) -> Tensor:
        """Return (B, C, 1, 1): False where a target's own predictor was dropped."""
        out = torch.ones(len(coarse), self.targets, 1, 1, dtype=torch.bool, device=coarse.device)
        for target, source in self.pairs:
            out[:, target, 0, 0] = (coarse[:, source] != 0).any((1, 2))
        return out

    def interpolated(self, means: Tensor) -> Tensor:
        """Interpolate coarse means (..., h, w) to the fine grid."""
        rows, columns = (
            torch.from_numpy(nesting.quadratic(n, self.factor)).to(means) for n in means.shape[-2:]
        )
        return rows @ (means @ columns.T)

    def own(self, coarse: Tensor) -> Tensor:
        """Return the predictors of the targets' names (B, C, h, w) in the targets' scaling."""
        out = coarse.new_zeros(len(coarse), self.targets, *coarse.shape[-2:])
        for (target, source), (gain, offset) in zip(self.pairs, self.lines, strict=True):
            out[:, target] = gain * coarse[:, source] + offset
        return out

    def _constrained(self, field: Tensor) -> Tensor:
        out = field.new_zeros(self.targets, 1, 1)
        for target, _ in self.pairs:
            out[target] = 1
        return out
