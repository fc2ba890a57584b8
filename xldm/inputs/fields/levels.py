"""Find the pressure levels of a field, under any name, and refuse levels that are no pressures."""

from __future__ import annotations

import re
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...errors import InputError
from .. import dialects
from ..units import conversion

__all__ = ["Levels", "heights", "index_of", "pressure_levels", "text_of"]

# Levels without units: up to 1100 they are hPa, since no level of ERA5 is at less than 100 Pa, and
# above they are Pa, since no surface pressure exceeds 1100 hPa.
_MOST_HPA = 1100
# Levels nearer than this are the same: float32 holds 85000 Pa to 0.01 Pa, and text to a digit.
_SAME = 0.05
_NO_PRESSURE = re.compile(r"model|hybrid|sigma|eta\b|theta|height|altitude|depth|soil|layer number")
_HEIGHTS = re.compile(r"height|height_?above_?ground\d*|altitude")


@dataclass(frozen=True, eq=False)
class Levels:
    """Pressure levels of a field: the coordinate's name, its dim if it has one, and hPa."""

    name: str
    dim: str | None
    hectopascals: np.ndarray

    def __str__(self) -> str:
        """Return the levels in words, ascending."""
        return ", ".join(f"{p:g}" for p in np.sort(self.hectopascals)) + " hPa"


def pressure_levels(field: xr.DataArray) -> Levels | None:
    """Return the pressure levels of a field; None if it has none.

    A coordinate holds pressure by its units, by its standard name, or by a usual name. One along a
    dim of the field comes before a scalar, which other fields of a dataset may share.

    Raises
    ------
    InputError
        If levels along a dim are heights, model levels or of unknown units; if the name, the units
        and the values of pressure levels contradict each other.

    Examples
    --------
    >>> plev = ("isobaric3", [1e5, 85e3], {"units": "Pa"})
    >>> field = xr.DataArray([0.0, 1.0], dims="isobaric3", coords={"isobaric3": plev})
    >>> print(pressure_levels(field))
    850, 1000 hPa
    """
    along: list[Hashable] = []
    scalar: list[Hashable] = []
    for name, coordinate in field.coords.items():
        if coordinate.ndim > 1 or _is_other_axis(name, coordinate):
            continue
        if coordinate.ndim and _denied(name, coordinate):
            raise InputError(_not_pressure(name, coordinate))
        if _is_pressure(name, coordinate):
            (along if coordinate.ndim else scalar).append(name)
    along.sort(key=lambda n: n not in field.dims)
    if len({field.coords[n].dims for n in along}) > 1:
        raise InputError(
            f"{field.name} has pressure levels along two dims, {' and '.join(map(repr, along))}: "
            "expected one. Select along the dim that is not the field's own, and drop its "
            "coordinate."
        )
    for name in (*along, *scalar)[:1]:
        coordinate = field.coords[name]
        dim = str(coordinate.dims[0]) if coordinate.ndim else None
        return Levels(str(name), dim, _hectopascals(name, coordinate))
    return None


def index_of(field: xr.DataArray, levels: Levels, level: float) -> int | None:
    """Return the position of a level in hPa; None if it is not among the levels.

    Raises
    ------
    InputError
        If the level occurs more than once.
    """
    (where,) = np.nonzero(np.abs(levels.hectopascals - level) < _SAME)
    if where.size > 1:
        raise InputError(
            f"{field.name}: the level {level:g} hPa occurs {where.size} times along "
            f"{levels.dim!r}: use ds.isel({levels.dim}=~ds.get_index({levels.dim!r}).duplicated())."
        )
    return int(where[0]) if where.size else None


def heights(field: xr.DataArray) -> tuple[np.ndarray, str | None]:
    """Return the heights above ground of a field in m, and their dim; empty if none are stated.

    A height along a dim comes before scalars. Scalars of one dataset may contradict each other:
    then all are returned.
    """
    found: dict[str | None, list[float]] = {}
    for name, coordinate in field.coords.items():
        said = text_of(coordinate.attrs.get("standard_name")) == "height"
        said |= _HEIGHTS.fullmatch(str(name).lower()) is not None
        units = text_of(coordinate.attrs.get("units"))
        # A level in metres is a height too.
        if coordinate.ndim > 1 or not (said or (units and _stem(name) in dialects.LEVEL)):
            continue
        to_m = conversion(units or "m", "m")
        if to_m is None or coordinate.dtype.kind not in "iuf":
            continue
        dim = str(coordinate.dims[0]) if coordinate.ndim else None
        found.setdefault(dim, []).extend(np.atleast_1d(coordinate.values) * to_m[0])
    # NCL has no coordinate of a single height.
    attrs = field.attrs
    if not found and "height" in text_of(attrs.get("level_type")).lower() and "level" in attrs:
        with suppress(TypeError, ValueError):
            found[None] = [float(h) for h in np.atleast_1d(attrs["level"])]
    along = next((d for d in found if d is not None), None)
    return np.array(found.get(along, [])), along


