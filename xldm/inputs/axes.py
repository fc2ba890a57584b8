"""Find and check the axes of a dataset: valid times, of forecasts by lead time too, and degrees."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from ..config import GridConfig
from ..errors import InputError
from ..grids.projected import lon_lat
from . import dialects

__all__ = ["Horizontal", "Time", "horizontal_axes", "time_axis"]

_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
# Degrees that fields are kept beyond the domain: interpolation never lacks a neighbour.
_MARGIN = 0.25


@dataclass(frozen=True, eq=False)
class Time:
    """Valid times, ascending, and their dims: none, one, or forecast time and lead time (step).

    ``order`` selects and sorts them along forecast time and lead time, flattened.
    """

    name: str
    dims: tuple[str, ...]
    values: np.ndarray
    order: slice | np.ndarray = field(default_factory=lambda: slice(None))


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


def time_axis(ds: xr.Dataset) -> Time:
    """Return the valid times of a dataset.

    Forecasts along forecast time and lead time, as cfgrib has them, are put in order of valid time.
    Hours that the file does not hold are left out: cfgrib fills them with missing values, so all
    values along both dims are read to find them.

    Raises
    ------
    InputError
        If there is no time axis; if it is empty, undecoded without units, or in a calendar of other
        than real days; if it holds a missing or repeated time, or does not ascend; if some forecast
        fields hold an hour that others lack.
    """
    name = _named(ds, "time", dialects.TIME)
    if name is None:
        raise InputError(
            f"No time axis: none of the coordinates {_list(ds.coords)} holds times. Expected a "
            "coordinate named time or valid_time, or with standard_name 'time', of datetime64."
        )
    coordinate = _decoded(ds, name)
    values = _real_days(coordinate)
    dims = tuple(map(str, coordinate.dims))
    order: slice | np.ndarray = slice(None)
    if len(dims) > 1:
        order = _held(ds, coordinate, values)
    values = values.reshape(-1)[order]
    if values.size == 0:
        raise InputError(f"The time axis {name!r} is empty: it holds no hour.")
    if np.isnat(values).any():
        raise InputError(
            f"The time axis {name!r} holds a missing time at {np.isnat(values).argmax()}."
        )
    step = np.diff(values).astype("int64")
    twice = pd.Index(values).duplicated()
    if twice.any():
        remedy = (
            f"drop them with ds.drop_duplicates({name!r})"
            if len(dims) < 2
            else f"choose steps so that forecasts do not overlap, e.g. ds.isel({dims[1]}=...)"
        )
        raise InputError(
            f"The time {_stamp(values[twice.argmax()])} occurs more than once ({twice.sum()} "
            f"repeats in all): {remedy}."
        )
    if (step < 0).any():
        at = int((step < 0).argmax())
        raise InputError(
            f"Times do not ascend: {_stamp(values[at])} is followed by {_stamp(values[at + 1])}. "
            f"Use ds.sortby({name!r})."
        )
    return Time(name, dims, values, order)


def _held(ds: xr.Dataset, coordinate: xr.DataArray, values: np.ndarray) -> slice | np.ndarray:
    """Return where fields along forecast and lead time have values, in order of valid time."""
    import dask

    dims = coordinate.dims
    fields = [f for f in ds.data_vars.values() if {*dims} <= {*f.dims}]
    held = np.ones((1, values.size), bool)
    if fields:
        there = (f.notnull().any([d for d in f.dims if d not in dims]) for f in fields)
        (found,) = dask.compute([h.transpose(*dims).data for h in there])
        held = np.reshape(found, (len(fields), -1))
    uneven = np.flatnonzero(held.any(axis=0) & ~held.all(axis=0))
    if uneven.size:
        first = uneven[values.reshape(-1)[uneven].argmin()]
        one, other = (fields[int(np.argmax(held[:, first] == b))].name for b in (True, False))
        raise InputError(
            f"{other} has no value at {_stamp(values.flat[first])}, but {one} has one ("
            f"{uneven.size} such hours in all): is the file complete? If you do not need {other}, "
            f"use ds.drop_vars({other!r})."
        )
    hours = np.flatnonzero(held[0])
    return _as_slice(hours[np.argsort(values.reshape(-1)[hours], kind="stable")])


def _decoded(ds: xr.Dataset, name: str) -> xr.DataArray:
    coordinate = ds.coords[name]
    if not np.issubdtype(coordinate.dtype, np.number):
        return coordinate
    units = str(coordinate.attrs.get("units", ds.attrs.get("time_units", "")))
    if " since " not in units:
        raise InputError(
            f"The time axis {name!r} holds bare numbers ({coordinate.values.flat[0]} ...) "
            "without units: set ds"
            f"[{name!r}].attrs['units'] = 'hours since ...' and use xr.decode_cf(ds)."
            if coordinate.size
            else f"The time axis {name!r} is empty: it holds no hour."
        )
    epoch, _, remark = units.partition("(")
    calendar = coordinate.attrs.get("calendar", remark.rstrip(") ") or "standard")
    attrs = {"units": epoch.strip(), "calendar": calendar}
    bare = xr.Dataset({name: (coordinate.dims, coordinate.values, attrs)})
    return xr.decode_cf(bare)[name]


def _real_days(coordinate: xr.DataArray) -> np.ndarray:
    values = coordinate.values
    if np.issubdtype(values.dtype, np.datetime64):
        return values.astype("datetime64[ns]")
    if values.dtype == object and values.size and hasattr(values.flat[0], "calendar"):
        calendar = values.flat[0].calendar
        if calendar in _CALENDARS:
            return np.array([np.datetime64(t.isoformat(), "ns") for t in values.flat])
        raise InputError(
            f"The time axis {coordinate.name!r} is in the calendar {calendar!r}, whose days are "
            "not real; the model takes only the standard calendar. Use "
            f"ds.convert_calendar('standard', dim={coordinate.name!r})."
        )
    raise InputError(
        f"The time axis {coordinate.name!r} holds {values.dtype}, expected datetime64: use "
        "xr.decode_cf(ds)."
    )


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
        rows=_as_slice(rows),
        columns=_as_slice(columns),
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


def _as_slice(index: np.ndarray) -> slice | np.ndarray:
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
    if by_name and by_name[0] == "valid_time":
        return by_name[0]
    return next(iter([*by_meaning, *by_name]), None)


def _stamp(time: np.datetime64) -> str:
    return np.datetime_as_string(time, unit="m")


def _list(names: Iterable[Hashable]) -> str:
    return ", ".join(map(str, names)) or "(none)"
