"""Fields as numbers: unpack them, and say why one of another type cannot be used."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from ..errors import InputError

__all__ = ["as_numbers", "type_problem", "unpacked"]

# Attributes of packing, which have to be numbers.
_PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value")


def as_numbers(ds: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Unpack the fields that still have a scale, an offset or a fill value; lazily, with notes.

    Integers, objects and half-precision numbers become numbers of single or double precision.
    """
    notes: list[str] = []
    fields = _fields(ds)
    packed = {n: f for n, f in fields.items() if _needs_unpacking(f)}
    objects = {n: f for n, f in fields.items() if f.dtype == object and not _foreign(f)}
    if packed:
        ds = ds.assign({n: unpacked(f) for n, f in packed.items()})
        notes += _of_types(packed)
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


def unpacked(field: xr.DataArray) -> xr.DataArray:
    """Return a field unpacked by CF's rules; a number without a scale has a scale of one."""
    held, attrs = field.variable, field.attrs | _packing(field)
    kept = {}
    if field.dtype.kind == "f" and field.dtype.itemsize > 2:
        kept = {k: attrs.pop(k) for k in ("scale_factor", "add_offset") if k in attrs}
    else:
        exact = "float32" if field.dtype.itemsize <= 2 else "float64"
        attrs.setdefault("scale_factor", np.dtype(exact).type(1))
    bare = xr.Dataset({"x": (field.dims, held._data, attrs)})
    try:
        out = xr.decode_cf(bare, decode_times=False, decode_coords=False)["x"]
    except (OverflowError, TypeError, ValueError) as error:
        raise InputError(_not_unpacked(field, str(error))) from error
    if held._in_memory:
        out = out.load()
    unpacked = xr.Variable(field.dims, out.variable._data, out.attrs | kept)
    return xr.DataArray(unpacked, name=field.name)


def _packing(field: xr.DataArray) -> dict[str, Any]:
    """Return the attributes of packing as numbers; text that is a number is one.

    What is no number fails only where values are computed, and in words of other libraries.
    """
    found: dict[str, Any] = {}
    for key in _PACKING:
        if key not in field.attrs:
            continue
        try:
            numbers = np.atleast_1d(np.asarray(field.attrs[key]))
            if numbers.dtype.kind not in "iuf":
                numbers = numbers.astype("float64")
        except (TypeError, ValueError) as error:
            raise InputError(_not_unpacked(field, f"{key} is {field.attrs[key]!r}")) from error
        scale = key in ("scale_factor", "add_offset")
        if scale and (numbers.size != 1 or not np.isfinite(numbers).all()):
            raise InputError(_not_unpacked(field, f"{key} is {field.attrs[key]!r}"))
        if key == "scale_factor" and not numbers.all():
            raise InputError(_not_unpacked(field, "scale_factor is 0"))
        found[key] = numbers[0] if numbers.size == 1 else numbers
    return found


def _not_unpacked(field: xr.DataArray, why: str) -> str:
    return (
        f"{field.name} cannot be unpacked by its attributes: {why}. Expected numbers in "
        f"{', '.join(_PACKING)}. Correct them, as ds[{field.name!r}].attrs['scale_factor'] = 0.01, "
        "or delete them if the values are not packed."
    )


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