def text_of(attribute: object) -> str:
    """Return an attribute as text, stripped: bytes are decoded, and None is empty.

    Examples
    --------
    >>> text_of(b"K "), text_of(None)
    ('K', '')
    """
    if isinstance(attribute, bytes):
        attribute = attribute.decode("utf-8", "replace")
    return "" if attribute is None else str(attribute).strip()


def _is_other_axis(name: Hashable, coordinate: xr.DataArray) -> bool:
    """Tell whether a coordinate is time, latitude, longitude, or a number of a member."""
    others = (*dialects.TIME, *dialects.LATITUDE, *dialects.LONGITUDE, *dialects.MEMBER)
    meant = text_of(coordinate.attrs.get("standard_name")) in dialects.COORDINATES
    return meant or str(name).lower() in others or coordinate.dtype.kind in "mMb"


def _stem(name: Hashable) -> str:
    # Providers number coordinates of the same kind: isobaric3, lv_ISBL0.
    lower = str(name).lower()
    return lower if lower in dialects.LEVEL else lower.rstrip("0123456789").rstrip("_")


def _is_pressure(name: Hashable, coordinate: xr.DataArray) -> bool:
    attrs = coordinate.attrs
    units = text_of(attrs.get("units"))
    if units and conversion(units, "hPa") is not None:
        return text_of(attrs.get("standard_name")) in ("air_pressure", "pressure", "unknown", "")
    return _says_pressure(name, coordinate)


def _denied(name: Hashable, coordinate: xr.DataArray) -> bool:
    """Tell whether a coordinate is vertical, but says that it is no pressure."""
    attrs = coordinate.attrs
    units = text_of(attrs.get("units"))
    if units:
        vertical = _says_pressure(name, coordinate) or "positive" in attrs
        return vertical and conversion(units, "hPa") is None
    said = " ".join(text_of(attrs.get(k)) for k in ("standard_name", "long_name")).lower()
    vertical = _says_pressure(name, coordinate) or "positive" in attrs or attrs.get("axis") == "Z"
    upwards = text_of(attrs.get("positive")).lower() == "up"
    other = "formula_terms" in attrs or _NO_PRESSURE.search(said) is not None
    return vertical and (upwards or other)


def _says_pressure(name: Hashable, coordinate: xr.DataArray) -> bool:
    stated = text_of(coordinate.attrs.get("standard_name"))
    return stated == "air_pressure" or _stem(name) in dialects.LEVEL


def _not_pressure(name: Hashable, coordinate: xr.DataArray) -> str:
    attrs = coordinate.attrs
    said = "; ".join(
        f"{k} {text_of(attrs[k])!r}"
        for k in ("units", "standard_name", "long_name", "positive")
        if k in attrs
    )
    return (
        f"The levels of {name!r} are no pressures ({said or 'by their attributes'}): interpolate "
        "fields on model, sigma or height levels to pressure levels first."
    )


def _hectopascals(name: Hashable, coordinate: xr.DataArray) -> np.ndarray:
    values, units = _numbers(name, coordinate)
    stated = text_of(coordinate.attrs.get("units")) or units
    named = {"isobaricinhpa": "hPa", "isobaricinpa": "Pa"}.get(str(name).lower(), "")
    if not stated:
        stated = named or ("Pa" if values.max(initial=0) > _MOST_HPA else "hPa")
    to_hpa = conversion(stated, "hPa")
    if to_hpa is None:
        raise InputError(_not_pressure(name, coordinate))
    result = values * to_hpa[0]
    if result.max(initial=0) > _MOST_HPA or (named and conversion(named, "hPa") != to_hpa):
        other = named or ("Pa" if stated != "Pa" else "hPa")
        raise InputError(
            f"The levels of {name!r} run to {values.max():g} {stated}, which contradicts "
            f"{'its name' if named else 'any pressure of the air'}: if they are in {other}, set "
            f"ds[{str(name)!r}].attrs['units'] = {other!r}."
        )
    return result


def _numbers(name: Hashable, coordinate: xr.DataArray) -> tuple[np.ndarray, str]:
    """Return the numbers of a coordinate, and the units if they stand beside each number."""
    values = np.atleast_1d(coordinate.values)
    if values.dtype.kind in "iuf":
        return values.astype(float), ""
    read = [re.fullmatch(r"\s*([\d.]+(?:e\d+)?)\s*([A-Za-z]*)\s*", text_of(v)) for v in values]
    units = {r[2] for r in read if r}
    if not all(read) or len(units) > 1:
        raise InputError(
            f"The levels of {name!r} are {', '.join(map(text_of, values[:3]))}: expected numbers, "
            "in hPa or with units."
        )
    return np.array([float(r[1]) for r in read if r]), units.pop() if units else ""
