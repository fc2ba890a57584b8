"""Stores and files that kill_everywhere.py disturbs."""

from __future__ import annotations

from pathlib import Path

import dask
import dask.array as da
import numpy as np
import stores
import xarray as xr
from kill_everywhere import Work

import xldm
from xldm.errors import XldmError
from xldm.storage.marks import COMPLETE
from xldm.writing import store_layout

__all__ = ["WORKS"]

dask.config.set(scheduler="synchronous")
store_layout.BLOCK_BYTES = 3 * 2 * 16 * 16 * 4


def fields(first: int = 0) -> xr.Dataset:
    """Fields of two members along time, lazy."""
    times = np.datetime64("2001-07-31T20", "ns") + np.arange(first, first + 9) * np.timedelta64(
        1, "h"
    )
    rng = np.random.default_rng(first)
    values = rng.normal(280, 5, (2, 9, 16, 16)).astype("float32")
    lazy = da.from_array(values, chunks=(2, 3, 16, 16))
    dims = ("member", "time", "y", "x")
    return xr.Dataset(
        {"t2m": (dims, lazy, {"units": "K"}), "u10": (dims, lazy - 280, {"units": "m s-1"})},
        {"time": times, "member": [0, 1], "y": np.arange(16.0), "x": np.arange(16.0)},
    )


def complete(folder: Path) -> bool:
    """Whether a store says that it is."""
    path = folder / "out.zarr/zarr.json"
    return path.exists() and COMPLETE.encode() in path.read_bytes()


def open_store(folder: Path) -> bool:
    try:
        xldm.open_training_store(folder / "out.zarr")
    except XldmError:
        return False
    return True


WORKS = {
    "to_store": Work(
        lambda folder, again: xldm.to_store(fields(), folder / "out.zarr", resume=again), complete
    ),
    "append": Work(
        lambda folder, again: xldm.to_store(
            fields(9), folder / "out.zarr", append_dim="time", resume=again
        ),
        lambda folder: False,
        lambda folder: xldm.to_store(fields(), folder / "out.zarr"),
    ),
    "to_netcdf": Work(
        lambda folder, again: xldm.to_netcdf(
            fields(), folder / "out.nc", every="month", resume=again
        ),
        lambda folder: [xr.load_dataset(p) for p in folder.glob("out*.nc")] and False,
    ),
    "training_store": Work(
        lambda folder, again: xldm.write_training_store(
            folder / "out.zarr", **stores.inputs(), attrs=stores.ATTRS, resume=again
        ),
        open_store,
    ),
}
