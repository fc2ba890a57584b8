"""The objective of the denoiser as part of a sampler of few steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..components import ResidualDiffusion, Sampling, for_members
from . import losses
from .denoising import levels
from .objective import Objective, Sample
from .phases import LATENT, CalibrationPhase

__all__ = ["Calibration", "around"]

#: Coarse cells along a block over which spread is averaged to weigh scores by.
BLOCK = 4


@dataclass(frozen=True)
class Calibration(Objective):
    """Energy score of fields that are drawn as in use, with gradients through all of the sampler.

    The velocity's error is ruled by what varies most, so members may spread too much in calm hours
    and too little in wild ones, and a few steps are not what it was minimised for. The score is
    proper: members that spread as they should have the smallest. It says nothing of how
    neighbouring cells go together, which the spectral error does. A ``relative`` score is divided
    by the spread around a cell, so that calm places count as much as wild ones. Blocks are large,
    since the weight of a score must not follow the noise of its own members.
    """

    phase: CalibrationPhase
    needs: tuple[str, ...] = ("regression", *LATENT)
    fits: tuple[str, ...] = ("denoiser",)
    holds: tuple[str, ...] = ("regression", *LATENT)

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the sampler starts from, for each member (M, L, h, w)."""
        every = [self.latent_noise(rng, shape) for _ in range(self.phase.members)]
        return np.stack(every), np.empty(0, np.int64)

    def loss(
        self, net: ResidualDiffusion, sample: Sample, denoiser: nn.Module | None = None
    ) -> Tensor:
        """Of a batch, with another denoiser if one is given."""
        with torch.no_grad():
            condition = net.condition(sample.coarse, net.prepare(sample.static))
            mean = 0 * sample.fine if condition.mean is None else condition.mean.float()
        noise, how = sample.noise.flatten(0, 1), Sampling().resolve(self.part.diffusion)
        drawn = net.draw_latent(condition, noise, *how, denoiser)
        fields = for_members(mean, len(noise)) + net.autoencoder.decode(drawn).float()
        fields = fields.unflatten(0, sample.noise.shape[:2])
        inside = self._scored(sample)
        scored, weights = fields[inside], self.weights.to(fields)
        score = losses.energy_score(scored, sample.fine[inside], weights)
        if self.phase.relative:
            cells = BLOCK * sample.fine.shape[-1] // sample.coarse.shape[-1]
            score = score / around(losses.between(scored, weights).detach(), cells)
        of_spectra = losses.log_spectral_error(fields[:, 0], sample.fine)
        return score.mean() + self.phase.spectral_weight * of_spectra

    def _scored(self, sample: Sample) -> tuple:
        """All of a whole field, and of a window what is not at its edges."""
        margin = 0 if self.phase.size is None else self.phase.margin
        cells = margin * sample.fine.shape[-1] // sample.coarse.shape[-1]
        return ..., *(slice(cells, n - cells) for n in sample.fine.shape[-2:])

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Levels of the denoiser."""
        return levels(net)


def around(spread: Tensor, cells: int) -> Tensor:
    """Means (B, H, W) over blocks of so many cells, smaller ones at the ends.

    Examples
    --------
    >>> around(torch.tensor([[[1.0, 3.0, 5.0]]]), 2)
    tensor([[[2., 2., 5.]]])
    """
    means = nn.functional.avg_pool2d(
        spread[:, None], cells, ceil_mode=True, count_include_pad=False
    )
    whole = means.repeat_interleave(cells, 2).repeat_interleave(cells, 3)
    return whole[:, 0, : spread.shape[1], : spread.shape[2]]
