"""Physical values to normalised numbers and back, channel by channel: one formula for all uses.

Arithmetic is in float64 and is rounded to float32 once, element by element: the result does not
depend on how fields are batched or chunked, nor on whether NumPy or torch computes it. Only where a
float32 array is given for the result is arithmetic in float32, in place: loaders need the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .arrays import Array
from .dry import dry_room, is_dry
from .transforms import TRANSFORMS, Scaled

__all__ = [
    "DRY_LAND",
    "denormalise",
    "drop_predictors",
    "fill_dry_land",
    "linear_map",
    "normalise",
    "physical_mean",
    "same_transform",
    "transformed",
]

DRY_LAND = -10.0
"""Normalised value that stands for dry land in fields that exist at sea only."""


def normalise(x: Array, variables: Sequence[Scaled], out: np.ndarray | None = None) -> Array:
    """Return ``(transform(x) - mean) * (1 / std)`` for each channel; NaN stays NaN.

    Parameters
    ----------
    x : numpy.ndarray or Tensor, shape (..., channel, y, x)
        Physical values. Those beyond a variable's bounds are set to the bounds.
    variables : sequence of Variable, length channel
        The variable of each channel.
    out : numpy.ndarray, optional
        float32 array of the shape of ``x`` to compute in, for speed. Values then differ from those
        of float64 by rounding, less than 1e-5 for a pressure of (1e5 +- 1e3) Pa.

    Returns
    -------
    numpy.ndarray or Tensor, shape of ``x``
        float32, dimensionless; a tensor on the device of ``x``.

    Raises
    ------
    ArgumentError
        If there is not one variable per channel.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> t2m = Variable("t2m", "air_temperature", "K", mean=273.0, std=5.0)
    >>> normalise(np.full((1, 1, 1), 283.0), [t2m]).item()
    2.0
    """
    _refuse_other_channels(x, len(variables))
    if out is None:
        return _each(x, variables, _normalised)
    result: Any = out
    result[...] = x
    for i, variable in enumerate(variables):
        result[..., i, :, :] = _normalised(result[..., i, :, :], variable)
    return result


def denormalise(x: Array, variables: Sequence[Scaled]) -> Array:
    """Return physical values within their bounds: the inverse of :func:`normalise`.

    Parameters, result and errors are as there, but ``x`` is normalised and the result physical.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> tp = Variable("tp", "precipitation_amount", "kg m-2", mean=1.0, std=2.0, lower=0.0)
    >>> denormalise(np.array([[[1.0, -1.0]]]), [tp]).ravel()
    array([3., 0.], dtype=float32)
    """
    _refuse_other_channels(x, len(variables))
    return _each(x, variables, _physical)


def transformed(x: Any, variable: Scaled) -> Any:
    """Return values within a variable's bounds and transformed, not yet scaled.

    ``mean`` and ``std`` of a variable are those of these values. Dry values are censored: all get
    the middle of the values that `xldm.numerics.dry.dithered` spreads them over.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> tp = Variable("tp", "precipitation_amount", "kg m-2", 0, 1, transform="log1p", lower=0.0)
    >>> transformed(np.array([-1.0, np.e - 1]), tp)
    array([0., 1.])
    """
    x, xp = _bounded(x, variable), _namespace(x)
    forward, _ = TRANSFORMS[variable.transform]
    y = forward(xp, x, variable.transform_scale)
    if variable.dry_below is None:
        return y
    low, threshold = dry_room(variable)
    return xp.where(is_dry(x, variable), low + (threshold - low) / 4, y)


def linear_map(source: Scaled, target: Scaled) -> tuple[float, float]:
    """Return the gain and offset from one variable's normalised numbers to another's.

    They are exact where both variables have the same transform. Else they are those of the line
    through the source's mean and one standard deviation above it.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> linear_map(Variable("a", "", "K", 273.0, 5.0), Variable("b", "", "K", 283.0, 10.0))
    (0.5, -1.0)
    """
    if same_transform(source, target):
        return source.std / target.std, (source.mean - target.mean) / target.std
    values = _physical(np.array([0.0, 1.0]), source)
    at_mean, above = ((transformed(values, target) - target.mean) / target.std).tolist()
    return above - at_mean, at_mean


def physical_mean(variable: Scaled) -> float:
    """Return the physical value that is 0 once normalised.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> physical_mean(Variable("t2m", "air_temperature", "K", 287.0, 8.0))
    287.0
    """
    return float(_physical(np.zeros(1), variable)[0])


def same_transform(source: Scaled, target: Scaled) -> bool:
    """Tell whether a line maps one variable's normalised numbers to another's."""
    return (source.transform, source.transform_scale) == (target.transform, target.transform_scale)


def fill_dry_land(x: np.ndarray, variables: Sequence[Scaled]) -> np.ndarray:
    """Return normalised ``x`` with :data:`DRY_LAND` for NaN in the channels that exist at sea only.

    Parameters
    ----------
    x : numpy.ndarray, shape (..., channel, y, x)
        Normalised values.
    variables : sequence of Variable, length channel
        The variable of each channel; NaN of others is left, since there it is a fault.

    Raises
    ------
    ArgumentError
        If there is not one variable per channel.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> sst = Variable("sst", "sea_surface_temperature", "K", 292.0, 4.0)
    >>> t2m = Variable("t2m", "air_temperature", "K", 285.0, 8.0)
    >>> fill_dry_land(np.full((2, 1, 1), np.nan), [sst, t2m]).ravel()
    array([-10.,  nan])
    """
    _refuse_other_channels(x, len(variables))
    sea = np.array([v.only_at_sea for v in variables])
    return np.where(np.isnan(x) & sea[:, None, None], x.dtype.type(DRY_LAND), x)


def drop_predictors(
    x: np.ndarray,
    rng: np.random.Generator,
    share: float,
    subsets: Sequence[Sequence[int]] = (),
) -> np.ndarray:
    """Return normalised ``x`` with some channels set to their mean, 0.

    A model trained so can do without them. With probability ``share`` a sample loses channels: it
    keeps one of the subsets, drawn evenly; or, as often as each of these, one probability is drawn
    uniformly and each channel is dropped with it.

    Parameters
    ----------
    x : numpy.ndarray, shape (channel, y, x)
        Normalised predictors of one sample.
    rng : numpy.random.Generator
        The only source of randomness.
    share : float
        Share of samples that lose channels.
    subsets : sequence of sequence of int
        Channels that users of the model often have.

    Examples
    --------
    >>> drop_predictors(np.ones((6, 1, 1)), np.random.default_rng(1), share=1.0).ravel()
    array([0., 1., 0., 0., 1., 0.])
    """
    rate = rng.random() * (rng.random() < share)
    keep = rng.random(len(x)) >= rate
    if subsets and rate and (chosen := rng.integers(len(subsets) + 1)) < len(subsets):
        keep = np.isin(np.arange(len(x)), subsets[int(chosen)])
    # Not a product: a dropped channel may hold NaN.
    return np.where(keep[:, None, None], x, x.dtype.type(0))


def _normalised(x: Any, variable: Scaled) -> Any:
    """Return physical values normalised; ``x`` may be changed in place."""
    x = transformed(x, variable)
    x -= variable.mean
    x *= 1 / variable.std
    return x


def _physical(x: Any, variable: Scaled) -> Any:
    """Return normalised values physical; ``x`` may be changed in place."""
    x *= variable.std
    x += variable.mean
    (_, inverse), xp = TRANSFORMS[variable.transform], _namespace(x)
    x = _bounded(inverse(xp, x, variable.transform_scale), variable)
    return x if variable.dry_below is None else xp.where(is_dry(x, variable), variable.lower, x)


def _bounded(x: Any, variable: Scaled) -> Any:
    if variable.lower is None and variable.upper is None:
        return x
    return _namespace(x).clip(x, variable.lower, variable.upper)


def _each(x: Array, variables: Sequence[Scaled], formula: Callable[[Any, Scaled], Any]) -> Any:
    """Apply a formula to a float64 copy of each channel, one at a time to save memory."""
    if isinstance(x, np.ndarray):
        out = np.empty(x.shape, np.float32)
        for i, variable in enumerate(variables):
            out[..., i, :, :] = formula(x[..., i, :, :].astype(np.float64), variable)
        return out
    torch = _namespace(x)
    host = x.cpu() if x.device.type == "mps" else x  # Apple's devices have no float64
    channels = (host[..., i, :, :].to(torch.float64, copy=True) for i in range(len(variables)))
    done = [formula(c, v).float() for c, v in zip(channels, variables, strict=True)]
    return torch.stack(done, -3).to(x.device)


def _namespace(x: Any) -> Any:
    """Return NumPy or torch, whose functions of these names are the same."""
    if isinstance(x, np.ndarray):
        return np
    import torch

    return torch


def _refuse_other_channels(x: Any, count: int) -> None:
    # Checked, because one value would otherwise be broadcast over all channels.
    if x.ndim < 3 or x.shape[-3] != count:
        raise ArgumentError(
            f"expected one variable per channel of x (dims ..., channel, y, x); got {count} for x "
            f"of shape {tuple(x.shape)}"
        )
