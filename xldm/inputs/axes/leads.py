"""Valid times of a dataset: as it states them, or as initialisation plus lead."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ...errors import InputError
from .. import dialects
from .time_values import calendar_remedy, undecoded
from .zones import foreign_zone

__all__ = ["Stated", "instants", "stated_times"]

_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
# Words of a long name or a standard name that tell an initialisation: cfgrib and others keep the
# name ``time`` for it.
_STARTS = re.compile(r"reference.?time|initial|\binit\b|start of (the )?forecast|analysis time")
# Whole years that nanoseconds hold.
_NANOSECONDS = np.datetime64("1678-01-01"), np.datetime64("2262-01-01")
_LEAD_UNITS = {
    "ns": "ns", "nanosecond": "ns", "us": "us", "microsecond": "us", "ms": "ms",
    "millisecond": "ms", "s": "s", "sec": "s", "second": "s", "min": "min", "minute": "min",
    "h": "h", "hr": "h", "hour": "h", "d": "D", "day": "D",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stated:
    """Times that a dataset states or that follow.

    Parameters
    ----------
    name : str
        The coordinate that holds the valid times, or else that of the initialisation.
    valid : xarray.DataArray of datetime64
        Valid times, along every dim on which initialisation or lead lies.
    start, lead : xarray.DataArray, optional
        Initialisation (datetime64) and lead (timedelta64), where they are stated or follow.
    dims : (str, str)
        The dims of initialisation and lead; empty for one that has no dim of its own.
    """

    name: str
    valid: xr.DataArray
    start: xr.DataArray | None = None
    lead: xr.DataArray | None = None
    dims: tuple[str, str] = ("", "")


def stated_times(ds: xr.Dataset) -> Stated:
    """Return the valid times of a dataset.

    A coordinate that can only mean valid time is taken, and compared with initialisation plus lead
    where both are there. ``time`` is valid time, too, unless there is a lead: then it is the
    initialisation, or its attributes have to say otherwise.

    Raises
    ------
    InputError
        If there are no times; if it is open whether they are valid or those of an initialisation;
        if what is stated does not agree; if times or leads cannot be read.
    """
    lead = _lead(ds)
    start_name = _start(ds, lead)
    name = _valid(ds, lead, start_name)
    start = None if start_name is None else instants(ds, start_name)
    if name is not None:
        valid = instants(ds, name)
        if start is not None and lead is not None:
            _agree(name, valid, start_name, _later(start, lead))
        elif start is not None:
            lead = (valid - start).astype("timedelta64[ns]")
        elif lead is not None:
            start = _later(valid, -lead)
        return _stated(name, valid, start, lead)
    if start is None and lead is not None:
        raise InputError(
            f"{lead.name!r} is the lead of forecasts, and nothing tells when they start. Give it, "
            "e.g. ds.assign_coords(forecast_reference_time=np.datetime64('2020-07-15T00'))."
        )
    if start is None:
        raise InputError(
            f"No time axis: none of the coordinates {_list(ds)} holds times. Expected a "
            "coordinate named time or valid_time, or with standard_name 'time', of datetime64."
        )
    if lead is None:
        raise InputError(
            f"{start_name!r} is when forecasts start, and nothing tells their lead. If it is "
            f"valid time, use ds.assign_coords(valid_time=ds[{start_name!r}]); else give the "
            "lead, e.g. ds.assign_coords(step=np.timedelta64(6, 'h'))."
        )
    return _stated(str(start_name), _later(start, lead), start, lead)


def _agree(name: str, valid: xr.DataArray, start: str | None, follows: xr.DataArray) -> None:
    """Refuse valid times that are not initialisation plus lead."""
    both = valid.notnull() & follows.notnull()
    if not bool((valid == follows).where(both, True).all()):
        raise InputError(
            f"{name!r} is not {start!r} plus the lead. Drop the one that is stale: "
            f"ds.drop_vars({name!r}) or ds.drop_vars({start!r})."
        )


def _later(start: xr.DataArray, lead: xr.DataArray) -> xr.DataArray:
    """Return start plus lead; in seconds on the way, which wrap round in no known calendar."""
    later = start.astype("datetime64[s]") + lead.astype("timedelta64[s]")
    return later.copy(data=_in_range(later.values))


def _stated(
    name: str, valid: xr.DataArray, start: xr.DataArray | None, lead: xr.DataArray | None
) -> Stated:
    """Bring valid times to the dims (initialisation, lead), as far as there are any."""
    own = ""
    if lead is not None and lead.ndim == 1 and (start is None or lead.dims[0] not in start.dims):
        own = str(lead.dims[0])
    if lead is not None:
        valid = valid.broadcast_like(lead)
    if start is not None:
        valid = valid.broadcast_like(start)
    first = [str(d) for d in valid.dims if d != own]
    valid = valid.reset_coords(drop=True).transpose(*first, *filter(None, (own,)))
    return Stated(name, valid, start, lead, (first[0] if first else "", own))


def _valid(ds: xr.Dataset, lead: xr.DataArray | None, start: str | None) -> str | None:
    """Return the coordinate of valid time, if one is stated."""
    certain = _in(ds, dialects.VALID_TIME)
    meant = [str(n) for n, c in ds.coords.items() if c.attrs.get("standard_name") == "time"]
    other = (start, *_lengths(ds))
    likely = [
        n for n in (*meant, *_in(ds, dialects.TIME)) if n not in other and not _is_start(ds[n])
    ]
    found = next(iter([*certain, *likely]), None)
    if found is None or certain or start is not None or _is_nought(lead):
        return found
    assert lead is not None
    if not _lies_along(lead, ds[found]):
        raise InputError(
            f"{found!r} says that it is time, yet there is a lead {lead.name!r}: is it the valid "
            "time, or when the forecast starts? Say so by its name: "
            f"ds.rename({found}='valid_time') or ds.rename({found}='init_time')."
        )
    return found


def _start(ds: xr.Dataset, lead: xr.DataArray | None) -> str | None:
    """Return the coordinate of the initialisation, if one is stated or ``time`` must be it."""
    meant = [
        str(n)
        for n, c in ds.coords.items()
        if c.attrs.get("standard_name") == "forecast_reference_time"
    ]
    named = [n for n in _in(ds, dialects.START) if _holds_times(ds[n])]
    hinted = [n for n in _in(ds, dialects.TIME) if _is_start(ds[n])]
    found = next(iter([*meant, *named, *hinted]), None)
    times = [n for n in _in(ds, dialects.TIME) if n not in _lengths(ds)]
    if found is not None or not times or lead is None:
        return found
    if ds[times[0]].attrs.get("standard_name") == "time":
        return None
    # With a lead, or beside valid times, a bare ``time`` is when the forecast starts.
    if _in(ds, dialects.VALID_TIME) or not (_is_nought(lead) or _lies_along(lead, ds[times[0]])):
        return times[0]
    return None


def _is_nought(lead: xr.DataArray | None) -> bool:
    return lead is None or not bool((lead != np.timedelta64(0)).any())


def _lies_along(lead: xr.DataArray, times: xr.DataArray) -> bool:
    """Tell whether each time has its lead: the times are valid, and some share their start."""
    if not lead.ndim or not {*lead.dims} <= {*times.dims}:
        return False
    starts = (times.variable.values.astype("datetime64[s]")
              - lead.broadcast_like(times).values.astype("timedelta64[s]"))  # fmt: skip
    return starts.size == 1 or np.unique(starts).size < starts.size


def _is_start(coordinate: xr.DataArray) -> bool:
    said = coordinate.attrs.get("standard_name"), coordinate.attrs.get("long_name")
    return bool(_STARTS.search(" ".join(str(s).lower() for s in said if s)))


def _holds_times(coordinate: xr.DataArray) -> bool:
    return not np.issubdtype(coordinate.dtype, np.number) or " since " in str(
        coordinate.attrs.get("units", "")
    )


def _lead(ds: xr.Dataset) -> xr.DataArray | None:
    """Return the lead as timedelta64, if the dataset has one."""
    meant = [str(n) for n, c in ds.coords.items()
             if c.attrs.get("standard_name") == "forecast_period"]  # fmt: skip
    found = next(iter([*meant, *_in(ds, dialects.LEAD), *_lengths(ds)]), None)
    if found is None:
        return None
    lead = _without_lone_dim(ds, ds.coords[found])
    if np.issubdtype(lead.dtype, np.timedelta64):
        return lead.astype("timedelta64[ns]").reset_coords(drop=True)
    units = str(lead.attrs.get("units", "")).split(" since ")[0].strip().lower()
    unit = _LEAD_UNITS.get(units) or _LEAD_UNITS.get(units.removesuffix("s"))
    if not np.issubdtype(lead.dtype, np.number) or unit is None:
        raise InputError(
            f"The lead {found!r} holds {lead.dtype} {f'in {units!r}' if units else 'without units'}"
            ": expected timedelta64, or numbers in hours, days, minutes or seconds. If it is in "
            f"hours, set ds[{found!r}].attrs['units'] = 'hours'."
        )
    lengths = pd.to_timedelta(lead.values.ravel(), unit=unit)  # type: ignore[call-overload]
    # Parts of days are no whole nanoseconds.
    seconds = lengths.round("s").values.astype("timedelta64[ns]")
    whole = lead.copy(data=seconds.reshape(lead.shape))
    return whole.reset_coords(drop=True)


def _lengths(ds: xr.Dataset) -> list[str]:
    """Return coordinates of the names of times that hold lengths of time, as GraphCast has them."""
    return [n for n in _in(ds, dialects.TIME) if np.issubdtype(ds[n].dtype, np.timedelta64)]


def _without_lone_dim(ds: xr.Dataset, coordinate: xr.DataArray) -> xr.DataArray:
    """Return a coordinate of one value without its dim, if no field lies along it."""
    dim = coordinate.dims[0] if coordinate.size == coordinate.ndim == 1 else None
    alone = (
        dim is not None and ds.data_vars and not any(dim in f.dims for f in ds.data_vars.values())
    )
    return coordinate.isel({dim: 0}) if alone else coordinate


def instants(ds: xr.Dataset, name: str) -> xr.DataArray:
    """Return a coordinate of times as datetime64, alone.

    Nanoseconds, or seconds where they lie beyond the range of nanoseconds.

    Raises
    ------
    InputError
        If the times are undecoded without units, or in a calendar of other than real days.
    """
    coordinate = _without_lone_dim(ds, _decoded(ds, name))
    key, words = foreign_zone(ds[name])
    if key:
        raise InputError(
            f"The time axis {name!r} is not in UTC but in local time by its attributes: "
            f"{key} says {words!r}. The model wants UTC. Convert it, and then "
            + _corrected(ds, name, key)
        )
    values = _datetimes(coordinate, numbers=ds[name].dtype.kind in "iuf")
    return xr.DataArray(values, dims=coordinate.dims, name=name)


def _corrected(ds: xr.Dataset, name: str, key: str) -> str:
    """Return how to take back what an attribute says of the zone of times."""
    where = "attrs" if key in ds[name].attrs else "encoding"
    if key == "units" and where == "attrs":
        return f"set ds[{name!r}].attrs['units'] without the zone."
    return f"delete what says so: ds[{name!r}].{where}.pop({key!r})."


def _decoded(ds: xr.Dataset, name: str) -> xr.DataArray:
    coordinate = ds.coords[name]
    if coordinate.dtype.kind not in "iuf":  # pandas' dtypes have a kind, too
        return coordinate
    units = str(coordinate.attrs.get("units", ds.attrs.get("time_units", "")))
    if " since " not in units:
        raise InputError(undecoded(coordinate))
    epoch, _, remark = units.partition("(")
    calendar = coordinate.attrs.get("calendar", remark.rstrip(") ") or "standard")
    attrs = {"units": epoch.strip(), "calendar": calendar}
    bare = xr.Dataset({name: (coordinate.dims, coordinate.values, attrs)})
    try:
        return xr.decode_cf(bare)[name]
    except (OverflowError, TypeError, ValueError) as error:
        why = str(error).partition(". ")[0]
        raise InputError(
            f"The time axis {name!r} holds numbers that cannot be read as times: {why}. Set "
            f"ds[{name!r}].attrs['units'], as 'hours since 1970-01-01'."
        ) from error


def _datetimes(coordinate: xr.DataArray, *, numbers: bool) -> np.ndarray:
    values = coordinate.values
    if np.issubdtype(values.dtype, np.datetime64):
        return _in_range(values)
    if values.dtype == object and values.size and hasattr(values.flat[0], "calendar"):
        calendar = values.flat[0].calendar
        if calendar in _CALENDARS:
            seconds = [np.datetime64(t.isoformat(), "us") for t in values.flat]
            return _in_range(np.array(seconds).reshape(values.shape))
        raise InputError(
            f"The time axis {coordinate.name!r} is in the calendar {calendar!r}, whose days are "
            "not real; the model takes only the standard calendar. "
            + calendar_remedy(calendar, coordinate.name, coordinate.dims, numbers=numbers)
        )
    raise InputError(undecoded(coordinate))


def _in_range(values: np.ndarray) -> np.ndarray:
    """Return times in nanoseconds, or in seconds if they would wrap round."""
    seconds = values.astype("datetime64[s]")
    there = seconds[~np.isnat(seconds)]
    inside = (there > _NANOSECONDS[0]) & (there < _NANOSECONDS[1])
    return values.astype("datetime64[ns]") if inside.all() else seconds


def _in(ds: xr.Dataset, names: tuple[str, ...]) -> list[str]:
    lower = {str(n).lower(): str(n) for n in ds.coords}
    return [lower[n] for n in names if n in lower]


def _list(ds: xr.Dataset) -> str:
    return ", ".join(map(str, ds.coords)) or "(none)"
