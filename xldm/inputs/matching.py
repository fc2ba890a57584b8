"""Find a predictor in a dataset by what it means, whatever dialect the dataset speaks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import InputError
from ..vocabulary import VOCABULARY, Known
from . import dialects
from .report import Found
from .units import conversion

__all__ = ["known", "match"]

# Levels without units: up to 1100 they are hPa, since no level of ERA5 is at less than 100 Pa, and
# above they are Pa, since no surface pressure exceeds 1100 hPa.
_MOST_HPA = 1100


def known(wanted: Variable) -> Known:
    """Return the vocabulary's entry for a model's predictor, or one made of the predictor alone.

    Level, sums and gaps are those of the predictor.
    """
    entry = VOCABULARY.get(wanted.name) or _entry_of_model(wanted)
    sums, gaps = wanted.over_time != "point", wanted.only_at_sea
    return replace(entry, level=wanted.level, accumulated=sums, gaps=gaps)


def _entry_of_model(wanted: Variable) -> Known:
    short = wanted.name if wanted.level is None else wanted.name.removesuffix(f"{wanted.level:g}")
    return Known(
        name=wanted.name.lower(),
        short=short.lower(),
        long_name=wanted.long_name.lower().replace(" ", "_") or short.lower(),
        param=0,
        standard_names=(wanted.standard_name,),
        units=wanted.units,
        low=-np.inf,
        high=np.inf,
    )


def match(ds: xr.Dataset, wanted: Variable) -> Found:
    """Find a predictor, and the conversion to the model's units.

    The search goes by variable names of the dialects, then by GRIB parameter ids, then by CF
    standard names. Surface and pressure-level fields may share a standard name: then a coordinate
    has to tell them apart.

    Returns
    -------
    Found
        With ``variable`` None if the predictor is absent, and ``problem`` set if its variable
        cannot be used or if several variables match.
    """
    entry = known(wanted)
    try:
        name, reason = _identify(ds, entry)
        if name is None:
            return Found(wanted.name, becomes=f"absent ({reason})" if reason else "absent")
        found = Found(wanted.name, name, units=str(ds[name].attrs.get("units", "")).strip())
    except InputError as error:
        return Found(wanted.name, "?", problem=str(error))
    try:
        if entry.level is not None and str(name).lower() not in dialects.names(entry):
            dim, index = _level(ds[name], entry.level)
            found = replace(found, level=entry.level, level_dim=dim, level_index=index)
        scale, offset = _conversion(found, wanted, entry)
    except InputError as error:
        return replace(found, problem=str(error))
    becomes = _in_words(wanted.units, scale, offset)
    problem = " ".join(_contradictions(ds[name], name, entry))
    return replace(
        found,
        scale=scale,
        offset=offset,
        becomes=becomes,
        problem=problem,
        attrs={
            "standard_name": wanted.standard_name,
            "units": wanted.units,
            "cell_methods": f"time: {wanted.over_time}",
        },
    )


def _identify(ds: xr.Dataset, entry: Known) -> tuple[Hashable | None, str]:
    """Return the variable that holds a predictor, or None and the reason."""
    on_levels = [n for n in ds.data_vars if _level_coordinate(ds[n]) is not None]
    by_name = [n for n in ds.data_vars if str(n).lower() in dialects.names(entry)]
    # A stem such as ``u`` names the predictor only where it has a pressure level.
    stems = [n for n in ds.data_vars if str(n).lower() in dialects.stems(entry)]
    by_stem = [n for n in stems if n in on_levels]
    by_param = [
        n
        for n in ds.data_vars
        if entry.param
        and ds[n].attrs.get("GRIB_paramId") == entry.param
        and (entry.level is None or n in on_levels)
    ]
    by_meaning = [
        n
        for n in ds.data_vars
        if ds[n].attrs.get("standard_name") in entry.standard_names
        and not _named_otherwise(n, ds[n])
        and (_at_height(ds[n], entry) if entry.level is None else n in on_levels)
    ]
    for candidates in (by_name, by_stem, by_param, by_meaning):
        if len(candidates) > 1:
            raise InputError(
                f"{entry.name}: {', '.join(map(str, candidates))} all match. Keep one: "
                f"ds.drop_vars({str(candidates[1])!r})."
            )
        if candidates:
            name = candidates[0]
            if (
                entry.level is not None
                and name in on_levels
                and str(name).lower() not in dialects.names(entry)
            ):
                return _if_level(ds[name], name, entry.level)
            return name, ""
    if stems:
        return None, (
            f"{stems[0]} has no pressure-level coordinate that puts it at {entry.level:g} hPa; if "
            f"it is there, use ds.assign_coords(pressure_level={entry.level:g})"
        )
    return None, ""


def _if_level(field: xr.DataArray, name: Hashable, level: float) -> tuple[Hashable | None, str]:
    levels = _hectopascals(_level_coordinate(field))
    if np.isclose(levels, level, atol=0.01).any():
        return name, ""
    shown = ", ".join(f"{p:g}" for p in np.sort(levels))
    return None, f"{name} is there at {shown} hPa only, not at {level:g} hPa"


def _named_otherwise(name: Hashable, field: xr.DataArray) -> bool:
    """Tell whether a name or a GRIB id says that a variable is a field of the vocabulary."""
    if _entry_of_param(field) is not None:
        return True
    lower = str(name).lower()
    return any(lower in dialects.names(k) | dialects.stems(k) for k in VOCABULARY.values())


def _entry_of_param(field: xr.DataArray) -> Known | None:
    """Return an entry of the vocabulary with the GRIB id of a variable; levels may differ."""
    param = field.attrs.get("GRIB_paramId")
    return next((k for k in VOCABULARY.values() if k.param == param), None)


def _at_height(field: xr.DataArray, entry: Known) -> bool:
    if any(d for d in field.dims if _is_level(d, field)):
        return False
    if entry.height is None:
        return True
    for name in ("height", "heightAboveGround"):
        if name in field.coords and field.coords[name].size == 1:
            return bool(np.isclose(float(field.coords[name].values.item()), entry.height))
    return False


def _is_level(name: Hashable, field: xr.DataArray) -> bool:
    coordinate = field.coords.get(name)
    if coordinate is None:
        return False
    return str(name).lower() in dialects.LEVEL or (
        coordinate.attrs.get("standard_name") == "air_pressure" and coordinate.ndim <= 1
    )


def _level_coordinate(field: xr.DataArray) -> xr.DataArray | None:
    """Return the pressure coordinate of a field; a dim of the field comes before a scalar."""
    names = [n for n in field.coords if _is_level(n, field)]
    names.sort(key=lambda n: n not in field.dims)
    return field.coords[names[0]] if names else None


def _hectopascals(coordinate: xr.DataArray | None) -> np.ndarray:
    if coordinate is None:
        return np.empty(0)
    values = np.atleast_1d(coordinate.values.astype(float))
    units = str(coordinate.attrs.get("units", "")).strip()
    if not units:
        units = "Pa" if values.max(initial=0) > _MOST_HPA else "hPa"
    to_hpa = conversion(units, "hPa")
    if to_hpa is None:
        raise InputError(
            f"The levels of {coordinate.name!r} are in {units!r}, which is not a pressure: "
            "interpolate fields on model or height levels to pressure levels first."
        )
    return values * to_hpa[0]


def _level(field: xr.DataArray, level: float) -> tuple[str | None, int]:
    coordinate = _level_coordinate(field)
    (where,) = np.nonzero(np.isclose(_hectopascals(coordinate), level, atol=0.01))
    if where.size > 1:
        raise InputError(f"{field.name}: the level {level:g} hPa occurs {where.size} times.")
    dim = str(coordinate.dims[0]) if coordinate is not None and coordinate.ndim else None
    return dim, int(where[0])


def _contradictions(field: xr.DataArray, name: Hashable, entry: Known) -> Iterator[str]:
    """Yield contradictions between a variable's attributes and the predictor."""
    attrs = field.attrs
    other = _entry_of_param(field)
    if other is not None and entry.param and other.param != entry.param:
        yield (
            f"{name} is named as {entry.name}, but its GRIB_paramId {other.param} says "
            f"{other.long_name}: rename it, or delete the attribute if it is stale."
        )
    if attrs.get("standard_name") in entry.refused:
        yield (
            f"{name} is {attrs['standard_name']}, not {entry.standard_names[0]}: give "
            f"{entry.long_name} as ERA5 does ({entry.units}, as liquid water)."
        )
    step = str(attrs.get("GRIB_stepType", "instant"))
    cells = str(attrs.get("cell_methods", ""))
    for said, bad in (
        (f"GRIB_stepType {step!r}", step.startswith("avg") or step in ("max", "min")),
        (f"cell_methods {cells!r}", _other_than_hourly(cells, entry.accumulated)),
    ):
        if bad:
            kind = "sums over one hour" if entry.accumulated else "instantaneous values"
            yield (
                f"{name} has {said}, but the model wants hourly {kind}. Use hourly ERA5, or delete "
                "the attribute if it does not describe the data."
            )


