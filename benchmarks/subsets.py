"""Measure the embedded model's skill with subsets of its predictors, on hours of the twin.

python benchmarks/subsets.py --hours 12 --members 4 --out subsets.json

RMSE is of the regression (the mean), CRPS the fair score of the members (Ferro 2014).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

import xldm
from xldm.evaluation.ensemble import crps
from xldm.twin import both_sides, hours_over_year

# Variables that are taken out of the twin's coarse side.
UPPER = ["q", "t", "u", "v", "w"]
SUBSETS = {
    "all 14": [],
    "without sst, sd": ["sst", "sd"],
    "without sums": ["tp", "ssrd"],
    "without 850 hPa": UPPER,
    "the five of the sample": ["d2m", "sst", "sd", "q", "t", "u", "v", "w", "ssrd"],
    "those of the targets": ["msl", "d2m", "sst", "sd", "tp", "ssrd", *UPPER],
}


def scores(era5: xr.Dataset, fine: xr.Dataset, members: int) -> dict[str, dict[str, float]]:
    """Return RMSE and CRPS of each target."""
    model = xldm.load_model("italy-2km")
    options = {"missing": "climatology", "progress": False}
    squared: dict[str, list[float]] = {t.name: [] for t in model.config.targets}
    score: dict[str, list[float]] = {t.name: [] for t in model.config.targets}
    for i in range(fine.sizes["time"]):
        hour, truth = era5.isel(valid_time=[i]), fine.isel(time=i).load()
        mean = xldm.downscale(hour, model.baseline("regression"), members=None, **options)
        drawn = xldm.downscale(hour, model, members=members, **options)
        for name in squared:
            error = mean[name].values[0] - truth[name].values
            squared[name].append(float((error**2).mean()))
            fair = crps(drawn[name].values[:, 0], truth[name].values, fair=True)
            score[name].append(float(fair.mean()))
    return {
        "rmse": {n: float(np.sqrt(np.mean(s))) for n, s in squared.items()},
        "crps": {n: float(np.mean(s)) for n, s in score.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=12)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--year", type=int, default=2008)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    era5, fine = both_sides(hours_over_year(asked.year, asked.hours))
    rows = []
    print(f"{'predictors':<24} RMSE t2m   u10   v10    CRPS t2m   u10   v10")
    for title, absent in SUBSETS.items():
        row = scores(era5.drop_vars(absent), fine, asked.members)
        rows.append({"title": title, "absent": absent, **row})
        numbers = [f"{v:6.3f}" for kind in ("rmse", "crps") for v in row[kind].values()]
        print(f"{title:<24}", *numbers, flush=True)
        if asked.out:
            asked.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
