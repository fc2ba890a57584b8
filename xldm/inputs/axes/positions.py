"""Find latitude and longitude of a dataset by what they mean, and say what other grids are.

Coordinates are told by CF's attributes (standard name, units, as ``degrees_north``) and then by
name. A grid is regular if latitude follows one dim alone and longitude another.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...errors import InputError
from ...grids.rotated_grib import is_rotated_grib
from .. import dialects

__all__ = ["Axis", "find_position", "regular_axes"]

_BOUNDS = ("_bnds", "_bounds", "_vertices", "_bnd")
# Units that say no direction, under a name or a standard name that says it.
_DEGREES = ("", "1", "degree", "degrees", "deg", "°", "decimal degrees", "decimal_degrees")
# Axes that may be latitude and longitude under names that prove nothing.
_PLAIN = {"latitude": ("y", "j", "south_north"), "longitude": ("x", "i", "west_east")}
# Degrees by which positions along a row may differ and the row still be one of equal latitude.
_SAME = 1e-4


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a regular grid: the coordinate's name, its dim, and degrees along the dim."""

    name: str
    dim: str
    values: np.ndarray


def regular_axes(ds: xr.Dataset, box: str) -> tuple[Axis, Axis]:
    """Return latitude and longitude of a regular grid.

    Two-dimensional positions are taken if they are those of a regular grid, unless it says that it
    is rotated or projected.

    Parameters
    ----------
    ds : xarray.Dataset
    box : str
        Longitudes and latitudes that are needed, as code for messages.

    Raises
    ------
    InputError
        If there are none, or if the grid is another one: curvilinear, reduced or unstructured.

    Examples
    --------
    >>> degrees = {"units": "degrees_north"}, {"units": "degrees_east"}
    >>> coords = {n: (n, [44.0, 45.0], a) for n, a in zip(("lat_0", "lon_0"), degrees)}
    >>> [axis.dim for axis in regular_axes(xr.Dataset(coords=coords), "")]
    ['lat_0', 'lon_0']
    """
    lat, lon = (find_position(ds, what) for what in ("latitude", "longitude"))
    if lat is None or lon is None:
        raise InputError(_none(ds, "latitude" if lat is None else "longitude", box))
    for coordinate, side in ((lat, "north"), (lon, "east")):
        _refuse_units(coordinate, side)
    if lat.ndim == lon.ndim == 1 and lat.dims != lon.dims:
        if why := _says_rotated(ds):
            raise InputError(
                f"{lat.name} and {lon.name} are axes, but {why}: they may be rotated degrees. If "
                "they are, name them rlat and rlon; if fields were interpolated to true degrees, "
                "delete the statement, and take care that winds were rotated."
            )
        return _axis(lat), _axis(lon)
    # A grid that says it is rotated or projected may have winds along it, wherever its cells lie.
    if lat.ndim > 1 and set(lat.dims) == set(lon.dims) and _kind(ds) == "curvilinear":
        axes = _separated(lat, lon)
        if axes is not None:
            return axes
    raise InputError(_other_grid(ds, lat, lon, box))


def find_position(ds: xr.Dataset, what: str) -> xr.DataArray | None:
    """Return the coordinate of latitude or longitude that most fields lie on, if there is one.

    Raises
    ------
    InputError
        If a coordinate of that name is none by its attributes.
    """
    meant = [n for n, c in ds.coords.items() if _means(c, what)]
    names = dialects.LATITUDE if what == "latitude" else dialects.LONGITUDE
    lower = {str(n).lower(): n for n in ds.coords}
    named = [lower[n] for n in names if n in lower and not _says_other(ds[lower[n]], what)]
    found = [n for n in dict.fromkeys([*meant, *named]) if _is_position(ds, n)]
    if not found and (plain := _geographic(ds, what)) is not None:
        found = [plain]
    if not found:
        return None

    def fields(name: Hashable) -> int:
        return sum({*ds[name].dims} <= {*f.dims} for f in ds.data_vars.values())

    # The axis of a dim goes before positions of every cell; the first of equals stays first.
    best = max(found, key=lambda n: (ds[n].ndim == 1, fields(n), -found.index(n)))
    return ds[best]


def _means(coordinate: xr.DataArray, what: str) -> bool:
    """Whether attributes say that a coordinate is latitude or longitude, as CF has them."""
    from cf_xarray.criteria import coordinate_criteria  # here, since it takes long

    if _says_other(coordinate, what):
        return False
    return any(
        str(coordinate.attrs.get(key, "")).lower() in map(str.lower, words)
        for key, words in coordinate_criteria[what].items()
    )


