"""An output of downscale, and what users make of it before they write it."""

from __future__ import annotations

from collections.abc import Callable

import dask.array as da
import numpy as np
import xarray as xr

HOUR = np.timedelta64(1, "h")
TIME = np.datetime64("2001-01-30T20", "ns") + np.arange(6) * HOUR
CELLS = 8


def drawn() -> xr.Dataset:
    """Wind as downscale gives it: lazy, an hour in a chunk, on a grid that names its projection."""

    def values(seed: int) -> da.Array:
        shape, chunks = (2, 6, CELLS, CELLS), (2, 1, CELLS, CELLS)
        return da.random.default_rng(seed).normal(size=shape, chunks=chunks).astype("float32")

    dims, mapping = ("member", "time", "y", "x"), {"grid_mapping": "spatial_ref"}
    degrees = np.linspace(44, 45, CELLS * CELLS).reshape(CELLS, CELLS)
    return xr.Dataset(
        {n: (dims, values(i), {"units": "m s-1"}, mapping) for i, n in enumerate(("u10", "v10"))},
        {
            "time": ("time", TIME, {"standard_name": "time"}),
            "member": [0, 1],
            "y": ("y", np.arange(CELLS) * -2e3, {"standard_name": "projection_y_coordinate"}),
            "x": ("x", np.arange(CELLS) * 2e3, {"standard_name": "projection_x_coordinate"}),
            "lat": (("y", "x"), degrees, {"standard_name": "latitude"}),
            "spatial_ref": ((), 0, {"grid_mapping_name": "lambert_azimuthal_equal_area"}),
        },
    )


# What a user does -> it has to be read back equal, from what is lazy and from what is not.
MADE: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "cropped": lambda out: out.isel(y=slice(2, 7), x=slice(3, 6)),
    "reversed": lambda out: out.isel(y=slice(None, None, -1)),
    "backwards in time": lambda out: out.isel(time=slice(None, None, -1)),
    "every other cell and hour": lambda out: out.isel(
        time=slice(None, None, 2), y=slice(None, None, 2), x=slice(None, None, 3)
    ),
    "time first": lambda out: out.transpose("time", ...),
    "time last": lambda out: out.transpose(..., "time"),
    "turned over": lambda out: out.transpose("x", "y", "time", "member"),
    "with wind speed": lambda out: out.assign(ws=np.hypot(out["u10"], out["v10"])),
    "wind speed alone": lambda out: np.hypot(out["u10"], out["v10"]).to_dataset(name="ws"),
    "mean of members": lambda out: out.mean("member"),
    "mean of the cells": lambda out: out.mean(("y", "x")),
    "at one cell": lambda out: out.isel(y=3, x=4),
    "with a mean over time": lambda out: out.assign(mean=out["u10"].mean("time")),
    "a mean of hours": lambda out: out.resample(time="3h").mean(),
    "exceedance": lambda out: out > 1,
    "float64": lambda out: out.astype("float64"),
    "float16": lambda out: out.astype("float16"),
    "int16": lambda out: out.astype("int16"),
    "big endian": lambda out: out.astype(">f4"),
    "times as a field": lambda out: out.assign(when=out["time"].broadcast_like(out["u10"])),
    "masked": lambda out: out.where(out["lat"] > 44.5),
    "chunks of other lengths": lambda out: out.chunk(time=(1, 2, 3)) if out.chunks else out,
}  # fmt: skip
