"""Reduce the fields of an hour to sums.

There are two kinds. *Hourly* sums are kept for each hour: a few hundred numbers a forecast. *Total*
sums are added up over the record: maps, histograms, spectra. Each of m members counts 1 / m, so an
ensemble weighs as much as a single forecast.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..config import WIND
from . import distributions, ensemble, rain_sums
from .align import MEAN
from .plan import LOG_RAIN, RAIN, Plan
from .spectra import radial_spectrum, wind_spectra
from .strata import EXPOSURES

__all__ = ["add_hour", "with_means", "with_speed", "zeros"]

Arrays = Mapping[str, np.ndarray]

#: Last axis of the truth's sums, in order: number, values and their squares.
OF_TRUTH = ("n", "o", "oo")


def zeros(plan: Plan) -> dict[str, np.ndarray]:
    """Return the total sums of no hours: zeros."""
    cells, variables = int(np.prod(plan.ground.shape)), len(plan.variables)
    forecasts, sources = len(plan.forecasts), len(plan.sources)
    classes, ranks = plan.ground.classes, max(plan.members.values()) + 1
    shapes = {
        "map truth": (variables, len(OF_TRUTH), cells),
        "missing": (variables,),
        "ranks": (forecasts, variables, classes, ranks),
        "events": (forecasts, len(plan.events), 2, classes, ranks),
        "power": (sources, len(plan.fields), plan.wavelength.size),
        "power_hours": (len(plan.fields),),
        "exposure": (sources, len(EXPOSURES), 2),
    }
    for key in plan.mapped:
        shapes[f"map {key}"] = (forecasts, variables, len(plan.field_names[key]), cells)
    for variable, edges in plan.binned.items():
        shapes[f"bins {variable}"] = (sources, classes, edges.size - 1)
    if plan.rain is not None:
        shapes["rain ranks"] = rain_sums.ranks_shape(plan)
    return {name: np.zeros(shape) for name, shape in shapes.items()}


def with_speed(plan: Plan, targets: np.ndarray) -> np.ndarray:
    """Return variables (..., V or V + 1, N) of targets (..., V, y, x), in float64."""
    values = targets.reshape(*targets.shape[:-2], -1).astype(np.float64)
    if not plan.has_wind:
        return values
    u, v = (values[..., plan.targets.index(w), :] for w in WIND)
    return np.concatenate([values, np.hypot(u, v)[..., None, :]], axis=-2)


def add_hour(
    plan: Plan, total: dict[str, np.ndarray], truth: np.ndarray, forecasts: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Add an hour to the total sums, in place, and return its hourly sums.

    Parameters
    ----------
    plan : Plan
    total : dict of ndarray
        From `zeros`.
    truth : ndarray (V, y, x)
        Targets.
    forecasts : dict of str to ndarray (member, V, y, x)

    Returns
    -------
    dict of ndarray
        ``truth`` (variable, class, `OF_TRUTH`), those of each of ``plan.statistics`` by its key
        (forecast, variable, class, field), ``lapse`` (source, 5), ``coast`` (source, 4) and
        ``power`` (source, field, chosen wavelength), NaN where cells lack values.
    """
    grids = {"truth": truth[None], **forecasts}
    values = {name: with_speed(plan, grid) for name, grid in grids.items()}
    valid = np.logical_and.reduce([np.isfinite(v).all(0) for v in values.values()])
    total["missing"] += (~valid).sum(1)
    if not valid.all():
        # NaN would spread through sums; the fields of these cells are set to 0 later.
        values = {name: np.where(valid, v, 0.0) for name, v in values.items()}
    sources = with_means(values)
    hourly = {
        **_pointwise(plan, total, values, sources, valid),
        "lapse": np.stack([_lapse(plan, s, valid) for s in sources.values()]),
        "coast": np.stack([_coast(plan, s, valid) for s in sources.values()]),
        "power": _spectra(plan, total, with_means(grids), valid),
    }
    for row, source in enumerate(sources.values()):
        _distribution(plan, total, row, source, valid)
    return hourly


