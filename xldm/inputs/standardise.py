"""Bring one predictor of any dialect to dims (time, latitude, longitude) and the model's units."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import xarray as xr

from ..errors import InputError
from . import dialects
from .axes import Horizontal, Time
from .report import Found

__all__ = ["convert", "lay_out"]


def convert(field: xr.DataArray, found: Found) -> xr.DataArray:
    """Return a field in the model's units, float32."""
    # In double precision, so that packed integers and float64 give the same.
    if (found.scale, found.offset) != (1.0, 0.0):
        field = field.astype("float64", copy=False) * found.scale + found.offset
    return field.astype("float32", copy=False).drop_attrs().assign_attrs(found.attrs)


def lay_out(ds: xr.Dataset, found: Found, time: Time, horizontal: Horizontal) -> xr.DataArray:
    """Return a predictor with dims (time, latitude, longitude) around the domain, unconverted."""
    field = ds[found.variable]
    if found.level_dim is not None:
        field = field.isel({found.level_dim: found.level_index})
    latitude, longitude = horizontal.dims
    absent = [d for d in (*time.dims, latitude, longitude) if d not in field.dims]
    if absent:
        raise InputError(
            f"{found.variable} has dims {field.dims}: {', '.join(absent)} is not among them."
        )
    field = field.isel({latitude: horizontal.rows, longitude: horizontal.columns})
    for dim in set(field.dims) - {*time.dims, latitude, longitude}:
        field = _without(field, dim, found.variable)
    field = field.drop_vars(field.coords)
    if not time.dims:
        field = field.expand_dims("time")
    elif len(time.dims) > 1:
        field = field.stack({"valid time": time.dims}, create_index=False)
        field = field.isel({"valid time": time.order})
    field = field.transpose(..., latitude, longitude)
    dims = zip(field.dims, ("time", "latitude", "longitude"), strict=True)
    return field.rename({old: new for old, new in dims if old != new}).rename(found.name)


def _without(field: xr.DataArray, dim: Hashable, name: Hashable) -> xr.DataArray:
    """Return a field without a dim that the model does not use."""
    if field.sizes[dim] == 1:
        return field.isel({dim: 0})
    if dim == "expver":
        # Final data (1) come first; preliminary data (5) fill their gaps.
        order = (
            np.argsort(field["expver"].values)
            if "expver" in field.coords
            else range(field.sizes[dim])
        )
        first, *others = (field.isel(expver=int(i), drop=True) for i in order)
        for other in others:
            first = first.fillna(other)
        return first
    if dim in dialects.MEMBER:
        raise InputError(
            f"{name} has {field.sizes[dim]} ensemble members along {dim!r}; the model downscales "
            f"one input at a time: ds.isel({dim}=0)."
        )
    raise InputError(
        f"{name} has a dimension {dim!r} of size {field.sizes[dim]} beside time, latitude and "
        f"longitude: select one, e.g. ds.isel({dim}=0)."
    )
