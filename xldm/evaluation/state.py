"""States: the sums of a part of the record, which merge with those of the next part."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dask
import numpy as np
import xarray as xr
from dask.delayed import Delayed

from ..errors import InputError
from ..inputs.units import conversion
from ..vocabulary import VOCABULARY
from . import days, rain_sums, temporal
from .hours import Series
from .plan import RAIN, Plan
from .sums import add_hour, with_means, with_speed, zeros

__all__ = ["State", "merge", "state_of"]

BLOCK_BYTES = 2**28
#: Numbers that stand for missing values: larger ones than `FILL`, and `FILLS` where they are larger
#: than the largest value that a known field may have, times `FAR`.
FILL, FAR = 1e14, 5
FILLS = (999, 9999, 99999, 999999, 32766, 32767, 32768, 65535, 2147483647, 2147483648)


@dataclass(frozen=True, eq=False)
class State:
    """Hold the sums over some hours.

    Parameters
    ----------
    times : ndarray (T,) of datetime64
    hourly : dict of ndarray (T, ...)
        Sums of each hour.
    total : dict of ndarray
        Sums over all hours.
    lagged : dict of str to temporal.Lagged
        Of the truth and each forecast: sums over pairs of hours, and the hours at both ends, which
        may form pairs with neighbouring parts.
    daily : dict of str to days.Days
        Of the same sources: days of hourly precipitation; empty without it.
    """

    times: np.ndarray
    hourly: dict[str, np.ndarray]
    total: dict[str, np.ndarray]
    lagged: dict[str, temporal.Lagged]
    daily: dict[str, days.Days]


def merge(earlier: State | None, later: State) -> State:
    """Return the state of two successive parts of the record."""
    if earlier is None:
        return later
    return State(
        np.concatenate([earlier.times, later.times]),
        {k: np.concatenate([v, later.hourly[k]]) for k, v in earlier.hourly.items()},
        {k: v + later.total[k] for k, v in earlier.total.items()},
        {k: temporal.merge(v, later.lagged[k]) for k, v in earlier.lagged.items()},
        {k: days.merge(v, later.daily[k]) for k, v in earlier.daily.items()},
    )


def _add(states: list[State | None], plan: Plan, block: Callable[[], list]) -> list[State | None]:
    """Return states, one of each series, with the next block added."""
    return [
        state if part is None else merge(state, _state(plan, *part))
        for state, part in zip(states, block(), strict=True)
    ]


def _state(
    plan: Plan, times: np.ndarray, truth: np.ndarray, forecasts: dict[str, np.ndarray]
) -> State:
    """Return the state of a block: truth (T, V, y, x) and forecasts (member, T, V, y, x)."""
    total, hourly = zeros(plan), []
    # Lags are counted in whole hours; all times may lie at another minute of the hour.
    hours = times.astype("datetime64[h]")
    series: dict[str, list[np.ndarray]] = {name: [] for name in plan.sources}
    for t in range(len(times)):
        now = {name: members[:, t] for name, members in forecasts.items()}
        sums = add_hour(plan, total, truth[t], now)
        if plan.rain is not None:
            sums |= rain_sums.add_hour(plan, total, times[t], truth[t], now)
        hourly.append(sums)
        for name, points in _at_points(plan, {"truth": truth[t][None], **now}).items():
            series[name].append(points)
    followed = {name: np.stack(points) for name, points in series.items()}
    return State(
        times,
        {k: np.stack([h[k] for h in hourly]) for k in hourly[0]},
        total,
        {name: temporal.lagged(hours, values) for name, values in followed.items()},
        {} if plan.rain is None else {n: _daily(plan, hours, v) for n, v in followed.items()},
    )


def _daily(plan: Plan, hours: np.ndarray, values: np.ndarray) -> days.Days:
    """Return the days of series (time, member, variable, point)."""
    assert plan.rain is not None
    at = plan.variables.index(RAIN)
    return days.days(hours, values[:, :, at] * plan.rain, np.delete(values, at, axis=2))


def _join(earlier: list[State | None], later: list[State | None]) -> list[State | None]:
    """Return the states of two successive parts, one of each series."""
    pairs = zip(earlier, later, strict=True)
    return [one if two is None else merge(one, two) for one, two in pairs]


def _at_points(plan: Plan, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return variables (member, V, point) of targets (member, V, y, x), with ensemble means."""
    rows, columns = plan.points
    return with_means({n: with_speed(plan, t[..., rows, columns]) for n, t in targets.items()})


def _load(parts: list[tuple[xr.Dataset, dict[str, xr.Dataset]] | None]) -> list:
    """Load a block: of each series its times (T,), truth (T, V, y, x) and forecasts, or None.

    Forecasts are (member, T, V, y, x), of all dims of members together.
    """
    # One thread, since blocks of several parts are computed at the same time; and all at once,
    # since several leads may lie in one chunk.
    loaded = dask.compute(parts, scheduler="synchronous")[0]

    def values(code: str, ds: xr.Dataset) -> list[np.ndarray]:
        for name, field in ds.items():
            _refuse_fill(code, str(name), field)
        return [v.values.reshape(-1, *v.shape[-3:]) for v in ds.values()]

    return [
        None
        if part is None
        else (
            part[0]["time"].values,
            np.stack([v[0] for v in values("truth", part[0])], axis=1),
            {k: np.stack(values(f"forecasts[{k!r}]", f), axis=2) for k, f in part[1].items()},
        )
        for part in loaded
    ]


