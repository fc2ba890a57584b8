"""Accuracy: make scores, rank histograms and event scores of the sums of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import xarray as xr

from . import ensemble
from .plan import Plan
from .scores import Score
from .state import State
from .strata import by_period, by_stratum

__all__ = ["events", "ranks", "scored"]

PROBABILITIES = np.linspace(0, 1, 11)


def scored(plan: Plan, state: State) -> xr.Dataset:
    """Return every score by stratum and period; detailed ones also by hour and as maps."""
    detailed = [score for score in plan.scores if score.detailed]
    truth = by_stratum(plan.ground, state.hourly["truth"])  # (time, variable, stratum, 3)
    hourly = {  # (time, forecast, variable, stratum, field)
        key: by_stratum(plan.ground, state.hourly[key]) for key in plan.statistics
    }
    of_period = by_period(truth, state.times)[:, None]
    sums = {key: by_period(of_hours, state.times) for key, of_hours in hourly.items()}
    dims = ("forecast", "variable", "stratum")
    out = {}
    for score, values in _values(plan, plan.scores, of_period, sums):
        out[score.name] = (*dims, "period"), np.moveaxis(values, 0, -1), _attrs(score)
    for score, values in _values(plan, detailed, truth[:, None], hourly):
        out[f"{score.name}_hourly"] = (*dims, "time"), np.moveaxis(values, 0, -1), _attrs(score)
    of_cells = np.moveaxis(state.total["map truth"], 1, -1)
    maps = {key: np.moveaxis(state.total[f"map {key}"], 2, -1) for key in plan.mapped}
    for score, values in _values(plan, detailed, of_cells, maps):
        grid = values.reshape(*values.shape[:2], *plan.ground.shape).astype(np.float32)
        out[f"{score.name}_map"] = ("forecast", "variable", "y", "x"), grid, _attrs(score)
    shape = next(iter(sums.values())).shape[:-1]
    count = np.moveaxis(np.broadcast_to(of_period[..., 0], shape), 0, -1)
    out["n"] = (*dims, "period"), count, {"long_name": "number of values", "units": "1"}
    return xr.Dataset(out)


def _values(
    plan: Plan, scores: Iterable[Score], truth: np.ndarray, sums: Mapping[str, np.ndarray]
) -> Iterator[tuple[Score, np.ndarray]]:
    """Yield scores, from sums ``OF_TRUTH`` (..., 3) and sums (..., field) of each statistics."""
    n, o, oo = np.moveaxis(truth, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        common = {"n": n, "members": plan.member_counts[:, None, None], "o": o / n, "oo": oo / n}
        means = {key: np.moveaxis(s, -1, 0) / n for key, s in sums.items()}
        shape = np.broadcast_shapes(n.shape, *(s.shape[:-1] for s in sums.values()))
        for score in scores:
            own = dict(common)
            for key in plan.keys(score):
                own |= zip(plan.field_names[key], means[key], strict=True)
            value = score.value(own)
            # A value of the truth's means alone is the same for all forecasts.
            yield score, value if value.shape == shape else np.broadcast_to(value, shape).copy()


def _attrs(score: Score) -> dict[str, str]:
    attrs = dict(score.attrs)
    if "units" not in attrs:
        attrs.setdefault("comment", "in the units of the variable")
    return attrs


def ranks(plan: Plan, state: State) -> xr.Dataset:
    """Return the numbers of members and, for ensembles, rank histograms by stratum."""
    members = plan.member_counts
    counts = by_stratum(plan.ground, state.total["ranks"])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / counts.sum(-1, keepdims=True)
    there = np.arange(counts.shape[-1]) <= members[:, None]
    share = np.where(there[:, None, None], share, np.nan)
    about = {"long_name": "share of values at which the truth has this rank", "units": "1"}
    return xr.Dataset(
        {
            "members": ("forecast", members, {"long_name": "number of members", "units": "1"}),
            "rank_histogram": (("forecast", "variable", "stratum", "rank"), share, about),
        },
        {"rank": np.arange(counts.shape[-1])},
    )


def events(plan: Plan, state: State) -> xr.Dataset:
    """Return Brier score and reliability of the exceedance of thresholds.

    A probability is the share of members. Each is counted at the nearest of `PROBABILITIES`, so
    that ensembles of different sizes can be compared.
    """
    counts = np.moveaxis(state.total["events"], 2, 0)  # (2, forecast, event, class, k)
    score, curves = [], []
    for row, name in enumerate(plan.forecasts):
        own = counts[:, row, ..., : plan.members.get(name, 1) + 1]
        score.append(ensemble.brier(by_stratum(plan.ground, own)))
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
