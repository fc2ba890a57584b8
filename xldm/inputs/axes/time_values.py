"""Turn values of a time coordinate that are no times into times in UTC, or say the way out."""

from __future__ import annotations

import datetime
import re
from collections.abc import Hashable

import numpy as np
import pandas as pd
import xarray as xr

from ...errors import InputError

__all__ = ["as_times", "calendar_remedy", "undecoded"]

_ISO = re.compile(
    r"^\s*\d{4}-\d{2}-\d{2}([T ]\d{2}(:?\d{2}(:?\d{2}(\.\d*)?)?)?)?(Z|[+-]\d{2}:?\d{2})?\s*$"
)
# CDO's absolute time axis, the only one that it writes by default.
_ABSOLUTE = "day as %y%m%d.%f"
# Digits of a number that spells a date, and their format.
_SPELT = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_YEARS = (1800, 2200)
# Greatest count since 1970 that a unit needs for the year 2200.
_COUNTS = {"s": 1e10, "ms": 1e13, "us": 1e16, "ns": 1e19}


def as_times(coordinate: xr.DataArray) -> tuple[np.ndarray, str]:
    """Return a coordinate's times in UTC and what they were; nothing if it needs no decoding."""
    none: tuple[np.ndarray, str] = np.empty(0), ""
    dtype = coordinate.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        index = coordinate.to_index() if coordinate.ndim == 1 else [coordinate.item()]
        index = pd.DatetimeIndex(index)
        return _utc(index), f"times with a zone, {dtype.tz}, to UTC"
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        units = str(coordinate.attrs.get("units", "")).strip().lower()
        return (_from_digits(coordinate), "day as %Y%m%d.%f") if units == _ABSOLUTE else none
    if not isinstance(dtype, np.dtype) or dtype.kind not in "OUST" or coordinate.size == 0:
        return none
    values = [v.decode(errors="replace") if isinstance(v, bytes) else v
              for v in np.atleast_1d(coordinate.values).ravel().tolist()]  # fmt: skip
    held = [v for v in values if v is not None and v is not pd.NaT]
    if held and all(isinstance(v, str) and _ISO.match(v) for v in held):
        texts = pd.to_datetime([v and v.strip() for v in values], format="ISO8601", utc=True)
        return _utc(texts), "text, as UTC"
    if held and all(isinstance(v, datetime.date | np.datetime64) for v in held):
        return _utc(pd.to_datetime(values, utc=True)), "objects, as UTC"
    return none


def undecoded(coordinate: xr.DataArray) -> str:
    """Return why a coordinate, decoded as far as may be, holds no times, and the way out.

    Examples
    --------
    >>> print(undecoded(xr.DataArray([2020071500], dims="time", name="time")))
    The time axis 'time' holds bare numbers (2020071500 ...), which look like %Y%m%d%H. If they are, use ds.assign_coords({'time': ('time', pd.to_datetime(ds['time'].values.astype('int64').astype(str), format='%Y%m%d%H'))}).
    """  # noqa: E501 - code in a message stays in one piece
    name, dims = coordinate.name, coordinate.dims
    values = np.asarray(coordinate.values).ravel()
    start = f"The time axis {name!r} holds "
    if values.size == 0:
        return f"The time axis {name!r} is empty: it holds no hour."
    first = values[0]

    def assign(code: str) -> str:
        if not dims:
            code += "[0]"
        return f"ds.assign_coords({{{name!r}: ({_dims(dims)}, {code})}})"

    if isinstance(coordinate.dtype, pd.PeriodDtype) or isinstance(first, pd.Period):
        return (
            f"{start}periods, expected the times at which fields are valid. If that is the start "
            f"of each, use {assign(f'ds.indexes[{name!r}].to_timestamp()')}."
        )
    these = f"np.atleast_1d(ds[{name!r}].values)" if not dims else f"ds[{name!r}].values"
    if isinstance(first, str | bytes):
        form = _guessed(first.decode(errors="replace") if isinstance(first, bytes) else str(first))
        return (
            f"{start}text ({first!r} ...), expected ISO 8601 like '2020-07-15T00:00'. State its "
            f"form, e.g. {assign(f'pd.to_datetime({these}, format={form!r})')}."
        )
    number = _number(first)
    if number is None:
        return f"{start}{coordinate.dtype} ({first!r} ...), expected datetime64."
    form = _spelt(number)
    bare = f"{start}bare numbers ({first} ...)"
    if number != int(number) and _spelt(int(number)) == _SPELT[8]:
        code = f"ds[{name!r}].assign_attrs(units='day as %Y%m%d.%f')"
        return (
            f"{bare}, which look like days as %Y%m%d with fractions. If they are, use "
            f"ds.assign_coords({{{name!r}: {code}}})."
        )
    if form:
        code = f"pd.to_datetime({these}.astype('int64').astype(str), format={form!r})"
        return f"{bare}, which look like {form}. If they are, use {assign(code)}."
    unit = next((u for u, most in _COUNTS.items() if 1e8 < abs(number) <= most), None)
    if unit:
        code = f"pd.to_datetime({these}.astype('int64'), unit={unit!r})"
        return f"{bare}, which look like {unit} since 1970. If they are, use {assign(code)}."
    code = f"ds[{name!r}].assign_attrs(units='hours since 1900-01-01')"
    return (
        f"{bare} without units. State what they count, e.g. "
        f"xr.decode_cf(ds.assign_coords({{{name!r}: {code}}}))."
    )


