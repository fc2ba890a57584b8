"""The objective of the decoder's second training, after the diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, present
from ...models.downscaler import Sampling
from .. import losses
from ..dry_values import censored, with_logarithms
from ..stages import DecoderPhase
from .base import Drawn, Objective, Sample

__all__ = ["Decoder"]


@dataclass(frozen=True)
class Decoder(Objective):
    """Absolute error of decoded true latents, plus errors of spectrum and lattice of drawn ones.

    A decoder trained by the absolute error alone lacks the scales that the latent has no room for,
    amplifies those that the denoiser makes too strong, and varies more at some positions in a
    latent's cell than at others. The encoder stays as it is, and with it the latents that the
    denoiser knows.
    """

    phase: DecoderPhase

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the half of the autoencoder after the latent."""
        autoencoder = present(net.autoencoder, "autoencoder")
        return [autoencoder.to_decoder, autoencoder.decoder]

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Drawn:
        """Draw the noise that the sampler starts from."""
        return self.latent_noise(rng, shape), np.empty(0, np.int64)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch, with draws by the component's own sampler and steps."""
        coarse, fine, static = sample.fields
        targets = self.part.targets
        autoencoder = present(net.autoencoder, "autoencoder")
        with torch.no_grad():
            condition = net.condition(coarse, net.prepare(static))
            mean = torch.zeros(()) if condition.mean is None else condition.mean.float()
            # A target whose own predictor was dropped is not drawn.
            given = net.given(coarse)
            residual = torch.where(given, fine - mean, 0)
            fine = torch.where(given, fine, mean)
            latent = autoencoder.encode(residual)[0].float()
            how = Sampling().resolve(self.part.diffusion)
            drawn = net.draw_latent(condition, sample.noise, *how)

        def decoded(of: Tensor) -> Tensor:
            return torch.where(given, autoencoder.decode(of).float(), 0)

        def seen(small_scales: Tensor) -> Tensor:
            return censored(net.joined(mean, small_scales), targets)

        small_scales = decoded(drawn)
        truth, made = censored(fine, targets), seen(small_scales)
        weighted = (self.error_weights(fine) * (seen(decoded(latent)) - truth).abs()).mean()
        of_spectra = losses.log_spectral_error(
            *(with_logarithms(f, targets) for f in (made, truth))
        )
        of_lattice = losses.lattice_error(small_scales, fine.shape[-1] // latent.shape[-1])
        return weighted + self.phase.spectral_weight * (of_spectra + of_lattice)

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the residual blocks of the decoder."""
        return list(present(net.autoencoder, "autoencoder").decoder.net)
