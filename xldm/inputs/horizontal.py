"""Find and check latitude and longitude of a dataset, and cut them to a grid."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import InputError
from ..grids.projected import lon_lat
from . import dialects

__all__ = ["Horizontal", "as_slice", "horizontal_axes"]

# Degrees that fields are kept beyond the domain: interpolation never lacks a neighbour.
_MARGIN = 0.25


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

    Raises
    ------
    InputError
        If an axis is missing, not one-dimensional, not monotonic, or not in degrees.
    """
    dims: list[str] = []
    values: list[np.ndarray] = []
    for what, names in (("latitude", dialects.LATITUDE), ("longitude", dialects.LONGITUDE)):
        name = _named(ds, what, names)
        if name is None:
            raise InputError(f"No {what}: none of the coordinates {_list(ds.coords)} is one.")
        axis = ds.coords[name]
        if axis.ndim != 1 or axis.dims[0] in dims:
            raise InputError(
                f"{what} {name!r} has dims {axis.dims}: expected a regular latitude-longitude grid "
                "with one axis each. Regrid to one first, e.g. with xESMF or cdo remapbil."
            )
        dims.append(str(axis.dims[0]))
        # Six decimals: enough for a metre, and -4.9 equals 355.1 - 360.
        values.append(np.round(axis.values.astype(float), 6))
    lat, lon = values
    for what, degrees in (("latitude", lat), ("longitude", lon)):
        if degrees.size < 2 or not np.isfinite(degrees).all():
            raise InputError(f"{what} needs two or more finite values; got {degrees.size} values.")
    _monotonic("latitude", lat, np.diff(lat))
    _monotonic("longitude", lon, (np.diff(lon) + 180) % 360 - 180)
    if np.abs(lat).max() > 90 or np.abs(lon).max() > 361:
        raise InputError("latitude or longitude is beyond its range: are they in degrees?")

    need_lon, need_lat = lon_lat(grid, fine=False)
    centre = round(float(need_lon.min() + need_lon.max()) / 2)
    lon = np.round((lon - centre + 180) % 360 + centre - 180, 6)
    lon, columns = np.unique(lon, return_index=True)  # 0 and 360 are one meridian
    rows = np.argsort(-lat)
    lat = lat[rows]
    rows, columns = rows[_near(lat, need_lat)], columns[_near(lon, need_lon)]
    return Horizontal(
        dims=(dims[0], dims[1]),
        lat=lat,
        lon=lon,
        latitude=lat[_near(lat, need_lat)],
        longitude=lon[_near(lon, need_lon)],
        rows=as_slice(rows),
        columns=as_slice(columns),
    )


def _near(axis: np.ndarray, need: np.ndarray) -> np.ndarray:
    margin = 2 * np.median(np.abs(np.diff(axis))) + _MARGIN
    return (axis >= need.min() - margin) & (axis <= need.max() + margin)


def _monotonic(what: str, axis: np.ndarray, steps: np.ndarray) -> None:
    if not ((steps > 0).all() or (steps < 0).all()):
        at = int(np.argmax(np.sign(steps) != np.sign(steps[0])))
        raise InputError(
            f"{what} does not run one way: after {axis[at]:g} comes {axis[at + 1]:g}. Expected it "
            f"ascending or descending throughout; use ds.sortby({what!r})."
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


def _named(ds: xr.Dataset, standard_name: str, names: tuple[str, ...]) -> str | None:
    """Return the coordinate of a standard name, or else of the first of the names."""
    lower = {str(n).lower(): str(n) for n in ds.coords}
    by_name = [lower[n] for n in names if n in lower]
    by_meaning = [
        str(n) for n, c in ds.coords.items() if c.attrs.get("standard_name") == standard_name
    ]
    return next(iter([*by_meaning, *by_name]), None)


def _list(names: Iterable[Hashable]) -> str:
    return ", ".join(map(str, names)) or "(none)"
