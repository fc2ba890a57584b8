"""Physical values to normalised numbers and back, channel by channel: one formula for all uses.

Arithmetic is in float64 and is rounded to float32 once, element by element: the result does not
depend on how fields are batched or chunked, nor on whether NumPy or torch computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import ArgumentError
from .arrays import Array

__all__ = [
    "DRY_LAND",
    "TRANSFORMS",
    "Scaled",
    "check_transform",
    "denormalise",
    "drop_predictors",
    "fill_dry_land",
    "linear_map",
    "normalise",
    "transformed",
]

DRY_LAND = -10.0
"""Normalised value that stands for dry land in fields that exist at sea only."""

#: Transforms and their inverses by name, as functions of a namespace (NumPy or torch) and an array.
TRANSFORMS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "linear": (lambda xp, x: x, lambda xp, y: y),
    "log1p": (lambda xp, x: xp.log1p(x), lambda xp, y: xp.expm1(y)),
}


class Scaled(Protocol):
    """The parts of a variable that scaling uses; see :class:`xldm.config.Variable`."""

    name: str
    mean: float
    std: float
    transform: str
    transform_scale: float
    lower: float | None
    upper: float | None

    @property
    def only_at_sea(self) -> bool:
        """Whether the field has no values over land."""


def check_transform(name: str) -> str:
    """Return the name of a transform, or refuse it if no transform is called so.

    Raises
    ------
    ArgumentError
        If the name is not a key of :data:`TRANSFORMS`.

    Examples
    --------
    >>> check_transform("cube")
    Traceback (most recent call last):
        ...
    xldm.errors.ArgumentError: transform must be one of linear, log1p; got 'cube'
    """
    if name not in TRANSFORMS:
        raise ArgumentError(f"transform must be one of {', '.join(TRANSFORMS)}; got {name!r}")
    return name


def normalise(x: Array, variables: Sequence[Scaled], out: np.ndarray | None = None) -> Array:
    """Return ``(transform(x) - mean) / std`` for each channel; NaN stays NaN.

    Parameters
    ----------
    x : numpy.ndarray or Tensor, shape (..., channel, y, x)
        Physical values. Those beyond a variable's bounds are set to the bounds.
    variables : sequence of Variable, length channel
        The variable of each channel.
    out : numpy.ndarray, optional
        float32 array of the shape of ``x`` that gets the result of an array.

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
    return _each(x, variables, lambda x, v: (transformed(x, v) - v.mean) / v.std, out)


def denormalise(x: Array, variables: Sequence[Scaled], out: np.ndarray | None = None) -> Array:
    """Return physical values within their bounds: the inverse of :func:`normalise`.

    Parameters, result and errors are as there, but ``x`` is normalised and the result physical.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> tp = Variable("tp", "precipitation_amount", "kg m-2", mean=1.0, std=2.0, lower=0.0)
    >>> denormalise(np.array([[[1.0, -1.0]]]), [tp]).ravel()
    array([3., 0.], dtype=float32)
    """
    return _each(x, variables, _physical, out)


def transformed(x: Any, variable: Scaled) -> Any:
    """Return float64 values within a variable's bounds and transformed, not yet scaled.

    ``mean`` and ``std`` of a variable are those of these values.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> tp = Variable("tp", "precipitation_amount", "kg m-2", 0, 1, transform="log1p", lower=0.0)
    >>> transformed(np.array([-1.0, np.e - 1]), tp)
    array([0., 1.])
    """
    x = _bounded(_double(x), variable)
    forward, _ = TRANSFORMS[variable.transform]
    return forward(_namespace(x), x / variable.transform_scale)


def linear_map(source: Scaled, target: Scaled) -> tuple[float, float]:
    """Return the gain and offset from one variable's normalised numbers to another's.

    Raises
    ------
    ArgumentError
        If they have different transforms, so that no line maps one to the other.

    Examples
    --------
    >>> from xldm.config import Variable
    >>> linear_map(Variable("a", "", "K", 273.0, 5.0), Variable("b", "", "K", 283.0, 10.0))
    (0.5, -1.0)
    """
    theirs = [(v.transform, v.transform_scale) for v in (source, target)]
    if theirs[0] != theirs[1]:
        raise ArgumentError(
            f"{source.name} is transformed by {theirs[0]} as a predictor and by {theirs[1]} as a "
            "target: no gain and offset map one to the other"
        )
    return source.std / target.std, (source.mean - target.mean) / target.std


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


def drop_predictors(x: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Return normalised ``x`` with some channels set to their mean, 0.

    A model trained so can do without them. With probability ``share`` a sample loses channels: one
    probability is drawn uniformly, and each channel is dropped with it.

    Parameters
    ----------
    x : numpy.ndarray, shape (channel, y, x)
        Normalised predictors of one sample.
    rng : numpy.random.Generator
        The only source of randomness.
    share : float
        Share of samples that lose channels.

    Examples
    --------
    >>> drop_predictors(np.ones((6, 1, 1)), np.random.default_rng(1), share=1.0).ravel()
    array([0., 1., 0., 0., 1., 0.])
    """
    rate = rng.random() * (rng.random() < share)
    keep = rng.random(len(x)) >= rate
    # Not a product: a dropped channel may hold NaN.
    return np.where(keep[:, None, None], x, x.dtype.type(0))


def _physical(x: Any, variable: Scaled) -> Any:
    _, inverse = TRANSFORMS[variable.transform]
    x = inverse(_namespace(x), x * variable.std + variable.mean)
    return _bounded(x * variable.transform_scale, variable)


def _bounded(x: Any, variable: Scaled) -> Any:
    if variable.lower is None and variable.upper is None:
        return x
    return _namespace(x).clip(x, variable.lower, variable.upper)


def _each(
    x: Any,
    variables: Sequence[Scaled],
    formula: Callable[[Any, Scaled], Any],
    out: np.ndarray | None,
) -> Any:
    """Apply a formula in float64 to each channel, one at a time to save memory."""
    _refuse_other_channels(x, len(variables))
    channels = (_double(x[..., i, :, :]) for i in range(len(variables)))
    pairs = zip(channels, variables, strict=True)
    if not isinstance(x, np.ndarray):
        return _namespace(x).stack([formula(c, v).float() for c, v in pairs], -3).to(x.device)
    out = np.empty(x.shape, np.float32) if out is None else out
    for i, (channel, variable) in enumerate(pairs):
        out[..., i, :, :] = formula(channel, variable)
    return out


def _double(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return x.astype(np.float64, copy=False)
    # Apple's devices have no float64.
    return (x.cpu() if x.device.type == "mps" else x).double()


def _namespace(x: Any) -> Any:
    """NumPy or torch, whose functions of these names are the same."""
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
