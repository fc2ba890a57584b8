"""Persistence and change in time: lagged statistics of series at fixed points.

A block of hours keeps sums over its pairs of hours, and its first and last day. From these days,
:func:`merge` makes the pairs across a border. So each pair counts once, wherever the record is cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError

__all__ = ["LAGS", "Lagged", "autocorrelation", "increment_rms", "lagged", "merge"]

LAGS = (1, 3, 6, 12, 24)  # hours

# Below this share of the mean square, a variance is rounding error.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Lagged:
    """Hold lagged sums of a stretch of the record, and the hours at its ends.

    Attributes
    ----------
    sums : ndarray (7, variable, point, lag)
        Over pairs of values a at t and b at t + lag, of all members: their number, and the sums of
        a, b, a^2, b^2, a b and (b - a)^2.
    head, tail : (ndarray of int64 (hours,), ndarray (hours, member, variable, point))
        Hours since 1970 and values of the first and the last ``max(LAGS)`` hours.
    """

    sums: np.ndarray
    head: tuple[np.ndarray, np.ndarray]
    tail: tuple[np.ndarray, np.ndarray]


def lagged(times: np.ndarray, values: np.ndarray) -> Lagged:
    """Compute the lagged sums of one block of hours.

    Parameters
    ----------
    times : ndarray of datetime64 (time,)
        Whole hours, ascending; hours may be missing.
    values : ndarray (time, member, variable, point)
        Series. Pairs with NaN are left out.

    Returns
    -------
    Lagged

    Raises
    ------
    ArgumentError
        If there is no time, if times are not whole ascending hours, or if ``values`` has other
        dims.

    Examples
    --------
    >>> times = np.datetime64("2001-01-01T00") + np.arange(4)
    >>> block = lagged(times, np.array([1.0, 2.0, 4.0, 7.0]).reshape(4, 1, 1, 1))
    >>> number, *_, squared_increments = block.sums[:, 0, 0, :2]  # 1 h and 3 h
    >>> number, squared_increments
    (array([3., 1.]), array([14., 36.]))
    """
    times, values = np.asarray(times), np.asarray(values)
    if values.ndim != 4 or values.shape[:1] != times.shape:
        raise ArgumentError(
            "values are (time, member, variable, point), one for each of times (time,); got shapes "
            f"{values.shape} and {times.shape}"
        )
    whole = times.astype("datetime64[h]")
    hours = whole.astype("int64")
    if hours.size == 0 or (whole != times).any() or (np.diff(hours) <= 0).any():
        raise ArgumentError(
            "times of a block are one or more whole hours in ascending order, since lags are "
            f"counted in hours; got {times}. Sort them, drop doubles, or leave an empty block out"
        )
    return Lagged(
        _pair_sums((hours, values), (hours, values)),
        _within((hours, values), hours < hours[0] + max(LAGS)),
        _within((hours, values), hours > hours[-1] - max(LAGS)),
    )


def merge(earlier: Lagged, later: Lagged) -> Lagged:
    """Merge the lagged sums of two successive stretches.

    Parameters
    ----------
    earlier, later : Lagged
        Of the same members, variables and points. Hours may be missing between them.

    Returns
    -------
    Lagged

    Raises
    ------
    ArgumentError
        If ``later`` does not begin after the end of ``earlier``, or has other members, variables
        or points.

    Examples
    --------
    >>> times = np.datetime64("2001-01-01T00") + np.arange(4)
    >>> values = np.array([1.0, 2.0, 4.0, 7.0]).reshape(4, 1, 1, 1)
    >>> parts = lagged(times[:3], values[:3]), lagged(times[3:], values[3:])
    >>> merge(*parts).sums[0, 0, 0, :2]
    array([3., 1.])
    """
    end, start = earlier.tail[0][-1], later.head[0][0]
    if start <= end:
        raise ArgumentError(
            "stretches are merged in order of time and share no hour, or pairs would be missed or "
            f"counted twice; got one that ends at {_date(end)} before one that starts at "
            f"{_date(start)}"
        )
    dims, other = earlier.tail[1].shape[1:], later.head[1].shape[1:]
    if dims != other:
        raise ArgumentError(
            "stretches that are merged have the same members, variables and points; got "
            f"(member, variable, point) {dims} before {other}"
        )
    head, tail = _join(earlier.head, later.head), _join(earlier.tail, later.tail)
    return Lagged(
        earlier.sums + later.sums + _pair_sums(earlier.tail, later.head),
        _within(head, head[0] < head[0][0] + max(LAGS)),
        _within(tail, tail[0] > tail[0][-1] - max(LAGS)),
    )


def autocorrelation(sums: np.ndarray) -> np.ndarray:
    """Return the correlation of values a lag apart, at each point, averaged over points.

    It is Pearson's, of all pairs at a point. Pooling all points would measure how well the map of
    the mean climate correlates with itself.

    Parameters
    ----------
    sums : ndarray (7, variable, point, lag)
        From :class:`Lagged`.

    Returns
    -------
    ndarray (variable, lag)
        From -1 to 1. Points whose values do not vary are left out; NaN if none varies.

    Examples
    --------
    >>> times = np.datetime64("2001-01-01T00") + np.arange(240)
    >>> tide = np.cos(2 * np.pi * np.arange(240) / 12).reshape(-1, 1, 1, 1)
    >>> autocorrelation(lagged(times, tide).sums)[0, 2:].round(2)  # 6, 12 and 24 h
    array([-1.,  1.,  1.])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_a, mean_b, mean_aa, mean_bb, mean_ab, _ = sums[1:] / sums[0]
        variance_a, variance_b = mean_aa - mean_a**2, mean_bb - mean_b**2
        correlation = (mean_ab - mean_a * mean_b) / np.sqrt(variance_a * variance_b)
        varies = (variance_a > _ROUNDING * mean_aa) & (variance_b > _ROUNDING * mean_bb)
        return np.where(varies, correlation, 0).sum(1) / varies.sum(1)


