"""Quadratic splines from the latitudes and longitudes of an input to fine cells."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..config import GridConfig
from .projected import lon_lat

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Splines", "splines"]


class Splines(NamedTuple):
    """Quadratic splines through the points of an input, in double precision.

    ``rows`` and ``columns`` turn values (latitude, longitude) into coefficients, ``basis`` (fine
    cells, coefficients) evaluates them.
    """

    rows: np.ndarray
    columns: np.ndarray
    basis: scipy.sparse.csr_array

    def coefficients(self, values: np.ndarray) -> np.ndarray:
        """Return the coefficients of a field (latitude, longitude), flattened."""
        return (self.rows @ values @ self.columns.T).ravel()


@functools.lru_cache(maxsize=4)
def splines(grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]) -> Splines:
    """Return the splines from points of latitude and longitude to the centres of fine cells.

    Splines of degree 2 run along each axis, with knots half way between the points. Beyond the
    outermost points a field continues with their values.

    Parameters
    ----------
    grid : GridConfig
        A model's grid or a window of it.
    latitude, longitude : tuple of float
        Axes of the input in degrees, evenly spaced or not, each ascending or descending.
    """
    import scipy.sparse

    lon, lat = lon_lat(grid, fine=True)
    rows, lat_weight, lat_index = _along(latitude, lat.ravel())
    columns, lon_weight, lon_index = _along(longitude, lon.ravel())
    weights = (lat_weight[:, :, None] * lon_weight[:, None, :]).reshape(lat.size, -1)
    indices = lat_index[:, :, None] * len(longitude) + lon_index[:, None, :]
    starts = np.arange(lat.size + 1) * weights.shape[1]
    basis = scipy.sparse.csr_array(
        (weights.ravel(), indices.astype(np.int32).ravel(), starts.astype(np.int32)),
        shape=(lat.size, len(latitude) * len(longitude)),
    )
    return Splines(rows, columns, basis)


def _along(
    points: tuple[float, ...], places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients of unit values, and weights and numbers of those at each place."""
    from scipy.interpolate import BSpline, make_interp_spline

    axis = np.array(points)
    turned = axis[0] > axis[-1]
    axis = axis[::-1] if turned else axis
    degree = min(2, axis.size - 1)
    spline = make_interp_spline(axis, np.eye(axis.size), k=degree)
    design = BSpline.design_matrix(np.clip(places, axis[0], axis[-1]), spline.t, degree)
    weight, index = (a.reshape(places.size, degree + 1) for a in (design.data, design.indices))
    return (spline.c[:, ::-1] if turned else spline.c), weight, index
