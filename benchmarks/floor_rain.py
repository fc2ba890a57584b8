"""Score a model's rain beside a perfect ensemble of the twin's law and the simplest methods.

python benchmarks/floor_rain.py --hours 24 --members 16 --json floor_rain.json

Given the coarse side, the twin's rain is a law of its own (`xldm.twin.rain`): other draws of it are
a perfect ensemble, and no forecast from the coarse side has a lower expected CRPS. The ensemble
knows the kind of rain of each hour, which a model has to infer, so the floor is a little too low.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

import xldm
from xldm.evaluation import evaluate
from xldm.evaluation.figures.rain_colours import in_mm
from xldm.evaluation.protocols import hourly, reconstruction
from xldm.twin import Twin, both_sides, hours_over_year
from xldm.twin.carried import Carried
from xldm.twin.hourly import _rain_cells, whole_hours

SEED = 10_000  # of the first member's showers
SPACING = 2000.0  # m
BANDS = ("4-10 km", "10-20 km", "20-50 km")


def perfect(twin: Twin, truth: xr.Dataset, members: int) -> xr.Dataset:
    """Draw other rain of the twin's law on the same coarse side, (member, time, y, x)."""
    drawn = np.empty((members, *truth["tp"].shape), "float32")
    for m in range(members):
        showers = Carried(SEED + m, truth["tp"].shape[1:], SPACING)
        for i, time in enumerate(truth["time"].values):
            drawn[m, i] = twin._rain(whole_hours(time), showers)
    fields = (("member", *truth["tp"].dims), drawn, truth["tp"].attrs)
    return truth.assign(tp=fields).chunk(time=1)


def spread(era5: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """Give each fine cell the amount of the coarse cell in which its centre lies."""
    cells = _rain_cells()
    rows, columns = cells.shape
    row = np.clip(np.rint(cells.row), 0, rows - 1).astype(int)
    column = np.clip(np.rint(cells.column), 0, columns - 1).astype(int)
    coarse = in_mm(era5["tp"]).transpose("valid_time", "latitude", "longitude")
    fields = coarse.values[:, row, column]
    return truth.assign(tp=(truth["tp"].dims, fields, truth["tp"].attrs)).chunk(time=1)


def forecasts(
    name: str, hours: int, members: int, beside: dict[str, str]
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Return all forecasts of hours of 2008, and their truth.

    Those of the packages ``beside`` are single fields.
    """
    model = xldm.load_model(name).drawing(["tp"])
    era5, fine = both_sides(hours_over_year(2008, hours), rain=True)
    truth, era5 = fine[["tp"]].load(), hourly(era5)
    truth = truth.chunk(time=1)
    mean = model.baseline("regression")
    others = {title: xldm.load_model(place) for title, place in beside.items()}
    return {
        "quadratic": xldm.interpolate(era5, model),
        "conservative spread": spread(era5, truth),
        "UNET": xldm.downscale(era5, mean, members=None),
        **{n: xldm.downscale(era5, other, members=None) for n, other in others.items()},
        "autoencoder": reconstruction(model, era5, truth),
        "members": xldm.downscale(era5, model, members=members),
        "perfect": perfect(Twin(0), truth, members),
    }, truth


def row(result: xr.Dataset, name: str) -> dict[str, float]:
    """Return the scores of a forecast by their titles."""
    of = result.sel(forecast=name)
    of = of.sel(stratum="all") if "stratum" in of.dims else of
    floor = result["crps_fair"].sel(forecast="perfect", variable="tp", stratum="all", period="all")
    score = of["crps_fair"] if np.isfinite(of["crps_fair"]).any() else of["mae"]
    found = {}
    for period in ("all", "DJF", "MAM", "JJA", "SON"):
        if period in of["period"]:
            found[f"wet, {period}"] = of["frequency_bias"].sel(rain_threshold=0.1, period=period)
    means = result["rain_mean"].sel(stratum="all", period="all")
    found["mean"] = means.sel(source=name) / means.sel(source="truth")
    for part in (0.99, 0.999, 0.9999):
        ratio = of["quantile_ratio"].sel(rain_quantile=part, method="nearest")
        found[f"{100 * part:g} %"] = ratio
    found["CRPS, mm"] = score.sel(variable="tp", period="all")
    found["CRPS / floor"] = found["CRPS, mm"] / floor
    for band in BANDS:
        found[f"log, {band}"] = of["spectral_error"].sel(field="log_tp", band=band)
    for at, event in zip((1, 5, 10), of["reliability_error"].values, strict=True):
        found[f"reliability, {at} mm"] = event
    fss = "fss_ensemble" if np.isfinite(of["fss_ensemble"]).any() else "fss"
    found["FSS, 5 mm, 20 km"] = of[fss].sel(rain_threshold=5, scale=20, period="all")
    return {title: float(value) for title, value in found.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="italy-2km", help="name or path")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--members", type=int, default=16)
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=PACKAGE",
        help="of single fields, such as a GAN",
    )
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    beside = dict(part.split("=", 1) for part in asked.beside)
    fields, truth = forecasts(asked.model, asked.hours, asked.members, beside)
    result = evaluate(fields, truth, parts=1)
    rows = {name: row(result, name) for name in fields}
    titles = list(rows["perfect"])
    print("| score | " + " | ".join(rows) + " |")
    print("| --- " * (len(rows) + 1) + "|")
    for title in titles:
        form = "+.1f" if title.startswith("log") else ".3f" if "mm" in title else ".2f"
        cells = (f"{rows[name][title]:{form}}" for name in rows)
        print(f"| {title} | " + " | ".join(cells) + " |")
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
