"""Footprints: the means of fine cells that the values of an input stand for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyproj

from ..config import GridConfig
from .projected import METRES_PER_DEGREE, axes, fine_cells
from .regridding import areas_in_boxes

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Footprints", "cosine_bells", "footprints", "width_of"]

# An input whose spacing lies between these shares of a model's footprint has that footprint.
_LIKE = (0.5, 1.1)


class Footprints(NamedTuple):
    """Means of fine cells around points, and the share of each footprint that the cells cover.

    ``means`` is (points, fine cells), both row by row; its rows sum to one where anything is
    covered, and are empty elsewhere.
    """

    means: scipy.sparse.csr_array
    covered: np.ndarray


def width_of(spacing: float, footprint: float | None) -> float | None:
    """Return the width of the footprint of an input in metres; None for the mean of its cells.

    An input of about the spacing of the training (half to 1.1 of the footprint of the model) has
    the footprint that the model's package states, as ERA5 has 31 km on 0.25 degrees. A value of a
    finer or a coarser input is the mean of its own cell.

    Parameters
    ----------
    spacing : float
        Step of the input's latitudes in degrees.
    footprint : float, optional
        In metres, as the package states it.

    Examples
    --------
    >>> width_of(0.25, 31e3), width_of(0.1, 31e3), width_of(1.0, 31e3), width_of(0.25, None)
    (31000.0, None, None, None)
    """
    if footprint is None or not _LIKE[0] < spacing * METRES_PER_DEGREE / footprint < _LIKE[1]:
        return None
    return footprint


@functools.lru_cache(maxsize=4)
def footprints(
    grid: GridConfig,
    latitude: tuple[float, ...],
    longitude: tuple[float, ...],
    width: float | None,
) -> Footprints:
    """Return the means of fine cells that the points of an input stand for.

    Parameters
    ----------
    grid : GridConfig
        A model's grid or a window of it.
    latitude, longitude : tuple of float
        Axes of the input in degrees: latitude descends, longitude ascends.
    width : float, optional
        Full width at half maximum of weights `cosine_bells`, in metres. If None, a point stands
        for the box that reaches half way to its neighbours; the outermost boxes have no end, and
        count as not covered.
    """
    if width is None:
        return _boxes(grid, latitude, longitude)
    lon, lat = (a.ravel() for a in np.meshgrid(longitude, latitude))
    to_metres = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    px, py = to_metres.transform(lon, lat)
    y, x = axes(grid, fine=True)
    return cosine_bells(y, x, py, px, np.full(px.size, width))


def cosine_bells(
    y: np.ndarray, x: np.ndarray, py: np.ndarray, px: np.ndarray, radius: np.ndarray
) -> Footprints:
    """Return means of cells around points, weighted as ``1 + cos(pi r / radius)``.

    Weights vanish beyond the radius, which is also their full width at half maximum. Cells count
    as equal in area. Cells beyond the grid are left out.

    Parameters
    ----------
    y, x : numpy.ndarray
        Evenly spaced axes of the cells, in metres.
    py, px, radius : numpy.ndarray
        Points and radii, in metres; flattened.

    Examples
    --------
    A point on a cell's centre, at the edge of the grid:

    >>> cells = np.arange(0.0, 5.0)
    >>> bells = cosine_bells(cells, cells, np.array([2.0]), np.array([0.0]), np.array([1.5]))
    >>> bells.means.toarray().reshape(5, 5)[1:4, :2].round(3).tolist()
    [[0.142, 0.005], [0.566, 0.142], [0.142, 0.005]]
    >>> bells.covered.round(2).tolist()
    [0.87]
    """
    import scipy.sparse  # here, since it takes a quarter of the package's import time

    py, px, radius = py.ravel(), px.ravel(), radius.ravel()
    blocks = [
        _bells(y, x, py[part], px[part], radius[part])
        for part in np.array_split(np.arange(px.size), -(-px.size // 128))
    ]
    means = scipy.sparse.vstack([means for means, _ in blocks], format="csr")
    return Footprints(means, np.concatenate([covered for _, covered in blocks]))


def _bells(
    y: np.ndarray, x: np.ndarray, py: np.ndarray, px: np.ndarray, radius: np.ndarray
) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    import scipy.sparse

    (step_y, step_x), (py, px, radius) = (
        (y[1] - y[0], x[1] - x[0]),
        (a[:, None, None] for a in (py, px, radius)),
    )
    reach = int(np.ceil(radius.max() / min(abs(step_y), abs(step_x))))
    offsets = np.arange(-reach, reach + 1)
    row = np.rint((py - y[0]) / step_y).astype(int) + offsets[:, None]
    column = np.rint((px - x[0]) / step_x).astype(int) + offsets
    distance = np.hypot(x[0] + column * step_x - px, y[0] + row * step_y - py)
    weight = np.where(distance < radius, 1 + np.cos(np.pi * distance / radius), 0)
    inside = (column >= 0) & (column < x.size) & (row >= 0) & (row < y.size)
    total = weight.sum(axis=(1, 2))
    weight = np.where(inside, weight, 0)
    within = weight.sum(axis=(1, 2))
    weight /= np.where(within > 0, within, 1)[:, None, None]
    point, *_ = found = np.nonzero(weight)
    cell = (row * x.size + column)[found]
    shape = (px.size, x.size * y.size)
    return scipy.sparse.csr_array((weight[found], (point, cell)), shape=shape), within / total


def _boxes(
    grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]
) -> Footprints:
    areas = areas_in_boxes(fine_cells(grid), latitude, longitude).T.tocsr()
    height = np.abs(np.diff(np.sin(np.radians(_middles(latitude)))))
    whole = height[:, None] * np.diff(_middles(longitude))
    whole[[0, -1]] = whole[:, [0, -1]] = np.inf
    total = areas.sum(axis=1)
    covered = total / whole.ravel()
    share = np.divide(1, total, out=np.zeros_like(total), where=covered > 0)
    means = areas.multiply(share[:, None]).tocsr()
    means.eliminate_zeros()
    return Footprints(means, covered)


def _middles(axis: tuple[float, ...]) -> np.ndarray:
    """Return the ends of the boxes around the points of an axis."""
    middles = (np.array(axis[1:]) + np.array(axis[:-1])) / 2
    return np.r_[2 * axis[0] - middles[0], middles, 2 * axis[-1] - middles[-1]]
