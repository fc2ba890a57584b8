"""Read the rotated axes and the pole of a GRIB file from its keys: cfgrib gives positions alone."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..errors import InputError

__all__ = ["is_rotated_grib", "with_rotated_axes"]

_POLE = ("latitudeOfSouthernPoleInDegrees", "longitudeOfSouthernPoleInDegrees")
_ENDS = {
    "rlat": ("latitudeOfFirstGridPointInDegrees", "latitudeOfLastGridPointInDegrees"),
    "rlon": ("longitudeOfFirstGridPointInDegrees", "longitudeOfLastGridPointInDegrees"),
}
_AXES = {"rlat": ("y", "grid_latitude"), "rlon": ("x", "grid_longitude")}


def is_rotated_grib(ds: xr.Dataset) -> bool:
    """Whether fields come from GRIB on a grid with a rotated pole.

    Examples
    --------
    >>> is_rotated_grib(xr.Dataset({"t2m": ((), 0, {"GRIB_gridType": "rotated_ll"})}))
    True
    """
    return any(f.attrs.get("GRIB_gridType") == "rotated_ll" for f in ds.data_vars.values())


def with_rotated_axes(ds: xr.Dataset) -> xr.Dataset:
    """Return a dataset with the rotated axes and the grid mapping that its GRIB keys state.

    Parameters
    ----------
    ds : xarray.Dataset
        As cfgrib opens it: fields of ``rotated_ll`` along y and x. Others are returned unchanged.

    Returns
    -------
    xarray.Dataset
        Along ``rlat`` and ``rlon``, with a grid mapping ``rotated_pole``.

    Raises
    ------
    InputError
        If keys are missing, if fields have several rotated grids, or if a grid is also turned about
        its pole.

    Examples
    --------
    >>> attrs = {
    ...     "GRIB_gridType": "rotated_ll",
    ...     "GRIB_latitudeOfSouthernPoleInDegrees": -47.0,
    ...     "GRIB_longitudeOfSouthernPoleInDegrees": 10.0,
    ...     "GRIB_latitudeOfFirstGridPointInDegrees": 0.0,
    ...     "GRIB_latitudeOfLastGridPointInDegrees": 0.5,
    ...     "GRIB_longitudeOfFirstGridPointInDegrees": 359.5,
    ...     "GRIB_longitudeOfLastGridPointInDegrees": 0.5,
    ... }
    >>> ds = with_rotated_axes(xr.Dataset({"t2m": (("y", "x"), np.zeros((2, 3)), attrs)}))
    >>> ds["rlon"].values.tolist(), ds["rotated_pole"].attrs["grid_north_pole_longitude"]
    ([-0.5, 0.0, 0.5], -170.0)
    """
    if not is_rotated_grib(ds) or "rlat" in ds.coords:
        return ds
    fields = {n: f for n, f in ds.data_vars.items() if f.attrs.get("GRIB_gridType") == "rotated_ll"}
    wanted = (*_POLE, *_ENDS["rlat"], *_ENDS["rlon"])
    keys = {name: [f.attrs.get(f"GRIB_{k}") for k in wanted] for name, f in fields.items()}
    first, *others = keys
    lacking = [k for k, value in zip(wanted, keys[first], strict=True) if value is None]
    if lacking:
        raise InputError(
            f"{first} is on a rotated grid, but lacks GRIB_{', GRIB_'.join(lacking)}: were "
            "attributes dropped? Open the GRIB file again."
        )
    other = next((n for n in others if keys[n] != keys[first]), None)
    if other is not None:
        raise InputError(
            f"{first} and {other} are on different rotated grids: expected one. Use "
            f"ds.drop_vars({other!r})."
        )
    attrs = fields[first].attrs
    if attrs.get("GRIB_angleOfRotationInDegrees") or attrs.get("GRIB_jPointsAreConsecutive"):
        raise InputError(
            f"{first} is on a grid that is turned about its rotated pole, or stored column by "
            "column: expected neither. Convert it first, e.g. with cdo."
        )
    return _assigned(ds, fields[first])


def _assigned(ds: xr.Dataset, field: xr.DataArray) -> xr.Dataset:
    names = {dim: name for name, (dim, _) in _AXES.items() if dim in field.dims}
    if len(names) < len(_AXES):
        raise InputError(
            f"{field.name} has dims {', '.join(map(str, field.dims))}: expected y and x of a "
            "rotated grid."
        )
    ds = ds.drop_vars([dim for dim in names if dim in ds.coords]).rename(names)
    for name, (_, meaning) in _AXES.items():
        begin, end = (float(field.attrs[f"GRIB_{key}"]) for key in _ENDS[name])
        if name == "rlon" and end < begin and not field.attrs.get("GRIB_iScansNegatively"):
            begin -= 360
        axis = np.linspace(begin, end, ds.sizes[name])
        ds = ds.assign_coords({name: (name, axis, {"standard_name": meaning, "units": "degrees"})})
    south, longitude = (float(field.attrs[f"GRIB_{key}"]) for key in _POLE)
    # Opposite to the southern pole of the rotated system.
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": -south,
        "grid_north_pole_longitude": longitude % 360 - 180,
    }
    return ds.assign(rotated_pole=((), np.int32(0), mapping))
