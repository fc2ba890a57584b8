"""The objective of the denoiser as part of a sampler of few steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...config import WIND
from ...models.components import ResidualDiffusion, Sampling, for_members
from .. import losses
from ..phases import LATENT, CalibrationPhase
from .base import Objective, Sample
from .diffusion import levels

__all__ = ["Calibration", "around", "block_means"]

#: Coarse cells along a block over which spread is averaged to weigh scores by.
BLOCK = 4


@dataclass(frozen=True)
class Calibration(Objective):
    """Energy score of fields that are drawn as in use, with gradients through all of the sampler.

    The velocity's error is ruled by what varies most, so members may spread too much in calm hours
    and too little in wild ones, and a few steps are not what it was minimised for. The score is
    proper: members that spread as they should have the smallest. It says nothing of how
    neighbouring cells go together: the spectral error does, and the score of means over blocks,
    where what is wrong everywhere stands out of what is not known. A ``relative`` score is divided
    by the spread around a cell, so that calm places count as much as wild ones. Blocks are large,
    since the weight of a score must not follow the noise of its own members.
    """

    phase: CalibrationPhase
    needs: tuple[str, ...] = ("regression", *LATENT)
    fits: tuple[str, ...] = ("denoiser",)
    holds: tuple[str, ...] = ("regression", *LATENT)

    @property
    def weights(self) -> Tensor:
        """Those (C,) of targets, and after them that of the wind's speed where it is scored."""
        of_speed = [self.phase.weights["wind_speed"]] if self._scores_speed else []
        return torch.cat([super().weights, torch.tensor(of_speed)])

    @property
    def _scores_speed(self) -> bool:
        return "wind_speed" in self.phase.weights and {*WIND} <= {t.name for t in self.part.targets}

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
        of_spectra = losses.log_spectral_error(fields[:, 0], sample.fine)
        return self._score(fields, sample) + self.phase.spectral_weight * of_spectra

    def _score(self, fields: Tensor, sample: Sample) -> Tensor:
        """Of members (B, M, C, H, W), summed over the widths of blocks."""
        inside, coarse = self._scored(sample), sample.fine.shape[-1] // sample.coarse.shape[-1]
        values, truth = (self._with_speed(f)[inside] for f in (fields, sample.fine))
        weights = self.weights.to(values)
        scale = torch.ones_like(truth[:, 0])
        if self.phase.relative:
            spread = losses.between(values, weights).detach()
            scale = around(spread, BLOCK * coarse)
        total = (losses.energy_score(values, truth, weights) / scale).mean()
        for width in self.phase.pooled:
            seen = [block_means(f, width * coarse) for f in (values, truth, scale)]
            total = total + (losses.energy_score(*seen[:2], weights) / seen[2]).mean()
        return total

    def _with_speed(self, targets: Tensor) -> Tensor:
        """Normalised targets (..., C, H, W) and, if it is scored, the wind's speed after them."""
        if not self._scores_speed:
            return targets
        which = [i for i, t in enumerate(self.part.targets) if t.name in WIND]
        winds = [self.part.targets[i] for i in which]
        parts = [targets[..., i, :, :] * v.std + v.mean for i, v in zip(which, winds, strict=True)]
        still = torch.full_like(parts[0], 1e-3)  # m/s: without, a calm has no slope
        # As if of a component: in units of the mean of their standard deviations.
        unit = sum(v.std for v in winds) / len(winds)
        speed = torch.stack([*parts, still]).norm(dim=0) / unit
        return torch.cat([targets, speed.unsqueeze(-3)], -3)

    def _scored(self, sample: Sample) -> tuple:
        """All of a whole field, and of a window what is not at its edges."""
        margin = 0 if self.phase.size is None else self.phase.margin
        cells = margin * sample.fine.shape[-1] // sample.coarse.shape[-1]
        return ..., *(slice(cells, n - cells) for n in sample.fine.shape[-2:])

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Levels of the denoiser."""
        return levels(net)


def block_means(field: Tensor, cells: int) -> Tensor:
    """Means of a field (..., H, W) over blocks of so many cells, smaller ones at the ends.

    Examples
    --------
    >>> block_means(torch.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 5.]])
    """
    flat = field.reshape(-1, 1, *field.shape[-2:])
    means = nn.functional.avg_pool2d(flat, cells, ceil_mode=True, count_include_pad=False)
    return means.reshape(*field.shape[:-2], *means.shape[-2:])


def around(spread: Tensor, cells: int) -> Tensor:
    """`block_means` at each of their cells (..., H, W).

    Examples
    --------
    >>> around(torch.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 2., 5.]])
    """
    whole = block_means(spread, cells).repeat_interleave(cells, -2).repeat_interleave(cells, -1)
    return whole[..., : spread.shape[-2], : spread.shape[-1]]
