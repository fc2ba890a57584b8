"""Fit an alignment on coarse cells: moments of cells, and quantiles of blocks by xsdba."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..config import ModelConfig, Variable
from ..errors import AlignmentError, ArgumentError
from . import axes, mapping
from .amounts import bounds, is_amount, trace
from .tables import SCHEMA, Alignment, rounded

__all__ = ["NODES", "fit_cells"]

#: Probabilities of the quantiles that are stored.
NODES = np.array(
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
     0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999]
)  # fmt: skip
# Fields that a month needs, at each lead, to be fitted.
_FEWEST = 10
# Leads are fitted one by one up to this number; more are fitted in as many groups.
_MOST_LEADS = 12
# Values of a block that quantiles are taken from, at most: sorting all of a long record is slow.
_POOLED = 6_000
_HALF_MONTH = 15.25  # days


@dataclass(frozen=True, eq=False)
class _Sample:
    """The fields of one knot of lead and one month: a mask of hist's times, an index of ref's."""

    lead: int
    month: int
    hist: np.ndarray
    ref: np.ndarray


def fit_cells(
    hist: xr.Dataset, ref: xr.Dataset, config: ModelConfig, *, window: float = 15
) -> Alignment:
    """Fit an alignment on predictors that lie on the coarse cells already.

    Parameters
    ----------
    hist, ref : Dataset
        Predictors by name, in the model's units, dims (..., y, x) on the same cells, from
        :func:`xldm.grids.regridding.on_cells`.
    config : ModelConfig
        What the predictors are.
    window : float
        Days on either side of a month whose fields count as of the month.

    Returns
    -------
    Alignment

    Raises
    ------
    AlignmentError, ArgumentError
        As in :func:`xldm.alignment.fit.fit_alignment`.
    """
    if not 0 <= window <= 180:
        raise ArgumentError(f"window: expected days from 0 to 180, got {window!r}.")
    variables = [v for v in config.predictors if v.name in hist and v.name in ref]
    if not variables:
        raise AlignmentError(
            "No predictor is in both hist and ref: hist has "
            f"{', '.join(map(str, hist)) or 'none'}, ref has {', '.join(map(str, ref)) or 'none'}."
        )
    times, ref_times = (axes.valid_times(side) for side in (hist, ref))
    if axes.lead_of(ref) is not None or ref_times.ndim != 1:
        raise AlignmentError(
            "ref has leads: a reference is a series of valid times, such as ERA5's analyses."
        )
    knots, samples = _samples(axes.lead_of(hist), times, ref_times.values, window)
    if not samples:
        raise AlignmentError(
            f"No month has {_FEWEST} fields or more on both sides at the same hours of the day "
            f"(hist: {_period(times)}, ref: {_period(ref_times)}): give a longer reference period."
        )
    tables = _tables(hist, ref, variables, times.dims, (knots, samples))
    leads = axes.lead_of(hist)
    limits = np.array([bounds(v) for v in variables])
    tables = tables.assign(
        amount=("predictor", np.array([is_amount(v) for v in variables], "int8")),
        least=("predictor", limits[:, 0]),
        most=("predictor", limits[:, 1]),
        trace=("predictor", np.array([trace(v) for v in variables])),
    ).assign_coords(
        predictor=[v.name for v in variables],
        lead=("lead", knots, {"units": "hours"}),
        month=np.arange(1, 13),
        node=NODES,
        hour=("hour", np.unique(axes.hours(times.values)), {"units": "hours"}),
        y=hist["y"].values,
        x=hist["x"].values,
    )
    tables.attrs = {
        "title": "Alignment of predictors with a reference, by xldm",
        "xldm_alignment": SCHEMA,
        "window_days": float(window),
        "lead_hours": [] if leads is None else [float(leads.min()), float(leads.max())],
        "provider_period": _period(times),
        "reference_period": _period(ref_times),
        "crs": config.grid.crs,
    }
    return Alignment(tables)


def _period(times: xr.DataArray) -> str:
    first, last = (
        np.datetime_as_string(t, unit="h") for t in (times.values.min(), times.values.max())
    )
    return f"{times.size} times, {first} to {last}"


def _samples(
    lead: xr.DataArray | None, times: xr.DataArray, ref_times: np.ndarray, window: float
) -> tuple[np.ndarray, list[_Sample]]:
    """Return the knots of lead in hours, and the fields of each knot and month that has enough."""
    if lead is None or lead.ndim == 0:
        groups = [(0.0 if lead is None else float(lead), np.ones(times.shape, bool))]
    else:
        along = lead.broadcast_like(times).transpose(*times.dims).values
        each = np.unique(along)
        parts = np.array_split(each, min(each.size, _MOST_LEADS))
        groups = [(float(part.mean()), np.isin(along, part)) for part in parts]
    samples = []
    for i, (_, of_lead) in enumerate(groups):
        same_hour = np.isin(axes.hours(ref_times), axes.hours(times.values[of_lead]))
        for month in range(12):
            near, ref_near = (
                axes.days_from(t, month) <= _HALF_MONTH + window for t in (times.values, ref_times)
            )
            here, there = of_lead & near, np.flatnonzero(same_hour & ref_near)
            # A month has to have fields of its own: the window alone does not stand for it.
            own = of_lead & (times.values.astype("datetime64[M]").astype(int) % 12 == month)
            if own.any() and min(here.sum(), there.size) >= _FEWEST:
                samples.append(_Sample(i, month, here, there))
    return np.array([knot for knot, _ in groups]), samples


def _tables(
    hist: xr.Dataset,
    ref: xr.Dataset,
    variables: list[Variable],
    dims: tuple[Any, ...],
    found: tuple[np.ndarray, list[_Sample]],
) -> xr.Dataset:
    """Return the tables (lead, month, predictor, ...), one predictor in memory at a time."""
    knots, samples = found
    y, x = hist.sizes["y"], hist.sizes["x"]
    blocks = len(mapping.blocks(y)), len(mapping.blocks(x)), NODES.size
    lead = (knots.size, 12)
    cells = {n: np.full((*lead, len(variables), y, x), np.nan, "float32")
             for n in ("mean", "spread", "shift", "factor")}  # fmt: skip
    pooled = {n: np.full((*lead, len(variables), *blocks), np.nan, "float32")
              for n in ("nodes", "change")}  # fmt: skip
    fitted = np.zeros(lead, "int8")
    for p, variable in enumerate(variables):
        field = hist[variable.name]
        beside = [d for d in field.dims if d not in (*dims, "y", "x")]
        values = field.transpose(*dims, *beside, "y", "x").values
        ref_values = ref[variable.name].transpose(..., "y", "x").values
        pools = []
        for s in samples:
            moments, departures = _fit(
                values[s.hist].reshape(-1, y, x), ref_values[s.ref], variable
            )
            for name, array in moments.items():
                cells[name][s.lead, s.month, p] = rounded(array)
            pools.append(departures)
            fitted[s.lead, s.month] = 1
        for name, arrays in _quantiles(pools, blocks[:2]).items():
            for s, array in zip(samples, arrays, strict=True):
                pooled[name][s.lead, s.month, p] = rounded(array)
    first = ("lead", "month", "predictor")
    return xr.Dataset(
        {n: ((*first, "y", "x"), a) for n, a in cells.items()}
        | {n: ((*first, "block_y", "block_x", "node"), a) for n, a in pooled.items()}
        | {"fitted": (("lead", "month"), fitted)}
    )


def _fit(
    hist: np.ndarray, ref: np.ndarray, variable: Variable
) -> tuple[dict[str, np.ndarray], tuple[list[np.ndarray], list[np.ndarray]]]:
    """Return the moments (y, x) of fields (time, y, x), and what is left of each block's values.

    That is departures from the mean in spreads of the provider, or amounts of the same mean.
    """
    narrow = mapping.NARROW
    hist, ref = hist.astype("float64"), ref.astype("float64")
    if is_amount(variable):
        least = trace(variable)
        hist, ref = (np.where(f <= least, 0.0, f) for f in (hist, ref))
    (mean, spread), (ref_mean, ref_spread) = (_moments(f) for f in (hist, ref))
    with np.errstate(divide="ignore", invalid="ignore"):
        if is_amount(variable):
            factor = np.where(mean > trace(variable), ref_mean / mean, 1.0)
            factor = _filled(np.clip(factor, 1 / narrow, narrow), 1.0)
            cells = {"mean": 0 * factor, "spread": 0 * factor + 1, "shift": 0 * factor}
            departures = hist * factor, ref
        else:
            spread = np.maximum(spread, trace(variable))
            factor = _filled(np.clip(ref_spread / spread, 1 / narrow, narrow), 1.0)
            spread, mean = _filled(spread, 1.0), _filled(mean, 0.0)
            cells = {"mean": mean, "spread": spread, "shift": _filled(ref_mean - mean, 0.0)}
            departures = (hist - mean) / spread, (ref - ref_mean) / (spread * factor)
    cells["factor"] = factor
    rows, columns = (mapping.blocks(n) for n in hist.shape[1:])
    left, right = ([_pooled(f[:, r, c]) for r in rows for c in columns] for f in departures)
    return cells, (left, right)


def _moments(fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation along the first axis, NaN where there is no value."""
    there = np.isfinite(fields)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, fields, 0).sum(0) / there.sum(0)
        variance = np.where(there, fields - mean, 0) ** 2
        return mean, np.sqrt(variance.sum(0) / there.sum(0))


