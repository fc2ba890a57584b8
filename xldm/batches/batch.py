"""A batch: normalised arrays of windows, with their times and corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .windows import cells

__all__ = ["Batch", "Sample"]


class Sample(NamedTuple):
    """One window of a batch, fields as of `Batch`."""

    coarse: np.ndarray
    fine: np.ndarray
    time: np.datetime64
    corner: tuple[int, int]
    address: tuple[int, int]


@dataclass(frozen=True)
class Batch:
    """Normalised float32 arrays of the same windows, and where these lie.

    Parameters
    ----------
    coarse : ndarray (B, P, h, w)
        Predictors; ``DRY_LAND`` where there is no sea surface, 0 if dropped.
    fine : ndarray (B, C, H, W)
        Targets.
    time : ndarray (B,) of datetime64
    corner : ndarray (B, 2)
        Row and column of a window's first coarse cell.
    address : ndarray (B, 2)
        Epoch and number of the sample; noise that is drawn for the sample may follow from them.
    whole_static : ndarray (S, y, x)
        Static channels of the whole fine grid.
    """

    coarse: np.ndarray
    fine: np.ndarray
    time: np.ndarray
    corner: np.ndarray
    address: np.ndarray
    whole_static: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, samples: Sequence[Sample], whole_static: np.ndarray) -> Batch:
        """Stack samples to a batch."""
        coarse, fine, time, corner, address = map(np.stack, zip(*samples, strict=True))
        return cls(coarse, fine, time, corner, address, whole_static)

    @property
    def static(self) -> np.ndarray:
        """Static channels of the windows (B, S, H, W), cut at each access.

        They are most of a batch: a loop on an accelerator keeps ``whole_static`` there and cuts it
        by ``corner``.
        """
        size = self.coarse.shape[2], self.coarse.shape[3]
        factor = self.fine.shape[2] // size[0]
        found = (cells(corner, size, factor) for corner in self.corner.tolist())
        return np.stack([self.whole_static[:, at["y"], at["x"]] for at in found])
