"""Scores of hourly precipitation, from the sums of a record: amounts, places, days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from . import distributions, ensemble
from .days import Days, whole
from .neighbourhoods import fss
from .plan import LOG_RAIN, RAIN, WET, Plan
from .realism import spectral
from .spells import Calendar, correlation
from .state import State
from .strata import by_period, by_stratum

__all__ = ["indices", "rainfall"]

#: Shares of all hours, wet and dry.
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
_MM = {"units": "mm"}
_ONE = {"units": "1"}
#: Indices of days by the names of CORDEX-ML-Bench, besides rx1h: attributes, value at every point.
_INDICES: dict[str, tuple[dict[str, str], Callable[[Calendar], np.ndarray]]] = {
    "rx1h": (
        {"long_name": "largest sum of an hour in a year", **_MM},
        lambda c: _of_years([y.rx1h for y in c.years.values()]),
    ),
    "rx1day": (
        {"long_name": "largest sum of a day in a year", **_MM},
        lambda c: _of_years([y.rx1day for y in c.years.values()]),
    ),
    "sdii": (
        {"long_name": "mean sum of the days with 1 mm or more", **_MM},
        lambda c: c.rain / np.where(c.rain_days > 0, c.rain_days, np.nan),
    ),
    "cdd": (
        {"long_name": "most consecutive days below 1 mm in a year", "units": "days"},
        lambda c: _spell([y.dry.longest for y in c.years.values()], c),
    ),
    "cwd": (
        {"long_name": "most consecutive days with 1 mm or more in a year", "units": "days"},
        lambda c: _spell([y.wet.longest for y in c.years.values()], c),
    ),
    "lag1_corr": (
        {"long_name": "correlation of the sums of a day and of the next", **_ONE},
        lambda c: correlation(c.pairs),
    ),
}


def rainfall(plan: Plan, state: State) -> xr.Dataset:
    """Return all scores of hourly precipitation; nothing without such a target."""
    if plan.rain is None:
        return xr.Dataset()
    # An hour or day without rain has no ratio: NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [
            _amounts(plan, state), _places(plan, state), _quantiles(plan, state),
            _ranks(plan, state), _reliability(plan, state), _spectrum(plan, state),
            indices(plan, state.daily),
        ]  # fmt: skip
    return xr.merge(parts, join="exact", compat="no_conflicts")


def _amounts(plan: Plan, state: State) -> xr.Dataset:
    """Return how often it rains and how much, by stratum and period."""
    at = plan.variables.index(RAIN)
    n = by_stratum(plan.ground, state.hourly["truth"][:, at], 1)[..., 0]
    n = np.moveaxis(by_period(n, state.times), 0, -1)  # (stratum, period)

    def added(key: str) -> np.ndarray:
        """Sums over periods at the end (source, stratum, ..., period)."""
        sums = by_stratum(plan.ground, state.hourly[key], 2)
        return np.moveaxis(by_period(sums, state.times), 0, -1)

    wet, amount = added("wet"), added("wet amount")
    share = np.moveaxis(wet / n[:, None], 2, 1)
    dims = ("source", "rain_threshold", "stratum", "period")
    of_hours = (
        state.hourly["rain amount"].sum(-1) / state.hourly["truth"][:, at, :, 0].sum(-1)[:, None]
    )
    return xr.Dataset(
        {
            "wet_frequency": (
                dims,
                share,
                {"long_name": "share of hours with this amount or more", **_ONE},
            ),
            "frequency_bias": (
                ("forecast", *dims[1:]),
                share[1:] / share[:1],
                {"long_name": "share of these hours over that of the truth", **_ONE},
            ),
            "wet_intensity": (
                ("source", "stratum", "period"),
                amount / wet[:, :, 0],
                {"long_name": f"mean of the hours with {WET[0]} mm or more", **_MM},
            ),
            "rain_mean": (
                ("source", "stratum", "period"),
                added("rain amount") / n,
                {"long_name": "mean precipitation of an hour", **_MM},
            ),
            "rain_hourly": (
                ("source", "time"),
                of_hours.T,
                {"long_name": "mean precipitation of each hour", **_MM},
            ),
        },
        {"rain_threshold": ("rain_threshold", np.array(WET), _MM)},
    )


def _places(plan: Plan, state: State) -> xr.Dataset:
    """Return fractions skill scores of members, and of the share of members."""
    scores = {k: fss(by_period(state.hourly[k], state.times)) for k in ("fss", "fss members")}
    dims = ("forecast", "rain_threshold", "scale", "period")
    about = {"long_name": "fractions skill score", **_ONE}
    width = np.array(plan.squares) * plan.ground.spacing / 1e3
    out = {"fss": (dims, np.moveaxis(scores["fss"], 0, -1), about)}
    if any(m > 1 for m in plan.members.values()):
        about = {"long_name": "fractions skill score of the share of members", **_ONE}
        out["fss_ensemble"] = dims, np.moveaxis(scores["fss members"], 0, -1), about
    scale = ("scale", width, {"long_name": "side of the square", "units": "km"})
    return xr.Dataset(out, {"scale": scale})


def _quantiles(plan: Plan, state: State) -> xr.Dataset:
    edges = plan.binned[RAIN]
    counts = by_stratum(plan.ground, state.total[f"bins {RAIN}"], 1)
    quantiles = distributions.quantile(counts, edges, np.array(QUANTILES)) * (plan.rain or 1)
    # Below a wet hour, a ratio says nothing.
    ratio = np.where(quantiles[:1] >= WET[0], quantiles[1:] / quantiles[:1], np.nan)
    dims = ("stratum", "rain_quantile")
    return xr.Dataset(
        {
            "rain_quantiles": (
                ("source", *dims),
                quantiles,
                {"long_name": "quantile of the hours, wet and dry", **_MM},
            ),
            "quantile_ratio": (
                ("forecast", *dims),
                ratio,
                {"long_name": "quantile over that of the truth", **_ONE},
            ),
        },
        {"rain_quantile": np.array(QUANTILES)},
    )


def _ranks(plan: Plan, state: State) -> xr.Dataset:
    counts = by_stratum(plan.ground, state.total["rain ranks"])
    there = np.arange(counts.shape[-1]) <= plan.member_counts[:, None]
    share = counts / counts.sum(-1, keepdims=True)
    share = np.where(there[:, None, None], share, np.nan)
    return xr.Dataset(
        {
            "rain_rank_histogram": (
                ("forecast", "places", "stratum", "rank"),
                share,
                {"long_name": "share of values of this rank, ties split at random", **_ONE},
            )
        },
        {"places": ["all", "wet"]},
    )


def _reliability(plan: Plan, state: State) -> xr.Dataset:
    """Return the distance from reliability where any member has the event."""
    counts = np.moveaxis(state.total["events"], 2, 0).sum(-2)  # (2, forecast, event, k)
    rows = []
    for row, name in enumerate(plan.forecasts):
        own = counts[:, row, :, : plan.members.get(name, 1) + 1]
        observed, used = ensemble.reliability(own)
        stated = np.linspace(0, 1, used.shape[-1])
        apart = np.where(used > 0, np.abs(observed - stated) * used, 0.0)[..., 1:]
        rows.append(apart.sum(-1) / used[..., 1:].sum(-1))
    about = {"long_name": "mean distance of frequency and probability, of probabilities above 0"}
    return xr.Dataset({"reliability_error": (("forecast", "event"), np.stack(rows), about | _ONE)})


def _spectrum(plan: Plan, state: State) -> xr.Dataset:
    """Return the distance of log spectra."""
    power = spectral(plan, state)["spectrum"].sel(field=[RAIN, LOG_RAIN]).values
    distance = np.sqrt(((10 * np.log10(power[1:] / power[:1])) ** 2).mean(-1))
    about = {"long_name": "radially averaged log spectral distance", "units": "dB"}
    return xr.Dataset(
        {"ralsd": (("forecast", "rain_field"), distance, about)}, {"rain_field": [RAIN, LOG_RAIN]}
    )


def indices(plan: Plan, daily: Mapping[str, Days]) -> xr.Dataset:
    """Return indices of days, of the truth and each forecast, and their errors at points."""
    calendars = {name: whole(daily[name]) for name in plan.sources}
    out: dict[str, Any] = {}
    bias, error = [], []
    for name, (attrs, value) in _INDICES.items():
        at_points = _at_points({source: value(c) for source, c in calendars.items()})
        out[name] = "source", _mean(at_points, -1), attrs
        bias.append(_mean(at_points[1:] - at_points[:1], -1))
        error.append(_mean(np.abs(at_points[1:] - at_points[:1]), -1))
    about = {"comment": "in the units of the index; of a point, the mean of its members"}
    for name, values, words in (
        ("index_bias", bias, "index less that of the truth, mean over points"),
        ("index_error", error, "index less that of the truth, mean of sizes over points"),
    ):
        out[name] = ("forecast", "index"), np.stack(values, -1), {"long_name": words, **about}
    out |= _with_others(plan, calendars)
    others = [v for v in plan.variables if v != RAIN]
    return xr.Dataset(out, {"index": list(_INDICES), "other_variable": np.array(others, dtype=str)})


def _with_others(plan: Plan, calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    """Return correlations with other variables, which may be none."""
    at_points = _at_points({name: correlation(c.crossed) for name, c in calendars.items()})
    return {
        "multivariable_correlation": (
            ("source", "other_variable"),
            _mean(at_points, -1),
            {"long_name": "correlation of daily precipitation and a variable's daily mean", **_ONE},
        ),
        "multivariable_correlation_error": (
            ("forecast", "other_variable"),
            _mean(np.abs(at_points[1:] - at_points[:1]), -1),
            {"long_name": "size of its difference from the truth's, mean over points", **_ONE},
        ),
    }


def _at_points(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return values (source, ..., point), means over the members of each source."""
    return np.stack([_mean(of_source, 0) for of_source in values.values()])


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of the known values."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis) / known.sum(axis)


def _of_years(values: list[np.ndarray]) -> np.ndarray:
    return _mean(np.stack(values), 0)


def _spell(longest: list[np.ndarray], calendar: Calendar) -> np.ndarray:
    """Return the mean over years of the longest spells, NaN at points without a whole day."""
    return np.where(calendar.days > 0, np.mean(longest, axis=0), np.nan)
