"""Physical units to normalised numbers and back, channel by channel.

Arithmetic is in float64 and is rounded to float32 once, element by element: the result does not
depend on how fields are batched or chunked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ArgumentError

__all__ = ["DRY_LAND", "denormalise", "drop_predictors", "fill_dry_land", "normalise"]

DRY_LAND = -10.0
"""What normalised sea surface temperature is over dry land, where there is none."""


def normalise(x: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Return ``(x - mean) / std`` for each channel; NaN stays NaN.

    Parameters
    ----------
    x : numpy.ndarray, shape (..., channel, y, x)
        Physical values.
    mean, std : sequence of float, length channel
        Statistics in the units of each channel.

    Returns
    -------
    numpy.ndarray, shape of ``x``
        float32, dimensionless.

    Raises
    ------
    ArgumentError
        If there is not one mean and one std per channel.

    Examples
    --------
    >>> normalise(np.full((2, 1, 1), 283.0), [273.0, 283.0], [5.0, 5.0]).ravel()
    array([2., 0.], dtype=float32)
    """
    mean, std = (_per_channel(x, name, v) for name, v in {"mean": mean, "std": std}.items())
    return ((x - mean) / std).astype(np.float32)


def denormalise(x: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Return ``x * std + mean`` for each channel: the inverse of :func:`normalise`.

    Parameters, result and errors as there, but that ``x`` is normalised and the result physical.

    Examples
    --------
    >>> denormalise(np.ones((1, 1, 1)), [273.0], [5.0]).item()
    278.0
    """
    mean, std = (_per_channel(x, name, v) for name, v in {"mean": mean, "std": std}.items())
    return (x * std + mean).astype(np.float32)


def fill_dry_land(x: np.ndarray, sea: Sequence[bool]) -> np.ndarray:
    """Return normalised ``x`` with :data:`DRY_LAND` for NaN in the channels that exist at sea only.

    Parameters
    ----------
    x : numpy.ndarray, shape (..., channel, y, x)
        Normalised values.
    sea : sequence of bool, length channel
        True for sea surface temperature; NaN elsewhere is left, since there it is a fault.

    Raises
    ------
    ArgumentError
        If ``sea`` does not have one value per channel.

    Examples
    --------
    >>> fill_dry_land(np.full((2, 1, 1), np.nan), [True, False]).ravel()
    array([-10.,  nan])
    """
    dry = np.isnan(x) & _per_channel(x, "sea", sea).astype(bool)
    return np.where(dry, x.dtype.type(DRY_LAND), x)


def drop_predictors(x: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Return normalised ``x`` with channels set to their mean, 0, so that a model can do without.

    With probability ``share``, every channel goes with one probability, drawn uniformly.

    Parameters
    ----------
    x : numpy.ndarray, shape (channel, y, x)
        Normalised predictors of one sample.
    rng : numpy.random.Generator
        The only source of randomness.
    share : float
        Of samples that channels are dropped from.

    Examples
    --------
    >>> drop_predictors(np.ones((6, 1, 1)), np.random.default_rng(1), share=1.0).ravel()
    array([0., 1., 0., 0., 1., 0.])
    """
    rate = rng.random() * (rng.random() < share)
    keep = rng.random(len(x)) >= rate
    # Not a product: what is dropped may hold NaN.
    return np.where(keep[:, None, None], x, x.dtype.type(0))


def _per_channel(x: np.ndarray, name: str, values: Sequence[float]) -> np.ndarray:
    column = np.asarray(values, dtype=np.float64)
    # Checked, because one value would otherwise be broadcast over all channels.
    if x.ndim < 3 or column.shape != (x.shape[-3],):
        raise ArgumentError(
            f"{name} has one value per channel of x (dims ..., channel, y, x); "
            f"got shape {column.shape} for x of shape {x.shape}"
        )
    return column[:, None, None]