def with_means(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays (member, ...) in the order of ``plan.sources``: means follow ensembles."""
    out = {}
    for name, members in values.items():
        out[name] = members
        if len(members) > 1:
            out[name + MEAN] = members.mean(0, keepdims=True)
    return out


def _pointwise(
    plan: Plan, total: Arrays, values: Arrays, sources: Arrays, valid: np.ndarray
) -> dict[str, np.ndarray]:
    """Return sums over the cells of every class, and add to maps, ranks and events."""
    truth, classes = values["truth"][0], plan.ground.membership
    of_truth = np.stack([valid, truth, truth**2], axis=1)
    total["map truth"] += of_truth
    hourly = {"truth": np.swapaxes(of_truth @ classes, 1, 2)}
    shape = (len(plan.forecasts), len(plan.variables), plan.ground.classes)
    hourly |= {key: np.zeros((*shape, len(names))) for key, names in plan.field_names.items()}
    for row, name in enumerate(plan.forecasts):
        members = sources[name]
        for v, variable in enumerate(plan.variables):
            for key in plan.statistics:
                fields = _fields(plan, key, members[:, v], truth[v], valid[v])
                hourly[key][row, v] = (fields @ classes).T
                if key in plan.mapped:
                    total[f"map {key}"][row, v] += fields
            inside = classes * valid[v][:, None]
            count = len(members) + 1
            if len(members) > 1:
                total["ranks"][row, v, :, :count] += ensemble.rank_counts(
                    members[:, v], truth[v], inside
                )
            for e, (which, threshold) in enumerate(plan.events):
                if which == variable:
                    total["events"][row, e, :, :, :count] += ensemble.event_counts(
                        members[:, v], truth[v], threshold, inside
                    )
    return hourly


def _fields(
    plan: Plan, key: str, members: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Return fields (field, N) of members (m, N), 0 where values are missing."""
    given = plan.statistics[key](members, truth)
    fields = np.stack([np.asarray(given[name], float) for name in plan.field_names[key]])
    return fields if valid.all() else np.where(valid, fields, 0.0)


def _lapse(plan: Plan, source: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return sums of 1, z, zz, T and zT over land, for a line of temperature against height."""
    ground = plan.ground
    if "t2m" not in plan.targets or ground.land is None or ground.height is None:
        return np.full(5, np.nan)
    v = plan.targets.index("t2m")
    inside = ground.land & valid[v]
    height, t2m = ground.height[inside], source[:, v].mean(0)[inside]
    return np.array([height.size, height.sum(), (height**2).sum(), t2m.sum(), (height * t2m).sum()])


def _coast(plan: Plan, source: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return number and sum of temperatures on land, then at sea, near the coast."""
    if "t2m" not in plan.targets or plan.ground.coast is None:
        return np.full(4, np.nan)
    v = plan.targets.index("t2m")
    t2m = source[:, v].mean(0)
    sides = [(plan.ground.coast == side) & valid[v] for side in (1, 2)]
    return np.array([part for side in sides for part in (side.sum(), t2m[side].sum())])


def _spectra(plan: Plan, total: Arrays, grids: Arrays, valid: np.ndarray) -> np.ndarray:
    """Return power (source, field, chosen wavelength) of grids (member, V, y, x)."""
    hourly = np.full((len(grids), len(plan.fields), plan.at_wavelength.size), np.nan)
    whole = {t: valid[v].all() for v, t in enumerate(plan.targets)}
    if LOG_RAIN in plan.fields:
        whole[LOG_RAIN] = whole[RAIN]
    whole_wind = plan.has_wind and whole["u10"] and whole["v10"]
    usable = np.array([whole.get(field, whole_wind) for field in plan.fields])
    total["power_hours"] += usable
    for row, members in enumerate(grids.values()):
        power = {}
        for name in (f for f in plan.fields if whole.get(f)):
            target = RAIN if name == LOG_RAIN else name
            field = members[:, plan.targets.index(target)].astype(np.float64)
            if name == LOG_RAIN:
                field = rain_sums.logarithm(plan, field)
            power[name] = radial_spectrum(field, plan.ground.spacing)[1].mean(0)
        if whole_wind:
            u, v = _along_grid(plan, *(members[:, plan.targets.index(w)] for w in WIND))
            of_wind = wind_spectra(u, v, plan.ground.spacing)[1]
            power |= {name: p.mean(0) for name, p in of_wind.items()}
        for f in np.flatnonzero(usable):
            total["power"][row, f] += power[plan.fields[f]]
            hourly[row, f] = power[plan.fields[f]][plan.at_wavelength]
    return hourly


def _along_grid(plan: Plan, east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the wind to the axes of the grid, if their direction is known."""
    if plan.ground.turn is None:
        return east.astype(np.float64), north.astype(np.float64)
    cosine, sine = plan.ground.turn
    return cosine * east + sine * north, cosine * north - sine * east


def _distribution(
    plan: Plan, total: Arrays, row: int, source: np.ndarray, valid: np.ndarray
) -> None:
    """Add histograms by class, and the wind's mean speed by exposure."""
    ground = plan.ground
    for variable, edges in plan.binned.items():
        v = plan.variables.index(variable)
        values, label = source[:, v][:, valid[v]], ground.label[valid[v]]
        if variable == RAIN:
            values, edges = rain_sums.evened(plan, values), distributions.evened_edges()
        counts = distributions.counts(values, edges, label, ground.classes)
        total[f"bins {variable}"][row] += counts / len(source)
    if plan.has_wind and ground.exposure is not None:
        inside = valid[-1] & (ground.exposure >= 0)
        speed, kind = source[:, -1].mean(0)[inside], ground.exposure[inside]
        for i, weights in enumerate((None, speed)):
            total["exposure"][row, :, i] += np.bincount(kind, weights, minlength=len(EXPOSURES))