def _other_than_hourly(cell_methods: str, accumulated: bool) -> bool:
    _, _, method = cell_methods.partition("time:")
    kind, _, remark = method.strip().partition(" ")
    if not kind or kind == "point":
        return False
    if not accumulated or kind not in ("sum", "mean"):
        return True
    hours = ("1 hour", "1 hours", "1h", "1 h", "1 hr", "3600 s", "60 minutes")
    _, interval, length = remark.partition("interval:")
    return bool(interval) and not length.strip().lower().startswith(hours)


def _conversion(found: Found, wanted: Variable, entry: Known) -> tuple[float, float]:
    if not found.units:
        raise InputError(
            f"{found.variable} has no units, and none are guessed: set "
            f"ds[{str(found.variable)!r}].attrs['units'], e.g. to {entry.units!r}."
        )
    result = conversion(found.units, wanted.units, hourly=entry.accumulated, water=entry.water)
    if result is None:
        raise InputError(
            f"{found.variable} is in {found.units!r}, which cannot be converted to "
            f"{wanted.units!r} of {wanted.standard_name}."
        )
    return result


def _in_words(wanted: str, scale: float, offset: float) -> str:
    if (scale, offset) == (1.0, 0.0):
        return f"as it is ({wanted})"
    steps = (f" times {scale:g}" if scale != 1 else "") + (f" {offset:+g}" if offset else "")
    return f"{wanted}:{steps}"
