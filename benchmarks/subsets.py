"""Measure the embedded model's skill with subsets of its predictors, on hours of the twin.

python benchmarks/subsets.py --hours 12 --members 4 --targets t2m u10 v10 --out subsets.json

RMSE is of the regression (the mean), CRPS the fair score of the members (Ferro 2014). Targets whose
own coarse field is absent are not drawn, and have no score.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

import xldm
from xldm.evaluation.ensemble import crps
from xldm.models.model import Model
from xldm.twin import both_sides, hours_over_year

# Variables that are taken out of the twin's coarse side.
UPPER = ["q", "t", "u", "v", "w"]
NO_RAIN = ["msl", "d2m", "sst", "sd", "ssrd", *UPPER]
WITH_WIND = [*NO_RAIN, "tp"]
SUBSETS = {
    "all 14": [],
    "without sst": ["sst"],
    "without sst, sd": ["sst", "sd"],
    "without sums": ["tp", "ssrd"],
    "without 850 hPa": UPPER,
    "t2m u10 v10 d2m msl tp": ["sst", "sd", "ssrd", *UPPER],
    "t2m u10 v10": WITH_WIND,
    "t2m": ["u10", "v10", *WITH_WIND],
    "t2m u10 v10 tp": NO_RAIN,
    "tp": ["t2m", "u10", "v10", *NO_RAIN],
}


def scores(
    model: Model, era5: xr.Dataset, fine: xr.Dataset, members: int
) -> dict[str, dict[str, float]]:
    """Return RMSE and CRPS of each target that is drawn."""
    options = {"missing": "climatology", "progress": False}
    names = [t.name for t in model.config.targets if t.name in era5]
    squared: dict[str, list[float]] = {n: [] for n in names}
    score: dict[str, list[float]] = {n: [] for n in names}
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
    parser.add_argument("--model", default="italy-2km", help="name or path of a package")
    parser.add_argument("--targets", nargs="+", help="all of the model by default")
    parser.add_argument("--hours", type=int, default=12)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--year", type=int, default=2008)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    model = xldm.load_model(asked.model)
    if asked.targets:
        model = model.drawing(asked.targets)
    targets = [t.name for t in model.config.targets]
    era5, fine = both_sides(hours_over_year(asked.year, asked.hours), rain="tp" in targets)
    rows = []
    for title, absent in SUBSETS.items():
        if {*targets} <= {*absent}:
            continue
        row = scores(model, era5.drop_vars(absent), fine, asked.members)
        rows.append({"title": title, "absent": absent, **row})
        for kind, found in row.items():
            numbers = (f"{name} {value:.3g}" for name, value in found.items())
            print(f"{title:<24} {kind}:", *numbers, flush=True)
        if asked.out:
            asked.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
