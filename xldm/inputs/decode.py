"""Undo what opening left undone: times as text or with a zone, packed integers, wrapped arrays.

Nothing here reads a field: what cannot be told from types and attributes is refused elsewhere.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..errors import ArgumentTypeError, InputError
from . import dialects
from .axes.time_values import as_times
from .fields.levels import text_of
from .fields.names import is_known

__all__ = ["decode", "type_problem"]

_TIMES = (*dialects.VALID_TIME, *dialects.TIME, *dialects.START)
_TEXTS = {
    "units", "standard_name", "long_name", "cell_methods", "coordinates", "grid_mapping", "bounds",
    "climatology", "axis", "positive", "calendar", "comment", "description", "grid_mapping_name",
    "formula_terms", "wind_frame",
}  # fmt: skip
# Characters of an attribute that are read.
_LONGEST = 2000
# Standard names of variables that can only be coordinates.
_MEAN_COORDINATES = (
    "time", "forecast_reference_time", "forecast_period", "realization", "latitude", "longitude",
)  # fmt: skip


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
        n: _unpacked(c)
        for n, c in ds.coords.items()
        if c.dtype.kind in "iu" and {"scale_factor", "add_offset"} & {*c.attrs}
    }
    if packed:
        values = {n: (c.dims, c.values, c.attrs) for n, c in packed.items()}
        ds = ds.drop_indexes([n for n in packed if n in ds.indexes]).assign_coords(values)
        notes.append(f"{_list(packed)} unpacked by its scale and offset.")
    fields = _fields(ds)
    unpacked = {n: f for n, f in fields.items() if _needs_unpacking(f)}
    objects = {n: f for n, f in fields.items() if f.dtype == object and not _foreign(f)}
    if unpacked:
        ds = ds.assign({n: _unpacked(f) for n, f in unpacked.items()})
        notes += _of_types(unpacked)
    if objects:
        ds = ds.assign({n: _from_objects(f) for n, f in objects.items()})
        notes.append(f"{_list(objects)}: objects taken as numbers.")
    return ds, notes


def type_problem(field: xr.DataArray) -> str:
    """Return why a decoded field cannot hold a predictor by its type; empty if it can.

    Examples
    --------
    >>> print(type_problem(xr.DataArray([True], name="t2m")))
    t2m holds bool, expected numbers: is it a mask? Leave it out: ds.drop_vars('t2m').
    """
    name, kind = field.name, field.dtype.kind
    if _foreign(field):
        what = type(field.variable._data).__module__.partition(".")[0]
        remedy = "ds.pint.dequantify()" if what == "pint" else "ds.as_numpy()"
        return f"{name} is an array of {what}, expected NumPy or dask: use {remedy}."
    if kind == "b":
        return (
            f"{name} holds bool, expected numbers: is it a mask? Leave it out: "
            f"ds.drop_vars({name!r})."
        )
    if kind == "c":
        return (
            f"{name} holds complex numbers, as spectral coefficients are, expected values on a "
            f"grid. If its imaginary part means nothing, use ds.assign({{{name!r}: "
            f"ds[{name!r}].real}})."
        )
    if kind not in "iuf":
        return (
            f"{name} holds {field.dtype}, expected numbers: open the file again with "
            "xr.open_dataset(path, decode_timedelta=False)."
            if kind in "mM"
            else f"{name} holds {field.dtype}, expected numbers: leave it out with "
            f"ds.drop_vars({name!r})."
        )
    scale, offset = (field.attrs.get(k, n) for k, n in (("scale_factor", 1), ("add_offset", 0)))
    if not (_is(scale, 1) and _is(offset, 0)):
        return (
            f"{name} holds {field.dtype} and still states scale_factor {scale} and add_offset "
            f"{offset}: its values may be packed or not. If they are, use ds.assign({{{name!r}: "
            f"ds[{name!r}].drop_attrs() * {scale} + {offset}}}) and set the units again; if not, "
            f"ds[{name!r}].attrs.pop('scale_factor', None), ds[{name!r}].attrs.pop('add_offset', "
            "None)."
        )
    return ""


def _is(attribute: Any, number: int) -> bool:
    """Tell whether an attribute, which may be anything, is a number."""
    return bool(np.size(attribute) == 1 and np.asarray(attribute).item() == number)


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
        remedy = " Join them first, e.g. with xldm.open_input(ds), which takes files as well."
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
        or field.attrs.get("standard_name") in _MEAN_COORDINATES
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
    _TIMES = (*dialects.VALID_TIME, *dialects.TIME, *dialects.START)
    # Names of a few fields are enough to tell labels of variables from others.
    return sum(is_known(str(v)) for v in coordinate.values) > 1


def _plain(coordinate: xr.DataArray) -> dict[str, Any]:
    return {k: v for k, v in coordinate.attrs.items() if k not in ("units", "calendar")}


def _means_time(coordinate: xr.DataArray) -> bool:
    meant = coordinate.attrs.get("standard_name") in ("time", "forecast_reference_time")
    return meant or str(coordinate.name).lower() in _TIMES


def _fields(ds: xr.Dataset) -> dict[Hashable, xr.DataArray]:
    """Return the variables that are fields, not bounds of an axis or a grid mapping."""
    bounds = {v.attrs.get(k) for v in ds.variables.values() for k in ("bounds", "climatology")}
    return {
        name: field
        for name, field in ds.data_vars.items()
        if field.ndim > 0
        and name not in bounds
        and not str(name).endswith(("_bnds", "_bounds"))
        and " since " not in str(field.attrs.get("units"))
    }


def _needs_unpacking(field: xr.DataArray) -> bool:
    kind = getattr(field.dtype, "kind", "")
    if kind == "f" and field.dtype.itemsize > 2:
        return any(key in field.attrs for key in ("_FillValue", "missing_value"))
    return kind in "iuf" and bool(kind) and not _foreign(field)


def _unpacked(field: xr.DataArray) -> xr.DataArray:
    """Return a field unpacked by CF's rules; a number without a scale has a scale of one."""
    held, attrs = field.variable, dict(field.attrs)
    kept = {}
    if field.dtype.kind == "f" and field.dtype.itemsize > 2:
        kept = {k: attrs.pop(k) for k in ("scale_factor", "add_offset") if k in attrs}
    else:
        exact = "float32" if field.dtype.itemsize <= 2 else "float64"
        attrs.setdefault("scale_factor", np.dtype(exact).type(1))
    bare = xr.Dataset({"x": (field.dims, held._data, attrs)})
    try:
        out = xr.decode_cf(bare, decode_times=False, decode_coords=False)["x"]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{field.name} cannot be unpacked by its attributes: {error}. Expected numbers in "
            "scale_factor, add_offset and _FillValue."
        ) from error
    if held._in_memory:
        out = out.load()
    unpacked = xr.Variable(field.dims, out.variable._data, out.attrs | kept)
    return xr.DataArray(unpacked, name=field.name)


