"""Frequency distributions: histograms that add up; their densities, quantiles and distances.

Bins are narrow: quantiles and distances are known to a bin width. So no value is kept, however long
the record is.
"""

from __future__ import annotations

import numpy as np

__all__ = ["counts", "density", "edges", "evened", "evened_edges", "quantile", "rain_edges",
           "wasserstein"]  # fmt: skip

# Limits and bins per unit, K or m s-1.
_BINS = {
    "t2m": (200, 340, 20),
    "wind_speed": (0, 80, 20),
    "u10": (-80, 80, 20),
    "v10": (-80, 80, 20),
}
#: Hourly precipitation, mm: amounts below which bins are even, the largest, and the relative width
#: of bins well above.
RAIN_EVEN, RAIN_MOST, RAIN_WIDTH = 0.1, 1000.0, 0.002


def edges(variable: str) -> np.ndarray | None:
    """Return the bin edges of a variable's histogram.

    Parameters
    ----------
    variable : str
        For example ``t2m``, ``u10``, ``v10`` or ``wind_speed``.

    Returns
    -------
    ndarray (bins + 1,) or None
        In K or m s-1, 0.05 apart; None if the variable has no known limits.

    Examples
    --------
    >>> edges("wind_speed")[:3]
    array([0.  , 0.05, 0.1 ])
    """
    if variable not in _BINS:
        return None
    low, high, per_unit = _BINS[variable]
    return np.arange(low * per_unit, high * per_unit + 1) / per_unit


def evened(amounts: np.ndarray) -> np.ndarray:
    """Return the function of precipitation in mm by which bins are evenly spaced: a logarithm.

    Examples
    --------
    >>> evened(np.array([0.0, 0.1])).round(4)
    array([0.    , 0.6931])
    """
    # Below zero, where packing may leave amounts, a logarithm would have no value.
    return np.log1p(np.maximum(amounts, 0.0) / RAIN_EVEN)


def rain_edges() -> np.ndarray:
    """Return the bin edges of hourly precipitation, in mm, narrow near zero.

    Examples
    --------
    >>> edges = rain_edges()
    >>> edges[:3].round(5), float((np.diff(edges) / edges[1:])[-1].round(4))
    (array([0.    , 0.0002, 0.0004]), 0.002)
    """
    return np.expm1(evened_edges()) * RAIN_EVEN


def evened_edges() -> np.ndarray:
    """Return the bin edges of hourly precipitation after :func:`evened`, evenly spaced.

    Examples
    --------
    >>> evened_edges()[:3]
    array([0.   , 0.002, 0.004])
    """
    bins = int(np.ceil(evened(np.array(RAIN_MOST)) / RAIN_WIDTH))
    return np.arange(bins + 1) * RAIN_WIDTH


def counts(values: np.ndarray, edges: np.ndarray, label: np.ndarray, labels: int) -> np.ndarray:
    """Count values in bins, separately for each class of places.

    Parameters
    ----------
    values : ndarray (..., N)
        Values at N places, in the unit of ``edges``; all leading dims are pooled.
    edges : ndarray (bins + 1,)
        Evenly spaced. A value on an edge counts in the bin above it, but for rounding. Values
        beyond the ends count in the end bins.
    label : ndarray of int (N,)
        Class of each place, from 0.
    labels : int
        Number of classes.

    Returns
    -------
    ndarray of int (labels, bins)
        Their sum is the number of values; NaN is not counted.

    Examples
    --------
    >>> counts(np.array([0.5, 1.5, 9.0, np.nan]), np.arange(4.0), np.array([0, 0, 1, 1]), 2)
    array([[1, 1, 0],
           [0, 0, 1]])
    """
    bins = edges.size - 1
    low, high = float(edges[0]), float(edges[-1])
    position = (values - low) * (bins / (high - low))
    start = np.broadcast_to(label.astype(np.intp) * bins, values.shape)
    missing = np.isnan(position)
    if missing.any():
        position, start = position[~missing], start[~missing]
    # Truncation rounds down, since nothing is below 0.
    index = np.clip(position, 0, bins - 1, out=position).astype(np.intp)
    index += start
    return np.bincount(index.ravel(), minlength=labels * bins).reshape(labels, bins)


def density(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the probability density of a histogram, whose integral is one.

    Parameters
    ----------
    counts : ndarray (..., bins)
        From :func:`counts`, or a sum of several.
    edges : ndarray (bins + 1,)
        Bin edges.

    Returns
    -------
    ndarray (..., bins)
        Per unit of ``edges``; NaN where nothing was counted.

    Examples
    --------
    >>> density(np.array([1, 3]), np.array([0.0, 0.5, 1.0]))
    array([0.5, 1.5])
    """
    with np.errstate(invalid="ignore"):
        return counts / counts.sum(-1, keepdims=True) / np.diff(edges)


def quantile(counts: np.ndarray, edges: np.ndarray, q: float | np.ndarray) -> np.ndarray:
    """Return quantiles of a histogram, taking values as evenly spread within each bin.

    The exact quantile lies in the same bin as the result, so the two differ by a bin width at most.

    Parameters
    ----------
    counts : ndarray (..., bins)
        From :func:`counts`, or a sum of several.
    edges : ndarray (bins + 1,)
        Bin edges.
    q : float or ndarray (Q,)
        Shares from 0 to 1.

    Returns
    -------
    ndarray (...) or (..., Q)
        In the unit of ``edges``; NaN where nothing was counted.

    Examples
    --------
    >>> quantile(np.array([2, 0, 2]), np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.25, 1.0]))
    array([0.5, 3. ])
    """
    q = np.asarray(q, "float64")
    rows = np.reshape(counts, (-1, counts.shape[-1]))
    found = np.array([_row_quantile(row, edges, q.ravel()) for row in rows])
    return found.reshape(counts.shape[:-1] + q.shape)


def wasserstein(counts_a: np.ndarray, counts_b: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the Wasserstein distance of order one between two histograms.

    It is the integral of ``|F_a - F_b|`` over their cumulative distributions, with all values at
    the centres of their bins. The distance of the values differs from it by a bin width at most.

    Parameters
    ----------
    counts_a, counts_b : ndarray (..., bins)
        From :func:`counts`, or a sum of several.
    edges : ndarray (bins + 1,)
        Bin edges.

    Returns
    -------
    ndarray (...)
        In the unit of ``edges``, 0 for equal distributions; NaN where nothing was counted.

    Examples
    --------
    >>> wasserstein(np.array([4, 0, 0]), np.array([2, 0, 2]), np.array([0.0, 0.5, 1.0, 1.5]))
    array(0.5)
    """
    with np.errstate(invalid="ignore"):
        a, b = (np.cumsum(c, -1) / np.sum(c, -1, keepdims=True) for c in (counts_a, counts_b))
    centres = (edges[1:] + edges[:-1]) / 2
    return np.asarray(np.abs(a - b)[..., :-1] @ np.diff(centres))


def _row_quantile(row: np.ndarray, edges: np.ndarray, q: np.ndarray) -> np.ndarray:
    filled = np.flatnonzero(row)
    if filled.size == 0:
        return np.full(q.shape, np.nan)
    # Only bins with values, so that the inverse has no flat part.
    cumulative = np.cumsum(row[filled])
    target = q * cumulative[-1]
    at = np.searchsorted(cumulative, target)
    part = (target - cumulative[at] + row[filled[at]]) / row[filled[at]]
    low, high = edges[filled[at]], edges[filled[at] + 1]
    return low + part * (high - low)
