"""Rotated poles: where places lie on such a grid, and how its winds turn to east and north."""

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
# Standard names of components along the grid, and the names that mean them by themselves: 10U is
# ECMWF's name of an eastward one.
_ALONG_GRID = {
    "eastward_wind": ("grid_eastward_wind", "x_wind"),
    "northward_wind": ("grid_northward_wind", "y_wind"),
}
_COSMO_WINDS = {"eastward_wind": "U_10M", "northward_wind": "V_10M"}
# Names that CORDEX keeps for components to east and north, if their standard names agree.
_CORDEX_WINDS = {"eastward_wind": "uas", "northward_wind": "vas"}
# Degrees that stated positions may be from where the pole puts them.
_AGREE = 0.01


class Pole(NamedTuple):
    """The rotated north pole, in degrees, and the grid longitude of the true one."""

    latitude: float
    longitude: float
    grid_longitude: float = 0.0


VHR_REA_IT = Pole(47.0, -168.0)
COSMO_REA6 = Pole(39.25, -162.0)


def find_pole(ds: xr.Dataset, pole: tuple[float, ...] | None = None) -> Pole:
    """The rotated pole of a dataset.

    Parameters
    ----------
    ds : Dataset
        With a CF grid mapping of any name; without one, ``pole`` is needed.
    pole : (latitude, longitude), optional
        The rotated north pole in degrees. A grid mapping that says otherwise is a contradiction.

    Raises
    ------
    InputError
        If there is no pole, only part of one, more than one, or none that can be.

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
    stated = next(iter(found.values()), given)
    if len(set(found.values())) > 1 or not _same(stated, given or stated):
        poles = "; ".join(f"{name}: {tuple(p)}" for name, p in found.items())
        raise InputError(
            f"Poles contradict each other ({poles}; argument: {pole}): find out which is right."
        )
    return stated


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
    """Longitude and latitude in degrees of points given in rotated degrees.

    Examples
    --------
    >>> lon, lat = geographic(0.0, 0.0, VHR_REA_IT)
    >>> round(float(lon), 9), round(float(lat), 9)
    (12.0, 43.0)
    """
    pole = Pole(*pole)
    pole_lat = np.deg2rad(pole.latitude)
    along, up = np.deg2rad(np.subtract(rlon, pole.grid_longitude)), np.deg2rad(rlat)
    # Unit vectors: z to the true pole, x to the meridian on which the rotated one descends.
    x = np.sin(pole_lat) * np.cos(up) * np.cos(along) - np.cos(pole_lat) * np.sin(up)
    y = np.cos(up) * np.sin(along)
    z = np.cos(pole_lat) * np.cos(up) * np.cos(along) + np.sin(pole_lat) * np.sin(up)
    lon = np.rad2deg(np.arctan2(y, x)) + pole.longitude + 180
    return (lon + 180) % 360 - 180, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def rotated(
    lon: np.ndarray, lat: np.ndarray, pole: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Rotated longitude and latitude in degrees of geographic points: `geographic` undone.

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
    """Hold longitude and latitude that a dataset states against those of its pole.

    Parameters
    ----------
    ds : Dataset
        With coordinates ``rlat`` and ``rlon`` in rotated degrees, and maybe two-dimensional
        positions on them.
    pole : Pole

    Raises
    ------
    InputError
        If they lie more than 0.01 degrees apart anywhere.
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
    # The chord is the angle, as far as it matters here, and knows no seam of longitudes.
    apart = np.rad2deg(np.linalg.norm(_vectors(*stated) - _vectors(*expected), axis=0))
    if not apart.max() <= _AGREE:
        raise InputError(
            f"Stated longitudes and latitudes lie up to {apart.max():.3f} degrees from where the "
            f"pole {tuple(pole[:2])} puts them (allowed: {_AGREE}): either is wrong, and so would "
            "be every wind. Check the pole against the data's documentation."
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
    """Eastward and northward components of winds given along a rotated grid.

    With ``a`` the azimuth of the rotated pole, which is where the grid's north points::

        east  =  u cos(a) + v sin(a)
        north = -u sin(a) + v cos(a)

    Parameters
    ----------
    u, v : DataArray
        Components along ascending rotated longitude and latitude, in any units. They must say that
        they are: by standard names ``grid_eastward_wind`` and ``grid_northward_wind``, or
        ``x_wind`` and ``y_wind``, or without one by COSMO's names ``U_10M`` and ``V_10M``.
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
        If the components are earth-relative already, or do not say what they are.

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
    # Points that differ in the last digit of a coordinate must not be left out unseen.
    with xr.set_options(arithmetic_join="exact"):
        east, north = u * cosine + v * sine, v * cosine - u * sine
    return tuple(
        new.transpose(*old.dims).assign_attrs(
            old.attrs | {"standard_name": name, "wind_frame": "earth"}
        )
        for new, old, name in ((east, u, "eastward_wind"), (north, v, "northward_wind"))
    )


def point_east_and_north(u: xr.DataArray, v: xr.DataArray) -> bool:
    """Whether wind components are earth-relative, as CORDEX has them: by name and standard name."""
    return all(
        field.name == _CORDEX_WINDS[name] and field.attrs.get("standard_name") == name
        for field, name in ((u, "eastward_wind"), (v, "northward_wind"))
    )


def _refuse_unless_along_grid(field: xr.DataArray, name: str) -> None:
    """Refuse a component that does not say that it is along the grid."""
    says, wanted = field.attrs.get("standard_name"), _ALONG_GRID[name]
    if field.attrs.get("wind_frame") == "earth" or says in _COSMO_WINDS:
        raise InputError(
            f"{field.name} is earth-relative already (standard_name {says!r}): to rotate it would "
            f"turn it twice. If the file is wrong, set its standard_name to {wanted[0]!r}; if it "
            f"is right, rename it to {_CORDEX_WINDS[name]!r}."
        )
    if says not in wanted and (says or field.name != _COSMO_WINDS[name]):
        raise InputError(
            f"{field.name} has standard_name {says!r}, which does not tell whether it is along the "
            f"grid or the earth: set it to {wanted[0]!r} if it is along the grid, as COSMO's "
            "output."
        )
