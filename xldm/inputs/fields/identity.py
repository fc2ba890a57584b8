"""What the attributes of a variable say of the field that it holds, for and against.

Short names and ids of GRIB weigh more than long names, and these more than CF standard names, which
several fields share and some tables get wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import xarray as xr

from ...vocabulary import PARTS, VOCABULARY, Known, winds
from .. import dialects
from ..units import conversion
from .levels import text_of
from .names import Meaning, meaning

__all__ = ["NEAR", "against", "claims", "described", "ids", "says_moment", "units_by_id"]

# Attributes that hold a short name of ECMWF's table; other providers fill the lesser ones.
_ECMWF = ("GRIB_shortName", "GRIB_cfVarName", "shortNameECMWF")
_SHORT = (*_ECMWF, "short_name", "shortName", "param")
_IDS = ("GRIB_paramId", "paramId", "GRIB_param_id", "param_id")
# Ids from here on belong to the tables of other centres.
_LOCAL = 500_000
_UNKNOWN = ("unknown", "unknown_cf_name", "~", "none", "")
_OTHER_STATISTIC = re.compile(
    r"maximum|minimum|anomal|standard deviation|climatolog|percentile|gust|quantile|\bmax\b|\bmin\b"
    r"|\bspread\b|\bbias\b"
    # Other quantities that have the words of one of ours inside.
    r"|potential temp|virtual temp|apparent temp|wet.?bulb|clear.?sky|\bnet\b|neutral wind"
)
# Fields of GRIB along a grid of these types have winds to the east and the north in any frame.
_GEOGRAPHIC = ("", "regular_ll", "regular_gg", "reduced_ll", "reduced_gg")
_SPREADS = ("es", "ses")
_STEP_TYPES = ("GRIB_stepType", "step_type", "stepType")
_REMARKS = ("comment", "description", "note")
_AVERAGE = re.compile(
    r"\b(?:averaged?|mean|maximum|minimum|accumulated)\b.*\b(?:since|over|during|of)\b.*"
    r"\b(?:step|hours?|days?|months?|midnight|start)\b"
)
# How near a claim is: a name is nearest, with 0.
NEAR, _SAID, _BY_MEANING = 2, 3, 4


def claims(field: xr.DataArray | xr.Variable, entry: Known) -> dict[int, Meaning]:
    """Return what the attributes say of a field, by their weight; a smaller number weighs more."""
    found: dict[int, Meaning] = {}
    attrs = field.attrs
    short = [meaning(text, entry) for text in _short_names(field).values()]
    if ids(field) & _ids_of(entry):
        short.append("may" if entry.level is not None else "is")
    found[NEAR] = _best(short)
    long_name = text_of(attrs.get("long_name"))
    said = meaning(long_name, entry)
    # The density or the thickness of snow is in its long name, if anywhere.
    if entry.short == "sde" and _thickness(field):
        said = "is"
    found[_SAID] = "" if _OTHER_STATISTIC.search(long_name.lower()) else said
    if text_of(attrs.get("standard_name")) in entry.standard_names:
        found[_BY_MEANING] = "is" if (entry.height, entry.level) == (None, None) else "may"
    return {weight: said for weight, said in found.items() if said in ("is", "may")}


def against(field: xr.DataArray, entry: Known) -> Iterator[str]:
    """Yield what in the attributes of a variable contradicts a field, with the way out of each."""
    name, attrs = str(field.name), field.attrs
    for key, text in _short_names(field).items():
        said = meaning(text, entry)
        if said == "other" or (said == "" and key in _ECMWF):
            yield _contradiction(name, entry, key, text, "")
    other = ids(field) - _ids_of(entry)
    if other and entry.param and not ids(field) & _ids_of(entry):
        key = next(k for k in (*_IDS, "ecmwf_parameter", "code", "param") if k in attrs)
        yield _contradiction(name, entry, key, min(other), _named_by_id(min(other)))
    long_name = text_of(attrs.get("long_name"))
    if meaning(long_name, entry) == "other" or _OTHER_STATISTIC.search(long_name.lower()):
        yield _contradiction(name, entry, "long_name", long_name, "")
    standard = text_of(attrs.get("standard_name"))
    if standard not in entry.standard_names and (
        standard in entry.refused or _is_of_another(standard)
    ):
        yield _contradiction(name, entry, "standard_name", standard, "")
    if text_of(attrs.get("GRIB_dataType")) in _SPREADS:
        yield _contradiction(name, entry, "GRIB_dataType", attrs["GRIB_dataType"], "")
    yield from _along_grid(field, entry)
    yield from _snow(field, entry)
    yield from _other_interval(field, entry)
    units = units_by_id(field, entry)
    stated = text_of(attrs.get("units"))
    if entry.water and units.startswith("kg") and stated and conversion(stated, "m") is not None:
        yield (
            f"{name} says {stated!r}, but its GRIB id stands for {units!r}: set "
            f"ds[{name!r}].attrs['units'] = {units!r}, or delete the id if it is stale."
        )


def described(field: xr.DataArray) -> str:
    """Return what a variable says that it is, for a message about several."""
    keys = ("long_name", "standard_name", *_SHORT, *_IDS, "units", "cell_methods")
    said = [f"{key} {text_of(field.attrs[key])!r}" for key in keys if key in field.attrs]
    return ", ".join([*said[:4], f"dims {', '.join(map(str, field.dims))}"])


def ids(field: xr.DataArray | xr.Variable) -> set[int]:
    """Return the ids of ECMWF's table that the attributes of a variable hold.

    Examples
    --------
    >>> ids(xr.DataArray(0, attrs={"code": 167, "table": 128}))
    {167}
    """
    attrs = field.attrs
    found = {_whole(attrs.get(key)) for key in _IDS}
    table = _whole(attrs.get("ecmwf_local_table", attrs.get("table")))
    number = _whole(attrs.get("ecmwf_parameter", attrs.get("code") if table else None))
    if number is not None:
        found.add(number if table in (None, 128) else 1000 * (table or 0) + number)
    if mars := re.fullmatch(r"(\d+)\.(\d+)", text_of(attrs.get("param"))):
        found.add(int(mars[1]) + (0 if mars[2] == "128" else 1000 * int(mars[2])))
    return {i for i in found if i is not None and 0 < i < _LOCAL}


def units_by_id(field: xr.DataArray, entry: Known) -> str:
    """Return the units that the GRIB id of a field stands for; empty if it has none of them."""
    return next((entry.params[i] for i in ids(field) if i in entry.params), "")


def says_moment(field: xr.DataArray) -> bool:
    """Tell whether the attributes of a variable say that its values are of a moment.

    Examples
    --------
    >>> says_moment(xr.DataArray(0, attrs={"cell_methods": "area: mean time: point"}))
    True
    """
    said = " ".join(text_of(field.attrs.get(key)).lower() for key in _STEP_TYPES)
    _, _, method = text_of(field.attrs.get("cell_methods")).partition("time:")
    return "instant" in said or method.split()[:1] == ["point"]


def _ids_of(entry: Known) -> set[int]:
    return {entry.param, *entry.params} - {0}


def _whole(value: object) -> int | None:
    text = text_of(value)
    return int(text) if text.isdecimal() else None


def _short_names(field: xr.DataArray | xr.Variable) -> dict[str, str]:
    names = {key: text_of(field.attrs.get(key)) for key in _SHORT}
    # ``param`` may also hold numbers, which are ids.
    return {
        k: n for k, n in names.items() if n.lower() not in _UNKNOWN and not re.match(r"[\d.]+$", n)
    }


def _best(said: list[Meaning]) -> Meaning:
    return next((m for m in ("is", "may", "other") if m in said), "")


def _named_by_id(number: int) -> str:
    entries = (*VOCABULARY.values(), *PARTS.values())
    return next((k.long_name for k in entries if number in _ids_of(k)), "")


def _is_of_another(standard: str) -> bool:
    entries = (*VOCABULARY.values(), *PARTS.values())
    return any(standard in k.standard_names for k in entries)


def _contradiction(name: str, entry: Known, key: str, said: object, means: str) -> str:
    meant = f" says {means}" if means else " is of another field"
    return (
        f"{name} is named as {entry.name} ({entry.quantity}), but its {key} {said}{meant}: rename "
        f"it, or delete the attribute if it is stale, ds[{name!r}].attrs.pop({key!r})."
    )


def _thickness(field: xr.DataArray | xr.Variable) -> bool:
    long_name = text_of(field.attrs.get("long_name")).lower()
    return "snow" in long_name and ("thickness" in long_name or "physical" in long_name)


def _along_grid(field: xr.DataArray, entry: Known) -> Iterator[str]:
    """Yield why a wind is not eastward or northward: GRIB has it along a grid of another kind."""
    grid = text_of(field.attrs.get("GRIB_gridType"))
    along = text_of(field.attrs.get("GRIB_uvRelativeToGrid")) == "1"
    if along and grid not in _GEOGRAPHIC and entry.name in winds((*VOCABULARY,)):
        yield (
            f"{field.name} lies along the rows or columns of a grid of kind {grid!r} by its "
            "GRIB_uvRelativeToGrid: rotate it to east and north, and set "
            f"ds[{str(field.name)!r}].attrs['GRIB_uvRelativeToGrid'] = 0."
        )


def _snow(field: xr.DataArray, entry: Known) -> Iterator[str]:
    """Yield why a depth of snow cannot be told from its water, or is the other of the two."""
    name, units = str(field.name), text_of(field.attrs.get("units"))
    if entry.short not in ("sd", "sde"):
        return
    water = dialects.says_water(units) or (units and conversion(units, "kg m-2") is not None)
    if entry.short == "sde":
        if water:
            yield f"{name} is in {units!r}, so it is the water of snow, not its thickness."
        return
    if _thickness(field):
        yield (
            f"{name} is the thickness of snow by its long_name, not its water: give "
            f"{entry.quantity} as ERA5 does, as liquid water, or the density of snow beside it "
            f"(rsn): ds.rename({{{name!r}: 'sde'}})."
        )
        return
    short = {text.lower() for text in _short_names(field).values()}
    said = text_of(field.attrs.get("standard_name")) in entry.standard_names
    if name.lower() in dialects.AMBIGUOUS and not (
        water or said or "sd" in short or ids(field) & _ids_of(entry) or units in ("", "mm")
    ):
        yield (
            f"{name} in {units!r} may be the water of snow, as in ERA5, or its thickness. If it is "
            f"water, set ds[{name!r}].attrs['units'] = 'm of water equivalent'; if not, "
            f"ds = ds.rename({{{name!r}: 'sde'}})."
        )


def _other_interval(field: xr.DataArray, entry: Known) -> Iterator[str]:
    """Yield why a field that should be of a moment is not; sums are weighed elsewhere."""
    if entry.accumulated:
        return
    name, attrs = str(field.name), field.attrs
    for key in (*_STEP_TYPES, "cell_methods", *_REMARKS):
        said = text_of(attrs.get(key))
        if key in _STEP_TYPES:
            bad = said.lower().startswith(("avg", "average", "max", "min", "accum"))
        else:
            bad = _over_time(said) if key == "cell_methods" else bool(_AVERAGE.search(said.lower()))
        if bad:
            yield (
                f"{name} has {key} {said!r}, but the model wants hourly instantaneous values. "
                f"Use hourly data; if the attribute is wrong, ds[{name!r}].attrs.pop({key!r})."
            )


def _over_time(cell_methods: str) -> bool:
    _, _, method = cell_methods.partition("time:")
    return bool(method.split()) and method.split()[0] != "point"
