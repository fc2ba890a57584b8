"""The objective of the distillation of a denoiser into few steps."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, present
from ...models.downscaler import schedule
from ...numerics.samplers import trailing_times
from ...numerics.schedule import Schedule
from .. import losses
from ..stages import DistillationPhase
from .base import Drawn, Sample
from .diffusion import OfLatents

__all__ = ["Distillation"]


@dataclass(frozen=True)
class Distillation(OfLatents):
    """Squared error of the velocity whose single step arrives where several teacher steps arrive.

    Progressive distillation (arXiv 2202.00512) of the denoiser alone. The teacher is the denoiser
    before the phase.
    """

    phase: DistillationPhase
    _teacher: list[nn.Module] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def times(self) -> np.ndarray:
        """Times (steps, teacher steps + 1) from each of the sampler's times to the next, or 0."""
        into, of_teacher = self.phase.into, self.phase.teacher_steps
        noise_levels = schedule(self.part.diffusion)
        every = np.array([*trailing_times(noise_levels, into * of_teacher), 0])
        every[:-1:of_teacher] = trailing_times(noise_levels, into)  # the same but for rounding
        rows = np.arange(into)[:, None] * of_teacher
        return every[rows + np.arange(of_teacher + 1)]

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the denoiser."""
        return [present(net.denoiser, "denoiser")]

    def begin(self, net: ResidualDiffusion) -> None:
        """Keep the denoiser as the teacher."""
        teacher = copy.deepcopy(present(net.denoiser, "denoiser"))
        self._teacher.append(teacher.requires_grad_(False).eval())

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Drawn:
        """Draw one of the sampler's steps, and the noise that is added."""
        return self.latent_noise(rng, shape), np.array(rng.choice(self.times[:, 0]))

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch."""
        with torch.no_grad():
            context = self.context(net, sample)
            t = sample.t.cpu().numpy()
            noisy = net.schedule.add_noise(self.clean(net, sample), sample.noise, t)
            target = self._taught(net.schedule, noisy, t, context)
        return losses.distillation_loss(
            present(net.denoiser, "denoiser"), net.schedule, noisy, context, sample.t, target
        )

    def _taught(
        self, schedule: Schedule, noisy: Tensor, t: np.ndarray, context: Sequence[Tensor]
    ) -> Tensor:
        """Find the clean latent whose single step arrives where the teacher's steps arrive."""
        (teacher,) = self._teacher
        teacher.to(noisy.device)
        by_start = {int(row[0]): row for row in self.times}
        times = np.stack([by_start[start] for start in t.tolist()], axis=1)
        x = clean = noisy
        for before, after in pairwise(times):
            v = teacher(x, torch.from_numpy(before).to(x.device), context)
            clean = schedule.clean_from_v(x, v.to(x.dtype), before)
            x = schedule.step(x, clean, before, after)
        # The sampler's last step returns the clean latent itself, not a latent at time 0.
        last = torch.from_numpy(times[-1] == 0).to(x.device)[:, None, None, None]
        return torch.where(last, clean, schedule.clean_from_step(noisy, x, t, times[-1]))
