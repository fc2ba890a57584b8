"""Bring accumulated fields to the hours that a model was trained on, or refuse them.

What a dataset states counts: units, bounds of time, cell methods, GRIB keys, names and comments.
Statements that contradict one another are refused. Where nothing is stated, hourly stamps or signs
of ERA5's hourly product are evidence of sums over the hour, and values that never fall are running
totals. A field without evidence is refused: nothing is guessed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import xarray as xr

from ...config import Variable
from ...errors import InputError
from ..axes.horizontal import Horizontal
from ..axes.times import Time
from ..fields.derived import each
from ..fields.matching import known
from ..report import Found
from ..standardise import lay_out
from ..windows import Over
from .evidence import planned, settled
from .running_totals import (
    Series,
    Told,
    across_days,
    first_stamps,
    goes_on,
    looked_at,
    picked,
    verdict,
)
from .sharing import bringable

__all__ = ["is_hourly", "sum_notes", "weighed", "without_start"]


def without_start(
    time: Time, found: Sequence[Found], wanted: Sequence[Variable]
) -> tuple[Time, list[str]]:
    """Return times without lead 0 if there are sums, and what was done."""
    sums = any(f.variable is not None and known(v).accumulated for f, v in each(found, wanted))
    later = time.without_start() if sums else time
    if later is time:
        return time, []
    return later, ["Lead 0 is left out: there is no hour before it that sums could be over."]


def weighed(
    ds: xr.Dataset,
    found: Sequence[Found],
    wanted: Sequence[Variable],
    time: Time,
    horizontal: Horizontal,
    *,
    absent: bool = False,
) -> list[Found]:
    """Add to each accumulated predictor what its values are over, or why it cannot be used.

    Values are looked at of one day or one forecast: at 6 stamps of lazy data, in one pass.

    Parameters
    ----------
    ds : xarray.Dataset
    found, wanted : sequence of Found, of Variable
        Its predictors, in the same order.
    time, horizontal : Time, Horizontal
        Its axes.
    absent : bool
        Whether predictors that cannot be used count as absent.
    """
    fields = each(found, wanted)
    plans, days = {}, {}
    for i, (f, variable) in enumerate(fields):
        entry = known(variable)
        if not entry.accumulated or f.variable not in ds.data_vars or f.problem:
            continue
        plans[i] = planned(ds, f.variable, entry, time)
        series = looked_at(time, lazy=not ds[f.variable].variable._in_memory)
        if series and plans[i].method == "sum":
            days[i] = series
    told = _told(ds, fields, days, time, horizontal)
    overs = {}
    for i, plan in plans.items():
        variable = fields[i][1]
        over = settled(plan, told.get(i, Told()), time)
        sunny = _place(variable, horizontal) is not None
        over = replace(over, wanted=variable.interval, by_sun=sunny)
        overs[i] = bringable(over, plan.name, time)
    count = itertools.count()
    return [_with_overs(f, overs, count, absent=absent) for f in found]


def _told(
    ds: xr.Dataset,
    fields: Sequence[tuple[Found, Variable]],
    days: dict[int, list[Series]],
    time: Time,
    horizontal: Horizontal,
) -> dict[int, Told]:
    """Return what the values of fields tell, by the first of their days, and by others in doubt."""
    first = _verdicts(ds, fields, {i: series[0] for i, series in days.items()}, time, horizontal)
    sunny = {i for i in first if _place(fields[i][1], horizontal) is not None}
    of_sun = {first[i] for i in sunny} - {""}
    told = {}
    for i, said in first.items():
        sure = i in sunny or bool(of_sun)
        if i not in sunny and said in ("runs", "mixed"):
            if of_sun == {"falls"}:
                said = "falls"  # sunshine tells more clearly what its file holds
            elif not sure:
                for other in days[i][1:]:
                    more = _verdicts(ds, fields, {i: other}, time, horizontal)[i]
                    said, sure = ("falls", True) if more == "falls" else (said, sure or bool(more))
        told[i] = Told(said, sure, days[i][0].values.size, days[i][0].hours)
    rising = [i for i, said in first.items() if said == "runs"]
    _restarting(ds, fields, told, rising, time, horizontal)
    # A field that tells nothing, as rain on a dry day, is what the others of its file are.
    runs = [t for t in told.values() if t.verdict == "runs"]
    return {i: runs[0] if t.verdict == "" and runs else t for i, t in told.items()}


def _restarting(
    ds: xr.Dataset,
    fields: Sequence[tuple[Found, Variable]],
    told: dict[int, Told],
    runs: list[int],
    time: Time,
    horizontal: Horizontal,
) -> None:
    """Tell totals that start anew every few hours, and those of ``runs`` that no midnight ends."""
    midnights = across_days(time) if runs and time.start is None else None
    if midnights is not None:
        for i, values in _values(ds, fields, dict.fromkeys(runs, midnights), time, horizontal):
            if goes_on(values[0::2], values[1::2]):
                told[i] = replace(told[i], verdict="grows")
    if time.lead_dim is None:
        return
    # Of lazy data, the stamps that were looked at are too far apart to tell.
    first = {i: first_stamps(time) for i, t in told.items() if t.verdict == "falls"}
    for i, said in _verdicts(ds, fields, first, time, horizontal).items():
        if said == "restarts":
            told[i] = replace(told[i], verdict=said)


def _verdicts(
    ds: xr.Dataset,
    fields: Sequence[tuple[Found, Variable]],
    days: dict[int, Series],
    time: Time,
    horizontal: Horizontal,
) -> dict[int, str]:
    """Return what one day of each field tells."""
    return {
        i: verdict(values, days[i], _place(fields[i][1], horizontal))
        for i, values in _values(ds, fields, days, time, horizontal)
    }


def _values(
    ds: xr.Dataset,
    fields: Sequence[tuple[Found, Variable]],
    days: dict[int, Series],
    time: Time,
    horizontal: Horizontal,
) -> list[tuple[int, np.ndarray]]:
    """Return the values of some stamps of each field; all are read in one pass."""
    import dask

    samples = {}
    for i, day in days.items():
        # A field that cannot be laid out is a problem already.
        with suppress(InputError):
            samples[i] = picked(lay_out(ds, fields[i][0], time, horizontal), day).data
    computed = dask.compute(*samples.values())
    return [(i, np.asarray(values)) for i, values in zip(samples, computed, strict=True)]


def _with_overs(
    found: Found, overs: dict[int, Over], count: Iterator[int], *, absent: bool
) -> Found:
    """Return a predictor, and its parts, with what their values are over."""
    if found.parts:
        parts = tuple(_with_overs(p, overs, count, absent=False) for p in found.parts)
        refused = " ".join(p.over.refused for p in parts if p.over and p.over.refused)
        said = "; ".join(f"{p.variable}: {p.over}" for p in parts if _is_brought(p.over))
        over = None
    else:
        over = overs.get(next(count))
        parts, refused = (), "" if over is None else over.refused
        said = str(over) if _is_brought(over) else ""
    if refused and absent:
        return Found(found.name, becomes=f"absent ({refused})")
    becomes = "; ".join(filter(None, (found.becomes, said)))
    problem = " ".join(filter(None, (found.problem, refused)))
    return replace(found, parts=parts, over=over, becomes=becomes, problem=problem)


def _is_brought(over: Over | None) -> bool:
    return over is not None and not over.refused and not over.is_exactly(over.wanted)


def is_hourly(found: Found) -> bool:
    """Tell whether a field is accumulated over the model's hours as it is."""
    return found.over is not None and found.over.is_exactly(found.over.wanted)


def _place(variable: Variable, horizontal: Horizontal) -> tuple[np.ndarray, np.ndarray] | None:
    """Return latitudes and longitudes if a variable is sunshine."""
    sunny = variable.name == "ssrd" or "shortwave" in variable.standard_name
    return (horizontal.latitude, horizontal.longitude) if sunny else None


def sum_notes(found: Sequence[Found]) -> list[str]:
    """Return what was done to sums, and by what evidence."""
    lines: list[str] = []
    for f in found:
        lines += sum_notes(f.parts)
        over = f.over
        if over is None or over.refused:
            continue
        longer = over.hours.max() > over.wanted + 1e-6
        hours = f"{over.wanted:g}-hour " if over.wanted != 1 else "hourly "
        if over.running:
            what = f"{over}, so differences were taken"
            if longer:
                what += f" over up to {over.hours.max():g} hours, shared out {_way(over)}"
        elif longer:
            what = f"{over} shared out {_way(over)}"
        else:
            what = f"{hours}{over.method}s that end at each time"
        lines.append(f"{f.name}: {what} (told by {over.source}).")
    return lines


def _way(over: Over) -> str:
    return "by the height of the sun" if over.by_sun else "evenly"
