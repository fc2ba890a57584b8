"""What stores of the tests are written from, on a corner of the Italian grid."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from xldm.config import GridConfig
from xldm.grids.projected import axes
from xldm.stores.parts import prepared
from xldm.stores.splits import by_blocks

ATTRS = {
    "title": "A store for tests",
    "source": "random numbers",
    "license": "CC0-1.0",
    "references": "none",
    "crs": "EPSG:3035",
}
SAID = {name: said for name, said in ATTRS.items() if name != "crs"}
COARSE = {"msl": "Pa", "t2m": "K", "sst": "K", "tp": "m"}
FINE = {"t2m": "K", "u10": "m s-1"}
COVER = ("land", "sea")
GRID = GridConfig("EPSG:3035", x=(3918e3, 4030e3), y=(2690e3, 2578e3), spacing=16e3, factor=2)
HOURS = 80  # three days and a third


def fields(units: dict[str, str], *, fine: bool) -> xr.Dataset:
    """Lazy random fields, a day to a chunk; sst has gaps, and an hour without any value."""
    rng = np.random.default_rng(7)
    y, x = axes(GRID, fine=fine)
    time = np.datetime64("2005-02-26", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
    ds = xr.Dataset(coords={"time": time, "y": y, "x": x}, attrs={"wind_frame": "earth"})
    for name, unit in units.items():
        values = rng.normal(280, 5, (HOURS, y.size, x.size)).astype("float32")
        if name == "sst":
            values[:, :3], values[30] = np.nan, np.nan
        ds[name] = (("time", "y", "x"), values, {"units": unit})
    return ds.chunk(time=24)


def static() -> xr.Dataset:
    """Land and sea in stripes."""
    y, x = axes(GRID, fine=True)
    land = np.add.outer(np.arange(y.size), np.arange(x.size)) % 3 > 0
    return xr.Dataset(
        {
            "orog": (("y", "x"), np.where(land, 100.0, 0.0).astype("float32"), {"units": "m"}),
            "northing": (("y", "x"), np.repeat(y[:, None], x.size, axis=1).astype("float32")),
            "land_mask": (("y", "x"), land.astype("int8")),
            "land_cover": (("land_cover_class", "y", "x"), np.stack([land, ~land]).astype("int8")),
        },
        {"land_cover_class": list(COVER), "y": y, "x": x},
    )


def inputs() -> dict:
    """What a store is written from."""
    coarse = fields(COARSE, fine=False)
    return {
        "coarse": coarse,
        "fine": fields(FINE, fine=True),
        "static": static(),
        "split": by_blocks(coarse["time"], val=(), test=("2005-02-28",), gap="6h"),
    }


def write_part(
    url: str | Path, kind: str, ds: xr.Dataset, grid: GridConfig = GRID, **attrs: str
) -> str:
    """A complete part, as a recipe leaves it."""
    part = prepared(kind, ds.compute(), grid, SAID | attrs)
    part.to_zarr(url, mode="w-", consolidated=False, zarr_format=2)
    zarr.open_group(url, mode="r+").attrs["xldm_complete"] = "2026-11-24T12:00:00Z sha256:0123"
    return str(url)


def hashes(folder: Path) -> dict[str, str]:
    """Of every file but the root's metadata, which hold the time of verification."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "zarr.json"
    }


def unmark(folder: Path) -> None:
    path = folder / "zarr.json"
    root = json.loads(path.read_text())
    del root["attributes"]["xldm_complete"]
    path.write_text(json.dumps(root))
