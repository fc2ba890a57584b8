"""Fields, axes and attributes that no input may have: each spoils a dataset that was good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

Spoil = Callable[[xr.Dataset], xr.Dataset]


def _values(make: Callable[[np.ndarray], Any], name: str = "t2m") -> Spoil:
    """Replace the values of a field."""

    def spoil(ds: xr.Dataset) -> xr.Dataset:
        field = ds[name]
        return ds.assign({name: (field.dims, make(field.values), field.attrs)})

    return spoil


def _objects(value: Any) -> Callable[[np.ndarray], Any]:
    def make(values: np.ndarray) -> np.ndarray:
        out = values.astype(object)
        out[_middle(out)] = value
        return out

    return make


def _middle(values: np.ndarray) -> tuple[int, ...]:
    return tuple(n // 2 for n in values.shape)


def _one(value: Any) -> Callable[[np.ndarray], Any]:
    def make(values: np.ndarray) -> np.ndarray:
        out = values.copy()
        out[_middle(out)] = value
        return out

    return make


def _axis(name: str, make: Callable[[np.ndarray], Any], **attrs: Any) -> Spoil:
    """Replace the values of a coordinate."""

    def spoil(ds: xr.Dataset) -> xr.Dataset:
        axis = ds[name]
        values = make(axis.values)
        bare = ds.drop_vars(name)
        return bare.assign_coords({name: (axis.dims, values, axis.attrs | attrs)})

    return spoil


def _attrs(name: str, **attrs: Any) -> Spoil:
    def spoil(ds: xr.Dataset) -> xr.Dataset:
        ds = ds.copy()
        ds[name] = ds[name].assign_attrs(attrs)
        return ds

    return spoil


def _all(value: Any) -> Callable[[np.ndarray], Any]:
    return lambda v: np.full(v.shape, value)


#: Fields, by what is bad in them; the refusal names t2m.
VALUES: dict[str, Spoil] = {
    "text": _values(lambda v: v.astype(str)),
    "bytes": _values(lambda v: v.astype("S")),
    "complex": _values(lambda v: v + 1j),
    "complex without an imaginary part": _values(lambda v: v + 0j),
    "bool": _values(lambda v: v > 288),
    "dates": _values(lambda v: v.astype("datetime64[s]")),
    "lengths of time": _values(lambda v: v.astype("timedelta64[s]")),
    "a structure": _values(lambda v: np.zeros(v.shape, [("a", "f4")])),
    "objects of text": _values(lambda v: v.astype(str).astype(object)),
    "an object of text": _values(_objects("cold")),
    "an object None": _values(_objects(None)),
    "a complex object": _values(_objects(288 + 1j)),
    "an array as object": _values(_objects([1, 2])),
    "a huge object": _values(_objects(10**400)),
    "NaN": _values(_one(np.nan)),
    "infinity": _values(_one(np.inf)),
    "-infinity": _values(_one(-np.inf)),
    "a huge number": _values(_one(1e30)),
    "nothing but NaN": _values(_all(np.nan)),
    "zeros": _values(_all(0.0)),
    "whole numbers that mean nothing": _values(_all(7)),
    "half precision beyond its range": _values(lambda v: (v * 1e9).astype("float16")),
}
#: Axes, by what is bad in them.
AXES: dict[str, Spoil] = {
    "levels as words": _axis("pressure_level", lambda v: np.array(["low", "middle", "high"])),
    "levels as dates": _axis("pressure_level", lambda v: v.astype("datetime64[s]")),
    "levels as bool": _axis("pressure_level", lambda v: v > 900),
    "complex levels": _axis("pressure_level", lambda v: v + 1j),
    "levels of objects": _axis("pressure_level", lambda v: np.array([None, [], "a"], object)),
    "levels as NaN": _axis("pressure_level", _all(np.nan)),
    "infinite levels": _axis("pressure_level", _all(np.inf)),
    "negative levels": _axis("pressure_level", lambda v: -v),
    "levels without end": _axis("pressure_level", lambda v: v * 1e300),
    "levels all the same": _axis("pressure_level", _all(850.0)),
    "latitude as text": _axis("latitude", lambda v: v.astype(str)),
    "latitude as words": _axis("latitude", lambda v: np.array([f"row {i}" for i in range(v.size)])),
    "latitude as objects": _axis("latitude", lambda v: np.array([None] * v.size, object)),
    "latitude as dates": _axis("latitude", lambda v: v.astype("datetime64[s]")),
    "latitude as bool": _axis("latitude", lambda v: v > 45),
    "complex latitude": _axis("latitude", lambda v: v + 1j),
    "latitude with NaN": _axis("latitude", _one(np.nan)),
    "infinite latitude": _axis("latitude", _one(-np.inf)),
    "latitude all the same": _axis("latitude", _all(45.0)),
    "latitude beyond the poles": _axis("latitude", lambda v: v * 3),
    "longitude as text": _axis("longitude", lambda v: v.astype(str)),
    "complex longitude": _axis("longitude", lambda v: v + 1j),
    "longitude with NaN": _axis("longitude", _one(np.nan)),
    "longitude that jumps": _axis("longitude", lambda v: v[::-1] * np.where(v > 6, 1, -1)),
    "time as words": _axis("valid_time", lambda v: np.array(["first", "second"])),
    "time as bytes": _axis("valid_time", lambda v: np.array([b"first", b"second"])),
    "time as numbers": _axis("valid_time", lambda v: np.arange(v.size)),
    "time as fractions": _axis("valid_time", lambda v: np.arange(v.size) + 0.5),
    "time as bool": _axis("valid_time", lambda v: np.arange(v.size) > 0),
    "complex time": _axis("valid_time", lambda v: np.arange(v.size) + 1j),
    "time as objects": _axis("valid_time", lambda v: np.array([object(), object()])),
    "time as None": _axis("valid_time", lambda v: np.array([None, None])),
    "no time": _axis("valid_time", lambda v: np.array(["NaT"] * v.size, "datetime64[ns]")),
    "a time missing": _axis("valid_time", lambda v: np.array([v[0], "NaT"], "datetime64[ns]")),
    "the same time twice": _axis("valid_time", lambda v: v[[0, 0]]),
    "time as lengths": _axis("valid_time", lambda v: np.arange(v.size).astype("timedelta64[h]")),
    "units of time that are none": _axis(
        "valid_time", lambda v: np.arange(v.size), units="hours since the flood"
    ),
    "times beyond all dates": _axis(
        "valid_time", lambda v: np.arange(v.size) + 1e300, units="hours since 1970-01-01"
    ),
    "no rows": lambda ds: ds.isel(latitude=slice(0)),
    "one row": lambda ds: ds.isel(latitude=[0]),
    "no columns": lambda ds: ds.isel(longitude=slice(0)),
    "no times": lambda ds: ds.isel(valid_time=slice(0)),
    "no fields": lambda ds: ds[[]],
    "no latitude": lambda ds: ds.drop_vars("latitude"),
    "no time axis": lambda ds: ds.drop_vars("valid_time"),
    "a dim of its own": lambda ds: ds.assign(t2m=ds["t2m"].expand_dims(sort=3)),
    "half the rows": lambda ds: ds.assign(t2m=ds["t2m"].isel(latitude=0, drop=True)),
}  # fmt: skip

_TOWER = "m**10**10**10"
#: Units of t2m that are no units of a temperature, whatever is done to read them.
UNITS: dict[str, Any] = {
    "a tower of powers": _TOWER,
    "a tower of powers in another spelling": "m^10^10^10",
    "a number to a tower": "10**10**10 K",
    "powers in parentheses": "((((10**99)**99)**99)**99)**99 K",
    "a power of UDUNITS": "hPa9999999999",
    "a power with a sign": "hPa-9999999999",
    "a power of blanks": "hPa ** 9999999999",
    "a tower in a rate": f"{_TOWER} s-1",
    "a tower per hour": f"{_TOWER}/3h",
    "a shift": "1 << 9999999999",
    "a long text": "K" * 10**6,
    "a long text with blanks": "K " * 10**5,
    "long parentheses": "(" * 10**5,
    "many minus signs": "-" * 10**5 + "1 K",
    "a number of many digits": "9" * 10**5 + " K",
    "a call": "__import__('os').getcwd()",
    "an attribute": "K.__class__",
    "zero": "\0",
    "a number": 3,
    "not a number": float("nan"),
    "an array": np.array(["K", "K"]),
    "numbers": np.array([1, 2]),
    "a mapping": {"K": 1},
    "a word": "warm",
    "an overflow": "1e400 K",
    "a division by zero": "K / 0",
}
#: Attributes that can be anything in a file, though nothing in CF; not all have to be refused.
ODD: dict[str, Any] = {
    "None": None, "a number": 3, "bytes": b"K", "a list": ["a", "b"], "numbers": np.array([1, 2]),
    "texts": np.array(["a", "b"]), "a mapping": {"a": 1}, "nothing": "", "zero": "\0",
    "a long text": "time: mean " * 10**4, "NaN": float("nan"), "a tower": _TOWER,
}  # fmt: skip
#: Which attributes are tried so, of which variable.
READ = [
    (name, key)
    for name, keys in {
        "t2m": (
            "standard_name", "long_name", "cell_methods", "coordinates", "grid_mapping", "comment",
            "GRIB_stepType", "GRIB_shortName", "GRIB_paramId", "GRIB_typeOfLevel", "GRIB_units",
            "bounds", "_FillValue", "scale_factor", "add_offset", "wind_frame",
        ),
        "tp": ("cell_methods", "GRIB_stepType", "GRIB_stepRange", "long_name", "units", "comment"),
        "q": ("units", "standard_name", "GRIB_typeOfLevel"),
        "latitude": ("units", "standard_name", "axis", "bounds"),
        "valid_time": ("units", "calendar", "standard_name", "bounds", "axis"),
        "pressure_level": ("units", "standard_name", "positive", "long_name", "axis"),
    }.items()
    for key in keys
]  # fmt: skip


def with_attribute(ds: xr.Dataset, name: str, key: str, value: Any) -> xr.Dataset:
    """Return a dataset with an attribute of a variable."""
    return _attrs(name, **{key: value})(ds)
