"""Compare the times of arranged datasets, and split forecasts by their lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .arrange import LEADS

__all__ = ["Series", "between_hours", "same_times", "split"]


@dataclass(frozen=True, eq=False)
class Series:
    """Hold truth and forecasts at the same hours: of one lead, or of no lead.

    Parameters
    ----------
    truth : Dataset (time, y, x)
    forecasts : dict of str to Dataset (member ..., time, y, x)
    lead : timedelta64, optional
        None if no forecast has leads.
    rows : ndarray of int, optional
        Places of the hours among the initialisations; None for all.
    """

    truth: xr.Dataset
    forecasts: dict[str, xr.Dataset]
    lead: np.timedelta64 | None = None
    rows: np.ndarray | None = None


def same_times(
    forecasts: dict[str, xr.Dataset],
    truth: xr.Dataset,
    how: str,
    faults: list[str],
    left: list[str],
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Return datasets at the same times; of forecasts by lead, at the valid times in the truth.

    Parameters
    ----------
    forecasts : dict of str to Dataset
        Arranged.
    truth : Dataset (time, y, x)
    how : {"exact", "common"}
        Require the same times, initialisations and leads, or take those that all have.
    faults, left : list of str
        Get what does not fit, and what is left out.
    """
    leaded = {name: f for name, f in forecasts.items() if "lead" in f.dims}
    if not leaded:
        return _same_series(forecasts, truth, how, faults)
    before = len(faults)
    leaded = _same_leads(leaded, how, faults)
    if len(faults) > before:
        return forecasts, truth
    valid = _us(next(iter(leaded.values()))["time"])
    known = np.isin(valid, _us(truth["time"]))
    if not known.any():
        faults.append(
            f"no valid time of the forecasts is in the truth: {_span(valid)} against "
            f"{_span(_us(truth['time']))}"
        )
        return forecasts, truth
    if not known.all():
        left.append(_unknown(valid, known, next(iter(leaded.values()))["lead"].values))
    for name, plain in forecasts.items():
        if name in leaded:
            continue
        there = np.isin(valid, _us(plain["time"]))
        if how == "exact" and (known & ~there).any():
            some = "; use align='common' to leave them out" if (known & there).any() else ""
            faults.append(
                f"{name}: lacks {np.unique(valid[known & ~there]).size} of the valid times of "
                f"the forecasts by lead, first {valid[known & ~there].min()}{some}"
            )
        known &= there
    at = np.isin(_us(truth["time"]), valid[known])
    return {**forecasts, **leaded}, truth.isel(time=np.flatnonzero(at))


def between_hours(forecasts: dict[str, xr.Dataset], truth: xr.Dataset) -> Iterator[str]:
    """Yield a fault if times, or initialisations, are not whole hours apart."""
    leaded = [f for f in forecasts.values() if "lead" in f.dims]
    name, times = ("the forecasts", leaded[0]["start"]) if leaded else ("truth", truth["time"])
    apart = (_us(times) - _us(times)[0]) % np.timedelta64(1, "h")
    if apart.astype("int64").any():
        was = times.attrs["was"]
        code = f"truth.isel({was}=(truth[{was!r}].dt.minute == 0).values)"
        yield (
            f"{name}: {'initialisations' if leaded else 'its times'} are not whole hours apart, as "
            "changes in time are counted; choose those of one minute of the hour"
            + ("" if leaded else f", e.g. use {code}, and align='common'")
        )


def split(forecasts: dict[str, xr.Dataset], truth: xr.Dataset) -> Iterator[Series]:
    """Yield the series of every lead that the truth has hours of; one series without leads."""
    leaded = {name: f for name, f in forecasts.items() if "lead" in f.dims}
    if not leaded:
        yield Series(truth, forecasts)
        return
    first = next(iter(leaded.values()))
    for number, lead in enumerate(first["lead"].values):
        valid = _us(first["time"].isel(lead=number))
        rows = np.flatnonzero(np.isin(valid, _us(truth["time"])))
        if not rows.size:
            continue
        observed = _at(truth, valid[rows])
        at = {
            name: f.isel(lead=number, start=_slice(rows)).drop_vars("time").swap_dims(start="time")
            if name in leaded
            else _at(f, valid[rows])
            for name, f in forecasts.items()
        }
        at = {
            name: f.drop_vars(LEADS, errors="ignore").assign_coords(time=observed["time"])
            for name, f in at.items()
        }
        yield Series(observed, at, lead, rows)


