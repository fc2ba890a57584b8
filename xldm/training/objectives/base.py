"""The interface of objectives, and the tensors of a batch that they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...config import ComponentConfig
from ...errors import TrainingError
from ...models.components import ResidualDiffusion, present
from ..phases import Phase

__all__ = ["Drawn", "Objective", "Sample", "residual"]

#: Noise (L, h, w) and diffusion step of a sample.
Drawn = tuple[np.ndarray, np.ndarray]


class Sample(NamedTuple):
    """Tensors of a batch: fields, and the noise drawn for each of its windows.

    A sample has either ``fine`` or, where latents are cached, ``latent``.
    """

    #: Row and column of each window's first coarse cell.
    corner: Sequence[tuple[int, int]]
    #: Normalised predictors (B, P, h, w).
    coarse: Tensor
    #: Normalised targets (B, C, H, W).
    fine: Tensor | None
    #: Standard normal (B, L, h, w); empty if the objective draws none.
    noise: Tensor
    #: Diffusion steps (B,); empty if the objective draws none.
    t: Tensor
    #: (B, S, H, W), or (1, S, y, x) of the whole grid for whole fields and cached latents; empty
    #: before `on`.
    static: Tensor = torch.empty(0)
    #: Posterior means (B, L, h, w).
    latent: Tensor | None = None

    def on(self, whole_static: Tensor) -> Sample:
        """Return the sample with its static channels, cut from the whole grid's (S, y, x)."""
        if self.fine is None:
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

    @property
    def fields(self) -> tuple[Tensor, Tensor, Tensor]:
        """Predictors, targets and static channels of a sample without cached latent.

        Raises
        ------
        TrainingError
            If the latent is cached.
        """
        if self.fine is None:
            raise TrainingError("the latents of these samples are cached, so targets are not read")
        return self.coarse, self.fine, self.static


@dataclass(frozen=True)
class Objective:
    """A loss of a component's networks, with the settings of a phase.

    Parameters
    ----------
    phase : Phase
    part : ComponentConfig
    """

    phase: Phase
    part: ComponentConfig

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the modules that are fitted."""
        raise NotImplementedError

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the loss of a batch."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Drawn:
        """Draw noise and diffusion step of a sample on (h, w) coarse cells; both empty here."""
        return np.empty(0, np.float32), np.empty(0, np.int64)

    def begin(self, net: ResidualDiffusion) -> None:
        """Prepare a phase; the networks are still those of the previous phase."""

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """Set fitted modules to training mode and all others to evaluation mode.

        From ``norm_steps`` on, batch normalisation keeps its statistics.
        """
        norm_steps = getattr(self.phase, "norm_steps", None)
        net.eval()
        for module in self.modules(net):
            module.train(norm_steps is None or step < norm_steps)

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return modules whose activations can be recomputed instead of kept."""
        return []

    def latent_noise(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Draw standard normal noise (L, h, w)."""
        channels = present(self.part.autoencoder, "autoencoder").latent_channels
        return rng.standard_normal((channels, *shape), np.float32)

    def target_weights(self, weights: Mapping[str, float]) -> Tensor:
        """Return the weight (C,) of each target, 1 for targets that are not named."""
        return torch.tensor([weights.get(t.name, 1.0) for t in self.part.targets])

    def error_weights(self, fine: Tensor) -> Tensor:
        """Return the weights of errors of normalised targets (B, C, H, W), which broadcast.

        By the phase's ``weights``, and more where a target with a weight in ``heavy`` is large.
        """
        weights, heavy = (
            torch.tensor([named.get(t.name, default) for t in self.part.targets])[:, None, None]
            for named, default in ((self.phase.weights, 1.0), (self.phase.heavy, 0.0))  # type: ignore[attr-defined]
        )
        weights, heavy = weights.to(fine), heavy.to(fine)
        return weights * (1 + heavy * fine.clamp_min(0)) if heavy.any() else weights


@torch.no_grad()
def residual(net: ResidualDiffusion, sample: Sample) -> Tensor:
    """Subtract the regression's mean, if there is one, from the targets (B, C, H, W).

    Targets whose own predictor was dropped are not drawn, so nothing is left of them.
    """
    coarse, fine, static = sample.fields
    if net.regression is None:
        return fine
    left = fine - net.mean.condition(coarse, static).float()
    return torch.where(net.given(coarse), left, 0)
