"""Reduce an hour of precipitation to sums: wet cells, neighbourhoods, ranks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.special

from ..numerics.noise import standard_normal
from . import distributions
from .align import MEAN
from .neighbourhoods import fractions, squares
from .plan import RAIN, WET, Plan

__all__ = ["add_hour", "evened", "logarithm", "random_ranks", "ranks_shape"]

#: A value this part below a threshold reaches it: 0.1 mm in metres and float32 is a little less.
_ROUNDING = 1e-6


def ranks_shape(plan: Plan) -> tuple[int, ...]:
    """Return the shape of the counts of ranks: forecast, of all or wet places, class, rank."""
    return len(plan.forecasts), 2, plan.ground.classes, max(plan.members.values()) + 1


def logarithm(plan: Plan, field: np.ndarray) -> np.ndarray:
    """Return decibels over the least amount of a wet hour, 0 below it."""
    assert plan.rain is not None
    return 10 * np.log10(np.maximum(field * plan.rain, WET[0]) / WET[0])


def evened(plan: Plan, values: np.ndarray) -> np.ndarray:
    """Return values as the bins of precipitation are spaced."""
    assert plan.rain is not None
    return distributions.evened(values * plan.rain)


def add_hour(
    plan: Plan,
    total: dict[str, np.ndarray],
    time: np.datetime64,
    truth: np.ndarray,
    forecasts: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Add an hour of precipitation to the total sums, in place, and return its hourly sums.

    Parameters
    ----------
    plan : Plan
        With ``rain``.
    total : dict of ndarray
    time : datetime64
        The address of the random choices among equal ranks.
    truth : ndarray (V, y, x)
        Targets.
    forecasts : dict of str to ndarray (member, V, y, x)

    Returns
    -------
    dict of ndarray
        ``wet`` (source, class, threshold), ``wet amount`` (source, class), ``rain amount``
        (source, class), and the sums of squares ``fss`` and ``fss members`` (forecast, threshold,
        scale, 3), the latter of the share of members.
    """
    assert plan.rain is not None
    at = plan.targets.index(RAIN)
    grids = {"truth": truth[at][None], **{name: f[:, at] for name, f in forecasts.items()}}
    grids = {name: grid.astype(np.float64) * plan.rain for name, grid in grids.items()}
    valid = np.logical_and.reduce([np.isfinite(grid).all(0) for grid in grids.values()])
    if not valid.all():
        grids = {name: np.where(valid, grid, 0.0) for name, grid in grids.items()}
    sources = {}
    for name, grid in grids.items():
        sources[name] = grid
        if len(grid) > 1:
            sources[name + MEAN] = grid.mean(0, keepdims=True)
    _add_ranks(plan, total["rain ranks"], time, sources, valid.ravel())
    return {
        **{k: np.stack(v) for k, v in _amounts(plan, sources).items()},
        **_neighbourhoods(plan, sources),
    }


def _reached(grid: np.ndarray, threshold: float) -> np.ndarray:
    return grid >= threshold * (1 - _ROUNDING)


def _amounts(plan: Plan, sources: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Return numbers of wet cells and sums of their amounts by class, of a mean member."""
    classes = plan.ground.membership
    out: dict[str, list[np.ndarray]] = {"wet": [], "wet amount": [], "rain amount": []}
    for grid in sources.values():
        flat = grid.reshape(len(grid), -1)
        shares = np.stack([_reached(flat, t).mean(0) for t in WET])
        out["wet"].append((shares @ classes).T)
        out["wet amount"].append(np.where(_reached(flat, WET[0]), flat, 0.0).mean(0) @ classes)
        out["rain amount"].append(flat.mean(0) @ classes)
    return out


def _neighbourhoods(plan: Plan, sources: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    shape = (len(plan.forecasts), len(WET), len(plan.squares), 3)
    single, together = np.zeros(shape), np.zeros(shape)
    for t, threshold in enumerate(WET):
        events = {name: _reached(grid, threshold) for name, grid in sources.items()}
        for s, size in enumerate(plan.squares):
            truth = fractions(events["truth"][0], size)
            for row, name in enumerate(plan.forecasts):
                share = np.zeros(plan.ground.shape)
                for member in events[name]:
                    of_member = fractions(member, size)
                    single[row, t, s] += squares(of_member, truth) / len(events[name])
                    share += of_member / len(events[name])
                together[row, t, s] = squares(share, truth)
    return {"fss": single, "fss members": together}


def _add_ranks(
    plan: Plan,
    ranks: np.ndarray,
    time: np.datetime64,
    sources: Mapping[str, np.ndarray],
    valid: np.ndarray,
) -> None:
    truth, ground = sources["truth"].ravel(), plan.ground
    for row, name in enumerate(plan.forecasts):
        members = sources[name].reshape(len(sources[name]), -1)
        if len(members) == 1:
            continue
        rank = random_ranks(members, truth, time)
        wet = _reached(members, WET[0]).any(0) | _reached(truth, WET[0])
        for kind, some in enumerate((valid, valid & wet)):
            number = ground.label[some] * ranks.shape[-1] + rank[some]
            counted = np.bincount(number, minlength=ground.classes * ranks.shape[-1])
            ranks[row, kind] += counted.reshape(ground.classes, -1)


def random_ranks(members: np.ndarray, truth: np.ndarray, time: np.datetime64) -> np.ndarray:
    """Return the rank of the truth among members, one at random of those that are possible.

    The choice at a place follows from the time and the place's number alone: it is the same each
    time, in any order of hours.

    Parameters
    ----------
    members : ndarray (m, N)
    truth : ndarray (N,)
    time : datetime64

    Returns
    -------
    ndarray of int (N,)
        From 0 to m.

    Examples
    --------
    >>> members = np.array([[0.0, 1.0], [0.0, 2.0]])
    >>> random_ranks(members, np.array([0.0, 3.0]), np.datetime64("2001-01-01T00"))[1]
    np.int64(2)
    """
    below, ties = (members < truth).sum(0), (members == truth).sum(0)
    chance = scipy.special.ndtr(standard_normal(0, 0, time, "ties of ranks", truth.shape))
    return below + np.minimum((chance * (ties + 1)).astype(int), ties)
