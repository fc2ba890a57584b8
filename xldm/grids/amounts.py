"""Conserve amounts such as rain: scale fine fields to the amounts of the input's cells."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..config import GridConfig
from .conservation import Constraint, nearest
from .projected import fine_cells
from .regridding import areas_in_boxes
from .splines import splines

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["conserved"]

# Rain is multiplied by no more than this in each of the first two rounds; what then lacks is spread
# evenly.
_LARGEST, _LEAST = 2.0, 1e-9
# Rounds: the first varies smoothly between the cells of the input, so that their edges are not
# seen. The others serve fine cells that lie in several cells of the input.
_ROUNDS = 9
# Share of the amount of the input's cell below which a fine cell is dry.
_TRACE = 1e-6
# Largest rise of cube roots, in those of the least amount that is not dry, and halvings to find it.
_HIGHEST, _HALVINGS = 1.3, 10
# By so much a cell that is made wet rises above the least amount: rain is seldom just that.
_STEEP = 4.0


class _Shares(NamedTuple):
    """Means over the input's cells (points, fine cells), shares of fine cells in them, and the
    cell of the input in which most of each fine cell lies.
    """

    means: scipy.sparse.csr_array
    within: scipy.sparse.csr_array
    most: np.ndarray


def conserved(
    field: np.ndarray, given: np.ndarray, at: Constraint, least: float = 0.0
) -> np.ndarray:
    """Return a fine field whose means over the input's cells are those given, by factors.

    A dry cell of the input makes all fine cells dry of which most lies in it. Where the fine field
    would need a factor of more than 4, or is dry, the rest is spread evenly over the cell of the
    input: a single wet fine cell must not take the rain of a hundred.

    With a ``least`` amount that is not dry, a cell of the input that lacks rain after the first
    factors gets more wet cells: those that are closest to it. Cube roots rise until the means fit.
    Spread evenly, light rain would be drizzle everywhere, and count as dry.

    Parameters
    ----------
    field : numpy.ndarray (y, x)
        Amounts on the fine cells; negative ones count as 0.
    given : numpy.ndarray (latitude, longitude)
        Amounts of the input's cells; a missing one constrains nothing.
    at : Constraint
        Its ``width`` is not used: an amount is that of a cell of the input, which reaches half way
        to its neighbours. Of a cell that the fine cells cover in part, that part has its mean.
    least : float
        Smaller values of ``field`` say how close to rain a cell is that has none. If 0, all values
        are amounts.

    Returns
    -------
    numpy.ndarray (y, x)
        In double precision, 0 or more.
    """
    share = _shares(at.grid, at.latitude, at.longitude)
    known = np.isfinite(given).ravel()
    wanted = np.where(known, np.maximum(given.ravel(), 0), 0).astype("float64")
    open_cells = 1.0 - (known & (wanted == 0))[share.most]
    room = share.means @ open_cells
    values = np.maximum(field.ravel().astype("float64"), 0) * open_cells
    for turn in range(_ROUNDS):
        mean = share.means @ (values if turn else _dried(values, least))
        factor = np.divide(wanted, mean, out=np.ones_like(mean), where=known & (mean > 0))
        if turn == 0:
            values *= _smooth(factor, (wanted > 0) & (mean > 0), at)
            if least > 0:
                values = _wetter(values, open_cells, wanted, least, at)
            continue
        factor = np.minimum(factor, _LARGEST)
        lacks = np.where(known, np.maximum(wanted - factor * mean, 0), 0)
        even = np.divide(lacks, room, out=np.zeros_like(mean), where=room > 0)
        # Of a cell in two of the input's, by the logarithms: rounds then converge, also where one
        # of the two is almost dry.
        by = np.exp(share.within @ np.log(np.maximum(factor, _LEAST)))
        values = values * by + open_cells * (share.within @ even)
    # Factors of many rounds leave traces, such as 1e-40 mm, where it is dry.
    values[values < _TRACE * (share.within @ wanted)] = 0
    return values.reshape(field.shape)


def _wetter(
    values: np.ndarray,
    open_cells: np.ndarray,
    wanted: np.ndarray,
    least: float,
    at: Constraint,
) -> np.ndarray:
    """Return amounts with as many more wet cells as cells of the input lack rain.

    The rise varies smoothly between the cells of the input, then is fitted in each.
    """
    share = _shares(at.grid, at.latitude, at.longitude)
    threshold, rains = np.cbrt(least * (1 - 1e-5)), wanted > 0
    out = _dried(values, least)
    fine = np.flatnonzero(rains[share.most] & (open_cells > 0))
    if not fine.size:
        return out
    cell, roots = share.most[fine], np.cbrt(values[fine])
    count = np.bincount(cell, minlength=wanted.size)
    steep = np.where(roots < threshold, _STEEP, 1.0)

    def wet(rise: np.ndarray) -> np.ndarray:
        above = roots + np.maximum(rise, 0) - threshold
        return np.where(above >= 0, threshold + steep * above, 0) ** 3

    def found(base: np.ndarray | float) -> np.ndarray:
        high = np.full(wanted.size, _HIGHEST * threshold)
        low = -high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            # Each fine cell counts for one cell of the input: shares would tie searches together.
            lacks = np.bincount(cell, wet(base + middle[cell]), wanted.size) < wanted * count
            low, high = np.where(lacks, middle, low), np.where(lacks, high, middle)
        return high

    shape = len(at.latitude), len(at.longitude)
    nearby = np.maximum(found(0.0), 0).reshape(shape)[nearest((count > 0).reshape(shape))]
    spline = splines(at.grid, at.latitude, at.longitude)
    smooth = np.maximum((spline.basis @ spline.coefficients(nearby))[fine], 0)
    out[fine] = wet(smooth + found(smooth)[cell])
    return out


def _dried(values: np.ndarray, least: float) -> np.ndarray:
    """Return amounts with 0 for those that are dry; float32 moves the threshold itself."""
    return np.where(values < least * (1 - 1e-5), 0, values)


def _smooth(factor: np.ndarray, known: np.ndarray, at: Constraint) -> np.ndarray:
    """Interpolate factors of the input's cells to the fine cells, by their logarithm.

    Cells whose factor is not known get that of the nearest one.
    """
    shape = len(at.latitude), len(at.longitude)
    limited = np.log(np.clip(factor, 1 / _LARGEST, _LARGEST)).reshape(shape)
    if known.any():
        limited = limited[nearest(known.reshape(shape))]
    spline = splines(at.grid, at.latitude, at.longitude)
    return np.exp(spline.basis @ spline.coefficients(limited))


@functools.lru_cache(maxsize=4)
def _shares(grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]) -> _Shares:
    areas = areas_in_boxes(fine_cells(grid), latitude, longitude).tocsc()  # (fine cells, points)
    # Slivers at the edges of the grid, which are the largest part of no fine cell, say nothing.
    most = areas.argmax(axis=1)
    some = np.zeros(areas.shape[1])
    some[most] = 1
    areas = areas.multiply(some).tocsr()
    of_cell, of_box = areas.sum(axis=1), areas.sum(axis=0)
    within = areas.multiply((1 / of_cell)[:, None]).tocsr()
    each = np.divide(1, of_box, out=np.zeros_like(of_box), where=of_box > 0)
    return _Shares(areas.T.multiply(each[:, None]).tocsr(), within, most)
