"""Where a field lies: at the height of a surface field, on levels, or along another dim."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import suppress

import numpy as np
import xarray as xr

from ...errors import InputError
from ...vocabulary import Known
from .. import dialects
from .levels import heights, pressure_levels, text_of

__all__ = ["at_height", "at_others", "misplaced", "unplaced_dims", "without_level"]

_HIGH = 12  # m: no field near the surface is stated higher, and some are at 1.5 m instead of 2
_AXES = {
    *dialects.VALID_TIME, *dialects.TIME, *dialects.START, *dialects.LEAD, *dialects.LATITUDE,
    *dialects.LONGITUDE, *dialects.MEMBER, *dialects.SIMULATION, "expver", "x", "y",
}  # fmt: skip
_AXIS_UNITS = ("degree", " since ")
_ROLES = (
    "latitude", "longitude", "projection_x_coordinate", "projection_y_coordinate", "realization",
    "forecast_period", "forecast_reference_time", "time", "grid_latitude", "grid_longitude",
)  # fmt: skip


def at_height(field: xr.DataArray, height: float) -> bool:
    """Tell whether a coordinate states that a field lies at a height in m.

    Examples
    --------
    >>> at_height(xr.DataArray(0.0, coords={"heightAboveGround": 2.0}), 2.0)
    True
    """
    # Levels that are no pressures may be heights.
    with suppress(InputError):
        # A field with both may be at either, as scalars are shared.
        if pressure_levels(field) is not None:
            return False
    stated, _ = heights(field)
    return stated.size == 1 and bool(np.isclose(stated[0], height))


def at_others(field: xr.DataArray, height: float) -> str:
    """Return how to take a field at a height in m that lies at others, too; empty if it is not.

    Examples
    --------
    >>> wind = xr.DataArray([1.0, 2.0], {"height": [10.0, 80.0]}, "height", name="u")
    >>> at_others(wind, 10.0), at_others(wind, 2.0)
    ("u lies at 10, 80 m along 'height': use ds.sel(height=[10])", '')
    """
    stated, dim = heights(field)
    if dim is None or stated.size < 2 or height not in stated:
        return ""
    said = ", ".join(f"{h:g}" for h in stated)
    return f"{field.name} lies at {said} m along {dim!r}: use ds.sel({dim}=[{height:g}])"


def misplaced(field: xr.DataArray, entry: Known) -> Iterator[str]:
    """Yield why a surface field cannot be one: it lies along levels, or at another height."""
    if entry.level is not None:
        return
    name = str(field.name)
    stated, dim = heights(field)
    said = ", ".join(f"{h:g}" for h in stated)
    # Other fields of a dataset share its scalars: 2 m stands beside wind at 10 m.
    if entry.height is not None and dim is None and stated.size and stated.min() > _HIGH:
        scalars = [str(n) for n, c in field.coords.items() if c.ndim == 0 and heights(c)[0].size]
        yield (
            f"{name} lies at a height of {said} m, so it is not {entry.quantity}; if that is the "
            f"height of other fields, ds.drop_vars({scalars!r})."
        )
    if entry.height is not None and dim is not None and not np.allclose(stated, entry.height):
        yield f"{name} lies at {said} m along {dim!r}, not at {entry.height:g} m: " + (
            f"use ds.sel({dim}=[{entry.height:g}])."
            if entry.height in stated
            else f"leave it out, ds.drop_vars({name!r})."
        )
    try:
        levels = pressure_levels(field)
    except InputError as error:
        if stated.size != 1:
            yield str(error)
        return
    if levels is not None and levels.dim is not None and levels.hectopascals.size > 1:
        yield (
            f"{name} lies at {levels}, but {entry.quantity} has no levels: leave it out, "
            f"ds.drop_vars({name!r})."
        )


def unplaced_dims(field: xr.DataArray) -> list[Hashable]:
    """Return the dims of unknown kind that a field lies along; they may be levels.

    Dims without a coordinate and those of size 1 do not count.
    """
    return [
        d
        for d in field.dims
        if field.sizes[d] > 1
        and d in field.coords
        and field.coords[d].dtype.kind in "iuf"
        and str(d).lower() not in _AXES
        and not any(word in text_of(field.coords[d].attrs.get("units")) for word in _AXIS_UNITS)
        and text_of(field.coords[d].attrs.get("standard_name")) not in _ROLES
    ]


def without_level(field: xr.DataArray, level: float) -> str:
    """Return why a field is not known to be on a level, with advice that cannot misplace it."""
    dims = unplaced_dims(field)
    if dims:
        return (
            f"{field.name} has no pressure-level coordinate; if {dims[0]!r} holds its levels in "
            f"hPa, set ds[{str(dims[0])!r}].attrs['units'] = 'hPa'"
        )
    return (
        f"{field.name} has no pressure-level coordinate that puts it at {level:g} hPa; if "
        f"it is there, use ds.assign_coords(pressure_level={level:g})"
    )
