r"""From sums to scores: the state of a record as a dataset of metrics.

With n values, truth o, forecast f and error e = f - o:

.. math::
    \mathrm{RMSE} = \sqrt{\overline{e^2}}, \quad \mathrm{BIAS} = \bar e, \quad
    R^2 = 1 - \frac{\sum e^2}{\sum (o - \bar o)^2}, \quad
    \mathrm{PCC} = \frac{\overline{fo} - \bar f \bar o}{\sigma_f \sigma_o}
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from . import ensemble
from .plan import Plan
from .state import State
from .sums import OF_ERROR

__all__ = ["ensembles", "errors", "events", "periods"]

SEASONS = ("DJF", "MAM", "JJA", "SON")
UNITLESS = ("r2", "pcc", "spread_skill")
PROBABILITIES = np.linspace(0, 1, 11)


def periods(times: np.ndarray) -> dict[str, np.ndarray]:
    """Names of periods and which hours belong to them; those without an hour are left out.

    Examples
    --------
    >>> list(periods(np.array(["2008-01-01T00", "2008-07-01T06"], "datetime64[h]")))
    ['all', 'DJF', 'JJA', '00 UTC', '06 UTC']
    """
    index = pd.DatetimeIndex(times)
    season = index.month % 12 // 3
    named = {"all": np.ones(len(index), bool)}
    named |= {name: season == i for i, name in enumerate(SEASONS)}
    named |= {f"{h:02d} UTC": index.hour == h for h in range(24)}
    return {name: hours for name, hours in named.items() if hours.any()}


def by_period(sums: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sums (time, ...) of each period, along a new first axis."""
    return np.stack([sums[hours].sum(0) for hours in periods(times).values()])


def by_stratum(plan: Plan, sums: np.ndarray, axis: int = -2) -> np.ndarray:
    """Sums by disjoint class -> by stratum, along the same axis."""
    parts = [sums.take(classes, axis).sum(axis) for classes in plan.ground.strata.values()]
    return np.stack(parts, axis)