def _refuse_fill(code: str, name: str, field: xr.DataArray) -> None:
    """Refuse values that stand for missing ones: numbers far from all that is possible."""
    most = _most(name, field.attrs["units"])
    values = field.values
    size = np.abs(values)
    # A field may be wrong by far, but hardly by just these numbers.
    odd = np.isfinite(values) & (size > most)
    if odd.any() and (odd := odd & ((size > FILL) | np.isin(size, FILLS))).any():
        at = np.argwhere(odd)[0]
        value = field.values[tuple(at)]
        raise InputError(
            f"{code}: {name} holds {value:g} at {field['time'].values[at[-3]]}; such a number "
            "stands for a missing value, which xldm expects as NaN; use "
            f"{code}.assign({name}={code}[{name!r}].where(abs({code}[{name!r}]) < {most:g}))"
        )


def _most(name: str, units: str) -> float:
    """Return the size beyond which no value of a variable can be meant."""
    known = VOCABULARY.get(name)
    scale = None if known is None else conversion(known.units, units)
    if known is None or scale is None:
        return FILL
    return FAR * max(abs(v * scale[0] + scale[1]) for v in (known.low, known.high))


def state_of(plan: Plan, series: Sequence[Series], *, parts: int) -> Delayed:
    """Return the delayed list of the states of series, such as the leads of forecasts.

    Dask works on ``parts`` of the record in parallel. Within a part, it reads, adds and forgets one
    block after another. So memory depends on the number of parts and the size of a block, not on
    the length of the record. A chunk that holds several of the series is computed once.

    Parameters
    ----------
    plan : Plan
    series : sequence of Series
        Of the same forecasts.
    parts : int
        Number of blocks in memory at a time.
    """
    cuts = _cuts(series)
    shared = dask.delayed(plan, pure=False, traverse=False)
    add = dask.delayed(_add, pure=False, traverse=False)
    join = dask.delayed(_join, pure=False, traverse=False)

    def block(number: int) -> Callable[[], list]:
        return functools.partial(_load, _culled([_part(s, *cuts[number]) for s in series]))

    states = []
    for first, *rest in np.array_split(np.arange(len(cuts)), min(parts, len(cuts))):
        state = add([None] * len(series), shared, block(first))
        for number in rest:
            state = add(state, shared, block(number))
        states.append(state)
    return functools.reduce(join, states)


def _rows(series: Series) -> np.ndarray:
    return np.arange(series.truth.sizes["time"]) if series.rows is None else series.rows


def _part(series: Series, start: int, stop: int) -> tuple[xr.Dataset, dict[str, xr.Dataset]] | None:
    """Return the hours of a series from one row to another; None if there are none."""
    first, last = np.searchsorted(_rows(series), [start, stop])
    if first == last:
        return None
    hours = {"time": slice(int(first), int(last))}
    return series.truth.isel(hours), {name: f.isel(hours) for name, f in series.forecasts.items()}


def _culled(parts: list) -> list:
    """Return datasets whose graphs hold only the tasks of a block, since each travels alone."""
    # Fused, a chunk of several leads would be a task in each of their graphs.
    with dask.config.set({"optimization.fuse.active": False}):
        return dask.optimize(parts)[0]


def _cuts(series: Sequence[Series]) -> list[tuple[int, int]]:
    """Return first and last row of each block, by the chunks of the longest series."""
    longest = max(series, key=lambda s: s.truth.sizes["time"])
    rows = _rows(longest)
    starts = [int(rows[b.start]) for b in _blocks(longest.truth, longest.forecasts, len(series))]
    starts[0] = 0
    stop = max(int(_rows(s)[-1]) for s in series) + 1
    return list(itertools.pairwise([*starts, stop]))


def _blocks(truth: xr.Dataset, forecasts: dict[str, xr.Dataset], count: int = 1) -> list[slice]:
    """Cut the hours into blocks: whole chunks of the longest-chunked dataset, within a limit.

    The limit holds for ``count`` datasets of this size together.
    """
    every = [truth, *forecasts.values()]
    hour = count * sum(v.nbytes for ds in every for v in ds.values()) / truth.sizes["time"]
    most = max(1, int(BLOCK_BYTES // hour))
    chunks = max((_time_chunks(ds) for ds in every), key=max)
    blocks, start, size = [], 0, 0
    for chunk in chunks:
        if size and size + chunk > most:
            blocks.append(slice(start, start + size))
            start, size = start + size, 0
        size += chunk
        while size > most:
            blocks.append(slice(start, start + most))
            start, size = start + most, size - most
    return [*blocks, slice(start, start + size)] if size else blocks


def _time_chunks(ds: xr.Dataset) -> tuple[int, ...]:
    """Return lengths of the chunks in time, of dask or of the store; else single hours."""
    if ds.chunks:
        return ds.chunksizes["time"]
    length = ds.sizes["time"]
    first = next(iter(ds.values()))
    step = first.encoding.get("preferred_chunks", {}).get("time", 1)
    return tuple(min(step, length - at) for at in range(0, length, step))
