"""An evaluation with snapshots for a report, as the command line runs it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..errors import InputError
from ..packages.registry import load_model
from ..twin import both_sides, hours_over_year
from . import figures
from .evaluate import evaluate
from .protocols import PROTOCOLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..models.model import Model

__all__ = ["protocol", "snapshots", "stores", "twin"]

Outcome = tuple[xr.Dataset, dict[str, "Figure"]]


def stores(
    forecasts: Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    *,
    model: str | None = None,
    align: str = "exact",
) -> Outcome:
    """Evaluate stored forecasts.

    Parameters
    ----------
    forecasts : mapping of str to Dataset
    truth : Dataset
    model : str, optional
        Whose static fields tell land from sea.
    align : {"exact", "common"}

    Returns
    -------
    result : Dataset
    snapshots : dict of str to Figure
    """
    static = load_model(model).static if model else None
    result = evaluate(forecasts, truth, static=static, align=align)
    return result, snapshots(forecasts, truth, result, static)


def protocol(
    name: str,
    model: str,
    era5: xr.Dataset,
    truth: xr.Dataset,
    *,
    members: int = 8,
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Outcome:
    """Evaluate what a protocol draws from a model.

    Parameters
    ----------
    name : str
        In `PROTOCOLS`.
    model : str
        Name, path or URL.
    era5, truth : Dataset
    members : int
    beside : mapping of str to str
        Other models that the comparison shows, by what to call them.

    Returns
    -------
    result : Dataset
    snapshots : dict of str to Figure
    """
    if name not in PROTOCOLS:
        raise InputError(f"protocol must be one of {', '.join(PROTOCOLS)}; got {name!r}")
    if beside and name != "comparison":
        raise InputError(f"other models are for the comparison; the protocol is {name!r}")
    loaded: Model = load_model(model)
    others = {"beside": {n: load_model(m) for n, m in beside.items()}} if beside else {}
    forecasts, observed = PROTOCOLS[name](loaded, era5, truth, members, **others)
    # One part: the networks of a model run one block at a time in any case.
    result = evaluate(forecasts, observed, static=loaded.static, parts=1)
    result.attrs["protocol"] = name
    return result, snapshots(forecasts, observed, result, loaded.static)


def twin(year: int, hours: int, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Input and truth at hours spread over a year of the synthetic twin."""
    return both_sides(hours_over_year(year, hours), seed)


def snapshots(
    forecasts: Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    result: xr.Dataset,
    static: xr.Dataset | None,
) -> dict[str, Figure]:
    """Truth and forecasts side by side at the hour in the middle of the record."""
    shown = [v for v in ("t2m", "wind_speed") if v in result["variable"]]
    if not shown:
        return {}
    time = np.datetime64(result["time"].values[result.sizes["time"] // 2])

    def at(ds: xr.Dataset) -> xr.Dataset:
        hour = ds.sel(time=time)
        return (hour.isel(member=0) if "member" in hour.dims else hour).compute()

    fields = {name: at(ds) for name, ds in forecasts.items()}
    stamp = np.datetime_as_string(time, unit="m")
    return {
        f"{result['long_name'].sel(variable=v).item()} at {stamp} UTC": figures.snapshot(
            at(truth), fields, static, v
        )
        for v in shown
    }