def increment_rms(sums: np.ndarray) -> np.ndarray:
    """Return the root mean square change over a lag, over all pairs of all points.

    Parameters
    ----------
    sums : ndarray (7, variable, point, lag)
        From :class:`Lagged`.

    Returns
    -------
    ndarray (variable, lag)
        In the variable's unit; NaN where there is no pair.

    Examples
    --------
    >>> times = np.datetime64("2001-01-01T00") + np.arange(30)
    >>> rise = np.arange(30.0).reshape(-1, 1, 1, 1)
    >>> increment_rms(lagged(times, rise).sums)
    array([[ 1.,  3.,  6., 12., 24.]])
    """
    with np.errstate(invalid="ignore"):
        return np.sqrt(sums[6].sum(1) / sums[0].sum(1))


def _pair_sums(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Add up pairs of an hour of ``first`` and an hour of ``second`` a lag later."""
    sums = np.zeros((7, *first[1].shape[2:], len(LAGS)))
    for place, lag in enumerate(LAGS):
        _, at, then = np.intersect1d(
            first[0] + lag, second[0], assume_unique=True, return_indices=True
        )
        # One hour at a time: its values stay in the cache, and the block is not copied.
        for i, j in zip(at, then, strict=True):
            sums[..., place] += _hour_sums(first[1][i], second[1][j])
    return sums


def _hour_sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Add up members (member, variable, point) to sums (7, variable, point)."""
    a, b = a.astype("float64"), b.astype("float64")
    change = b - a
    missing = np.isnan(change)
    if missing.any():
        a, b, change = (np.where(missing, 0, x) for x in (a, b, change))
    products = ((a, a), (b, b), (a, b), (change, change))
    return np.stack(
        [
            (~missing).sum(0),
            a.sum(0),
            b.sum(0),
            *(np.einsum("mvp,mvp->vp", x, y) for x, y in products),
        ]
    )


def _within(
    stretch: tuple[np.ndarray, np.ndarray], inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return stretch[0][inside], stretch[1][inside]


def _join(
    earlier: tuple[np.ndarray, np.ndarray], later: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    hours, values = (np.concatenate(pair) for pair in zip(earlier, later, strict=True))
    return hours, values


def _date(hours: int) -> np.datetime64:
    return np.datetime64(int(hours), "h")
