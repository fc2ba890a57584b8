"""The objective of the decoder once there is a denoiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, Sampling
from .. import losses
from ..phases import LATENT, DecoderPhase
from .base import Objective, Sample

__all__ = ["Decoder"]


@dataclass(frozen=True)
class Decoder(Objective):
    """Absolute error of what true latents give, and spectral error of what drawn ones give.

    Decoded by an error alone, fields lack the scales that the latent has no room for, and have too
    much of those that the denoiser makes too strong. The encoder stays, and so the latents that the
    denoiser knows.
    """

    phase: DecoderPhase
    needs: tuple[str, ...] = ("regression", *LATENT)
    fits: tuple[str, ...] = ("autoencoder",)
    holds: tuple[str, ...] = ("regression", *LATENT)

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """The half of the autoencoder after the latent."""
        return [net.autoencoder.to_decoder, net.autoencoder.decoder]

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the sampler starts from."""
        return self.latent_noise(rng, shape), np.empty(0, np.int64)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Of a batch; draws are by the component's own sampler and steps."""
        with torch.no_grad():
            condition = net.condition(sample.coarse, net.prepare(sample.static))
            mean = torch.zeros(()) if condition.mean is None else condition.mean.float()
            residual = sample.fine - mean
            latent = net.autoencoder.encode(residual)[0].float()
            how = Sampling().resolve(self.part.diffusion)
            drawn = net.draw_latent(condition, sample.noise, *how)
        error = (net.autoencoder.decode(latent).float() - residual).abs()
        field = mean + net.autoencoder.decode(drawn).float()
        of_spectra = losses.log_spectral_error(field, sample.fine)
        weighted = (self.weights.to(error)[:, None, None] * error).mean()
        return weighted + self.phase.spectral_weight * of_spectra

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Residual blocks of the decoder."""
        return list(net.autoencoder.decoder.net)
