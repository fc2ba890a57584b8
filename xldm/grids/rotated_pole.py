"""Grids with a rotated pole: find the pole, convert positions, turn winds to east and north."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from ..errors import InputError

__all__ = [
    "COSMO_REA6",
    "VHR_REA_IT",
    "Pole",
    "earth_winds",
    "find_pole",
    "geographic",
    "point_east_and_north",
    "refuse_other_positions",
    "rotated",
]

_MAPPING = "rotated_latitude_longitude"
# Standard names of components along the grid, and COSMO's names, which need no standard name.
_ALONG_GRID = {
    "eastward_wind": ("grid_eastward_wind", "x_wind"),
    "northward_wind": ("grid_northward_wind", "y_wind"),
}
_COSMO_WINDS = {"eastward_wind": "U_10M", "northward_wind": "V_10M"}
# CORDEX's names of eastward and northward components, valid if their standard names agree.
_CORDEX_WINDS = {"eastward_wind": "uas", "northward_wind": "vas"}
# Whether components point along the grid (1) or to east and north (0), in GRIB of a rotated grid.
_GRIB_FLAG = "GRIB_uvRelativeToGrid"
# Degrees that stated positions may be away from those that follow from the pole.
_AGREE = 0.01


class Pole(NamedTuple):
    """The rotated north pole in degrees, and the grid longitude of the true north pole."""

    latitude: float
    longitude: float
    grid_longitude: float = 0.0


VHR_REA_IT = Pole(47.0, -168.0)
COSMO_REA6 = Pole(39.25, -162.0)


def find_pole(ds: xr.Dataset, pole: tuple[float, ...] | None = None) -> Pole:
    """Find the rotated pole of a dataset.

    Parameters
    ----------
    ds : Dataset
        With a CF grid mapping of any name; without one, ``pole`` is needed.
    pole : (latitude, longitude), optional
        The rotated north pole in degrees. It must agree with the grid mapping, if there is one.

    Raises
    ------
    InputError
        If there is no pole, part of a pole, an impossible pole, or poles that contradict.

    Examples
    --------
    >>> find_pole(xr.Dataset(), pole=(47, -168))
    Pole(latitude=47.0, longitude=-168.0, grid_longitude=0.0)
    """
    found = {
        name: _from_mapping(name, variable.attrs)
        for name, variable in ds.variables.items()
        if variable.attrs.get("grid_mapping_name") == _MAPPING
    }
    given = None if pole is None else _checked(*pole)
    if not found and given is None:
        raise InputError(
            f"No rotated pole: no variable has grid_mapping_name {_MAPPING!r}. Pass "
            "pole=(latitude, longitude) of the rotated north pole as the data's documentation "
            f"states it, e.g. {VHR_REA_IT[:2]} for VHR-REA_IT or {COSMO_REA6[:2]} for COSMO-REA6."
        )
    stated = [*found.values(), *([] if given is None else [given])]
    if len(set(found.values())) > 1 or not _same(stated[0], stated[-1]):
        poles = "; ".join(f"{name}: {tuple(p)}" for name, p in found.items())
        raise InputError(
            f"Poles contradict each other ({poles}; argument: {pole}): find out which is right."
        )
    return stated[0]


def _same(one: Pole, other: Pole) -> bool:
    turn = (one.longitude - other.longitude + 180) % 360 - 180
    return abs(one.latitude - other.latitude) < 1e-6 and abs(turn) < 1e-6


def _from_mapping(name: object, attrs: dict) -> Pole:
    wanted = ("grid_north_pole_latitude", "grid_north_pole_longitude")
    absent = [key for key in wanted if key not in attrs]
    if absent:
        raise InputError(
            f"The grid mapping {name!r} lacks {' and '.join(absent)}: set it as the data's "
            "documentation states it."
        )
    # Attributes of a netCDF file may be arrays of one element.
    return _checked(
        *(np.asarray(attrs[key]).item() for key in wanted),
        np.asarray(attrs.get("north_pole_grid_longitude", 0.0)).item(),
    )


def _checked(*degrees: float) -> Pole:
    pole = Pole(*map(float, degrees))
    if not (np.isfinite(pole).all() and abs(pole.latitude) <= 90 and abs(pole.longitude) <= 360):
        raise InputError(
            f"A pole is (latitude, longitude) in degrees, e.g. (47, -168); got {tuple(degrees)}."
        )
    return pole


def geographic(
    rlon: np.ndarray, rlat: np.ndarray, pole: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Convert rotated longitude and latitude to longitude and latitude, in degrees.

    Examples
    --------
    >>> lon, lat = geographic(0.0, 0.0, VHR_REA_IT)
    >>> round(float(lon), 9), round(float(lat), 9)
    (12.0, 43.0)
    """
    pole = Pole(*pole)
    pole_lat = np.deg2rad(pole.latitude)
    along, up = np.deg2rad(np.subtract(rlon, pole.grid_longitude)), np.deg2rad(rlat)
    # Unit vectors: z to the true pole, x to the meridian on which the rotated pole descends.
    x = np.sin(pole_lat) * np.cos(up) * np.cos(along) - np.cos(pole_lat) * np.sin(up)
    y = np.cos(up) * np.sin(along)
    z = np.cos(pole_lat) * np.cos(up) * np.cos(along) + np.sin(pole_lat) * np.sin(up)
    lon = np.rad2deg(np.arctan2(y, x)) + pole.longitude + 180
    return (lon + 180) % 360 - 180, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def rotated(
    lon: np.ndarray, lat: np.ndarray, pole: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Convert longitude and latitude to rotated ones, in degrees: the inverse of `geographic`.

    Examples
    --------
    >>> rlon, rlat = rotated(12.0, 43.0, VHR_REA_IT)
    >>> abs(float(rlon)) < 1e-9, abs(float(rlat)) < 1e-9
    (True, True)
    """
    pole = Pole(*pole)
    # Each system sees the other's pole at the same latitude: only the longitudes change places.
    return geographic(lon, lat, (pole.latitude, pole.grid_longitude, pole.longitude))


def refuse_other_positions(ds: xr.Dataset, pole: Pole) -> None:
    """Refuse a dataset whose stated longitudes and latitudes contradict its pole.

    Parameters
    ----------
    ds : Dataset
        With coordinates ``rlat`` and ``rlon`` in rotated degrees, and optionally positions on
        these two dimensions.
    pole : Pole

    Raises
    ------
    InputError
        If they differ by more than 0.01 degrees anywhere.
    """
    stated = []
    for standard_name, name in (("longitude", "lon"), ("latitude", "lat")):
        names = [
            n for n, v in ds.variables.items() if v.attrs.get("standard_name") == standard_name
        ]
        fields = [ds[n] for n in (*names, name) if n in ds and {"rlat", "rlon"} <= {*ds[n].dims}]
        if not fields:
            return
        # Joined files may repeat positions along time.
        others = {dim: 0 for dim in fields[0].dims if dim not in ("rlat", "rlon")}
        stated.append(fields[0].isel(others).transpose("rlat", "rlon").values.astype("float64"))
    expected = geographic(*np.meshgrid(ds["rlon"], ds["rlat"]), pole)
    # A short chord equals its angle, and has no seam at 180 degrees of longitude.
    apart = np.rad2deg(np.linalg.norm(_vectors(*stated) - _vectors(*expected), axis=0))
    if not apart.max() <= _AGREE:
        raise InputError(
            f"Stated longitudes and latitudes lie up to {apart.max():.3f} degrees from where the "
            f"pole {tuple(pole[:2])} puts them (allowed: {_AGREE}). One of the two is wrong, so "
            "every wind would be turned wrongly: check the pole against the data's documentation."
        )


def _vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lon, lat = np.deg2rad(lon), np.deg2rad(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def earth_winds(
    u: xr.DataArray,
    v: xr.DataArray,
    lon: xr.DataArray,
    lat: xr.DataArray,
    pole: tuple[float, ...],
) -> tuple[xr.DataArray, xr.DataArray]:
    """Turn winds along a rotated grid to eastward and northward components.

    With ``a`` the azimuth of the rotated pole, the direction of the grid's north::

        east  =  u cos(a) + v sin(a)
        north = -u sin(a) + v cos(a)

    Parameters
    ----------
    u, v : DataArray
        Components along ascending rotated longitude and latitude, in any units. They must state
        this by standard names (``grid_eastward_wind`` and ``grid_northward_wind``, or ``x_wind``
        and ``y_wind``), without standard names by COSMO's names ``U_10M`` and ``V_10M``, or by the
        flag of GRIB (``GRIB_uvRelativeToGrid`` 1).
    lon, lat : DataArray
        True longitude and latitude of the points in degrees, with dims of ``u``.
    pole : (latitude, longitude)
        The rotated north pole in degrees.

    Returns
    -------
    east, north : DataArray
        Dims, units and laziness of ``u`` and ``v``; attribute ``wind_frame`` is "earth".

    Raises
    ------
    InputError
        If the components are earth-relative already, or do not state their directions.

    Examples
    --------
    >>> u = xr.DataArray([10.0, 10.0], dims="x", name="U_10M")
    >>> lon, lat = xr.DataArray([12.0, 18.0], dims="x"), xr.DataArray([43.0, 43.0], dims="x")
    >>> east, north = earth_winds(u, (0 * u).rename("V_10M"), lon, lat, VHR_REA_IT)
    >>> east.values.round(3), north.values.round(3)
    (array([10.   ,  9.975]), array([ 0.   , -0.713]))
    """
    for field, name in ((u, "eastward_wind"), (v, "northward_wind")):
        _refuse_unless_along_grid(field, name)
    pole_lat, off = np.deg2rad(pole[0]), np.deg2rad(pole[1] - lon)
    here = np.deg2rad(lat)
    to_east = np.cos(pole_lat) * np.sin(off)
    to_north = np.sin(pole_lat) * np.cos(here) - np.cos(pole_lat) * np.sin(here) * np.cos(off)
    length = np.hypot(to_east, to_north)
    sine, cosine = to_east / length, to_north / length
    # Points that differ in the last digit of a coordinate must not be dropped silently.
    with xr.set_options(arithmetic_join="exact"):
        east, north = u * cosine + v * sine, v * cosine - u * sine
    return _described(east, u, "eastward_wind"), _described(north, v, "northward_wind")


def _described(turned: xr.DataArray, given: xr.DataArray, name: str) -> xr.DataArray:
    attrs = given.attrs | {"standard_name": name, "wind_frame": "earth"}
    return turned.transpose(*given.dims).assign_attrs(attrs)


def point_east_and_north(u: xr.DataArray, v: xr.DataArray) -> bool:
    """Return whether winds say that they point east and north.

    They do by their name and standard name, as in CORDEX, or by GRIB's flag.
    """
    if all(field.attrs.get(_GRIB_FLAG) == 0 for field in (u, v)):
        return True
    return all(
        field.name == _CORDEX_WINDS[name] and field.attrs.get("standard_name") == name
        for field, name in ((u, "eastward_wind"), (v, "northward_wind"))
    )


def _refuse_unless_along_grid(field: xr.DataArray, name: str) -> None:
    """Refuse a component that is not stated to be along the grid."""
    if field.attrs.get(_GRIB_FLAG) == 1:
        return  # cfgrib names winds along a grid eastward and northward, too
    says, wanted = field.attrs.get("standard_name"), _ALONG_GRID[name]
    if field.attrs.get("wind_frame") == "earth" or says in _COSMO_WINDS:
        raise InputError(
            f"{field.name} is earth-relative already (standard_name {says!r}): rotating it would "
            f"turn it twice. If the file is wrong, set its standard_name to {wanted[0]!r}; if it "
            f"is right, rename it to {_CORDEX_WINDS[name]!r}."
        )
    if says not in wanted and (says or field.name != _COSMO_WINDS[name]):
        raise InputError(
            f"{field.name} has standard_name {says!r}, which does not tell whether it is along the "
            f"grid or earth-relative: set it to {wanted[0]!r} if it is along the grid, as COSMO's "
            "output is."
        )
