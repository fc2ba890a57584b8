"""Undo what opening left undone: times as text or with a zone, packed integers, wrapped arrays.

Nothing here reads a field: what cannot be told from types and attributes is refused elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..errors import ArgumentTypeError, InputError
from . import dialects
from .axes.time_values import as_times
from .fields.levels import text_of
from .fields.names import is_known
from .number_types import as_numbers, unpacked

__all__ = ["decode"]

_TIMES = (*dialects.VALID_TIME, *dialects.TIME, *dialects.START)
_TEXTS = {
    "units", "standard_name", "long_name", "cell_methods", "coordinates", "grid_mapping", "bounds",
    "climatology", "axis", "positive", "calendar", "comment", "description", "grid_mapping_name",
    "formula_terms", "wind_frame",
}  # fmt: skip
# Characters of an attribute that are read.
_LONGEST = 2000


def decode(ds: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Decode times and fields that a dataset holds as it was stored; lazily, with notes.

    Times with a zone are converted to UTC. Texts in the form of ISO 8601 and objects become times,
    in UTC where they name no zone, and so does CDO's axis "day as %Y%m%d.%f". Fields that still
    have a scale, an offset or a fill value are unpacked, as CF says. Integers, objects and
    half-precision numbers become numbers of single or double precision. Variables that are named as
    coordinates, or mean times or positions, become coordinates.

    Parameters
    ----------
    ds : xarray.Dataset

    Returns
    -------
    decoded : xarray.Dataset
        The same object if there is nothing to decode.
    notes : list of str
        What was decoded, for the report.

    Raises
    ------
    ArgumentTypeError
        If this is no dataset.
    InputError
        If dims are stacked, or if one array holds all variables.

    Examples
    --------
    >>> packed = xr.DataArray(np.array([0, 100], "int16"), dims="time")
    >>> packed.attrs = {"units": "K", "scale_factor": 0.1, "add_offset": 280.0}
    >>> ds = xr.Dataset({"t2m": packed}, {"time": ["2020-01-01T00:00Z", "2020-01-01T01:00Z"]})
    >>> out, notes = decode(ds)
    >>> out["t2m"].values.tolist(), str(out["time"].values[1])[:16]
    ([280.0, 290.0], '2020-01-01T01:00')
    >>> notes
    ["Times in 'time' decoded from text, as UTC.", 't2m unpacked by its scale and offset.']
    """
    _refuse_container(ds)
    ds = _with_coordinates(_with_texts(ds))
    _refuse_stacked(ds)
    notes: list[str] = []
    times = {}
    for name, coordinate in ds.coords.items():
        if coordinate.chunks is not None and not _means_time(coordinate):
            continue  # labels, not worth computing
        decoded, how = as_times(coordinate)
        if how:
            times[name] = (coordinate.dims, decoded.reshape(coordinate.shape), _plain(coordinate))
            notes.append(f"Times in {name!r} decoded from {how}.")
    if times:
        # An index of objects must go before its times can replace it.
        ds = ds.drop_indexes([n for n in times if n in ds.indexes]).assign_coords(times)
    packed = {
        n: unpacked(c)
        for n, c in ds.coords.items()
        if c.dtype.kind in "iu" and {"scale_factor", "add_offset"} & {*c.attrs}
    }
    if packed:
        values = {n: (c.dims, c.values, c.attrs) for n, c in packed.items()}
        ds = ds.drop_indexes([n for n in packed if n in ds.indexes]).assign_coords(values)
        notes.append(f"{_list(packed)} unpacked by its scale and offset.")
    ds, more = as_numbers(ds)
    return ds, notes + more


