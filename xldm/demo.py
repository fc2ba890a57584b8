"""Demonstrate the package: downscale real ERA5 over Italy, store it and draw it."""

from __future__ import annotations

import functools
import time
from pathlib import Path

from . import plot
from .catalog import open_catalog
from .downscaling import downscale
from .errors import ArgumentError
from .inputs.predictors import check
from .packages.registry import load_model

__all__ = ["run"]

# Of the model's 14 predictors the sample has 5.
LACKING = "climatology"


def run(
    folder: str | Path = "xldm-demo", *, times: int = 24, members: int = 2
) -> dict[str, object]:
    """Downscale the shipped ERA5 sample, write a Zarr store and a figure.

    Parameters
    ----------
    folder : path
        Folder to write to; it is made if absent.
    times : int
        Number of times, of the sample's 24.
    members : int
        Ensemble members, at least two for the figure.

    Returns
    -------
    dict
        ``store`` and ``figure`` (paths), ``report`` and ``seconds_per_field``.
    """
    if members < 2:
        raise ArgumentError(f"members must be at least 2, to show how they differ; got {members}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model("italy-2km")
    era5 = open_catalog().era5_sample.read().isel(time=slice(times)).load()
    started = time.perf_counter()
    out = downscale(era5, model, members=members, missing=LACKING)
    seconds = (time.perf_counter() - started) / (out.sizes["time"] * members)
    store = folder / "italy-2km.zarr"
    out.chunk(time=1, member=1).to_zarr(store, mode="w", consolidated=False)

    shown = times // 2
    baseline = functools.partial(
        downscale, era5.isel(time=[shown]), members=None, missing=LACKING, progress=False
    )
    quadratic, mean = (
        baseline(model.baseline(kind)).isel(time=0) for kind in ("interpolation", "regression")
    )
    figure = plot.story(era5.isel(time=shown), quadratic, mean, out.isel(time=shown), model.static)
    picture = folder / "italy-2km.png"
    figure.savefig(picture, dpi=110)
    report = check(era5, model.config, missing=LACKING)
    return {"store": store, "figure": picture, "report": report, "seconds_per_field": seconds}
