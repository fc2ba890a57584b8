"""Dry values of intermittent fields such as rain: what networks see of them, and what is dry."""

from __future__ import annotations

from typing import Any

import numpy as np

from .transforms import TRANSFORMS, Scaled

__all__ = ["dithered", "dry_room", "is_dry"]


def dithered(
    normalised: np.ndarray, physical: np.ndarray, variable: Scaled, uniform: np.ndarray
) -> np.ndarray:
    """Spread the dry values of a normalised field over a margin, so that networks see no spike.

    The margin is the lower half of the room between no rain and the smallest amount that is not
    dry, both transformed. The upper half stays empty: a small error makes no dry cell wet.

    Parameters
    ----------
    normalised, physical : numpy.ndarray
        The same field, before and after :func:`xldm.numerics.scaling.normalise`.
    variable : Variable
        With a ``dry_below``.
    uniform : numpy.ndarray
        Random numbers from 0 to 1, of the same shape (`xldm.numerics.noise.uniform`).

    Examples
    --------
    >>> from xldm.config import Variable
    >>> from xldm.numerics.scaling import normalise
    >>> tp = Variable("tp", "precipitation_amount", "kg m-2", 0, 1, lower=0.0, dry_below=1.0)
    >>> rain = np.array([[[0.0, 0.5, 2.0]]])
    >>> dithered(normalise(rain, [tp]), rain, tp, np.array([[[0.0, 0.5, 0.5]]])).ravel().tolist()
    [0.0, 0.25, 2.0]
    """
    low, threshold = dry_room(variable)
    moved = normalised + (uniform - 0.5) * ((threshold - low) / 2 / variable.std)
    dry = is_dry(physical, variable)
    return np.where(dry, moved, normalised).astype(normalised.dtype)


def dry_room(variable: Scaled) -> tuple[float, float]:
    """Return no rain and the smallest amount that is not dry, transformed."""
    forward, _ = TRANSFORMS[variable.transform]
    ends = np.array([variable.lower, variable.dry_below], np.float64)
    low, threshold = forward(np, ends, variable.transform_scale).tolist()
    return low, threshold


def is_dry(x: Any, variable: Scaled) -> Any:
    """Tell where physical values are dry."""
    # float32 moves the threshold itself, which is a value of many gauges and files.
    assert variable.dry_below is not None
    return x < variable.dry_below * (1 - 1e-5)
