"""The objective of the calibration: the denoiser as part of a sampler of few steps."""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType

import numpy as np
import torch
from torch import Tensor, nn

from ...config import WIND
from ...models.components import ResidualDiffusion, for_members, present
from ...models.downscaler import Sampling
from ...numerics.scaling import denormalise
from .. import losses
from ..dry_values import censored, with_logarithms
from ..stages import CalibrationPhase
from .base import Drawn, Objective, Sample
from .diffusion import levels

__all__ = ["Calibration", "around", "block_means"]

#: Coarse cells along a block over which the spread is averaged to weigh scores.
BLOCK = 4


@dataclass(frozen=True)
class Calibration(Objective):
    """Energy score of fields drawn as in use, with gradients through all steps of the sampler.

    The squared error of the velocity is dominated by the hours that vary most, so members may
    spread too much in calm hours and too little in wild ones; nor does it know of the errors of a
    few large steps. The energy score is proper: it is smallest for members with the right spread.
    It ignores how neighbouring cells go together. The spectral error adds that, and so do the
    scores of means over blocks, in which an error that is the same everywhere stands out. A
    ``relative`` score is divided by the spread around a cell, so that calm places count as much as
    wild ones; that spread is of large blocks, so that it does not follow the noise of the members.
    """

    phase: CalibrationPhase

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the denoiser."""
        return [present(net.denoiser, "denoiser")]

    @property
    def weights(self) -> Tensor:
        """Weights (C,) of the targets, then that of the wind's speed if it is scored."""
        of_speed = [self.phase.weights["wind_speed"]] if self._scores_speed else []
        return torch.cat([self.target_weights(self.phase.weights), torch.tensor(of_speed)])

    @property
    def _scores_speed(self) -> bool:
        return "wind_speed" in self.phase.weights and {*WIND} <= {t.name for t in self.part.targets}

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Drawn:
        """Draw the noise (M, L, h, w) that the sampler starts from for each member."""
        every = [self.latent_noise(rng, shape) for _ in range(self.phase.members)]
        return np.stack(every), np.empty(0, np.int64)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch."""
        coarse, fine, static = sample.fields
        with torch.no_grad():
            condition = net.condition(coarse, net.prepare(static))
            mean = 0 * fine if condition.mean is None else condition.mean.float()
            # A target whose own predictor was dropped is not drawn: nothing is scored there.
            given = net.given(coarse)
            fine = torch.where(given, fine, mean)
        noise, how = sample.noise.flatten(0, 1), Sampling().resolve(self.part.diffusion)
        decode = present(net.autoencoder, "autoencoder").decode
        drawn = decode(net.draw_latent(condition, noise, *how)).float()
        drawn = torch.where(for_members(given, len(noise)), drawn, 0)
        fields = net.joined(mean, drawn).unflatten(0, sample.noise.shape[:2])
        # How dry a dry cell is, in networks or by the dither, is written as 0: it is not scored.
        fields, fine = (censored(f, self.part.targets) for f in (fields, fine))
        first, truth = (with_logarithms(f, self.part.targets) for f in (fields[:, 0], fine))
        of_spectra = losses.log_spectral_error(first, truth)
        factor = fine.shape[-1] // coarse.shape[-1]
        return self._score(fields, fine, factor) + self.phase.spectral_weight * of_spectra

    def _score(self, fields: Tensor, fine: Tensor, factor: int) -> Tensor:
        """Score members (B, M, C, H, W) cell by cell, then add the scores of their block means."""
        inside = self._scored(fine, factor)
        values, truth = (self._with_speed(f)[inside] for f in (fields, fine))
        weights = self.weights.to(values)
        scale = torch.ones_like(truth[:, 0])
        if self.phase.relative and all(t.dry_below is None for t in self.part.targets):
            spread = losses.between(values, weights).detach()
            scale = around(spread, BLOCK * factor)
        total = (losses.energy_score(values, truth, weights) / scale).mean()
        for width in self.phase.pooled:
            members, observed, divisor = (
                block_means(f, width * factor) for f in (values, truth, scale)
            )
            total = total + (losses.energy_score(members, observed, weights) / divisor).mean()
        return total

    def _with_speed(self, targets: Tensor) -> Tensor:
        """Append the wind's speed, if it is scored, to normalised targets (..., C, H, W)."""
        if not self._scores_speed:
            return targets
        which = [i for i, t in enumerate(self.part.targets) if t.name in WIND]
        winds = [self.part.targets[i] for i in which]
        parts = denormalise(targets[..., which, :, :], winds)
        still = torch.full_like(parts[..., :1, :, :], 1e-3)  # m/s: keeps a slope at calm
        # Normalised as a component is: by the mean standard deviation of the two.
        unit = sum(v.std for v in winds) / len(winds)
        speed = torch.cat([parts, still], -3).norm(dim=-3, keepdim=True) / unit
        return torch.cat([targets, speed], -3)

    def _scored(self, fine: Tensor, factor: int) -> tuple[EllipsisType | slice, ...]:
        """Select all of a whole field, or a window without its margin."""
        margin = 0 if self.phase.size is None else self.phase.margin * factor
        return ..., *(slice(margin, n - margin) for n in fine.shape[-2:])

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the levels of the denoiser."""
        return levels(net)


def block_means(field: Tensor, cells: int) -> Tensor:
    """Average a field (..., H, W) over square blocks of cells, smaller ones at the ends.

    Examples
    --------
    >>> block_means(torch.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 5.]])
    """
    flat = field.reshape(-1, 1, *field.shape[-2:])
    means = nn.functional.avg_pool2d(flat, cells, ceil_mode=True, count_include_pad=False)
    return means.reshape(*field.shape[:-2], *means.shape[-2:])


def around(spread: Tensor, cells: int) -> Tensor:
    """Return at each cell (..., H, W) the mean of its block.

    Examples
    --------
    >>> around(torch.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 2., 5.]])
    """
    whole = block_means(spread, cells).repeat_interleave(cells, -2).repeat_interleave(cells, -1)
    return whole[..., : spread.shape[-2], : spread.shape[-1]]
