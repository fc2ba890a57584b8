"""Exact areas of the overlaps between the cells of one grid and the boxes of another."""

from __future__ import annotations

import numpy as np

__all__ = ["overlaps"]

# A shorter edge counts as vertical, and a smaller share of a cell is rounding.
_VERTICAL, _NOTHING = 1e-7, 1e-9


def overlaps(
    x: np.ndarray, y: np.ndarray, between_x: np.ndarray, between_y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the areas of the overlaps of polygons with the boxes of a rectangular grid.

    Parameters
    ----------
    x, y : numpy.ndarray (corners, cells)
        Polygons with straight edges and corners anticlockwise.
    between_x, between_y : numpy.ndarray
        Ends between neighbouring boxes along each axis, ascending. The outermost boxes are open
        outwards, so there is one box more than ends.

    Returns
    -------
    areas : numpy.ndarray (cells, rows, columns)
        In the square of the units of ``x`` and ``y``; 0 where a cell meets fewer boxes.
    row, column : numpy.ndarray (cells, rows), (cells, columns)
        Indices of the boxes along ``y`` and ``x``.

    Examples
    --------
    A quarter of this square of side 1 lies left of 0.25:

    >>> x, y = np.array([[0.0], [1.0], [1.0], [0.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> areas, row, column = overlaps(x, y, np.array([0.25, 7.0]), np.array([-9.0, 9.0]))
    >>> areas.tolist(), row.tolist(), column.tolist()
    ([[[0.25, 0.75]]], [[1]], [[0, 1]])
    """
    column, *west_east = _boxes(between_x, x)
    row, *south_north = _boxes(between_y, y)
    areas = _common(
        x[..., None, None],
        y[..., None, None],
        *(end[:, None, :] for end in west_east),
        *(end[:, :, None] for end in south_north),
    )
    areas[areas < _NOTHING * areas.sum(axis=(1, 2), keepdims=True)] = 0.0
    return areas, row, column


def _boxes(between: np.ndarray, need: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the boxes (cells, k) that may meet each cell along an axis, and their two ends.

    Where there are fewer than k, the rest have no width.
    """
    ends = np.r_[min(between[0], need.min()), between, max(between[-1], need.max())]
    first = np.searchsorted(between, need.min(axis=0), side="right")
    last = np.searchsorted(between, need.max(axis=0), side="left")
    box = first[:, None] + np.arange(max(1, (last - first).max() + 1))
    low, high = ends.take(box, mode="clip"), ends.take(box + 1, mode="clip")
    return np.minimum(box, between.size), low, high


def _common(
    x: np.ndarray,
    y: np.ndarray,
    west: np.ndarray,
    east: np.ndarray,
    south: np.ndarray,
    north: np.ndarray,
) -> np.ndarray:
    """Integrate x dy along the edges, clipped to the box: the area by Green's theorem."""
    area = np.zeros(())
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1, axis=0), np.roll(y, -1, axis=0), strict=True):
        low, high = np.clip(y0, south, north), np.clip(y1, south, north)
        climb = np.where(y1 == y0, 1.0, y1 - y0)
        a, b = (x0 + (x1 - x0) * (end - y0) / climb - west for end in (low, high))
        area = area + (high - low) * _mean_within(a, b, east - west)
    return area


def _mean_within(a: np.ndarray, b: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return the mean of x clipped to 0 and a width, while x runs evenly from a to b."""
    vertical = np.abs(b - a) < _VERTICAL
    at_a, at_b, middle = (np.clip(v, 0.0, width) for v in (a, b, (a + b) / 2))
    # The integral of the clipped x from 0 is ``clipped * x - clipped**2 / 2``.
    rise = at_b * (b - at_b / 2) - at_a * (a - at_a / 2)
    return np.where(vertical, middle, rise / np.where(vertical, 1.0, b - a))
