"""The objective of the autoencoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, present
from .. import losses
from ..stages import AutoencoderPhase
from .base import Drawn, Objective, Sample, residual

__all__ = ["Autoencoder"]


@dataclass(frozen=True)
class Autoencoder(Objective):
    """Mean absolute error of the decoded residual, plus the divergence of the posterior."""

    phase: AutoencoderPhase

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the autoencoder."""
        return [present(net.autoencoder, "autoencoder")]

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Drawn:
        """Draw the noise of the posterior."""
        return self.latent_noise(rng, shape), np.empty(0, np.int64)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch."""
        field = residual(net, sample)
        return losses.autoencoder_loss(
            present(net.autoencoder, "autoencoder"),
            field,
            sample.noise,
            kl_weight=self.phase.kl_weight,
            weights=self.error_weights(sample.fields[1]),
        )

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the residual blocks of both halves."""
        autoencoder = present(net.autoencoder, "autoencoder")
        return [*autoencoder.encoder.net, *autoencoder.decoder.net]