def _refuse_container(ds: Any) -> None:
    if isinstance(ds, xr.Dataset):
        return
    kind, remedy = type(ds).__name__, ""
    if isinstance(ds, xr.DataArray):
        dim = next((d for d in ds.dims if _of_names(ds.coords.get(d))), None)
        name = "" if ds.name else "name='t2m'"
        remedy = f" Use ds.to_dataset({repr(dim) if dim is not None else name})."
    elif isinstance(ds, xr.DataTree):
        groups = [g.path for g in ds.subtree if g.data_vars]
        many = f" Its groups {_list(groups)} hold fields." if len(groups) > 1 else ""
        remedy = f"{many} Use ds[{groups[0]!r}].to_dataset()." if groups else ""
    elif isinstance(ds, list | tuple) and all(isinstance(d, xr.Dataset) for d in ds):
        remedy = " Join them first: xldm.open_input(ds), which takes files as well."
    elif isinstance(ds, str) or hasattr(ds, "__fspath__"):
        remedy = " Open it first: xldm.open_input(ds)."
    raise ArgumentTypeError(f"Expected an xarray.Dataset, got {kind}.{remedy}")


def _with_texts(ds: xr.Dataset) -> xr.Dataset:
    """Return the dataset with text in attributes that CF wants as text, and not without end."""
    odd = {
        (name, key): _text_of(v.attrs[key])
        for name, v in ds.variables.items()
        for key in _TEXTS & {*map(str, v.attrs)}
        if not isinstance(v.attrs[key], str) or len(v.attrs[key]) > _LONGEST
    }
    if odd:
        ds = ds.copy()
        for (name, key), text in odd.items():
            ds.variables[name].attrs[key] = text
    return ds


def _text_of(attribute: Any) -> str:
    if isinstance(attribute, bytes | str):
        return text_of(attribute[:_LONGEST])
    values = np.atleast_1d(np.asarray(attribute, object)).ravel()[:_LONGEST]
    return " ".join(text_of(v) for v in values)[:_LONGEST]


def _with_coordinates(ds: xr.Dataset) -> xr.Dataset:
    """Return the dataset with all its coordinates as such: ``decode_coords=False`` leaves some."""
    said = [
        v.attrs.get("coordinates", v.encoding.get("coordinates")) for v in ds.variables.values()
    ]
    named = {n for text in (*said, ds.attrs.get("coordinates")) for n in str(text or "").split()}
    found = [
        name
        for name, field in ds.data_vars.items()
        if name in named
        or field.attrs.get("standard_name") in dialects.COORDINATES
        or str(name).lower() in (*dialects.LATITUDE, *dialects.LONGITUDE)
        or (str(name).lower() in (*_TIMES, *dialects.LEAD) and field.dtype.kind in "mM")
    ]
    return ds.set_coords(found) if found else ds


def _refuse_stacked(ds: xr.Dataset) -> None:
    for name, index in ds.indexes.items():
        if isinstance(index, pd.MultiIndex):
            dim = ds[name].dims[0]
            if name == dim:
                raise InputError(
                    f"The dim {dim!r} is a stack of {_list(index.names)}: use ds.unstack({dim!r})."
                )
    for name, field in ds.data_vars.items():
        for dim in field.dims:
            if _of_names(ds.coords.get(dim)):
                raise InputError(
                    f"{name} holds all variables in one array, along {dim!r}: use "
                    f"ds[{name!r}].to_dataset({dim!r}), and give each its units."
                )


def _of_names(coordinate: xr.DataArray | None) -> bool:
    """Whether labels along a dim name variables, as in earth2studio's arrays."""
    if coordinate is None or coordinate.ndim != 1 or coordinate.dtype.kind not in "OUT":
        return False
    if str(coordinate.name).lower() in (*dialects.MEMBER, *dialects.SIMULATION):
        return False  # members may be called r1, r2, as relative humidity is
    _TIMES = (*dialects.VALID_TIME, *dialects.TIME, *dialects.START)
    # Names of a few fields are enough to tell labels of variables from others.
    return sum(is_known(str(v)) for v in coordinate.values) > 1


def _plain(coordinate: xr.DataArray) -> dict[str, Any]:
    return {k: v for k, v in coordinate.attrs.items() if k not in ("units", "calendar")}


def _means_time(coordinate: xr.DataArray) -> bool:
    meant = coordinate.attrs.get("standard_name") in ("time", "forecast_reference_time")
    return meant or str(coordinate.name).lower() in _TIMES


def _list(names: Any) -> str:
    return ", ".join(map(str, names))