def _says_other(coordinate: xr.DataArray, what: str) -> bool:
    says = coordinate.attrs.get("standard_name")
    return says not in (None, "", what, "unknown")


def _is_position(ds: xr.Dataset, name: Hashable) -> bool:
    """Whether a coordinate is one of cells, not their bounds, and not of another dim."""
    bounds = {v.attrs.get("bounds", v.encoding.get("bounds")) for v in ds.variables.values()}
    if name in bounds or str(name).lower().endswith(_BOUNDS):
        return False
    dims = {*ds[name].dims}
    return not ds.data_vars or any(dims <= {*f.dims} for f in ds.data_vars.values())


def _geographic(ds: xr.Dataset, what: str) -> Hashable | None:
    """Return the axis y or x of a dataset that states a geographic reference system."""
    lower = {str(n).lower(): n for n in ds.coords}
    name = lower.get("y" if what == "latitude" else "x")
    if name is None or ds[name].ndim != 1 or _says_other(ds[name], what):
        return None
    mappings = [v.attrs.get("grid_mapping_name") for v in ds.variables.values()]
    stated = "latitude_longitude" in mappings
    for attrs in (ds.attrs, *(f.attrs for f in ds.data_vars.values())):
        stated |= str(attrs.get("crs", "")).upper() in ("EPSG:4326", "OGC:CRS84")
    return name if stated else None


def _refuse_units(coordinate: xr.DataArray, side: str) -> None:
    """Refuse an axis in other units than degrees to the north or east."""
    units = str(coordinate.attrs.get("units", "")).strip()
    name = coordinate.name
    if units.lower() in _DEGREES or units.lower().replace("_", "").startswith(
        (f"degree{side[0]}", f"degrees{side[0]}")
    ):
        return
    start = f"{name} is in {units!r}, expected degrees_{side}"
    if units.lower() in ("radian", "radians", "rad"):
        where = repr(coordinate.dims[0]) if coordinate.ndim == 1 else repr(coordinate.dims)
        raise InputError(
            f"{start}: use ds.assign_coords({{{name!r}: ({where}, np.degrees(ds[{name!r}].values), "
            f"{{'units': 'degrees_{side}'}})}})."
        )
    raise InputError(
        f"{start}. If its values are such degrees, use ds.assign_coords({{{name!r}: "
        f"ds[{name!r}].assign_attrs(units='degrees_{side}')}})."
    )


def _axis(coordinate: xr.DataArray) -> Axis:
    try:
        kinds = coordinate.dtype.kind in "iufO"  # no text, dates or complex numbers
        values = np.asarray(coordinate.values, "float64") if kinds else None
    except (OverflowError, TypeError, ValueError):
        values = None
    if values is None:
        name = str(coordinate.name)
        raise InputError(
            f"{name} holds {coordinate.dtype}, expected degrees as numbers. If they are, use "
            f"ds.assign_coords({{{name!r}: ds[{name!r}].astype('float64')}})."
        )
    return Axis(str(coordinate.name), str(coordinate.dims[0]), values)


def _separated(lat: xr.DataArray, lon: xr.DataArray) -> tuple[Axis, Axis] | None:
    """Return the axes of positions that vary along one dim each, or None."""
    # Positions may repeat along time, as in WRF's files.
    extra = [d for d in lat.dims if str(d).lower() in ("time", *dialects.TIME)]
    if lat.ndim - len(extra) != 2:
        return None
    first = dict.fromkeys(extra, 0)
    lat, lon = lat.isel(first), lon.isel(first).transpose(*lat.isel(first).dims)
    for along, across in (lat.dims, lat.dims[::-1]):
        row, column = lat.isel({across: 0}), lon.isel({along: 0})
        turn = (lon - column + 180) % 360 - 180
        if bool((abs(lat - row) < _SAME).all() and (abs(turn) < _SAME).all()):
            return _axis(row), _axis(column)
    return None


