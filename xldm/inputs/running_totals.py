"""Tell from values whether a field is a running total: it never falls where sums over hours do."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .sunshine import mean_cosine
from .times import Time
from .windows import HOUR, origins

__all__ = ["STAMPS", "Series", "looked_at", "picked", "verdict"]

#: Values of lazy data are looked at for so many stamps of one day or one forecast.
STAMPS = 6
# Points per axis that are looked at.
_POINTS = 24
# A fall of less than this share of the largest value is packing.
_PACKING = 2e-4
# So many rises without a fall are a running total.
_RISES = 30
# Where so large a share of cells never falls over half a day, they are running totals.
_MIXED, _MIXED_SUN, _HALF_DAY = 0.3, 0.1, 11.0
# Rain that rises so often without a fall is a running total.
_STEADY = 8
# By so much the sun has to fall for sums over hours to fall.
_SUNK = 0.75


class Series:
    """The stamps of one day or one forecast.

    Parameters
    ----------
    at : dict of str to int or ndarray
        Indices of the stamps in a field that is laid out.
    values : ndarray of datetime64
        The stamps.
    """

    def __init__(self, at: dict[str, Any], values: np.ndarray) -> None:
        self.at = at
        self.values = values


def looked_at(time: Time, *, lazy: bool) -> Series | None:
    """Return the stamps whose values tell; None if there are fewer than two of one day or forecast.

    Parameters
    ----------
    time : Time
    lazy : bool
        Whether reading values costs something: then there are no more than `STAMPS`.
    """
    since = origins(time, "start" if time.start is not None else "day")
    first = since.reshape(-1, since.shape[-1])[0]
    kinds, counts = np.unique(first, return_counts=True)
    if counts.max() < 2:
        return None
    (rows,) = np.nonzero(first == kinds[counts.argmax()])
    if lazy and rows.size > STAMPS:
        rows = rows[np.unique(np.linspace(0, rows.size - 1, STAMPS).round().astype(int))]
    at: dict[str, Any] = {time.out[-1]: rows}
    at |= {dim: 0 for dim in time.out[:-1]}
    stamps = time.values.reshape(-1, time.values.shape[-1])[0]
    return Series(at, stamps[rows])


def picked(field: xr.DataArray, series: Series) -> xr.DataArray:
    """Return the values to look at, (stamp, latitude, longitude)."""
    beside = {d: 0 for d in field.dims if d not in (*series.at, "latitude", "longitude")}
    strides = {
        d: slice(None, None, max(1, field.sizes[d] // _POINTS)) for d in ("latitude", "longitude")
    }
    return field.isel({**series.at, **beside, **strides})


def verdict(
    values: np.ndarray,
    series: Series,
    sun: tuple[np.ndarray, np.ndarray] | None = None,
) -> str:
    """Return what the values of one day or one forecast tell.

    Parameters
    ----------
    values : ndarray (stamp, latitude, longitude)
    series : Series
        Their stamps.
    sun : (ndarray, ndarray), optional
        Latitudes and longitudes, if the field is sunshine: its sums over hours rise in the morning,
        so only stamps after which the sun sank tell.

    Returns
    -------
    "runs", "mixed", "falls" or ""
        A running total; in some places only; no running total; nothing.

    Examples
    --------
    >>> hours = np.datetime64("2020-01-01T01", "ns") + np.arange(6) * HOUR
    >>> rain = np.random.default_rng(0).uniform(size=(6, 5, 5))
    >>> verdict(rain, Series({}, hours)), verdict(rain.cumsum(0), Series({}, hours))
    ('falls', 'runs')
    """
    values = values.reshape(len(values), -1).astype("float64")
    values = values[:, np.isfinite(values).all(0)]
    if values.shape[0] < 2 or not values.size:
        return ""
    step = np.diff(values, axis=0)
    small = _PACKING * max(np.abs(values).max(), 1e-12)
    rises, falls = step > small, step < -small
    if sun is not None:
        after = _sinking(series.values, *sun)
        tell = falls | (rises & after[:, None])
        if not after.any():
            return "falls" if falls.any() else ""
    else:
        tell, after = rises | falls, np.ones(len(step), bool)
    active = tell.any(0)
    if not active.any():
        return ""
    steady = active & ~falls.any(0)
    share = float(steady.sum() / active.sum())
    enough = rises.sum() >= _RISES or (sun is not None and rises.sum() >= 4)
    if share > 0.999:
        return "runs" if enough else ""
    span = float((series.values[-1] - series.values[0]) / HOUR)
    least, most = (_MIXED_SUN, 3) if sun is not None else (_MIXED, _STEADY)
    often = rises[:, steady].sum(0) >= most
    # A front may bring more rain from stamp to stamp; a sun that sinks twice brings no more light.
    telling = (after.sum() >= 2 and len(values) >= 5) if sun is not None else len(values) > _STEADY
    if span >= _HALF_DAY and telling and often.sum() / active.sum() > least:
        return "mixed"
    return "falls"


def _sinking(stamps: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Tell for each stamp but the first whether the sun of its hour is lower than before."""
    lat, lon = (np.array([float(np.mean(a))]) for a in (latitude, longitude))
    height = mean_cosine(stamps - HOUR, stamps, lat, lon)[:, 0, 0]
    return (height[1:] < _SUNK * height[:-1]) & (height[:-1] > 0.05)
