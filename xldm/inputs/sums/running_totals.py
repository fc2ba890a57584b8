"""Tell from values whether a field is a running total: it never falls where sums over hours do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..axes.times import Time
from ..windows import HOUR, origins
from .sunshine import mean_cosine

__all__ = [
    "STAMPS", "Series", "Told", "across_days", "first_stamps", "goes_on", "looked_at", "picked",
    "restarts", "saws", "verdict",
]  # fmt: skip

#: Values of lazy data are looked at for so many stamps of one day or one forecast.
STAMPS = 6
# So many days or forecasts are looked at: the others only if the first looks like a running total.
_DAYS = 4
# Points per axis that are looked at.
_POINTS = 24
# Changes of less than this share of the largest value say nothing. Totals that were interpolated
# or packed fall by up to 1 % of it.
_NOISE = 0.02
# Running totals fall by no more than this share of what they rise.
_FALLS = 0.04
# So many rises, without falls, are a running total.
_RISES, _RISES_SUN = 30, 4
# Where so large a share of cells never falls over half a day, they are running totals.
_MIXED, _MIXED_SUN, _HALF_DAY = 0.3, 0.1, 11.0
# Of rain in some places only, so many stamps tell, of a day that has more than every other hour.
_STEADY, _HOURS = 8, 12
# Hours after which totals of NCEP start anew, and how many of their stamps tell.
_PERIODS, _FIRST = (3, 6, 12), 13
# Totals that start anew grow so often at least.
_UPS = 3
# By so much the sun has to fall for sums over hours to fall.
_SUNK = 0.75


@dataclass(frozen=True, eq=False)
class Series:
    """The stamps of one day or one forecast.

    Parameters
    ----------
    at : dict of str to int or ndarray
        Indices of the stamps in a field that is laid out.
    values : ndarray of datetime64
        The stamps.
    among : int
        How many stamps the day or the forecast has.
    """

    at: dict[str, Any]
    values: np.ndarray
    among: int = 0

    @property
    def hours(self) -> float:
        """Hours from the first stamp to the last."""
        return float((self.values[-1] - self.values[0]) / HOUR)


@dataclass(frozen=True)
class Told:
    """What the values of a field tell.

    Parameters
    ----------
    verdict : "runs", "mixed", "restarts", "grows", "falls" or ""
        From :func:`verdict`; "grows" is a running total that no midnight ends.
    sure : bool
        Whether sunshine or several days say so.
    stamps : int
        How many stamps were looked at.
    hours : float
        From the first to the last of them.
    """

    verdict: str = ""
    sure: bool = False
    stamps: int = 0
    hours: float = 0.0


def looked_at(time: Time, *, lazy: bool) -> list[Series]:
    """Return the stamps of a few days or forecasts whose values tell, the longest first.

    Parameters
    ----------
    time : Time
    lazy : bool
        Whether reading values costs something: then there are no more than `STAMPS` of each.
    """
    since = origins(time, "start" if time.start is not None else "day")
    rows_of = since.reshape(-1, since.shape[-1])
    stamps = time.values.reshape(-1, time.values.shape[-1])
    found: list[Series] = []
    for i in np.unique(np.linspace(0, len(rows_of) - 1, _DAYS).round().astype(int)):
        kinds, counts = np.unique(rows_of[i], return_counts=True)
        long = kinds[counts >= max(2, counts.max() * 2 / 3)]
        if not long.size:
            continue
        for kind in long[np.unique(np.linspace(0, len(long) - 1, _DAYS).round().astype(int))]:
            (rows,) = np.nonzero(rows_of[i] == kind)
            among = rows.size
            if lazy and rows.size > STAMPS:
                rows = rows[np.unique(np.linspace(0, rows.size - 1, STAMPS).round().astype(int))]
            outer = {dim: int(i) for dim in time.out[:-1]}
            found.append(Series({time.out[-1]: rows, **outer}, stamps[i][rows], among))
    found.sort(key=lambda one: -one.values.size)
    return found[:_DAYS]


def first_stamps(time: Time) -> Series:
    """Return the first stamps of a forecast, one after the other: they tell whether totals restart.

    Parameters
    ----------
    time : Time
    """
    outer = dict.fromkeys(time.out[:-1], 0)
    stamps = time.values.reshape(-1, time.values.shape[-1])[0][:_FIRST]
    return Series({time.out[-1]: np.arange(stamps.size), **outer}, stamps, stamps.size)


def across_days(time: Time) -> Series | None:
    """Return the last stamps of a few days, each with the first of the next; None of one day.

    Parameters
    ----------
    time : Time
        A series of valid times.
    """
    days = origins(time, "day")
    (last,) = np.nonzero(days[1:] != days[:-1])
    if days.ndim > 1 or not last.size:
        return None
    some = last[np.unique(np.linspace(0, last.size - 1, _DAYS).round().astype(int))]
    rows = np.stack([some, some + 1], axis=1).ravel()
    return Series({time.out[-1]: rows}, time.values[rows], rows.size)


def goes_on(before: np.ndarray, after: np.ndarray) -> bool:
    """Tell whether totals of days go on in the first hours of the next ones, where they had any.

    Examples
    --------
    >>> rain = np.ones((1, 6, 6))
    >>> goes_on(24 * rain, 25 * rain), goes_on(24 * rain, rain)
    (True, False)
    """
    wet = before > _NOISE * np.nanmax(before, initial=0)
    return bool(wet.sum() >= _RISES and (after >= (1 - _FALLS) * before)[wet].mean() > 0.97)


def restarts(values: np.ndarray, stamps: np.ndarray) -> int:
    """Return the hours after which totals start anew; 0 if they do not.

    They fall from stamp to stamp where a period ends, and nowhere else: hourly rain does not.

    Parameters
    ----------
    values : ndarray (stamp, ...)
    stamps : ndarray of datetime64

    Examples
    --------
    >>> hours = np.datetime64("2020-01-01T01", "ns") + np.arange(12) * HOUR
    >>> rain = np.random.default_rng(0).uniform(size=(2, 6, 5, 5))
    >>> restarts(rain.cumsum(1).reshape(12, 5, 5), hours), restarts(rain.reshape(12, 5, 5), hours)
    (6, 0)
    """
    values = values.reshape(len(values), -1)
    step = np.diff(values[:, np.isfinite(values).all(0)], axis=0)
    rise, fall = np.maximum(step, 0).sum(1), np.maximum(-step, 0).sum(1)
    since = (stamps[:-1] - stamps[:-1].astype("datetime64[D]")) / HOUR
    for period in _PERIODS:
        ends = since % period == 0
        grows = int((step[~ends] > 0).sum()) >= _RISES and (~ends).sum() >= 4
        falls = ends.any() and (fall[ends] > rise[ends]).all()
        if grows and falls and fall[~ends].sum() <= _FALLS * rise[~ends].sum():
            return period
    return 0


def saws(step: np.ndarray) -> bool:
    """Tell totals that start anew at any hours, also of stamps that are hours apart.

    From stamp to stamp they grow everywhere or fall by more than they grow, and they grow more
    often. Rain over hours never grows everywhere for long.

    Parameters
    ----------
    step : ndarray (stamp, point)
        Changes from stamp to stamp.

    Examples
    --------
    >>> rain = np.random.default_rng(0).uniform(size=(6, 50))
    >>> since_noon = np.concatenate([rain[:3].cumsum(0) + 2, rain[3:].cumsum(0)])
    >>> saws(np.diff(since_noon, axis=0)), saws(np.diff(rain, axis=0))
    (True, False)
    """
    rise, fall = np.maximum(step, 0).sum(1), np.maximum(-step, 0).sum(1)
    up = (fall <= _FALLS * rise) & ((step > 0).sum(1) >= _RISES)
    down = fall > rise
    return bool((up | down).all() and down.any() and up.sum() >= _UPS and up.sum() > down.sum())


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
    "runs", "mixed", "restarts", "falls" or ""
        A running total; in some places only; one that starts anew every few hours; no running
        total; nothing.

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
    rise, fall = np.maximum(step, 0).sum(0), np.maximum(-step, 0).sum(0)
    active = rise + fall > _NOISE * np.abs(values).max()
    if not active.any():
        return ""
    steady = active & (fall <= _FALLS * rise)
    runs = steady.sum() > 0.97 * active.sum() and fall.sum() <= _FALLS * rise.sum()
    sinks = 0 if sun is None else int(_sinking(series.values, *sun).sum())
    if sun is not None and not sinks:
        return "" if runs else "falls"
    if sun is None and not runs and (restarts(values, series.values) or saws(step)):
        return "restarts"
    # Hourly rain of a front that comes in the evening rises as well, but seldom.
    often = (step[:, steady] > 0).sum(0) >= min(max(3, len(step) / 3), len(step))
    least = _MIXED if sun is None else _MIXED_SUN
    many = bool(often.sum() > least * active.sum())
    if runs:
        few = _RISES if sun is None else _RISES_SUN
        return "runs" if many and (step[:, steady] > 0).sum() >= few else ""
    # A front may bring more rain from stamp to stamp; a sun that sinks twice brings no more light.
    telling = len(values) > _STEADY if sun is None else sinks >= 2 and len(values) >= 5
    telling = telling and max(series.among, len(values)) > _HOURS
    return "mixed" if many and telling and series.hours >= _HALF_DAY else "falls"


def _sinking(stamps: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Tell for each stamp but the first whether the sun of its hour is lower than it was."""
    lat, lon = (np.array([float(np.mean(a))]) for a in (latitude, longitude))
    height = mean_cosine(stamps - HOUR, stamps, lat, lon)[:, 0, 0]
    highest = np.maximum.accumulate(height)[:-1]
    return (height[1:] < _SUNK * highest) & (highest > 0.05)
