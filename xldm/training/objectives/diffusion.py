"""The objective of the diffusion, and the base of objectives that train on latents."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, present
from .. import losses
from ..stages import DiffusionPhase, LatentPhase
from .base import Drawn, Objective, Sample, residual

__all__ = ["Diffusion", "OfLatents", "levels"]


@dataclass(frozen=True)
class OfLatents(Objective):
    """An objective on latents: cached ones, or those that regression and autoencoder compute."""

    phase: LatentPhase
    #: Conditioner features of the whole static fields, cached while they do not change.
    _kept: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def fits_static(self) -> bool:
        """Whether the conditioner's static branch is fitted."""
        return False

    def clean(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Return the latents (B, L, h, w) of a batch."""
        if sample.latent is not None:
            return sample.latent
        with torch.no_grad():
            return present(net.autoencoder, "autoencoder").encode(residual(net, sample))[0].float()

    def context(self, net: ResidualDiffusion, sample: Sample) -> list[Tensor]:
        """Compute the denoiser's context from predictors and static fields."""
        features = self._static_features(net, sample)
        return net.context(features, sample.coarse)

    def _static_features(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        conditioner, static = present(net.conditioner, "conditioner"), sample.static
        if sample.latent is None:
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.fits_static):
                return conditioner.static_features(static)
        # In use, windows see features of the whole grid: compute those, then cut the windows.
        if self.fits_static:
            features = conditioner.static_features(static)
        elif self._kept:
            features = self._kept[0]
        else:
            # Not in inference mode, since later steps take gradients through these features.
            with torch.inference_mode(False), torch.no_grad():
                features = conditioner.static_features(static.clone())
            self._kept.append(features)
        height, width = sample.latent.shape[2:]
        if features.shape[1:3] == (height, width):
            return features
        return torch.cat([features[:, y : y + height, x : x + width] for y, x in sample.corner])

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the levels of the denoiser."""
        return levels(net)


@dataclass(frozen=True)
class Diffusion(OfLatents):
    """Squared error of the velocity that the denoiser predicts."""

    phase: DiffusionPhase

    @property
    def fits_static(self) -> bool:
        """Whether the conditioner's static branch is fitted."""
        return self.phase.train_static

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return conditioner and denoiser, without the static branch if it is frozen."""
        conditioner, denoiser = (
            present(net.conditioner, "conditioner"),
            present(net.denoiser, "denoiser"),
        )
        if self.phase.train_static:
            return [conditioner, denoiser]
        named = conditioner.named_children()
        return [*(m for name, m in named if not name.startswith("static_")), denoiser]

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Drawn:
        """Draw the diffusion step, and the noise that is added."""
        t = rng.integers(self.part.diffusion.timesteps)
        return self.latent_noise(rng, shape), np.array(t)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch."""
        clean, context = self.clean(net, sample), self.context(net, sample)
        return losses.diffusion_loss(
            present(net.denoiser, "denoiser"), net.schedule, clean, context, sample.t, sample.noise
        )

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the levels of the denoiser and of the conditioner's static branch."""
        return [*levels(net), *present(net.conditioner, "conditioner").static_encoder]


def levels(net: ResidualDiffusion) -> list[nn.Module]:
    """Return the levels of the denoiser, whose activations can be recomputed."""
    denoiser = present(net.denoiser, "denoiser")
    return [*denoiser.input_blocks, denoiser.middle_block, *denoiser.output_blocks]
