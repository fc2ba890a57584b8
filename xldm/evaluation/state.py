"""States: the sums of a part of the record, which merge with those of the next part."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import dask
import numpy as np
import xarray as xr
from dask.delayed import Delayed

from . import temporal
from .plan import Plan
from .sums import add_hour, with_means, with_speed, zeros

__all__ = ["State", "merge", "state_of"]

BLOCK_BYTES = 2**28


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
    """

    times: np.ndarray
    hourly: dict[str, np.ndarray]
    total: dict[str, np.ndarray]
    lagged: dict[str, temporal.Lagged]


def merge(earlier: State | None, later: State) -> State:
    """Return the state of two successive parts of the record."""
    if earlier is None:
        return later
    return State(
        np.concatenate([earlier.times, later.times]),
        {k: np.concatenate([v, later.hourly[k]]) for k, v in earlier.hourly.items()},
        {k: v + later.total[k] for k, v in earlier.total.items()},
        {k: temporal.merge(v, later.lagged[k]) for k, v in earlier.lagged.items()},
    )


def _add(state: State | None, plan: Plan, block: Callable[[], tuple]) -> State:
    """Return a state with the next block added."""
    times, truth, forecasts = block()
    total, hourly = zeros(plan), []
    series: dict[str, list[np.ndarray]] = {name: [] for name in plan.sources}
    for t in range(len(times)):
        now = {name: members[:, t] for name, members in forecasts.items()}
        hourly.append(add_hour(plan, total, truth[t], now))
        for name, points in _at_points(plan, {"truth": truth[t][None], **now}).items():
            series[name].append(points)
    block_state = State(
        times,
        {k: np.stack([h[k] for h in hourly]) for k in hourly[0]},
        total,
        {name: temporal.lagged(times, np.stack(points)) for name, points in series.items()},
    )
    return merge(state, block_state)


def _at_points(plan: Plan, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return variables (member, V, point) of targets (member, V, y, x), with ensemble means."""
    rows, columns = plan.points
    return with_means({n: with_speed(plan, t[..., rows, columns]) for n, t in targets.items()})


def _load(
    truth: xr.Dataset, forecasts: dict[str, xr.Dataset]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Load a block: times (T,), truth (T, V, y, x), forecasts (member, T, V, y, x)."""

    def stacked(ds: xr.Dataset, axis: int) -> np.ndarray:
        # One thread each, since blocks of several parts are computed at the same time.
        loaded = ds.compute(scheduler="synchronous")
        return np.stack([v.values for v in loaded.values()], axis=axis)

    return truth["time"].values, stacked(truth, 1), {k: stacked(f, 2) for k, f in forecasts.items()}


def state_of(
    plan: Plan, truth: xr.Dataset, forecasts: dict[str, xr.Dataset], *, parts: int
) -> Delayed:
    """Return the delayed state of aligned datasets.

    Dask works on ``parts`` of the record in parallel. Within a part, it reads, adds and forgets one
    block after another. So memory depends on the number of parts and the size of a block, not on
    the length of the record.

    Parameters
    ----------
    plan : Plan
    truth : Dataset (time, y, x)
    forecasts : dict of str to Dataset (member, time, y, x)
    parts : int
        Number of blocks in memory at a time.
    """
    blocks = _blocks(truth, forecasts)
    shared = dask.delayed(plan, pure=False, traverse=False)
    add = dask.delayed(_add, pure=False, traverse=False)
    join = dask.delayed(merge, pure=False, traverse=False)

    def block(number: int) -> Callable[[], tuple]:
        hours = {"time": blocks[number]}
        parts_of = {name: f.isel(hours) for name, f in forecasts.items()}
        return functools.partial(_load, *_culled(truth.isel(hours), parts_of))

    states = []
    for first, *rest in np.array_split(np.arange(len(blocks)), min(parts, len(blocks))):
        state = add(None, shared, block(first))
        for number in rest:
            state = add(state, shared, block(number))
        states.append(state)
    return functools.reduce(join, states)


def _culled(truth: xr.Dataset, forecasts: dict[str, xr.Dataset]) -> tuple:
    """Return datasets whose graphs hold only the tasks of a block, since each travels alone."""
    truth, *rest = dask.optimize(truth, *forecasts.values())
    return truth, dict(zip(forecasts, rest, strict=True))


def _blocks(truth: xr.Dataset, forecasts: dict[str, xr.Dataset]) -> list[slice]:
    """Cut the hours into blocks: whole chunks of the longest-chunked dataset, within a limit."""
    every = [truth, *forecasts.values()]
    hour = sum(v.nbytes for ds in every for v in ds.values()) / truth.sizes["time"]
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
    step = dict(zip(first.dims, first.encoding.get("chunks") or (), strict=False)).get("time", 1)
    return tuple(min(step, length - at) for at in range(0, length, step))