def calendar_remedy(
    calendar: str, name: Hashable, dims: tuple[Hashable, ...], *, numbers: bool = False
) -> str:
    """Return the way out of a calendar of other than real days, to end a message.

    Parameters
    ----------
    calendar : str
        The calendar in the words of CF.
    name : hashable
        Coordinate of the times.
    dims : tuple of hashable
        Its dims.
    numbers : bool
        Whether the dataset holds its times as numbers still.

    Examples
    --------
    >>> calendar_remedy("noleap", "time", ("time",))
    "Use ds.convert_calendar('standard', dim='time')."
    """
    if len(dims) > 1:
        return (
            f"Convert the start of each forecast and add the lead: drop {name!r}, then "
            "ds.convert_calendar('standard', dim=...) along the starts."
        )
    code = "xr.decode_cf(ds)" if numbers else "ds"
    if not dims:
        code += f".expand_dims({name!r})"
    elif dims != (name,):
        code += f".swap_dims({{{dims[0]!r}: {name!r}}})"
    extra, loses = "", ""
    if calendar == "360_day":
        # Of the two ways, the one that xarray recommends for daily and shorter steps.
        extra = ", align_on='year'"
        loses = " It spreads the 360 days over the year."
    elif calendar in ("all_leap", "366_day"):
        loses = " It leaves out 29 February of common years."
    return f"Use {code}.convert_calendar('standard', dim={name!r}{extra}).{loses}"


def _utc(index: pd.DatetimeIndex) -> np.ndarray:
    return (index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index).to_numpy()


def _from_digits(coordinate: xr.DataArray) -> np.ndarray:
    if coordinate.dtype.itemsize < 8:
        raise InputError(
            f"The time axis {coordinate.name!r} holds {_ABSOLUTE} in {coordinate.dtype}, which "
            "cannot hold a day exactly. Convert the file again with cdo -b F64 -r copy."
        )
    if (calendar := str(coordinate.attrs.get("calendar", "standard"))) not in (
        "standard", "gregorian", "proleptic_gregorian",
    ):  # fmt: skip
        raise InputError(
            f"The time axis {coordinate.name!r} is in the calendar {calendar!r}, spelt as "
            f"{_ABSOLUTE}. Write it relative to a start first: cdo -r copy in.nc out.nc."
        )
    values = np.atleast_1d(coordinate.values).astype("float64").ravel()
    days = np.floor(values)
    try:
        dates = pd.to_datetime(days.astype("int64").astype(str), format="%Y%m%d")
    except ValueError as error:
        raise InputError(f"The time axis {coordinate.name!r} spells no dates: {error}.") from error
    seconds = np.round((values - days) * 86400)
    return (dates + pd.to_timedelta(seconds, unit="s")).to_numpy()


def _number(value: object) -> float | None:
    if isinstance(value, bool | np.timedelta64):
        return None
    return float(value) if isinstance(value, int | float | np.integer | np.floating) else None


def _spelt(number: float) -> str:
    """Return the format of a whole number that spells a date, or ''."""
    text = f"{number:.0f}"
    form = _SPELT.get(len(text), "")
    if number != int(number) or not (form and _YEARS[0] <= int(text[:4]) <= _YEARS[1]):
        return ""
    return form if pd.notna(pd.to_datetime(text, format=form, errors="coerce")) else ""


def _guessed(text: str) -> str:
    from pandas.tseries.api import guess_datetime_format

    if text.isdecimal() and (form := _spelt(int(text))):
        return form
    return guess_datetime_format(text, dayfirst=True) or "%d/%m/%Y %H:%M"


def _dims(dims: tuple[Hashable, ...]) -> str:
    return repr(dims[0]) if len(dims) == 1 else repr(tuple(dims))
