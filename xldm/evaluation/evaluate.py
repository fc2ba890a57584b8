"""Evaluate forecasts: datasets in, one dataset of scores out."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from tqdm.dask import TqdmCallback

from ..arguments import FLAG, instance, refuse, several, whole
from . import accuracy, leads, realism
from .align import MEAN, comparable
from .hours import split
from .plan import Plan
from .rainfall import rainfall
from .scores import Score
from .state import State, state_of
from .strata import periods

__all__ = ["evaluate"]

_SCORES = several(instance(Score, "Score objects"), 0)
_THRESHOLDS = instance(Mapping, "thresholds by variable, as {'t2m': (273.15,)}").or_none
_LONG_NAMES = {
    "t2m": "2 m temperature",
    "u10": "10 m eastward wind",
    "v10": "10 m northward wind",
    "wind_speed": "10 m wind speed",
    "tp": "hourly precipitation",
}
_PROVENANCE = ("model", "model_sha256", "sampler", "steps", "seed", "training_data", "oracle")


def evaluate(
    forecasts: Mapping[str, xr.Dataset | xr.DataArray],
    truth: xr.Dataset | xr.DataArray,
    *,
    static: xr.Dataset | None = None,
    thresholds: Mapping[str, tuple[float, ...]] | None = None,
    scores: Iterable[Score] = (),
    align: str = "exact",
    parts: int = 2,
    progress: bool | None = None,
) -> xr.Dataset:
    """Compare forecasts with a truth: errors, ensembles, distributions, spectra, time, physics.

    One pass over the record reads blocks of hours, reduces them to sums and forgets them, so that
    memory does not depend on the length of the record. It runs on the active dask scheduler,
    which may be a cluster. Dask-backed datasets are read lazily; forecasts of `downscale` are
    computed on the way. Wind speed is taken of each member, never of averaged components.

    Parameters
    ----------
    forecasts : mapping of str to Dataset or DataArray
        Dims (time, y, x), or (member, time, y, x) of an ensemble, by the name to list each under.
        An ensemble is listed twice: under its name, its members as single draws; with " mean"
        after the name, their mean. Members may lie along any usual name (``number``,
        ``realization``, ...), and along several dims, which form one ensemble together.
        Forecasts with dims of initialisation and lead are scored by lead.
    truth : Dataset or DataArray (time, y, x)
        Every variable in it is compared; each forecast must hold it in the same units. With ``u10``
        and ``v10``, ``wind_speed`` is compared too.
    static : Dataset (y, x), optional
        ``orog`` [m], ``land_mask`` and ``spatial_ref``, e.g. ``load_model(name).static``, for
        scores by land, sea and height, and for physical consistency.
    thresholds : mapping of str to tuple of float, optional
        Events of Brier scores and reliability: thresholds by variable, in its units.
    scores : iterable of Score, optional
        Your own scores, beside the built-in and registered ones.
    align : {"exact", "common"}
        Refuse datasets whose times or cells differ, or compare times and cells that all have.
    parts : int
        Number of parts of the record to work on in parallel; memory is proportional to it.
    progress : bool, optional
        Show a progress bar; default if the terminal is interactive.

    Returns
    -------
    Dataset
        Scores by forecast, variable, stratum and period; docs/howto/evaluation.md describes each.
        Of forecasts by lead, also by ``lead`` (hours), and hourly scores by initialisation.
        Places where the truth or any forecast is NaN count for no forecast: attribute
        ``missing_values`` is their number, variable ``n`` the number of values left.

    Raises
    ------
    InputError
        If the datasets cannot be compared; the message lists every reason.
    ArgumentError
        If two variables of the result would have the same name.

    Warns
    -----
    UserWarning
        If times or cells are left out: with ``align="common"``, or valid times of forecasts by
        lead that the truth lacks.

    Examples
    --------
    >>> truth = xr.Dataset(
    ...     {"t2m": (("time", "y", "x"), np.zeros((2, 32, 32)), {"units": "K"})},
    ...     {"time": np.array(["2008-01-01T00", "2008-01-01T01"], "datetime64[ns]"),
    ...      "y": np.arange(32) * -2e3, "x": np.arange(32) * 2e3})
    >>> result = evaluate({"a degree too warm": truth + 1}, truth, progress=False)
    >>> float(result["rmse"].sel(variable="t2m", stratum="all", period="all").squeeze())
    1.0
    """
    refuse(
        static=(static, instance(xr.Dataset, "an xarray.Dataset").or_none),
        thresholds=(thresholds, _THRESHOLDS), scores=(scores, _SCORES),
        parts=(parts, whole(1)), progress=(progress, FLAG.or_none),
    )  # fmt: skip
    aligned, observed = comparable(forecasts, truth, align)
    plan = Plan.of(aligned, observed, static, thresholds, scores)
    series = list(split(aligned, observed))
    states: list[State] = []
    with TqdmCallback(desc="evaluate", disable=None if progress is None else not progress):
        for group in leads.groups(plan, aligned, series, parts):
            states += state_of(plan, group, parts=parts).compute()
    results = [_described(plan, state, observed, static) for state in states]
    result = leads.joined(results, series, aligned)
    _warn_of_nothing(result)
    result.attrs |= _about(plan, states, forecasts, truth)
    return result


def _warn_of_nothing(result: xr.Dataset) -> None:
    """Warn of variables of which no value could be scored."""
    n = result["n"].sel(stratum="all", period="all")
    if nothing := [str(v) for v in n["variable"].values if not n.sel(variable=v).any()]:
        warnings.warn(
            f"{', '.join(nothing)}: nothing was scored, since the truth or a forecast is NaN at "
            "every place",
            UserWarning,
            stacklevel=3,
        )


def _described(
    plan: Plan, state: State, truth: xr.Dataset, static: xr.Dataset | None
) -> xr.Dataset:
    """Return all scores in one dataset with their coordinates."""
    makers = (
        accuracy.scored, accuracy.ranks, accuracy.events,
        realism.distributed, realism.spectral, realism.in_time, realism.physics, rainfall,
    )  # fmt: skip
    result = xr.merge([make(plan, state) for make in makers], join="exact", compat="no_conflicts")
    names = list(plan.variables)
    units = {v: truth[v].attrs["units"] for v in plan.targets} | {"wind_speed": "m s-1"}
    result = result.assign_coords(
        forecast=list(plan.forecasts),
        source=list(plan.sources),
        variable=names,
        units=("variable", [units[v] for v in names]),
        long_name=("variable", [_LONG_NAMES.get(v, v.replace("_", " ")) for v in names]),
        stratum=list(plan.ground.strata),
        period=list(periods(state.times)),
        time=state.times,
        y=truth["y"],
        x=truth["x"],
    )  # fmt: skip
    if static is not None and plan.ground.land is not None:
        land = plan.ground.land.reshape(plan.ground.shape).astype("int8")
        result = result.assign_coords(land_mask=(("y", "x"), land))
        if "spatial_ref" in static.coords:
            result = result.assign_coords(spatial_ref=static["spatial_ref"])
    return result


def _about(
    plan: Plan,
    states: list[State],
    forecasts: Mapping[str, xr.Dataset | xr.DataArray],
    truth: xr.Dataset | xr.DataArray,
) -> dict:
    """Return attributes that say what was compared, in types that netCDF files can hold."""
    times = np.unique(np.concatenate([state.times for state in states]))
    origin = {row: forecasts[row.removesuffix(MEAN)].attrs for row in plan.forecasts}
    models: dict[str, dict[str, Any]] = {
        row: {k: _plain(attrs[k]) for k in _PROVENANCE if k in attrs}
        for row, attrs in origin.items()
        if "model" in attrs
    }
    synthetic = [n for n, a in models.items() if "synthetic" in a.get("training_data", "").lower()]
    steps = np.diff(times)
    gaps = int((steps > steps.min()).sum()) if steps.size else 0
    return {
        "Conventions": "CF-1.11",
        "title": "Evaluation of downscaled fields",
        "times": len(times),
        "first_time": str(times[0].astype("datetime64[m]")),
        "last_time": str(times[-1].astype("datetime64[m]")),
        "gaps_in_time": gaps,
        "missing_values": int(sum(state.total["missing"].sum() for state in states)),
        "grid_spacing_m": plan.ground.spacing,
        "forecast_models": json.dumps(models),
        "synthetic": json.dumps(synthetic),
        "truth": " ".join(str(truth.attrs[k]) for k in ("title", "comment") if k in truth.attrs),
        "xldm_version": version("xldm"),
    }


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as a Python number."""
    return value.item() if isinstance(value, np.generic) else value
