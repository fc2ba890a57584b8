"""A small domain, a reference and another model's fields, for the tests of alignment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tiny
import xarray as xr

from xldm.grids.projected import axes

NAMES = ("t2m", "d2m", "sst", "tp")
CONFIG = tiny.config()
CONFIG = replace(
    CONFIG,
    predictors=tuple(
        replace(
            v, **{"t2m": {"mean": 288.0, "std": 8.0}, "tp": {"mean": 1e-4, "std": 3e-4}}[v.name]
        )
        if v.name in ("t2m", "tp")
        else v
        for v in CONFIG.predictors
        if v.name in NAMES
    ),
)
YEAR = np.arange("2001-01-01", "2003-01-01", 36, dtype="datetime64[h]").astype("datetime64[ns]")


def reference(times: np.ndarray = YEAR, seed: int = 0) -> xr.Dataset:
    """Fields with a season, weather that all cells share, and rain one hour in three."""
    y, x = axes(CONFIG.grid, fine=False)
    rng = np.random.default_rng(seed)
    shape = (times.size, y.size, x.size)
    season = np.cos(2 * np.pi * (times - np.datetime64("2001-07-20")) / np.timedelta64(8766, "h"))
    weather = rng.normal(0, 1, (times.size, 1, 1)) + rng.normal(0, 0.3, shape)
    t2m = 285.0 + 8.0 * season[:, None, None] + 3.0 * weather
    sst = np.where(np.arange(x.size) < 3, np.nan, 290.0 + weather)
    rain = np.maximum(rng.normal(0, 1, shape) - 0.5, 0) * 3e-4
    fields = {"t2m": t2m, "d2m": t2m - 4.0, "sst": sst, "tp": rain}
    return xr.Dataset(
        {n: (("time", "y", "x"), f.astype("float32")) for n, f in fields.items()},
        {"time": times, "y": y, "x": x},
    )


def provider(ref: xr.Dataset) -> xr.Dataset:
    """Another model's fields: too warm, too variable in summer, with drizzle everywhere."""
    usual = 285.0
    off = {
        "t2m": usual + (ref["t2m"] - usual) * 1.3 + 2.0,
        "d2m": ref["d2m"] - 1.0,
        "sst": ref["sst"] + 1.5,
        "tp": ref["tp"] * 1.6 + 5e-5,
    }
    return ref.assign({n: f.astype("float32") for n, f in off.items()})


def stacked(cells: xr.Dataset) -> xr.DataArray:
    """The array that networks get."""
    names = [v.name for v in CONFIG.predictors]
    return cells[names].to_dataarray("predictor").transpose(..., "predictor", "y", "x")
