"""Find and check latitude and longitude of a dataset, and cut them to a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...config import GridConfig
from ...errors import InputError
from ...grids.projected import lon_lat
from .positions import Axis, regular_axes

__all__ = ["Horizontal", "as_slice", "horizontal_axes"]

# Degrees that fields are kept beyond the domain: interpolation never lacks a neighbour.
_MARGIN = 0.25
# Greatest step in degrees. Climate models of CMIP6 have 0.7 to 2.8.
_COARSEST = 3.0
# Share of a step by which two values are one.
_SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Horizontal:
    """Axes of the input around the domain, and the indices that select them.

    ``latitude`` descends and ``longitude`` ascends, in degrees; longitude has the convention of the
    domain. ``rows`` and ``columns`` index ``dims``, (latitude, longitude) of the input. ``lat`` and
    ``lon`` are the whole axes, in the same order.
    """

    dims: tuple[str, str]
    lat: np.ndarray
    lon: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    rows: slice | np.ndarray
    columns: slice | np.ndarray

    @property
    def spacing(self) -> tuple[float, float]:
        """Median steps of latitude and longitude in degrees."""
        lat, lon = (float(np.median(np.abs(np.diff(a)))) for a in (self.lat, self.lon))
        return lat, lon


def horizontal_axes(ds: xr.Dataset, grid: GridConfig) -> Horizontal:
    """Return latitude and longitude of a dataset, cut to the surroundings of a grid.

    Rows and columns that are there twice, as 0 and 360 degrees or where tiles overlap, are taken
    once.

    Raises
    ------
    InputError
        If the grid is no regular one of degrees, if an axis runs both ways, or if its step exceeds
        3 degrees.
    """
    need_lon, need_lat = lon_lat(grid, fine=False)
    lat, lon = regular_axes(ds, _box(need_lon, need_lat))
    for what, axis, most in (("latitude", lat, 90.0), ("longitude", lon, 361.0)):
        values = axis.values
        if values.size < 2 or not np.isfinite(values).all():
            raise InputError(f"{what} needs two or more finite values; got {values.size} values.")
        if np.abs(values).max() > most:
            raise InputError(
                f"{what} reaches {values[np.abs(values).argmax()]:g}, beyond its range: expected "
                "degrees."
            )
        if ds[axis.name].ndim == 1:
            steps = np.diff(values)
            _one_way(axis, steps if what == "latitude" else (steps + 180) % 360 - 180)

    # Six decimals: enough for a metre, and -4.9 equals 355.1 - 360.
    centre = round(float(need_lon.min() + need_lon.max()) / 2)
    degrees = np.round((lon.values - centre + 180) % 360 + centre - 180, 6)
    columns, rows = _distinct(degrees), _distinct(np.round(lat.values, 6))[::-1]
    whole_lat, whole_lon = np.round(lat.values, 6)[rows], degrees[columns]
    near_lat, near_lon = _near(whole_lat, need_lat), _near(whole_lon, need_lon)
    found = Horizontal(
        dims=(lat.dim, lon.dim),
        lat=whole_lat,
        lon=whole_lon,
        latitude=whole_lat[near_lat],
        longitude=whole_lon[near_lon],
        rows=as_slice(rows[near_lat]),
        columns=as_slice(columns[near_lon]),
    )
    if max(found.spacing) > _COARSEST:
        raise InputError(
            f"The input's step of {max(found.spacing):g} degrees is too coarse: expected at most "
            f"{_COARSEST:g}, and models are trained on 0.25. So few values do not tell the weather "
            "of the domain; give a finer input."
        )
    return found


def _box(lon: np.ndarray, lat: np.ndarray) -> str:
    """Return what is needed around a domain, in whole degrees, as code."""
    low, high = np.floor([lon.min() - 1, lat.min() - 1]), np.ceil([lon.max() + 1, lat.max() + 1])
    return repr((*low.tolist(), *high.tolist()))


def _distinct(axis: np.ndarray) -> np.ndarray:
    """Return the indices that sort an axis, without those of values that are there already."""
    order = np.argsort(axis, kind="stable")
    steps = np.diff(axis[order])
    usual = np.median(steps[steps > 0]) if (steps > 0).any() else 0.0
    return order[np.insert(steps > _SAME * usual, 0, True)]


def _near(axis: np.ndarray, need: np.ndarray) -> np.ndarray:
    margin = 2 * np.median(np.abs(np.diff(axis))) + _MARGIN
    return (axis >= need.min() - margin) & (axis <= need.max() + margin)


def _one_way(axis: Axis, steps: np.ndarray) -> None:
    if not ((steps >= 0).all() or (steps <= 0).all()):
        way = np.sign(steps[np.flatnonzero(steps)[0]])
        at = int(np.argmax(np.sign(steps) == -way))
        values = axis.values
        raise InputError(
            f"{axis.name} does not run one way: after {values[at]:g} comes {values[at + 1]:g}. "
            "Expected it ascending or descending throughout; use "
            f"ds.sortby({axis.name!r})."
        )


def as_slice(index: np.ndarray) -> slice | np.ndarray:
    """Return a slice where indices run evenly: it selects a view and makes few dask tasks."""
    if index.size == 0:
        return slice(0, 0)
    step = -1 if index.size > 1 and index[1] < index[0] else 1
    if (np.diff(index) != step).any():
        return index
    stop = int(index[-1]) + step
    return slice(int(index[0]), None if stop < 0 else stop, step)