def _of_types(fields: dict[Hashable, xr.DataArray]) -> list[str]:
    packed = [n for n, f in fields.items() if {"scale_factor", "add_offset"} & {*f.attrs}]
    packed = [n for n in packed if fields[n].dtype.kind != "f"]
    half = [n for n, f in fields.items() if f.dtype == np.float16]
    whole = [n for n, f in fields.items() if f.dtype.kind in "iu" and n not in packed]
    notes = []
    if packed:
        notes.append(f"{_list(packed)} unpacked by its scale and offset.")
    if half:
        notes.append(f"{_list(half)}: half precision, good to 1 part in 2000.")
    if whole:
        notes.append(f"{_list(whole)}: whole numbers without a scale, taken as they are.")
    return notes


def _from_objects(field: xr.DataArray) -> xr.DataArray:
    def numbers(block: np.ndarray) -> np.ndarray:
        text = next((v for v in block.flat if isinstance(v, str | bytes)), None)
        if text is not None:
            raise InputError(
                f"{field.name} holds text as {text[:20]!r}, expected numbers: use "
                f"ds.assign({{{field.name!r}: ds[{field.name!r}].astype('float64')}}) if it is one."
            )
        try:
            return block.astype("float64")
        except (OverflowError, TypeError, ValueError) as error:
            raise InputError(f"{field.name} holds objects that are no numbers: {error}.") from error

    out = xr.apply_ufunc(numbers, field, dask="parallelized", output_dtypes=["float64"])
    return out.assign_attrs(field.attrs)


def _foreign(field: xr.DataArray) -> bool:
    """Whether values are wrapped in an array of another library, as units or sparse ones are."""
    module = type(field.variable._data).__module__.partition(".")[0]
    return module not in ("numpy", "dask", "xarray", "pandas")


def _list(names: Any) -> str:
    return ", ".join(map(str, names))
