"""What each stage optimises: which networks, what is drawn for a sample, and the loss.

An objective is plain functions of networks and tensors; the loop around it is in `module`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from ...models.components import ResidualDiffusion
from .. import losses
from ..phases import AutoencoderPhase, GANPhase, RegressionPhase
from . import adversarial
from .base import Objective, Sample, residual
from .calibration import Calibration
from .decoder import Decoder
from .diffusion import Diffusion, Distillation

__all__ = ["OBJECTIVES"]


@dataclass(frozen=True)
class Regression(Objective):
    """Squared error of the mean, or its logarithm."""

    phase: RegressionPhase
    fits: tuple[str, ...] = ("regression",)
    holds: tuple[str, ...] = ("regression",)

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """Batch normalisation keeps its statistics from ``norm_steps`` on."""
        _train(net, self.phase.norm_steps, step)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Of a batch."""
        mean = net.mean.condition(sample.coarse, sample.static).float()
        share = self.weights.to(mean)
        if self.phase.loss == "mse":
            return losses.squared_error(mean, sample.fine, share)
        return losses.log_squared_error(mean, sample.fine, share, self.phase.floor)


@dataclass(frozen=True)
class Autoencoder(Objective):
    """Mean absolute error of what is decoded, and the divergence of the posterior."""

    phase: AutoencoderPhase
    needs: tuple[str, ...] = ("regression",)
    fits: tuple[str, ...] = ("autoencoder",)
    holds: tuple[str, ...] = ("regression", "autoencoder")

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Noise of the posterior."""
        return self.latent_noise(rng, shape), np.empty(0, np.int64)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Of a batch."""
        return losses.autoencoder_loss(
            net.autoencoder,
            residual(net, sample),
            sample.noise,
            kl_weight=self.phase.kl_weight,
            weights=self.weights.to(sample.fine)[:, None, None],
        )

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Residual blocks of both halves."""
        return [*net.autoencoder.encoder.net, *net.autoencoder.decoder.net]


@dataclass(frozen=True)
class GAN(Objective):
    """Mean absolute error and, after a while, a discriminator."""

    phase: GANPhase
    fits: tuple[str, ...] = ("regression",)
    holds: tuple[str, ...] = ("regression",)

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """Batch normalisation keeps its statistics from ``norm_steps`` on."""
        _train(net, self.phase.norm_steps, step)

    def generated(self, net: ResidualDiffusion, sample: Sample) -> tuple[Tensor, Tensor]:
        """The generator's field, and its mean absolute error."""
        field = net.mean.condition(sample.coarse, sample.static).float()
        return field, (field - sample.fine).abs().mean()

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Mean absolute error of a batch, which validation goes by."""
        return self.generated(net, sample)[1]

    def adversarial_loss(
        self, net: ResidualDiffusion, discriminator: nn.Module, field: Tensor, error: Tensor
    ) -> Tensor:
        """Loss of the generator once the discriminator takes part."""
        last = net.regression.outputs.weight
        return adversarial.generator_loss(
            error, discriminator(field), last, weight=self.phase.weight
        )


OBJECTIVES: Mapping[str, Any] = {
    "regression": Regression,
    "autoencoder": Autoencoder,
    "diffusion": Diffusion,
    "gan": GAN,
    "distillation": Distillation,
    "decoder": Decoder,
    "calibration": Calibration,
}


def _train(net: ResidualDiffusion, norm_steps: int | None, step: int) -> None:
    net.regression.train(norm_steps is None or step < norm_steps)
