"""Weigh what is known about the hours of an accumulated field: statements, stamps and values."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from ...vocabulary import Known
from ..axes.times import Time
from ..origin import said_of_origin
from ..windows import HOUR, Over, base, in_words, spaced, widths
from .running_totals import Told
from .sharing import LONGEST
from .statements import Claim, claims, members_of_reanalysis

__all__ = ["Plan", "planned", "settled"]

# Values contradict a statement if they never fall over so many hours.
_CONTRADICTS = 11.0
# Hourly rain that grows everywhere for so many hours may be a running total.
_LONG_RISE = 2.0
# Rain that grows everywhere along so many leads is one.
_LEADS = 6


@dataclass(frozen=True, eq=False)
class Plan:
    """What is known before values are looked at.

    Parameters
    ----------
    name : str
        The variable.
    stated : Over, optional
        What the dataset states.
    default : Over, optional
        What holds if values tell nothing else.
    method : "sum" or "mean"
    hourly : bool
        Whether values that fall are sums over the hour, by their stamps.
    accumulated : bool
        Whether GRIB has it as an accumulation.
    """

    name: str
    stated: Over | None
    default: Over | None = None
    method: str = "sum"
    hourly: bool = False
    accumulated: bool = False


def planned(ds: xr.Dataset, name: Hashable, entry: Known, time: Time) -> Plan:
    """Weigh what is stated about a variable, and what its stamps tell.

    Parameters
    ----------
    ds : xarray.Dataset
    name : hashable
        The variable.
    entry : Known
        The field.
    time : Time
        Its times.
    """
    said = claims(ds, name, time, entry)
    name = str(name)
    for claim in said:
        if claim.refused:
            return _refused(
                name,
                f"{name} is {claim.refused}, by its {claim.source}; the model wants sums over "
                f"hours. Use hourly data, or remove the statement if it is wrong: {claim.undo}",
            )
    lengths = [c for c in said if c.hours is not None]
    windows = next(filter(None, (
        [c for c in lengths if not c.sampling and not c.weak],
        [c for c in lengths if not c.weak],
        lengths,
    )), [])  # fmt: skip
    running = [c for c in said if c.running]
    clash = (
        _clash([c for c in said if c.method], lambda a, b: a.method == b.method)
        or _clash(windows, _same_hours)
        or _clash(running, lambda a, b: a.running == b.running)
        or ((running[0], windows[0]) if running and windows else None)
    )
    if clash:
        first, second = clash
        undo = " or ".join(c.undo for c in clash if c.undo and not c.source.startswith("units"))
        return _refused(
            name,
            f"{name}: its {first.source} contradicts its {second.source}. Correct the one that is "
            f"wrong, or remove it: {undo}",
        )
    method = next((c.method for c in said if c.method), "sum")
    if running:
        return Plan(name, _running(running[0].running, running[0].source, time))
    if windows:
        hours = np.asarray(windows[0].hours, float)
        end = next((c.end for c in windows if c.end is not None), None)
        end = _position(time, hours) if end is None else end
        over = Over(method, "", hours - end, end + 0 * hours, windows[0].source)
        return Plan(name, over, method=method)
    hourly = time.values.shape[-1] > 1 and bool((np.diff(time.values, axis=-1) == HOUR).all())
    hourly = hourly and (time.lead_dim is not None or _of_land(ds, time))
    return Plan(name, None, _default(ds, name, time, method), method, hourly, _accum(ds[name]))


def _refused(name: str, reason: str) -> Plan:
    return Plan(name, Over(refused=reason))


def _clash(said: list[Claim], agree: Callable[[Claim, Claim], bool]) -> tuple[Claim, Claim] | None:
    return next(((said[0], c) for c in said[1:] if not agree(said[0], c)), None)


def _same_hours(one: Claim, other: Claim) -> bool:
    assert one.hours is not None and other.hours is not None
    return bool(np.allclose(one.hours, other.hours, atol=1e-3))


def _running(kind: str, source: str, time: Time) -> Over:
    hours = widths(time, kind)
    return Over("sum", kind, hours, np.zeros(1), source)


def _position(time: Time, hours: np.ndarray) -> np.ndarray:
    """Return the hours from stamps to the ends of their windows, where only the length is stated.

    Windows end at their stamps, unless all stamps lie in the middle of windows that tile the day.
    """
    length = float(hours.flat[0])
    if (hours.size > 1 and np.ptp(hours) > 1e-6) or not 0 < length <= 24:
        return np.zeros(1)
    since = (time.values - time.values.astype("datetime64[D]")) / HOUR
    middle = np.allclose(since % length, length / 2, atol=1e-6)
    return np.full(1, length / 2 if middle else 0.0)


def _default(ds: xr.Dataset, name: str, time: Time, method: str) -> Over | None:
    """Return what holds if nothing is stated, by the stamps and by signs of ERA5; None if open."""
    field = ds[name]
    hourly = Over(method, source="stamps an hour apart")
    if time.lead is not None:
        leads = time.lead / HOUR
        if ((leads > 0) & (leads <= 1)).all():
            return replace(hourly, source="leads of one hour")
        if time.order is not None:
            return hourly if _short_forecasts(time) and not _of_land(ds, time) else None
        centre = str(ds.attrs.get("GRIB_centre", field.attrs.get("GRIB_centre", "")))
        if time.lead_dim is not None and _accum(field) and (centre, method) == ("ecmf", "sum"):
            return _running("start", "GRIB_stepType 'accum' of a forecast of ECMWF", time)
        return None
    on_the_hour = (time.values.astype("datetime64[h]") == time.values).all()
    if not on_the_hour or members_of_reanalysis(ds, field) or _of_land(ds, time):
        return None
    step = spaced(time)
    if base(time) == 1:
        return hourly
    if step is not None and step > 24:
        return None
    # A version of ERA5 beside each hour goes with the hours when they are summed up. A rate per
    # day is not what ERA5 has.
    era5 = "expver" in ds.variables or "valid_time_start" in ds.attrs
    per_day = re.search(r"(?:day|month|year|\bd)s?\b", str(field.attrs.get("units", "")))
    return replace(hourly, source="hours of ERA5, picked") if era5 and not per_day else None


def _accum(field: xr.DataArray) -> bool:
    return any(str(field.attrs.get(k)).lower() == "accum" for k in ("GRIB_stepType", "step_type"))


def _short_forecasts(time: Time) -> bool:
    """Tell whether forecasts are those that give the sums of ERA5: 12 hours from 06 and 18 UTC."""
    assert time.start is not None and time.lead is not None
    hours = (time.start - time.start.astype("datetime64[D]")) / HOUR
    return bool(np.isin(hours, (6, 18)).all() and (time.lead <= 12 * HOUR).all())


def _of_land(ds: xr.Dataset, time: Time) -> bool:
    """Tell signs of ERA5-Land, whose sums run since 00 UTC: its name, its grid, its forecasts."""
    if "era5-land" in (said := said_of_origin(ds)) or "era5 land" in said or "era5_land" in said:
        return True
    for axis in ds.coords.values():
        degrees = str(axis.attrs.get("units", "")).startswith("degree")
        if axis.ndim == 1 and axis.size > 1 and (degrees or str(axis.name).lower()[:3] == "lat"):
            step = float(abs(np.diff(axis.values[:2].astype(float))[0]))
            if abs(step - 0.1) < 1e-3:
                return True
    return False


def settled(plan: Plan, told: Told, time: Time) -> Over:
    """Return what the values of a field are over, or why that is not known.

    Parameters
    ----------
    plan : Plan
    told : Told
        What values tell.
    time : Time
    """
    name, stated = plan.name, plan.stated
    kind = "start" if time.start is not None else "day"
    since = "the start of the forecast" if kind == "start" else "00 UTC"
    if stated is not None:
        rises = told.verdict in ("runs", "mixed") and told.sure and told.hours >= _CONTRADICTS
        if stated.refused or not (rises or told.verdict == "falls"):
            return stated
        if not stated.running and rises and stated.hours.max() <= LONGEST:
            return Over(refused=(
                f"{name}: its {stated.source} says {stated}, but its values never fall over "
                f"{told.hours:g} hours, as running totals since {since} do. Correct the statement."
            ))  # fmt: skip
        if stated.running and told.verdict == "falls":
            return Over(refused=(
                f"{name}: its {stated.source} says that it is a running total since {since}, but "
                "its values fall. Correct the statement."
            ))  # fmt: skip
        return stated
    if told.verdict in ("restarts", "grows"):
        return Over(refused=_other_totals(name, told.verdict))
    if told.verdict == "mixed":
        return Over(refused=(
            f"{name} never falls from hour to hour in many places, as running totals since {since} "
            f"do, and it falls elsewhere. Take differences before you merge fields; {_say(name)}"
        ))  # fmt: skip
    if told.verdict == "runs" and (told.sure or told.hours >= _LONG_RISE):
        many = told.stamps >= _LEADS or (plan.accumulated and told.stamps >= 3)
        if told.sure or (kind == "start" and many):
            return _running(kind, "values, which never fall", time)
        comment = f'ds[{name!r}].attrs["comment"] = "Accumulated since {since}"'
        return Over(refused=(
            f"{name} never falls over {told.hours:g} hours: it seems to be a running total since "
            f"{since}. If so, say so: {comment}; {_say(name)}"
        ))  # fmt: skip
    if plan.default is not None and not (plan.default.running and told.verdict == "falls"):
        return plan.default
    if told.verdict == "falls" and plan.hourly:
        return Over(plan.method, source="stamps an hour apart")
    return Over(refused=_unknown(name, plan.method, time))


def _other_totals(name: str, verdict: str) -> str:
    """Return why totals are refused that run since neither the start nor 00 UTC."""
    if verdict == "restarts":
        return (
            f"{name} grows for some hours and then starts anew, as totals of NCEP do at 00, 06, 12 "
            "and 18 UTC, or daily totals at their hour; it is not over the hour before each stamp. "
            "Take differences within each of these periods, and then say so: " + _sum(name)
        )
    return (
        f"{name} never falls, not even from one day to the next: it seems to be a running total "
        "since a start that nothing states. If so, give the start: "
        "ds = ds.assign_coords(forecast_reference_time=np.datetime64('2020-07-15T00')), with yours;"
        f" {_say(name)}"
    )


def _say(name: str, method: str = "sum") -> str:
    return "if it is over the hour before each stamp, say so: " + _sum(name, method)


def _sum(name: str, method: str = "sum") -> str:
    return f'ds[{name!r}].attrs["cell_methods"] = "time: {method} (interval: 1 hour)"'


def _unknown(name: str, method: str, time: Time) -> str:
    step = spaced(time)
    stamps = "a single time" if step is None and time.values.shape[-1] == 1 else (
        "stamps that are irregular" if step is None else f"stamps {in_words(step)} apart"
    )  # fmt: skip
    word = "summed" if method == "sum" else "averaged"
    return (
        f"{name} is {word} over a time that nothing states: it has {stamps}, and no bounds of "
        f"time, cell methods or GRIB keys tell. I{_say(name, method)[1:]}; if it is 3 or 6 hours, "
        "put these in."
    )
