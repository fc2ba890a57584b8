"""The objective of the regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, present
from .. import losses
from ..stages import RegressionPhase
from .base import Objective, Sample

__all__ = ["Regression"]


@dataclass(frozen=True)
class Regression(Objective):
    """Squared error of the mean, or its logarithm."""

    phase: RegressionPhase

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the regression."""
        return [present(net.regression, "regression")]

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch."""
        coarse, fine, static = sample.fields
        mean = net.mean.condition(coarse, static).float()
        # A target whose own predictor was dropped is not drawn.
        given = net.given(coarse)
        mean, fine = torch.where(given, mean, 0), torch.where(given, fine, 0)
        weights = self.target_weights(self.phase.weights).to(mean)
        match self.phase.loss:
            case "mse":
                return losses.squared_error(mean, fine, weights)
            case "log":
                return losses.log_squared_error(mean, fine, weights, self.phase.floor)
            case other:
                assert_never(other)
