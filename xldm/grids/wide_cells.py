"""Share sums of wide cells out over their parts, so that the edges of cells are not seen."""

from __future__ import annotations

import math

import numpy as np

from ..config import GridConfig
from .projected import METRES_PER_DEGREE

__all__ = ["parts", "parts_of_axis", "shared_out"]

# Widest cell that is left whole, in coarse cells.
_WIDEST = 2
# The mean of a cell is (4 middle + 2 edges + corners) / 16. With no edge and no corner above this
# times the mean, the middle is not negative.
_STEEPEST = 16 / (2 * 4 + 4)


def parts(latitude: tuple[float, ...], grid: GridConfig) -> int:
    """Return in how many parts a side of an input's cell is cut: 1, or an even number.

    Cells wider than two coarse cells are cut: their edges would be seen.

    Parameters
    ----------
    latitude : tuple of float
        Of the input, in degrees.
    grid : GridConfig
        Its coarse cells.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> [parts((45.0, 45 - step, 45 - 2 * step), ITALY) for step in (0.25, 0.5, 1.0, 2.5)]
    [1, 2, 4, 10]
    """
    spacing = float(np.abs(np.diff(latitude)).mean()) * METRES_PER_DEGREE / grid.spacing
    return 1 if spacing <= _WIDEST else 2 * math.ceil(spacing / _WIDEST / 2)


def parts_of_axis(axis: tuple[float, ...], count: int) -> tuple[float, ...]:
    """Return the centres of the parts of each cell of an axis, which reach half way to neighbours.

    The outermost cells are as wide outwards as inwards.

    Examples
    --------
    >>> parts_of_axis((10.0, 11.0), 2)
    (9.75, 10.25, 10.75, 11.25)
    """
    if count == 1:
        return axis
    edges = (np.array(axis[1:]) + axis[:-1]) / 2
    edges = np.r_[2 * axis[0] - edges[0], edges, 2 * axis[-1] - edges[-1]]
    within = (np.arange(count) + 0.5) / count
    return tuple((edges[:-1, None] + np.diff(edges)[:, None] * within).ravel().tolist())


def shared_out(values: np.ndarray, count: int) -> np.ndarray:
    """Share sums of cells out over their parts, continuously, with the mean of each cell kept.

    In a cell the sum is bilinear between its middle, its edges and its corners. At edges and
    corners it is the mean of the cells that meet there, and the middle is what gives the cell its
    mean. Where that were negative, as in a dry cell, edges and corners are lowered. So nothing is
    negative, a dry cell stays dry, and rain fades towards it.

    Parameters
    ----------
    values : numpy.ndarray (..., latitude, longitude)
        Amounts of cells, 0 or more. A missing one stays missing, and its neighbours do not slope
        towards it.
    count : int
        Parts along a side: an even number, or 1. They count as equal in area.

    Returns
    -------
    numpy.ndarray (..., count * latitude, count * longitude)
        In double precision.

    Examples
    --------
    A plane stays a plane, but at its ends:

    >>> shared_out(np.array([[3.0, 4.0, 5.0, 6.0, 7.0]]), 2)[0].tolist()
    [2.875, 3.125, 3.75, 4.25, 4.75, 5.25, 5.75, 6.25, 6.875, 7.125]
    >>> shared_out(np.array([[0.0, 3.0, 0.0]]), 2)[0].tolist()
    [0.0, 0.0, 3.0, 3.0, 0.0, 0.0]
    """
    if count == 1:
        return values
    known = ~np.isnan(values)
    amounts = np.where(known, values, 0.0)
    knots = _means_where_cells_meet(amounts, known)
    negative = known & (_middles(amounts, knots) < 0)
    limit = np.where(negative, _STEEPEST * amounts, np.inf)
    np.minimum(knots, _least_where_cells_meet(limit), out=knots)
    knots[..., 1::2, 1::2] = _middles(amounts, knots)
    rows, columns = (_bilinear(n, count) for n in values.shape[-2:])
    whole = rows @ knots @ columns.T
    missing = np.repeat(np.repeat(~known, count, axis=-2), count, axis=-1)
    return np.where(missing, np.nan, whole)


def _means_where_cells_meet(amounts: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return means (..., 2 n + 1, 2 m + 1) of the cells that meet; cells themselves are odd."""
    total, number = (_spread(_spread(a, -2), -1) for a in (amounts, known.astype("float64")))
    return np.divide(total, number, out=np.zeros_like(total), where=number > 0)


def _spread(cells: np.ndarray, axis: int) -> np.ndarray:
    """Return cells at odd places, and sums of the two neighbours at even places."""
    cells = np.moveaxis(cells, axis, -1)
    out = np.zeros((*cells.shape[:-1], 2 * cells.shape[-1] + 1))
    out[..., 1::2] = cells
    out[..., 2::2] += cells
    out[..., :-1:2] += cells
    return np.moveaxis(out, -1, axis)


def _least_where_cells_meet(cells: np.ndarray) -> np.ndarray:
    """Return the least of the cells that meet, as `_means_where_cells_meet` has means."""
    for axis in (-2, -1):
        cells = np.moveaxis(cells, axis, -1)
        out = np.full((*cells.shape[:-1], 2 * cells.shape[-1] + 1), np.inf)
        out[..., 1::2] = cells
        for part in (out[..., 2::2], out[..., :-1:2]):
            np.minimum(part, cells, out=part)
        cells = np.moveaxis(out, -1, axis)
    return cells


def _middles(amounts: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the value in the middle of each cell that gives it its mean."""
    along_y = knots[..., :-1:2, :] + knots[..., 2::2, :]
    corners = along_y[..., :-1:2] + along_y[..., 2::2]
    edges = along_y[..., 1::2] + knots[..., 1::2, :-1:2] + knots[..., 1::2, 2::2]
    return (16 * amounts - 2 * edges - corners) / 4


def _bilinear(cells: int, count: int) -> np.ndarray:
    """Return weights (parts, knots) of linear interpolation to the centres of parts."""
    at = np.arange(cells)[:, None] * 2 + (np.arange(count) + 0.5) * 2 / count
    return np.maximum(1 - np.abs(at.ravel()[:, None] - np.arange(2 * cells + 1)), 0)
