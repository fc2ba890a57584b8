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

# No weather reaches the ground at over 1100 hPa, and no ERA5 level lies above 1 hPa = 100 Pa: bare
# numbers up to 1100 are hPa, as in all of ERA5, and larger ones Pa.
_MOST_HPA = 1100
_PARAMS = {k.param: k for k in VOCABULARY.values()}


def known(wanted: Variable) -> Known:
    """What is known about a model's predictor; for one that ERA5's table lacks, what it says."""
    entry = VOCABULARY.get(wanted.name)
    if entry is not None:
        return replace(entry, level=wanted.level)
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
        level=wanted.level,
    )


def match(ds: xr.Dataset, wanted: Variable) -> Found:
    """Find a predictor, and the conversion to the model's units.

    Looked for, in this order: variable names of the dialects, GRIB parameter ids, CF standard
    names. A standard name that surface and pressure-level fields share needs the coordinate that
    tells them apart.

    Returns
    -------
    Found
        With ``variable`` None if the predictor is absent, and ``problem`` set if what was found
        cannot be used or if more than one variable answers.
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
            "cell_methods": "time: sum" if entry.accumulated else "time: point",
        },
    )


def _identify(ds: xr.Dataset, entry: Known) -> tuple[Hashable | None, str]:
    """The variable that holds a predictor, or None and why there is none."""
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
                f"{entry.name}: {', '.join(map(str, candidates))} all answer to it. Keep one: "
                f"ds.drop_vars({str(candidates[1])!r})."
            )
        if candidates:
            name = candidates[0]
            if (
                entry.level is not None
                and name in on_levels
                and str(name).lower() not in dialects.names(entry)
            ):
                return _if_level(ds[name], name, entry)
            return name, ""
    if stems:
        return None, (
            f"{stems[0]} has no pressure-level coordinate that would tell it is at {entry.level:g} "
            f"hPa; ds.assign_coords(pressure_level={entry.level:g}) says so"
        )
    return None, ""


def _if_level(field: xr.DataArray, name: Hashable, entry: Known) -> tuple[Hashable | None, str]:
    levels = _hectopascals(_level_coordinate(field))
    if np.isclose(levels, entry.level, atol=0.01).any():
        return name, ""
    shown = ", ".join(f"{p:g}" for p in np.sort(levels))
    return None, f"{name} is there at {shown} hPa only, not at {entry.level:g} hPa"


def _named_otherwise(name: Hashable, field: xr.DataArray) -> bool:
    """Whether a name or a GRIB id already says that a variable is some predictor."""
    if field.attrs.get("GRIB_paramId") in _PARAMS:
        return True
    lower = str(name).lower()
    return any(lower in dialects.names(k) | dialects.stems(k) for k in VOCABULARY.values())


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
    """The pressure coordinate of a field, a dim of its own before a scalar one."""
    names = [n for n in field.coords if _is_level(n, field)]
    names.sort(key=lambda n: n not in field.dims)
    return field.coords[names[0]] if names else None


def _hectopascals(coordinate: xr.DataArray) -> np.ndarray:
    values = np.atleast_1d(coordinate.values.astype(float))
    units = str(coordinate.attrs.get("units", "")).strip()
    if not units:
        units = "Pa" if values.max(initial=0) > _MOST_HPA else "hPa"
    to_hpa = conversion(units, "hPa")
    if to_hpa is None:
        raise InputError(
            f"The levels of {coordinate.name!r} are in {units!r}, which is not a pressure: fields "
            "on model or height levels must be brought to pressure levels first."
        )
    return values * to_hpa[0]


def _level(field: xr.DataArray, level: float) -> tuple[str | None, int]:
    coordinate = _level_coordinate(field)
    (where,) = np.nonzero(np.isclose(_hectopascals(coordinate), level, atol=0.01))
    if where.size > 1:
        raise InputError(f"{field.name}: the level {level:g} hPa occurs {where.size} times.")
    return (coordinate.dims[0] if coordinate.ndim else None), int(where[0])


def _contradictions(field: xr.DataArray, name: Hashable, entry: Known) -> Iterator[str]:
    """Attributes of a variable that say it is something else."""
    attrs = field.attrs
    other = _PARAMS.get(attrs.get("GRIB_paramId"))
    if other is not None and entry.param and other.param != entry.param:
        yield (
            f"{name} is named as {entry.name}, but its GRIB_paramId {other.param} says "
            f"{other.long_name}: rename it, or delete the attribute if it is a left-over."
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
            f"{found.variable} has no units, and they are not guessed: set "
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
