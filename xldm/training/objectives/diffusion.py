"""Objectives of the denoiser: diffusion, and distillation into few steps."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, schedule
from ...numerics.samplers import trailing_times
from ...numerics.schedule import Schedule
from .. import losses
from ..phases import LATENT, DiffusionPhase, DistillationPhase, LatentPhase
from .base import Objective, Sample, residual

__all__ = ["Diffusion", "Distillation", "levels"]


@dataclass(frozen=True)
class OfLatents(Objective):
    """Fits networks to latents, which are known or found by the regression and autoencoder."""

    phase: LatentPhase
    holds: tuple[str, ...] = ("regression", *LATENT)
    #: Features of the whole static fields, where they stay the same from step to step.
    _kept: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def fits_static(self) -> bool:
        """Whether the conditioner's static branch is fitted."""
        return False

    def clean(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Latents (B, L, h, w) of the batch."""
        if sample.latent is not None:
            return sample.latent
        with torch.no_grad():
            return net.autoencoder.encode(residual(net, sample))[0].float()

    def context(self, net: ResidualDiffusion, sample: Sample) -> list[Tensor]:
        """What the denoiser is given of the batch's predictors and static fields."""
        return net.conditioner.context(self._static_features(net, sample), sample.coarse)

    def _static_features(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        if sample.latent is None:
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.fits_static):
                return net.conditioner.static_features(sample.static)
        # Of the whole grid, which is what its windows are cut from when a whole field is drawn.
        features = next(iter(self._kept), None)
        if self.fits_static:
            features = net.conditioner.static_features(sample.static)
        elif features is None:
            # Not in inference mode: steps to come take gradients of what follows from them.
            with torch.inference_mode(False), torch.no_grad():
                features = net.conditioner.static_features(sample.static.clone())
            self._kept.append(features)
        height, width = sample.latent.shape[2:]
        if features.shape[1:3] == (height, width):
            return features
        return torch.cat([features[:, y : y + height, x : x + width] for y, x in sample.corner])


@dataclass(frozen=True)
class Diffusion(OfLatents):
    """Squared error of the velocity that the denoiser predicts."""

    phase: DiffusionPhase
    needs: tuple[str, ...] = ("regression", "autoencoder")
    fits: tuple[str, ...] = ("conditioner", "denoiser")

    @property
    def fits_static(self) -> bool:
        return self.phase.train_static

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """The conditioner's static branch may stay as it is."""
        if self.phase.train_static:
            return super().modules(net)
        named = net.conditioner.named_children()
        return [*(m for name, m in named if not name.startswith("static_")), net.denoiser]

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The step, and the noise that is added."""
        t = rng.integers(self.part.diffusion.timesteps)
        return self.latent_noise(rng, shape), np.array(t)

    def loss(
        self, net: ResidualDiffusion, sample: Sample, denoiser: nn.Module | None = None
    ) -> Tensor:
        """Of a batch, with another denoiser if one is given."""
        clean, context = self.clean(net, sample), self.context(net, sample)
        net_or_average = net.denoiser if denoiser is None else denoiser
        return losses.diffusion_loss(
            net_or_average, net.schedule, clean, context, sample.t, sample.noise
        )

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Levels of the denoiser and of the conditioner's static branch."""
        return [*levels(net), *net.conditioner.static_encoder]


@dataclass(frozen=True)
class Distillation(OfLatents):
    """Squared error of the velocity whose one step leads where several of the teacher's lead.

    Progressive distillation (arXiv 2202.00512), of the denoiser alone. The teacher is the denoiser
    as it was before the phase.
    """

    phase: DistillationPhase
    needs: tuple[str, ...] = ("regression", *LATENT)
    fits: tuple[str, ...] = ("denoiser",)
    _teacher: list[nn.Module] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def times(self) -> np.ndarray:
        """Times (steps, teacher's steps + 1) from each of the sampler's to the one after, or 0."""
        into, of_teacher = self.phase.into, self.phase.teacher_steps
        noise_levels = schedule(self.part.diffusion)
        every = np.array([*trailing_times(noise_levels, into * of_teacher), 0])
        every[:-1:of_teacher] = trailing_times(noise_levels, into)  # but for rounding they are
        rows = np.arange(into)[:, None] * of_teacher
        return every[rows + np.arange(of_teacher + 1)]

    def begin(self, net: ResidualDiffusion) -> None:
        """Keep the denoiser as the teacher."""
        self._teacher.append(copy.deepcopy(net.denoiser).requires_grad_(False).eval())

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """One of the sampler's steps, and the noise that is added."""
        return self.latent_noise(rng, shape), np.array(rng.choice(self.times[:, 0]))

    def loss(
        self, net: ResidualDiffusion, sample: Sample, denoiser: nn.Module | None = None
    ) -> Tensor:
        """Of a batch, with another denoiser if one is given."""
        with torch.no_grad():
            context = self.context(net, sample)
            t = sample.t.cpu().numpy()
            noisy = net.schedule.add_noise(self.clean(net, sample), sample.noise, t)
            target = self._led(net.schedule, noisy, t, context)
        net_or_average = net.denoiser if denoiser is None else denoiser
        return losses.distillation_loss(
            net_or_average, net.schedule, noisy, context, sample.t, target
        )

    def _led(self, schedule: Schedule, noisy: Tensor, t: np.ndarray, context) -> Tensor:
        """The clean latent with which one step leads where the teacher's steps do."""
        (teacher,) = self._teacher
        teacher.to(noisy.device)
        by_start = {int(row[0]): row for row in self.times}
        times = np.stack([by_start[start] for start in t.tolist()], axis=1)
        x = noisy
        for before, after in pairwise(times):
            v = teacher(x, torch.from_numpy(before).to(x.device), context)
            clean = schedule.clean_from_v(x, v.to(x.dtype), before)
            x = schedule.step(x, clean, before, after)
        # The sampler's last step ends with a clean latent and not with one at time 0.
        last = torch.from_numpy(times[-1] == 0).to(x.device)[:, None, None, None]
        return torch.where(last, clean, schedule.clean_from_step(noisy, x, t, times[-1]))

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Levels of the denoiser."""
        return levels(net)


def levels(net: ResidualDiffusion) -> list[nn.Module]:
    """Levels of the denoiser, whose activations may be recomputed."""
    return [*net.denoiser.input_blocks, net.denoiser.middle_block, *net.denoiser.output_blocks]
