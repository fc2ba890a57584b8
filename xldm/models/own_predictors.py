"""Predictors of the targets' names, as networks see the targets: for skewed fields such as rain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..config import ComponentConfig, Variable
from ..inputs.units import in_units
from ..numerics import scaling

__all__ = ["OwnPredictors"]


class OwnPredictors(nn.Module):
    """Give predictors the transform and scaling of the targets of their names.

    A sum of rain scaled by its standard deviation is close to 0 in most cells and large in a few.
    Networks then tell 0.1 from 0.3 mm badly, although these decide where it is dry.

    Parameters
    ----------
    predictors, targets : sequence of Variable

    Examples
    --------
    >>> rain = Variable("tp", "precipitation_amount", "mm", mean=1.0, std=2.0)
    >>> root = Variable("tp", "precipitation_amount", "mm", 0.0, 1.0, transform="cbrt", lower=0.0)
    >>> OwnPredictors([rain], [root])(torch.tensor([[[[3.5]]]])).round(decimals=4).item()
    2.0
    """

    def __init__(self, predictors: Sequence[Variable], targets: Sequence[Variable]) -> None:
        super().__init__()
        names = [p.name for p in predictors]
        #: Channel, predictor and target of each pair.
        self.pairs = [
            (names.index(t.name), in_units(predictors[names.index(t.name)], t.units), t)
            for t in targets
            if t.name in names
        ]

    @classmethod
    def of(cls, part: ComponentConfig, predictors: Sequence[Variable]) -> OwnPredictors | None:
        """Return that of a component; None if it sees predictors as they are."""
        return cls(predictors, part.targets) if part.own_transform else None

    @torch.no_grad()
    def forward(self, coarse: Tensor) -> Tensor:
        """Return normalised predictors (B, P, h, w); dropped ones, which are 0, stay so."""
        out = coarse.clone()
        for channel, predictor, target in self.pairs:
            own = coarse[:, channel : channel + 1]
            # How little rain a coarse cell has says much, so none is censored.
            wet = replace(target, dry_below=None)
            seen = scaling.normalise(scaling.denormalise(own, [predictor]), [wet])
            given = (own != 0).any(dim=(2, 3), keepdim=True)
            out[:, channel : channel + 1] = torch.where(given, seen.to(own), own)
        return out
