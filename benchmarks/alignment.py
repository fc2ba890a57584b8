"""Measure what alignment recovers of the skill that another model's errors cost, on the twin.

python benchmarks/alignment.py --years 8 --members 1 --hours 12 --members 4

A twin forecast drifts with its lead; a twin climate model has other means, variances and seasons
(`xldm.twin.biased`). Forecasts are aligned with the twin of the same hours, as past forecasts with
ERA5. So is the climate model, as if nudged; and once more with other weather (another seed), as if
free. Skill is measured in 2008, which no fit saw. Hours of the twin are kept in --keep.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TypeVar

import numpy as np
import xarray as xr

import xldm
from xldm.alignment import aligned
from xldm.alignment.drift import measure
from xldm.alignment.fit import cells
from xldm.alignment.quantiles import fit_cells
from xldm.config import ModelConfig
from xldm.evaluation.ensemble import crps
from xldm.grids import regridding
from xldm.inputs.predictors import check, predictors
from xldm.models.downscaler import Sampling
from xldm.twin import both_sides, hours_over_year
from xldm.twin.biased import climate_model, forecast

LEADS = (24, 72)
PER_YEAR = 72
Cells = TypeVar("Cells", xr.Dataset, xr.DataArray)


def coarse_side(year: int, seed: int, keep: Path) -> xr.Dataset:
    """Return hours of the twin's coarse side, from a file if they were made before."""
    path = keep / f"twin{seed}_{year}_{PER_YEAR}.nc"
    if not path.exists():
        made, _ = both_sides(hours_over_year(year, 360)[:: 360 // PER_YEAR], seed)
        made.to_netcdf(path, engine="h5netcdf")
    return xr.open_dataset(path, engine="h5netcdf").load()


def record(years: list[int], seed: int, keep: Path) -> xr.Dataset:
    parts = [coarse_side(year, seed, keep) for year in years]
    return xr.concat(parts, "valid_time", data_vars="minimal", coords="minimal", compat="override")


def with_lead(on_cells: Cells, lead: int) -> Cells:
    """Return fields on coarse cells as forecasts of one lead."""
    return on_cells.assign_coords(lead_time=np.timedelta64(lead, "h").astype("timedelta64[ns]"))


class Skill:
    """Scores of fields that are drawn from predictors on coarse cells."""

    def __init__(self, truth: xr.Dataset, members: int) -> None:
        self.model = xldm.load_model("italy-2km").drawing(["t2m", "u10", "v10"])
        self.truth, self.members = truth, members

    def coarse(self, era5: xr.Dataset) -> xr.DataArray:
        report = check(era5, self.model.config)
        return regridding.to_coarse(predictors(era5, report), self.model.config, report.grid)

    def __call__(self, coarse: xr.DataArray) -> dict[str, float]:
        """Return the fair CRPS of each target; of one member, the regression's absolute error."""
        model = self.model if self.members > 1 else self.model.baseline("regression")
        times, found = coarse["time"].values, []
        for i in range(times.size):
            drawn = model.fields(
                coarse.values[i : i + 1], times[i : i + 1], Sampling(tuple(range(self.members)))
            )[:, 0]
            names = [t.name for t in model.config.targets]
            truth = np.stack([self.truth[n].isel(time=i).values for n in names])
            found.append(crps(drawn, truth, fair=self.members > 1).mean((1, 2)))
        return dict(zip(names, np.mean(found, 0), strict=True))


def row(title: str, skill: dict[str, float]) -> None:
    print(f"{title:<34}" + "".join(f"{v:8.3f}" for v in skill.values()), flush=True)


def recovered(best: dict, without: dict, with_: dict) -> None:
    shares = {n: (without[n] - with_[n]) / (without[n] - best[n]) for n in best}
    print(f"{'  recovered':<34}" + "".join(f"{v:8.0%}" for v in shares.values()), flush=True)


def flags(title: str, coarse: xr.DataArray, config: ModelConfig) -> None:
    """Print what drift finds in a year of fields."""
    found = measure(coarse.values, coarse["time"].values, config.predictors)
    said = [f"{d.predictor}: {d.outside}" for d in found if d.outside]
    print(f"{title:<34}drift: {'; '.join(said) or 'within bounds'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=8)
    parser.add_argument("--hours", type=int, default=12)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--keep", type=Path, default=Path("/tmp/xldm-alignment"))
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)

    era5, fine = both_sides(hours_over_year(2008, asked.hours))
    skill = Skill(fine.load(), asked.members)
    config = skill.model.config
    years = [y for y in range(2001, 2002 + asked.years) if y != 2008][: asked.years]
    past = record(years, 0, asked.keep)
    ref = cells(past, config, None, "ref")
    print(f"{'CRPS':<34}" + "".join(f"{t.name:>8}" for t in config.targets))
    best = skill(skill.coarse(era5))
    row("the twin itself", best)
    year = coarse_side(2008, 0, asked.keep)
    flags("a year of the twin itself", skill.coarse(year), config)
    for lead in LEADS:
        given = with_lead(skill.coarse(forecast(era5, lead)), lead)
        whole = with_lead(skill.coarse(forecast(year, lead)), lead)
        hist = with_lead(cells(forecast(past, lead), config, None, "hist"), lead)
        alignment = fit_cells(hist, ref, config)
        tell(f"forecast at {lead} h", skill, best, given, alignment, asked.keep)
        flags("  a year of it", whole, config)
        flags("  the same, aligned", aligned(whole, alignment), config)
    given, whole = (skill.coarse(climate_model(part)) for part in (era5, year))
    flags("a year of the climate model", whole, config)
    other = record(years, 1, asked.keep)
    # A wide window, for a short record of other weather.
    for title, record_of, window in (("same", past, 15), ("other", other, 30)):
        hist = cells(climate_model(record_of), config, None, "hist")
        alignment = fit_cells(hist, ref, config, window=window)
        tell(f"climate model, {title} weather", skill, best, given, alignment, asked.keep)
        flags("  a year of it, aligned", aligned(whole, alignment), config)


def tell(
    title: str,
    skill: Skill,
    best: dict[str, float],
    given: xr.DataArray,
    alignment: xldm.Alignment,
    keep: Path,
) -> None:
    path = keep / "alignment.nc"
    alignment.to_netcdf(path)
    start = time.perf_counter()
    after = aligned(given, alignment)
    taken = (time.perf_counter() - start) / given.sizes["time"]
    without, with_ = skill(given), skill(after)
    row(title, without)
    row(f"  aligned ({path.stat().st_size / 1e6:.1f} MB, {taken:.2f} s)", with_)
    recovered(best, without, with_)


if __name__ == "__main__":
    main()
