"""Small training stores in memory: a record that a few steps can learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import tiny
import xarray as xr

from xldm.config import GridConfig
from xldm.grids.projected import axes, coordinates
from xldm.stores import splits
from xldm.stores import write as storing
from xldm.stores.statistics import statistics
from xldm.training.preset import Preset
from xldm.training.stages import STAGES
from xldm.vocabulary import VOCABULARY

#: 8 x 8 coarse cells of 16 km that hold 8 x 8 fine ones each.
GRID = tiny.GRID
HOURS = 24 * 8


def written(folder: Path) -> Path:
    """The store on disk, verified."""
    store = made()
    sides = {name: store[name].to_dataset() for name in ("coarse", "fine", "static")}
    attrs = dict.fromkeys(("source", "references"), "random numbers") | dict(store.attrs)
    storing.write_training_store(folder, **sides, split=store["split"]["split"], attrs=attrs)
    return folder


def made(
    grid: GridConfig = GRID,
    predictors: tuple[str, ...] = ("t2m", "u10", "sst"),
    targets: tuple[str, ...] = ("t2m",),
) -> xr.DataTree:
    """A store whose targets are the coarse field of the same name with small scales on it."""
    rng = np.random.default_rng(5)
    time = np.datetime64("2001-03-01", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
    h, w = grid.shape
    coarse = xr.Dataset(coords={"time": time}, attrs={"wind_frame": "earth"})
    fine = xr.Dataset(coords={"time": time}, attrs={"wind_frame": "earth"})
    pattern = rng.normal(0, 1, grid.fine_shape)
    for name in dict.fromkeys((*predictors, *targets)):
        values = 280 + 5 * rng.normal(size=(HOURS, h, w))
        attrs = {
            "units": VOCABULARY[name].units,
            "standard_name": VOCABULARY[name].standard_names[0],
        }
        if name in predictors:
            coarse[name] = (("time", "y", "x"), values.astype("float32"), attrs)
        if name == "tp" and name in targets:
            coarse[name], fine[name] = rain(values, pattern, attrs)
        elif name in targets:
            up = values.repeat(grid.factor, 1).repeat(grid.factor, 2) + pattern
            fine[name] = (("time", "y", "x"), up.astype("float32"), attrs)
    if "sst" in coarse:
        coarse["sst"][:, :3] = np.nan
    coarse = coarse.assign_coords(coordinates(grid, fine=False))
    fine = fine.assign_coords(coordinates(grid, fine=True))
    split = splits.by_blocks(time, val=("2001-03-04",), test=("2001-03-08",), gap="1D")
    stats = [statistics(ds, split == 0) for ds in (coarse, fine)]
    names = list(dict.fromkeys((*coarse, *fine)))
    stats = [s.reindex(variable=names, fill_value={"count": 0, "missing": 0}) for s in stats]
    groups = {
        "coarse": coarse,
        "fine": fine,
        "static": static(grid),
        "split": split.to_dataset(name="split"),
        "stats": xr.concat(
            stats, xr.Variable("group", ["coarse", "fine"]), combine_attrs="override"
        ),
    }
    root = xr.Dataset(attrs={"crs": grid.crs, "title": "A store for tests", "license": "CC0-1.0"})
    return xr.DataTree.from_dict({"/": root, **groups})


def rain(values: np.ndarray, pattern: np.ndarray, attrs: dict) -> tuple[xr.Variable, xr.Variable]:
    """Coarse rain in m, dry in half of the cells, and fine rain in mm, dry in more."""
    coarse = 2e-4 * np.maximum(values - 280, 0)
    factor = pattern.shape[0] // values.shape[1]
    up = 1000 * coarse.repeat(factor, 1).repeat(factor, 2)
    fine = np.maximum(up * np.exp(pattern - 0.5) - 0.05, 0)
    of_fine = {
        "standard_name": "precipitation_amount", "units": "kg m-2", "cell_methods": "time: sum",
        "transform": "cbrt", "lower": 0.0, "dry_below": 0.1,
    }  # fmt: skip
    dims = ("time", "y", "x")
    return (
        xr.Variable(dims, coarse.astype("float32"), attrs),
        xr.Variable(dims, fine.astype("float32"), of_fine),
    )


def static(grid: GridConfig) -> xr.Dataset:
    """Static fields on any grid."""
    y, x = axes(grid, fine=True)
    land = np.add.outer(np.arange(y.size), np.arange(x.size)) % 3 > 0
    return xr.Dataset(
        {
            "orog": (("y", "x"), np.where(land, 100.0, 0.0).astype("float32")),
            "northing": (("y", "x"), np.repeat(y[:, None], x.size, axis=1).astype("float32")),
            "land_mask": (("y", "x"), land.astype("int8")),
            "land_cover": (("land_cover_class", "y", "x"), np.stack([land, ~land]).astype("int8")),
        },
        coords=coordinates(grid, fine=True),
    ).assign_coords(land_cover_class=list(tiny.COVER))


def other_grid() -> GridConfig:
    """Another projection and another factor."""
    y, x = 5_300_000.0, 700_000.0
    return replace(
        GRID,
        crs="EPSG:32632",
        y=(y, y - 7 * 12e3),
        x=(x, x + 7 * 12e3),
        spacing=12e3,
        factor=4,
    )


def changed(preset: Preset, **settings) -> Preset:
    """A preset with the same settings changed in every phase that has them."""
    phases = {
        stage: tuple(
            replace(p, **{n: v for n, v in settings.items() if hasattr(p, n)})
            for p in preset.phases(stage)
        )
        for stage in STAGES
    }
    return replace(preset, **phases)
