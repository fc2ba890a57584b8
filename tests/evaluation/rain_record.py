"""Made-up hourly precipitation beside temperature: intermittent, skewed, and moving."""

from __future__ import annotations

import numpy as np
import records
import xarray as xr
from scipy.ndimage import gaussian_filter


def rain(count: int, members: int | None = None, seed: int = 0) -> xr.Dataset:
    """``tp`` in mm and ``t2m`` of ``count`` hours from 2007-12-20T01, (member,) time, y, x."""
    dry = records.record(1, members=members, targets=("t2m",)).isel(time=0)
    y, x = dry.sizes["y"], dry.sizes["x"]
    rng, shared = np.random.default_rng(seed), np.random.default_rng(98)
    shape = (members or 1, count, y, x)
    # Weather of some days, the same for every seed, and showers of each.
    weather = gaussian_filter(shared.normal(size=(count, y, x)), (14, 6, 6), mode="wrap")
    showers = gaussian_filter(rng.normal(size=shape), (0, 1.5, 1.5, 1.5), mode="wrap")
    weather, showers = weather / weather.std(), showers / showers.std()
    amount = np.expm1(np.maximum(weather + 0.8 * showers - 0.9, 0) * 0.9)
    warmth = 285 - 2 * weather + rng.normal(0, 1, shape)
    if members is None:
        amount, warmth = amount[0], warmth[0]
    times = np.datetime64("2007-12-20T01", "h") + np.arange(count)
    dims = ("time", "y", "x") if members is None else ("member", "time", "y", "x")
    return xr.Dataset(
        {
            "tp": (dims, amount.astype(np.float32), {"units": "mm"}),
            "t2m": (dims, warmth.astype(np.float32), {"units": "K"}),
        },
        {"time": times.astype("datetime64[ns]"), "y": dry["y"], "x": dry["x"]},
    )