def _us(times: xr.DataArray) -> np.ndarray:
    """Return times in microseconds, in which those of any unit are compared."""
    return times.values.astype("datetime64[us]")


def _slice(rows: np.ndarray) -> slice | np.ndarray:
    """Return consecutive rows as a slice, which makes fewer tasks."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if np.ptp(rows) == rows.size - 1 else rows


def _at(series: xr.Dataset, times: np.ndarray) -> xr.Dataset:
    return series.isel(time=_slice(np.searchsorted(_us(series["time"]), times)))


def _span(times: np.ndarray) -> str:
    return f"{times.min()} to {times.max()}" if times.size else "none"


def _same_series(
    forecasts: dict[str, xr.Dataset], truth: xr.Dataset, how: str, faults: list[str]
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    theirs = _us(truth["time"])
    if how == "exact":
        for name, forecast in forecasts.items():
            faults += _same(name, _us(forecast["time"]), theirs)
    else:
        for forecast in forecasts.values():
            theirs = theirs[np.isin(theirs, _us(forecast["time"]))]
        if not theirs.size:
            faults.append("no time is common to all datasets")
    if faults:
        return forecasts, truth
    truth = _at(truth, theirs)
    return {
        name: _at(f, theirs).assign_coords(time=truth["time"]) for name, f in forecasts.items()
    }, truth


def _same(name: str, mine: np.ndarray, theirs: np.ndarray) -> Iterator[str]:
    if np.array_equal(mine, theirs):
        return
    alone = [np.setdiff1d(a, b) for a, b in ((mine, theirs), (theirs, mine))]
    first = "; ".join(
        f"first {who} {a[0]}"
        for who, a in zip(("of the forecast", "of the truth"), alone, strict=True)
        if a.size
    )
    common = mine.size > alone[0].size
    yield (
        f"{name}: its times are not the truth's: {len(mine)} against {len(theirs)}, "
        f"{alone[0].size} of them only in the forecast and {alone[1].size} only in the truth "
        f"({first}); "
        + ("use align='common' to leave them out" if common else "no time is in both")
    )


def _same_leads(
    leaded: dict[str, xr.Dataset], how: str, faults: list[str]
) -> dict[str, xr.Dataset]:
    """Return forecasts of the same initialisations and leads."""
    (first, reference), *others = leaded.items()
    for dim in LEADS:
        what = {"start": "initialisations", "lead": "leads"}[dim]
        common = reference[dim].values
        for name, forecast in others:
            mine = forecast[dim].values
            if how == "exact" and not np.array_equal(mine, reference[dim].values):
                some = np.isin(mine, common).any()
                faults.append(
                    f"{name}: its {what} are not those of {first}: {_few(mine)} against "
                    f"{_few(reference[dim].values)}; "
                    + ("use align='common' for those in both" if some else "none is in both")
                )
            common = common[np.isin(common, mine)]
        if how == "common":
            if not common.size:
                faults.append(f"no {what} are common to the forecasts by lead")
                return leaded
            leaded = {
                n: f.isel({dim: _slice(np.flatnonzero(np.isin(f[dim].values, common)))})
                for n, f in leaded.items()
            }
    if faults:
        return leaded
    (_, reference), *others = leaded.items()
    faults += [
        f"{name}: its valid times are not those of {first} at the same initialisations and leads"
        for name, forecast in others
        if not np.array_equal(_us(forecast["time"]), _us(reference["time"]))
    ]
    return leaded


def _few(values: np.ndarray) -> str:
    if values.dtype.kind == "m":
        values = np.array([f"{h:g} h" for h in values / np.timedelta64(1, "h")])
    else:
        values = values.astype("datetime64[m]")
    return f"{values.size} from {values[0]} to {values[-1]}" if values.size else "none"


def _unknown(valid: np.ndarray, known: np.ndarray, leads: np.ndarray) -> str:
    """Say which valid times the truth lacks."""
    said = f"the truth lacks {np.count_nonzero(~known)} of {known.size} valid times of forecasts"
    if empty := [f"{h:g} h" for h in leads[~known.any(0)] / np.timedelta64(1, "h")]:
        said += f", and all at the leads {', '.join(empty)}"
    return said