def _filled(cells: np.ndarray, otherwise: float) -> np.ndarray:
    """Return cells with their mean where one has no value."""
    there = np.isfinite(cells)
    return np.where(there, cells, cells[there].mean() if there.any() else otherwise)


def _quantiles(
    pools: list[tuple[list[np.ndarray], list[np.ndarray]]], blocks: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Return the nodes of hist and their change to ref (sample, block_y, block_x, node)."""
    from xsdba import EmpiricalQuantileMapping

    hist, ref = ([pool for sample in pools for pool in sample[side]] for side in (0, 1))
    size = max(len(p) for p in (*hist, *ref))
    # One call for all samples and blocks: each has a cost of its own.
    trained = EmpiricalQuantileMapping.train(
        _series(ref, size),
        _series(hist, size),
        nquantiles=NODES,
        kind="+",
        group="time",
        skip_input_checks=True,
    ).ds
    made = {}
    for name, of_xsdba in (("nodes", "hist_q"), ("change", "af")):
        nodes = trained[of_xsdba].squeeze("group").transpose("block", "quantiles").values
        nodes = nodes.reshape(len(pools), -1, NODES.size)
        for sample in nodes:
            gaps = ~np.isfinite(sample).all(1)
            # A block without values takes the mean of the others: cells beside it lean on it.
            sample[gaps] = sample[~gaps].mean(0) if not gaps.all() else 0.0
        made[name] = nodes.reshape(len(pools), *blocks, -1)
    return made


def _pooled(fields: np.ndarray) -> np.ndarray:
    values = fields[np.isfinite(fields)]
    return values[:: -(-values.size // _POOLED) or 1]


def _series(pools: list[np.ndarray], size: int) -> xr.DataArray:
    """Return pools as series of one length for xsdba, which wants times; it skips NaN."""
    out = np.full((len(pools), max(size, 1)), np.nan, "float32")
    for row, pool in zip(out, pools, strict=True):
        row[: pool.size] = pool
    days = np.datetime64("2000-01-01", "ns") + np.arange(out.shape[1]) * np.timedelta64(1, "D")
    return xr.DataArray(out, {"time": days}, ("block", "time"), attrs={"units": "1"})
