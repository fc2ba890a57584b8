"""Scores by lead: which leads are computed together, and one result of all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr

from .hours import Series
from .plan import Plan
from .strata import SEASONS
from .sums import zeros

__all__ = ["groups", "joined"]

#: Memory of the sums of leads that are computed at once.
GROUP_BYTES = 2**31
_HOUR = 3600e9


def groups(
    plan: Plan, forecasts: Mapping[str, xr.Dataset], series: Sequence[Series], parts: int
) -> Iterator[list[Series]]:
    """Yield the leads that are computed at once: those of a chunk, within a limit.

    A chunk that holds several leads would be computed for each of them otherwise.
    """
    leaded = [f for f in forecasts.values() if "lead" in f.dims]
    if not leaded:
        yield list(series)
        return
    of_one = sum(sums.nbytes for sums in zeros(plan).values()) * max(1, parts)
    chunk = max(max(f.chunksizes.get("lead", (1,))) for f in leaded)
    size = max(1, min(chunk, GROUP_BYTES // of_one))
    leads = leaded[0]["lead"].values.tolist()
    for _, group in itertools.groupby(series, lambda s: leads.index(_number(s)) // size):
        yield list(group)


def joined(
    results: Sequence[xr.Dataset], series: Sequence[Series], forecasts: Mapping[str, xr.Dataset]
) -> xr.Dataset:
    """Return one result of the results of all leads, along ``lead``.

    Scores of single hours lie along ``init``, the initialisation, since valid times differ by lead.
    """
    if series[0].lead is None:
        return results[0]
    starts = next(f for f in forecasts.values() if "lead" in f.dims)["start"].values
    periods = _periods(results)
    rows = []
    for result, one in zip(results, series, strict=True):
        assert one.rows is not None
        valid = "init", result["time"].values, {"standard_name": "time"}
        row = result.drop_vars("time").rename_dims(time="init")
        row = row.assign_coords(init=starts[one.rows], valid_time=valid)
        # A number is absent where a lead has no hours of a period, or no truth of a start.
        rows.append(row.reindex(init=starts, period=periods, fill_value=_nothing(row)))
    # What all leads share stays as it is.
    same = [n for n in rows[0].data_vars if {*rows[0][n].dims} <= {"forecast"}]
    out = xr.concat(
        [row.drop_vars(same) for row in rows], "lead", data_vars="all", coords=["valid_time"],
        compat="override", join="exact",
    ).assign(rows[0][same])  # fmt: skip
    about = {"standard_name": "forecast_period", "long_name": "lead", "units": "hours"}
    out = out.assign_coords(lead=("lead", [_number(s) / _HOUR for s in series], about))
    out["init"].attrs = {"standard_name": "forecast_reference_time", "long_name": "initialisation"}
    return out


def _number(series: Series) -> int:
    """Return the lead in nanoseconds."""
    assert series.lead is not None
    return int(series.lead.astype("timedelta64[ns]").astype("int64"))


def _periods(results: Sequence[xr.Dataset]) -> list[str]:
    """Return every period of any lead: all, seasons, then hours of the day."""
    held = {str(p) for result in results for p in result["period"].values}
    hours = sorted(p for p in held if p.endswith(" UTC"))
    return [p for p in ("all", *SEASONS) if p in held] + hours


def _nothing(row: xr.Dataset) -> dict[str, object]:
    """Return what stands for an absent number, by variable."""
    missing = {str(n): np.nan for n, v in row.variables.items() if v.dtype.kind == "f"}
    return missing | {"n": 0, "valid_time": np.datetime64("NaT")}