def _metrics(truth: np.ndarray, error: np.ndarray) -> dict[str, np.ndarray]:
    """Scores from sums ``sums.OF_TRUTH`` (..., 3) and ``sums.OF_ERROR`` (..., 4)."""
    n, o, oo = np.moveaxis(truth, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_o, mean_e, mae, mse, mean_eo = (s / n for s in (o, *np.moveaxis(error, -1, 0)))
        # Rounding leaves variances of about 1e-16 of the mean square where there is none.
        least = 1e-13 * oo / n
        var_o = np.where((spread := oo / n - mean_o**2) > least, spread, 0.0)
        covariance = var_o + mean_eo - mean_e * mean_o
        var_f = var_o + 2 * (mean_eo - mean_e * mean_o) + mse - mean_e**2
        var_f = np.where(var_f > least, var_f, 0.0)
        return {
            "rmse": np.sqrt(mse),
            "bias": mean_e,
            "mae": mae,
            "r2": np.where(var_o > 0, 1 - mse / var_o, np.nan),
            "pcc": np.where(var_o * var_f > 0, covariance / np.sqrt(var_f * var_o), np.nan),
        }


_LONG = {
    "rmse": "root mean square error",
    "bias": "mean error",
    "mae": "mean absolute error",
    "r2": "coefficient of determination",
    "pcc": "Pearson correlation",
    "crps": "continuous ranked probability score",
    "crps_fair": "CRPS, unbiased in the number of members",
    "spread": "ensemble spread",
    "skill": "RMSE of the ensemble mean",
    "spread_skill": "spread over skill",
}


def _named(name: str, dims: tuple[str, ...], values: np.ndarray, suffix: str = "") -> dict:
    units = {"units": "1"} if name in UNITLESS else {"comment": "in the units of the variable"}
    return {f"{name}{suffix}": (dims, values, {"long_name": _LONG[name], **units})}


def errors(plan: Plan, state: State) -> xr.Dataset:
    """RMSE, BIAS, MAE, R2 and PCC by stratum and period, hour by hour, and as maps."""
    truth = by_stratum(plan, state.hourly["truth"])  # (time, variable, stratum, 3)
    error = by_stratum(plan, state.hourly["error"])  # (time, forecast, variable, stratum, 4)
    out = {}
    dims = ("forecast", "variable", "stratum")
    sums = by_period(truth, state.times)[:, None], by_period(error, state.times)
    for name, values in _metrics(*sums).items():
        out |= _named(name, (*dims, "period"), np.moveaxis(values, 0, -1))
    for name, values in _metrics(truth[:, None], error).items():
        out |= _named(name, (*dims, "time"), np.moveaxis(values, 0, -1), "_hourly")
    maps = _metrics(
        np.moveaxis(state.total["map_truth"], 1, -1), np.moveaxis(state.total["map_error"], 2, -1)
    )
    for name, values in maps.items():
        grid = values.reshape(*values.shape[:2], *plan.ground.shape).astype(np.float32)
        out |= _named(name, ("forecast", "variable", "y", "x"), grid, "_map")
    count = np.moveaxis(np.broadcast_to(sums[0][..., 0], sums[1].shape[:-1]), 0, -1)
    out["n"] = ((*dims, "period"), count, {"long_name": "number of values", "units": "1"})
    return xr.Dataset(out)


def ensembles(plan: Plan, state: State) -> xr.Dataset:
    """CRPS, spread and skill by stratum and period, and rank histograms; NaN without members.

    The CRPS of a forecast without members is its mean absolute error.
    """
    truth, error, sums = (
        by_period(by_stratum(plan, state.hourly[kind]), state.times)
        for kind in ("truth", "error", "ensemble")
    )
    n = truth[:, None, ..., :1]
    members = np.array([plan.members.get(name, 1) for name in plan.forecasts])
    with np.errstate(divide="ignore", invalid="ignore"):
        crps, fair, variance, square = np.moveaxis(sums / n, -1, 0)
        mae = (error / n)[..., OF_ERROR.index("|e|")]
        ratio = ensemble.spread_skill(variance, square, members[:, None, None])
    scores = {
        "crps": np.where(members[:, None, None] > 1, crps, mae),
        "crps_fair": fair,
        "spread": np.sqrt(variance),
        "skill": np.sqrt(square),
        "spread_skill": ratio,
    }
    out = {"members": ("forecast", members, {"long_name": "number of members", "units": "1"})}
    for name, values in scores.items():
        dims = ("forecast", "variable", "stratum", "period")
        out |= _named(name, dims, np.moveaxis(values, 0, -1))
    ranks = by_stratum(plan, state.total["ranks"])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = ranks / ranks.sum(-1, keepdims=True)
    there = np.arange(ranks.shape[-1]) <= members[:, None]
    share = np.where(there[:, None, None], share, np.nan)
    out["rank_histogram"] = (
        ("forecast", "variable", "stratum", "rank"),
        share,
        {"long_name": "share of values at which the truth has this rank", "units": "1"},
    )
    return xr.Dataset(out).assign_coords(rank=np.arange(ranks.shape[-1]))


def events(plan: Plan, state: State) -> xr.Dataset:
    """Brier score and reliability of the exceedance of thresholds.

    Probabilities are shares of members; ensembles of other sizes meet on `PROBABILITIES`.
    """
    counts = np.moveaxis(state.total["events"], 2, 0)  # (2, forecast, event, class, k)
    score, curves = [], []
    for row, name in enumerate(plan.forecasts):
        own = counts[:, row, ..., : plan.members.get(name, 1) + 1]
        score.append(ensemble.brier(by_stratum(plan, own)))
        curves.append(ensemble.reliability(own.sum(-2), PROBABILITIES))
    observed, used = (np.stack(parts) for parts in zip(*curves, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        places, happened = counts[:, 0].sum((-2, -1))
        base = happened / places
    labels = [f"{variable} > {threshold:g}" for variable, threshold in plan.events]
    dims = ("forecast", "event", "probability")
    return xr.Dataset(
        {
            "brier": (
                ("forecast", "event", "stratum"),
                np.stack(score),
                {"long_name": "Brier score", "units": "1"},
            ),
            "reliability_observed": (
                dims,
                observed,
                {"long_name": "frequency of the event, given its probability", "units": "1"},
            ),
            "reliability_count": (dims, used, {"long_name": "number of values", "units": "1"}),
            "base_rate": ("event", base, {"long_name": "frequency of the event", "units": "1"}),
        },
        {
            "event": np.array(labels, dtype=str),
            "event_variable": ("event", np.array([v for v, _ in plan.events], dtype=str)),
            "threshold": ("event", np.array([t for _, t in plan.events], dtype=float)),
            "probability": PROBABILITIES,
        },
    )
