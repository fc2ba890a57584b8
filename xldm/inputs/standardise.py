"""Bring one predictor of any dialect to the dims and the units of a model."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..errors import InputError
from . import dialects
from .axes.horizontal import Horizontal
from .axes.times import Time
from .report import Found

__all__ = ["convert", "labels", "lay_out", "passed", "roles"]


def convert(field: xr.DataArray, found: Found, dtype: str = "float32") -> xr.DataArray:
    """Return a field in the model's units."""
    # In double precision, so that packed integers and float64 give the same.
    if (found.scale, found.offset) != (1.0, 0.0):
        field = field.astype("float64", copy=False) * found.scale + found.offset
    return field.astype(dtype, copy=False).drop_attrs().assign_attrs(found.attrs)


def lay_out(ds: xr.Dataset, found: Found, time: Time, horizontal: Horizontal) -> xr.DataArray:
    """Return a predictor around the domain, unconverted.

    Dims are those of time (``time.out``), then those of members and simulations in the order of the
    input, then latitude and longitude.
    """
    field = ds[found.variable]
    if found.level_dim is not None:
        field = field.isel({found.level_dim: found.level_index})
    latitude, longitude = horizontal.dims
    absent = [d for d in (*time.dims, latitude, longitude) if d not in field.dims]
    if absent:
        raise InputError(
            f"{found.variable} has dims {field.dims}: {', '.join(absent)} is not among them."
        )
    field = field.isel({latitude: horizontal.rows, longitude: horizontal.columns, **time.select})
    beside = passed(field, time, horizontal)
    for dim in set(field.dims) - {*time.dims, *beside, latitude, longitude}:
        field = _without(field, dim, found.variable)
    field = field.drop_vars(field.coords)
    dims: tuple[Hashable, ...] = time.dims
    if not time.dims:
        field, dims = field.expand_dims("time"), ("time",)
    elif time.order is not None:
        field = field.stack({"valid time": time.dims}, create_index=False)
        field, dims = field.isel({"valid time": time.order}), ("valid time",)
    field = field.transpose(*dims, *beside, latitude, longitude)
    names = (*time.out, *beside.values(), "latitude", "longitude")
    renamed = dict(zip(field.dims, names, strict=True))
    return field.rename({old: new for old, new in renamed.items() if old != new}).rename(found.name)


def passed(
    fields: xr.Dataset | xr.DataArray, time: Time, horizontal: Horizontal
) -> dict[Hashable, str]:
    """Return the dims of members and simulations, which are carried through, and their new names.

    ``member`` is a drawn member in what is made of the input, so there a dim of that name is called
    ``input_member``.
    """
    taken = {*time.dims, *horizontal.dims}
    dims = [d for d in fields.dims if d not in taken and _is_passed(fields, d)]
    return {d: "input_member" if d == "member" else str(d) for d in dims}


def roles(ds: xr.Dataset, beside: Mapping[Hashable, str]) -> dict[str, dict[str, Any]]:
    """Return the CF attributes of the dims that are carried through, by their new names."""
    numbered = {d: {"standard_name": "realization"} for d in _members(ds)}
    return {
        new: (dict(ds[d].attrs) if d in ds.coords else {}) | numbered.get(d, {})
        for d, new in beside.items()
    }


def _members(fields: xr.Dataset | xr.DataArray) -> list[Hashable]:
    """Return the coordinates and dims that number the members of the input."""
    names = dict.fromkeys([*fields.dims, *fields.coords])
    return [n for n in names if _is_member(fields, n)]


def labels(ds: xr.Dataset, beside: Mapping[Hashable, str]) -> xr.DataArray:
    """Return what tells the members of the input apart, as text along the dims carried through.

    Empty for member 0, and where the input has no members.

    Examples
    --------
    >>> ds = xr.Dataset(coords={"number": [0, 1, 2]})
    >>> labels(ds, {"number": "number"}).values.tolist()
    ['', '1', '2']
    """
    text = xr.DataArray("")
    for name in _members(ds):
        values = ds[name] if name in ds.coords else xr.DataArray(range(ds.sizes[name]), dims=[name])
        if {*values.dims} <= {*beside}:
            named = np.array([_label(v) for v in values.values.flat]).reshape(values.shape)
            one = xr.DataArray(named, dims=values.dims)
            text = xr.apply_ufunc(_joined, text, one, vectorize=True)
    text = text.expand_dims({d: ds.sizes[d] for d in beside if d not in text.dims})
    return text.transpose(*beside).rename({d: new for d, new in beside.items() if d != new})


def _label(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return "" if str(value) == "0" else str(value)


def _joined(one: str, other: str) -> str:
    return "/".join(filter(None, (one, other)))


def _is_member(fields: xr.Dataset | xr.DataArray, name: Hashable) -> bool:
    meant = name in fields.coords and fields[name].attrs.get("standard_name") == "realization"
    return meant or str(name).lower() in dialects.MEMBER


def _is_passed(fields: xr.Dataset | xr.DataArray, dim: Hashable) -> bool:
    if _is_member(fields, dim):
        return True
    return str(dim).lower() in dialects.SIMULATION


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
    raise InputError(
        f"{name} has a dimension {dim!r} of size {field.sizes[dim]}, which is none of time, lead, "
        f"member, scenario, latitude and longitude: select one, e.g. ds.isel({dim}=0)."
    )
