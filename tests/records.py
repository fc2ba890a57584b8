"""Small random records to evaluate: fields of the right names and units on a corner of Italy."""

from __future__ import annotations

import numpy as np
import xarray as xr

from xldm.config import GridConfig
from xldm.grids.projected import axes, coordinates

GRID = GridConfig(
    crs="EPSG:3035", x=(4318000.0, 4382000.0), y=(2290000.0, 2242000.0), spacing=16000.0, factor=8
)
UNITS = {"t2m": "K", "u10": "m s-1", "v10": "m s-1"}
MEANS = {"t2m": 283.0, "u10": 2.0, "v10": -1.0}


def hours(count: int, start: str = "2008-02-27T20") -> np.ndarray:
    """Hours over the end of a leap February."""
    return (np.datetime64(start, "h") + np.arange(count)).astype("datetime64[ns]")


def record(
    count: int = 30,
    members: int | None = None,
    seed: int = 0,
    targets: tuple = ("t2m", "u10", "v10"),
) -> xr.Dataset:
    """Random fields, smooth in time, around a weather that is the same for every seed."""
    y, x = axes(GRID, fine=True)
    rng, shared = np.random.default_rng(seed), np.random.default_rng(99)
    weather = shared.normal(0, 3, (count, y.size // 8, x.size // 8)).repeat(8, 1).repeat(8, 2)
    shape = (count, y.size, x.size) if members is None else (members, count, y.size, x.size)
    dims = ("time", "y", "x") if members is None else ("member", "time", "y", "x")
    time_axis = dims.index("time")
    fields = {}
    for name in targets:
        noise = rng.normal(0, 2, shape)
        values = noise + 0.5 * np.roll(noise, 1, time_axis) + weather + MEANS[name]
        attrs = {"units": UNITS[name], "long_name": name}
        fields[name] = (dims, values.astype(np.float32), attrs)
    coords = {"time": ("time", hours(count))}
    if members is not None:
        coords["member"] = ("member", np.arange(members))
    return xr.Dataset(fields, coords).assign_coords(coordinates(GRID, fine=True))


def static(seed: int = 5) -> xr.Dataset:
    """Terrain with land, sea and every band of height."""
    y, x = axes(GRID, fine=True)
    rng = np.random.default_rng(seed)
    slope = np.linspace(-600, 2800, x.size) + rng.normal(0, 120, (y.size, x.size))
    land = slope > 0
    return xr.Dataset(
        {
            "orog": (("y", "x"), np.where(land, slope, 0.0).astype("float32")),
            "land_mask": (("y", "x"), land.astype("int8")),
        }
    ).assign_coords(coordinates(GRID, fine=True))


def speed(ds: xr.Dataset) -> xr.DataArray:
    """Wind speed in float64."""
    return np.hypot(ds["u10"].astype(float), ds["v10"].astype(float))
