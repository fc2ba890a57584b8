"""Statements of a dataset about the hours that a field is summed or averaged over."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...vocabulary import Known
from .. import dialects
from ..axes.times import Time
from ..fields.names import read
from ..origin import said_of_origin
from ..units import hours_of, is_rate, stated_hours
from ..windows import HOUR, spaced, steps
from .bounds import Bounds, read_bounds

__all__ = ["Claim", "claims", "members_of_reanalysis"]


@dataclass(frozen=True, eq=False)
class Claim:
    """What one source says about the values of a field; empty for what it leaves open.

    Parameters
    ----------
    source : str
        Its words.
    method : "", "sum" or "mean"
    running : "", "start" or "day"
        Whether values are running totals, since the start of the forecast or since 00 UTC.
    hours, end : ndarray, optional
        Length of the windows, and hours from the stamp to their ends; of one value or with the
        shape of the valid times.
    refused : str
        Why values cannot be sums or means over hours.
    undo : str
        Code that removes the statement.
    sampling : bool
        Whether the length may be that between samples within the windows, as CF has it.
    weak : bool
        Whether any other statement of a length counts instead.
    """

    source: str
    method: str = ""
    running: str = ""
    hours: np.ndarray | None = None
    end: np.ndarray | None = None
    refused: str = ""
    undo: str = ""
    sampling: bool = False
    weak: bool = False


def claims(ds: xr.Dataset, name: Hashable, time: Time, entry: Known) -> list[Claim]:
    """Return what a dataset says about a variable, strongest first.

    Parameters
    ----------
    ds : xarray.Dataset
    name : hashable
        The variable.
    time : Time
        Its times.
    entry : Known
        The field.
    """
    field, amount, water = ds[name], entry.units, entry.water
    rate = is_rate(str(field.attrs.get("units", "")), amount, water=water)
    return [
        *_by_units(field, amount, water=water),
        *_by_bounds(read_bounds(ds, time), time),
        *_by_cell_methods(field, time),
        *_by_grib(ds, field, time),
        *_by_name(str(name), entry.name),
        *_by_text(ds, field, time),
        *(() if rate else _by_members(ds, field, time)),
    ]


def _without(field: xr.DataArray, key: str) -> str:
    return f"del ds[{str(field.name)!r}].attrs[{key!r}]"


def _by_units(field: xr.DataArray, amount: str, *, water: bool) -> Iterator[Claim]:
    units = str(field.attrs.get("units", ""))
    hours = stated_hours(units)
    method = "mean" if hours is None and is_rate(units, amount, water=water) else "sum"
    yield Claim(
        f"units {units!r}",
        method,
        hours=None if hours is None else np.array([hours]),
        undo=f"ds[{str(field.name)!r}].attrs['units'] = {amount!r}",
    )


def _by_bounds(bounds: Bounds | None, time: Time) -> Iterator[Claim]:
    if bounds is None:
        return
    source = f"bounds {bounds.name!r} of time"
    stamps = f"ds[{time.name!r}]"
    undo = (
        f"ds = ds.drop_vars({bounds.name!r}, errors='ignore'); "
        f"{stamps}.attrs.pop('bounds', None); {stamps}.encoding.pop('bounds', None)"
    )
    if bounds.refused:
        yield Claim(source, refused=bounds.refused, undo=undo)
    elif bounds.absent:
        step = steps(time)
        if step is not None:
            yield Claim(source + ", which are named but absent", hours=step, undo=undo)
    elif bounds.running:
        yield Claim(source, "sum", bounds.running, undo=undo)
    else:
        yield Claim(source, hours=bounds.begin + bounds.end, end=bounds.end, undo=undo)


# "area: time: mean", "time: sum (interval: 3 hours)", "time: mean within days ...".
_CELLS = re.compile(
    r"\b({names}):\s*(?:\w+:\s*)*(?P<how>\w+)(?P<where>(?:\s+(?!\w+:)[^\s(]+)*)\s*"
    r"(?:\((?P<remark>[^)]*)\))?"
)


def _by_cell_methods(field: xr.DataArray, time: Time) -> Iterator[Claim]:
    text = str(field.attrs.get("cell_methods", ""))
    undo = _without(field, "cell_methods")
    names = "|".join(map(re.escape, {"time", "valid_time", "step", "lead_time", time.name}))
    found = list(re.finditer(_CELLS.pattern.replace("{names}", names), text))
    source = f"cell_methods {text!r}"
    if not found:
        return
    how = found[0]["how"].lower()
    statistic = "within" in text or "over" in found[0]["where"].split() or len(found) > 1
    if statistic:
        yield Claim(source, refused="a statistic over many days", undo=undo)
    elif how not in ("sum", "mean"):
        yield Claim(source, refused="no sum or mean over hours", undo=undo)
    else:
        remark = (found[0]["remark"] or "").partition("comment:")[0].replace("interval:", "")
        hours = hours_of(remark)
        length = None if hours is None else np.array([hours])
        yield Claim(source, how, hours=length, undo=undo, sampling=True)


# "accum" stays where a user makes a rate of a sum, so it does not tell a sum.
_STEP_TYPES = {"accum": "", "accumulation": "", "avg": "mean", "average": "mean"}
_STATISTICS = {
    "instant": "an instantaneous value", "max": "a maximum", "min": "a minimum",
    "avgua": "a monthly mean", "avgad": "a monthly mean", "avgid": "a monthly mean",
    "avgas": "a monthly mean", "stdanom": "an anomaly",
}  # fmt: skip


def _by_grib(ds: xr.Dataset, field: xr.DataArray, time: Time) -> Iterator[Claim]:
    keys = ("GRIB_stepType", "step_type", "stepType")
    for key in (k for k in keys if k in field.attrs):
        said = str(field.attrs[key]).lower()
        if said in _STATISTICS:
            yield Claim(f"{key} {said!r}", refused=_STATISTICS[said], undo=_without(field, key))
        elif said in _STEP_TYPES:
            yield Claim(f"{key} {said!r}", _STEP_TYPES[said], undo=_without(field, key))
    first, last = _step_range(ds, field)
    if last is None:
        return
    if time.lead is None or np.allclose(time.lead / HOUR, last):
        hours = np.array([last - first])
    elif time.lead_dim is not None and first > 0:
        hours = np.array([last - first])  # of the first message; the others are as long
    else:
        return
    if hours[0] > 0:
        stated = [str(k) for k in field.attrs if re.search("stepRange|startStep|endStep", str(k))]
        undo = "; ".join(_without(field, k) for k in stated)
        yield Claim(f"steps {first:g}-{last:g}", hours=hours, end=np.zeros(1), undo=undo)


def _step_range(ds: xr.Dataset, field: xr.DataArray) -> tuple[float, float | None]:
    """Return the first and last hour of the forecast that GRIB keys state."""

    def stated(key: str) -> str:
        for place in (field.attrs, ds.attrs):
            for name in (f"GRIB_{key}", key):
                if name in place:
                    return str(place[name])
        return str(ds[key].values) if key in ds.coords and ds[key].ndim == 0 else ""

    text = stated("stepRange") or f"{stated('startStep')}-{stated('endStep')}"
    found = re.fullmatch(r"(\d+)h?-(\d+)h?", text.strip())
    return (float(found[1]), float(found[2])) if found else (0.0, None)


def _by_name(name: str, ours: str) -> Iterator[Claim]:
    lower, source = name.lower(), f"name {name!r}"
    undo = f"ds = ds.rename({{{name!r}: {ours!r}}})"
    spoken = read(name)
    bare = spoken.bare if re.search(r"(?<!\d)\d\d$", lower) else None
    hours = spoken.hours or bare or (24.0 if re.search("daily|(?:^|_)day(?:_|$)", lower) else None)
    if "monthly" in lower:
        yield Claim(source, refused="a monthly statistic", undo=undo)
    elif re.search("run_total|(?:since|from)_start", lower):
        yield Claim(source, "sum", "start", undo=undo)
    elif hours is not None:
        yield Claim(source, hours=np.array([hours]), end=np.zeros(1), undo=undo)


_PREVIOUS = re.compile(r"since (?:the )?(?:previous|last)|previous (?:forecast |time ?)?step|"
                       r"(?:per|over the) (?:forecast |time ?)?step")  # fmt: skip
_START = re.compile(r"(?:since|from) (?:the )?(?:forecast |model |run )?"
                    r"(?:start|begin|initiali|init\b)|since (?:the )?(?:reference|forecast)|"
                    r"run[ _-]total")  # fmt: skip
_DAY = re.compile(r"(?:since|from) (?:00 ?(?:z|utc)?|midnight|the (?:start|beginning) of (?:the|"
                  r"each) day)\b")  # fmt: skip
_LENGTH = re.compile(r"(?<![\w.])(\d{1,3})[ -]?h(?:rs?|ours?|ourly)?\b|"
                     r"\b(hourly|hour|daily|day)\b(?= (?:sum|total|accum|mean|average|precip))|"
                     r"(?:past|last|previous|preceding) (hour|day)\b")  # fmt: skip


def _by_text(ds: xr.Dataset, field: xr.DataArray, time: Time) -> Iterator[Claim]:
    """Read comments and long names."""
    for key in ("comment", "description", "long_name", "title", "note"):
        text = str(field.attrs.get(key, ""))
        lower = text.lower()
        source = f"{key} {text if len(text) < 60 else text[:57] + '...'!r}"
        undo = _without(field, key)
        if _DAY.search(lower):
            yield Claim(source, "sum", "day", undo=undo)
        elif _START.search(lower):
            yield Claim(source, "sum", "start", undo=undo)
        elif _PREVIOUS.search(lower):
            yield _per_step(ds, field, time, source, undo)
        elif found := _LENGTH.search(lower):
            word = (found[2] or found[3] or "").removesuffix("ly")
            hours = float(found[1]) if found[1] else 1.0 if word == "hour" else 24.0
            yield Claim(source, hours=np.array([hours]), end=np.zeros(1), undo=undo)


def _per_step(ds: xr.Dataset, field: xr.DataArray, time: Time, source: str, undo: str) -> Claim:
    step = steps(time)
    said = " ".join(map(str, ds.attrs.values())).lower() + said_of_origin(ds)
    radiation = "m-2" in str(field.attrs.get("units", "")).replace("*", "") and not re.search(
        "kg", str(field.attrs.get("units", ""))
    )
    if radiation and re.search(r"\bgefs\b|\bgfs\b|\bncep\b", said):
        # NCEP averages radiation since the last of 00, 06, 12 and 18 UTC, whatever the step.
        words = "radiation of NCEP, whose windows change from step to step"
        return Claim(source, refused=words, undo=undo)
    if step is None:
        single = time.lead is not None and np.allclose(time.lead / HOUR, 1)
        step = np.ones(1) if single else None
        return Claim(source, hours=step, end=np.zeros(1), undo=undo)
    if time.lead_dim is not None and step.shape[-1] > 1 and step[..., 0].max() > step[..., 1].max():
        # The steps before the first lead are not there: its window is as long as the next.
        step = np.concatenate([step[..., 1:2], step[..., 1:]], axis=-1)
    return Claim(source, hours=step, end=np.zeros(1), undo=undo)


def members_of_reanalysis(ds: xr.Dataset, field: xr.DataArray) -> bool:
    """Tell whether a field belongs to an ensemble: members along a dim, or one of several."""
    total = field.attrs.get("GRIB_totalNumber", 0)
    several = any(str(d).lower() in dialects.MEMBER and ds.sizes[d] > 1 for d in field.dims)
    numbers = [c for c in field.coords if str(c).lower() in dialects.MEMBER
               and field[c].ndim == 0 and np.issubdtype(field[c].dtype, np.number)]  # fmt: skip
    one = any(float(field[c].values) != 0 for c in numbers)
    return (
        several
        or one
        or (str(total).isdigit() and int(total) > 1)
        or ("enda" in said_of_origin(ds))
    )


def _by_members(ds: xr.Dataset, field: xr.DataArray, time: Time) -> Iterator[Claim]:
    """Sums of ERA5's ensemble are over 3 hours, at 00, 03 ... UTC."""
    if time.lead is not None or not members_of_reanalysis(ds, field):
        return
    seconds = (time.values - time.values.astype("datetime64[D]")) / HOUR
    if (seconds % 3 == 0).all() and spaced(time) in (None, 3.0, 6.0, 12.0, 24.0):
        source = "members of ERA5's ensemble"
        yield Claim(source, hours=np.array([3.0]), end=np.zeros(1), weak=True)
