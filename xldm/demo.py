"""Demonstrate the package: downscale real ERA5 over Italy, store it and draw it."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import numpy as np

from . import plot
from .arguments import PATH, refuse
from .catalog import open_catalog
from .downscaling import downscale
from .errors import ArgumentError, ExistsError
from .inputs.predictors import check
from .interpolation import interpolate
from .packages.registry import load_model
from .progress import listening

__all__ = ["run"]

log = logging.getLogger(__name__)

# Of the model's 14 predictors the sample has 5.
LACKING = "climatology"


def run(
    folder: str | Path = "xldm-demo", *, times: int = 24, members: int = 2
) -> dict[str, object]:
    """Downscale the shipped ERA5 sample, write a Zarr store and a figure.

    What it does, and how long it will take, goes to the log as ``INFO``.

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
    if not 1 <= times <= 24:
        raise ArgumentError(f"times must be from 1 to 24, those of the sample; got {times}")
    refuse(folder=(folder, PATH))
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ExistsError(f"{folder} is a file, expected a folder to write to: give another name")
    log.info("loading the model italy-2km and the sample of ERA5")
    model = load_model("italy-2km")
    era5 = open_catalog().era5_sample.read().isel(time=slice(times)).load()
    started = time.perf_counter()
    with listening(_Told(times * members).drawn):
        out = downscale(era5, model, members=members, missing=LACKING)
    seconds = (time.perf_counter() - started) / (out.sizes["time"] * members)
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "italy-2km.zarr"
    log.info(f"writing {store}")
    out.chunk(time=1, member=1).to_zarr(store, mode="w", consolidated=False)

    picture, shown = folder / "italy-2km.png", times // 2
    log.info(f"drawing {picture}")
    quadratic = interpolate(era5.isel(time=[shown]), model).isel(time=0)
    figure = plot.story(era5.isel(time=shown), quadratic, out.isel(time=shown), model.static)
    figure.savefig(picture, dpi=plot.DPI)
    report = check(era5, model.config, missing=LACKING)
    return {"store": store, "figure": picture, "report": report, "seconds_per_field": seconds}


# Fields after which the rest can be foretold.
_ENOUGH = 3


class _Told:
    """Log how many fields are drawn; beside a progress bar, how long all take, once."""

    def __init__(self, total: int) -> None:
        self._total, self._drawn, self._said = total, 0.0, 0.0
        self._started: float | None = None
        self._first = 0.0
        self._bar = sys.stderr.isatty()
        log.info(f"downscaling {total} fields of temperature, wind and rain to 2 km")

    def drawn(self, fields: float) -> None:
        now = time.perf_counter()
        # The first part of a field takes longer than others: what is prepared once comes with it.
        if self._started is None:
            self._started, self._first = now, fields
            self._drawn = fields
            return
        self._drawn += fields
        # Components take turns and differ in length: whole fields tell more than parts of one.
        if self._drawn < self._first + _ENOUGH:
            return
        each = (now - self._started) / (self._drawn - self._first)
        left = each * (self._total - self._drawn)
        if not self._said:
            log.info(f"{_words(each)} a field here")
        if not self._said or (not self._bar and self._drawn >= self._said + self._total / 10):
            self._said = self._drawn
            whole = np.floor(self._drawn + 1e-6)  # of thirds and the like
            log.info(f"{whole:.0f} of {self._total} fields, {_words(left)} left")


def _words(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