def _other_grid(ds: xr.Dataset, lat: xr.DataArray, lon: xr.DataArray, box: str) -> str:
    """Return what a grid is that has no axes of latitude and longitude, and the way out."""
    regrid = f"interpolate it to a regular grid: xldm.to_regular_grid(ds, {box})"
    if lat.ndim == 1 and lat.dims == lon.dims:
        dim = lat.dims[0]
        count = [np.unique(np.round(c.values, 5)).size for c in (lat, lon)]
        if count[0] * count[1] == lat.size:
            names = [str(lat.name), str(lon.name)]
            return (
                f"A regular grid is flattened along {dim!r}. Use "
                f"ds.set_index({{{dim!r}: {names}}}).unstack({dim!r})."
            )
        return (
            f"Latitude and longitude lie along one dim, {dim!r}: the grid is a reduced Gaussian or "
            f"an unstructured one, expected an axis of each. You can {regrid}."
        )
    return (
        f"{lat.name} and {lon.name} have dims {', '.join(map(str, lat.dims))}: the grid is "
        f"{_kind(ds)}, expected one axis each. You can {regrid}."
    )


def _kind(ds: xr.Dataset) -> str:
    mappings = {str(v.attrs.get("grid_mapping_name", "")) for v in ds.variables.values()}
    meant = {str(c.attrs.get("standard_name")) for c in ds.coords.values()}
    rotated = "rotated_latitude_longitude" in mappings or "grid_latitude" in meant
    if rotated or "rlat" in ds.coords or is_rotated_grib(ds):
        return "a rotated one"
    if any(str(n).upper().startswith("XLAT") for n in ds.coords):
        return "a projected one of WRF"
    if mappings - {"", "latitude_longitude", "healpix"} or "projection_x_coordinate" in meant:
        return "a projected one"
    return "curvilinear"


def _says_rotated(ds: xr.Dataset) -> str:
    """Return what says that the fields lie on a rotated grid; empty if nothing does."""
    if is_rotated_grib(ds):
        return "GRIB_gridType says 'rotated_ll'"
    for field in ds.data_vars.values():
        name = str(field.attrs.get("grid_mapping", field.encoding.get("grid_mapping", "")))
        kind = ds[name].attrs.get("grid_mapping_name") if name in ds.variables else ""
        if kind == "rotated_latitude_longitude":
            return f"{field.name} has the grid mapping {name!r}, with a rotated pole"
    return ""


def _none(ds: xr.Dataset, what: str, box: str) -> str:
    coords = ", ".join(map(str, ds.coords)) or "(none)"
    start = f"No {what}: none of the coordinates {coords} is one."
    lower: Mapping[str, Hashable] = {str(n).lower(): n for n in (*ds.sizes, *ds.coords)}
    names = {w: next((lower[n] for n in _PLAIN[w] if n in lower), None) for w in _PLAIN}
    bare = [n for n in (*dialects.LATITUDE, *dialects.LONGITUDE) if n in lower]
    if bare and lower[bare[0]] not in ds.coords:
        return f"{start} The dim {lower[bare[0]]!r} has no values: give it its degrees."
    if (kind := _kind(ds)) != "curvilinear":
        return (
            f"{start} The grid is {kind}: interpolate it to a regular one, "
            f"xldm.to_regular_grid(ds, {box})."
        )
    if all(n in ds.coords for n in names.values()):
        new = {names["latitude"]: "latitude", names["longitude"]: "longitude"}
        return (
            f"{start} {names['latitude']!r} and {names['longitude']!r} do not say what they are. "
            f"If they are degrees, use ds.rename({new})."
        )
    cells = next((d for d in ds.sizes if str(d).lower() in dialects.CELLS), None)
    if cells is not None:
        return f"{start} {_without_positions(ds, cells)}"
    return f"{start} Expected one with units degrees_{'north' if what == 'latitude' else 'east'}."


def _without_positions(ds: xr.Dataset, dim: Hashable) -> str:
    """Return the way out for cells without positions, with code if they are all of HEALPix."""
    count = ds.sizes[dim]
    side = round((count / 12) ** 0.5)
    if 12 * side**2 != count:
        return (
            f"Fields lie along {dim!r}, without positions: is it an unstructured grid? Assign the "
            f"latitude and longitude of each cell, as coordinates along {dim!r}; then "
            "xldm.to_regular_grid can interpolate."
        )
    stated = {str(v).lower() for c in ds.variables.values() for v in c.attrs.values()}
    order = "nest=False" if "ring" in stated else "nest=True"
    remark = "" if stated & {"ring", "nest", "nested"} else ", or nest=False if they are in rings"
    return (
        f"Fields lie along {dim!r}, without positions: {count} cells may be those of HEALPix. If "
        f"they are, use lon, lat = healpy.pix2ang({side}, np.arange({count}), {order}, "
        f"lonlat=True){remark}, then ds.assign_coords(lat=({dim!r}, lat), lon=({dim!r}, lon))."
    )
