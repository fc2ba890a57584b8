"""Samples of a training step: the tensors of a batch, and the noise drawn for its windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ..batches.batch import Batch
from .objectives.base import Objective, Sample

__all__ = ["Draws", "Encoded"]

#: Numbers that the seeds of a split's draws hold. Other ones would change every trained model.
_SPLIT_KEYS = {"train": (0,), "val": (0, 1)}


class Encoded(NamedTuple):
    """Arrays of a batch of windows whose latents are known."""

    #: Normalised predictors (B, P, h, w).
    coarse: np.ndarray
    #: Posterior means of the residual (B, L, h, w).
    latent: np.ndarray
    #: Row and column of each window's first coarse cell (B, 2).
    corner: np.ndarray
    #: Epoch and number of each sample (B, 2).
    address: np.ndarray


@dataclass(frozen=True)
class Draws:
    """Noise and diffusion steps of samples: they follow from seed, split and address alone.

    So they do not depend on batches, ranks or interruptions.
    """

    objective: Objective
    #: Seed of the run and number of the phase.
    key: tuple[int, ...]

    def sample(self, batch: Batch | Encoded, split: str = "train") -> Sample:
        """Return the tensors of a batch, with the noise drawn for each of its windows."""
        height, width = batch.coarse.shape[-2:]
        key = (*self.key, *_SPLIT_KEYS[split])
        drawn = [
            self.objective.draw(np.random.default_rng([*key, *address]), (height, width))
            for address in batch.address.tolist()
        ]
        noise, t = (torch.from_numpy(np.stack(parts)) for parts in zip(*drawn, strict=True))
        coarse, corner = torch.from_numpy(batch.coarse), batch.corner.tolist()
        if isinstance(batch, Encoded):
            latent = torch.from_numpy(batch.latent)
            return Sample(corner, coarse, None, noise, t, latent=latent)
        return Sample(corner, coarse, torch.from_numpy(batch.fine), noise, t)
