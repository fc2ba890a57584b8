"""What objectives have in common: the tensors of a batch, and what is asked of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...config import ComponentConfig
from ...models.components import ResidualDiffusion
from ..phases import Phase

__all__ = ["Objective", "Sample", "residual"]


class Sample(NamedTuple):
    """Tensors of a batch: what was read, and what was drawn for each of its windows."""

    #: Row and column of each window's first coarse cell.
    corner: Sequence[tuple[int, int]]

    #: (B, P, h, w).
    coarse: Tensor
    #: (B, C, H, W), or None where the latent is known.
    fine: Tensor | None
    #: Standard normal (B, L, h, w); empty where none is needed.
    noise: Tensor
    #: Diffusion steps (B,); empty where none are needed.
    t: Tensor
    #: (B, S, H, W), or (1, S, y, x) of the whole grid where windows are it or latents are known.
    static: Tensor | None = None
    #: Posterior means (B, L, h, w).
    latent: Tensor | None = None

    def on(self, whole_static: Tensor) -> Sample:
        """The same with static channels, cut from those (S, y, x) of the whole grid."""
        if self.latent is not None:
            return self._replace(static=whole_static[None])
        height, width = self.fine.shape[2:]
        if whole_static.shape[1:] == (height, width):
            return self._replace(static=whole_static[None])
        factor = height // self.coarse.shape[2]
        cut = [
            whole_static[:, y * factor : y * factor + height, x * factor : x * factor + width]
            for y, x in self.corner
        ]
        return self._replace(static=torch.stack(cut))


@dataclass(frozen=True)
class Objective:
    """What the stages have in common: a phase of a preset, for a component."""

    phase: Phase
    part: ComponentConfig

    #: Networks that have to be there, that the stage fits, and that its package then has.
    needs: tuple[str, ...] = ()
    fits: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()

    @property
    def weights(self) -> Tensor:
        """Weight (C,) of each target in an error, 1 unless the phase says otherwise."""
        return torch.tensor([self.phase.weights.get(t.name, 1.0) for t in self.part.targets])

    def begin(self, net: ResidualDiffusion) -> None:
        """Before the phase, whose networks are still as the one before left them."""

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """What is not fitted is evaluated."""
        net.eval()
        for module in self.modules(net):
            module.train()

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Modules that are fitted."""
        return [getattr(net, name) for name in self.fits]

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Noise (L, h, w) and step of a sample on (h, w) coarse cells; nothing here."""
        return np.empty(0, np.float32), np.empty(0, np.int64)

    def latent_noise(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Standard normal (L, h, w)."""
        return rng.standard_normal((self.part.autoencoder.latent_channels, *shape), np.float32)

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Modules whose activations may be recomputed instead of kept."""
        return []


@torch.no_grad()
def residual(net: ResidualDiffusion, sample: Sample) -> Tensor:
    """What the regression leaves of the targets (B, C, H, W); the targets without one."""
    if net.regression is None:
        return sample.fine
    return sample.fine - net.mean.condition(sample.coarse, sample.static).float()
