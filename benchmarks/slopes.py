"""Ask real fields and the twin how temperature changes with height inside coarse cells.

python benchmarks/slopes.py --hours 12 --days 12

Between coarse cells, the slope against height is that of 5 x 5 cells around. Inside them, it is
that of what a coarse field lacks at ARPEGE's cells of 0.1 degrees over land. Both are given as
shares of the slope of -6.5 K/km. A network that follows the slope of its input is only as good as
these agree. ARPEGE's own terrain is not in its files; as it is probably smoother than the terrain
used here, its share inside is probably too small.

So a second table asks stations, whose heights are known: 34 in Trentino, in cells of 0.25 degrees.
Inside, temperature and height depart from the means of a cell's stations; between, these means are
compared. The twin has the hours of ``--days`` days of each season of 2008, at the same places.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse
import xarray as xr
from real import averaging, simple
from real_cases import Case, cases, closest, coarse_terrain, fine_places, folder
from real_stations import SEASONS, hours_of_seasons

from xldm import statics
from xldm.twin import Twin, both_sides

FEWEST = 20  # stations of an hour


def averages(case: Case) -> scipy.sparse.csr_array:
    """Return the means over the fine cells of each place of a case."""
    return averaging(case.nearest, np.ones(case.nearest.size, bool), case.truth["t2m"].shape[1])


def departures(case: Case) -> np.ndarray:
    """Return what temperature departs by, by local slopes and by 6.5 K/km: (3, time, place).

    Departures are from quadratic interpolation of the coarse field, at places of land.
    """
    static = statics.embedded()
    lon, lat = (f.ravel() for f in fine_places())
    orog, land = (static[n].values.ravel().astype("float64") for n in ("orog", "land_mask"))
    places = averages(case)
    there = (places.sum(1) > 0.5) & (places @ land > 0.9)
    ways = {k: f @ places.T for k, f in simple(case, "t2m", lon, lat, orog).items()}
    fields = (case.truth["t2m"], ways["local lapse"], ways["lapse 6.5"])
    return np.stack([f - ways["quadratic"] for f in fields])[..., there]


def of_twin(case: Case, times: list[np.datetime64], data: Path) -> np.ndarray:
    """Return the departures of hours of the twin, at the places of a real case."""
    twin, places, out = Twin(seed=0), averages(case), []
    terrain = coarse_terrain(data, twin.era5(times[0]))
    for time in times:
        era5, fine = twin.hour(time)
        moment = {d: 0 for d in ("time", "valid_time") if d in era5["t2m"].dims}
        coarse = era5[["t2m"]].isel(moment, drop=True).expand_dims(time=[0]).load()
        truth = {"t2m": (places @ fine["t2m"].values.ravel().astype("float64"))[None]}
        out.append(departures(replace(case, coarse=coarse, truth=truth, terrain=terrain)))
    return np.concatenate(out, axis=1)


def within(t2m: np.ndarray, height: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return slopes of temperature (time, station) inside cells and between them: (time, 2), K/km.

    NaN where an hour has few stations.
    """
    slopes = np.full((len(t2m), 2), np.nan)
    for i, values in enumerate(t2m):
        known = np.isfinite(values)
        if known.sum() < FEWEST:
            continue
        _, index = np.unique(cell[known], return_inverse=True)
        count = np.bincount(index)
        pair = np.stack([values[known], height[known] / 1e3])
        means = np.stack([np.bincount(index, of) / count for of in pair])
        for k, (t, z) in enumerate((pair - means[:, index], means - means.mean(1)[:, None])):
            slopes[i, k] = (t @ z) / (z @ z)
    return slopes


def at_stations(data: Path, days: int) -> list[str]:
    """Return rows of the table of stations: mean slopes of each season at 04 and 13 UTC."""
    real = xr.open_dataset(data / "trentino_stations" / "hourly_2004_2005.nc")
    lon, lat = real["lon"].values, real["lat"].values
    cell = np.rint(4 * lat) * 1000 + np.rint(4 * lon)
    places = closest(*fine_places(), lon, lat)
    terrain = statics.embedded()["orog"].values.ravel()[places].astype("float64")
    times = hours_of_seasons(days)
    times = times[np.isin(times.astype(int) % 24, (4, 13))]
    twin = both_sides(times)[1]["t2m"].stack(cell=("y", "x"))[:, places]
    rows = []
    for season, months in SEASONS.items():
        for hour in (4, 13):
            cells = []
            for ds, height in ((real["t2m"], real["height"].values), (twin, terrain)):
                time = ds["time"].dt
                values = ds.isel(time=time.month.isin(months) & (time.hour == hour)).values
                cells += np.nanmean(within(values, height, cell), axis=0).tolist()
            rows.append(
                f"| {season}, {hour:02d} UTC | " + " | ".join(f"{v:.1f}" for v in cells) + " |"
            )
    return rows


def row(title: str, departed: np.ndarray) -> str:
    """Return a row of the table: shares of 6.5 K/km, and RMSE without and with the slopes."""
    truth, local, fixed = (f.ravel() for f in departed)
    shares = [f @ fixed / (fixed @ fixed) for f in (truth, local)]
    errors = [np.sqrt((e**2).mean()) for e in (truth, truth - fixed, truth - local)]
    return f"| {title} | " + " | ".join(f"{v:.2f}" for v in (*shares, *errors)) + " |"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real files")
    parser.add_argument("--hours", type=int, default=12, help="of each; ARPEGE has 12")
    parser.add_argument("--days", type=int, default=12, help="of the twin, of each season")
    args = parser.parse_args(arguments)
    data = folder(args.data)
    case = next(iter(cases(data, args.hours, "ARPEGE: t2m")))
    # Hours of the day and season as ARPEGE's, but of many days, since the twin varies between days.
    days = [
        np.datetime64(f"{2001 + i % 8}-04-16T01", "h") + 24 * (7 * i % 30)
        for i in range(args.hours)
    ]
    times = [day + i % 12 for i, day in enumerate(days)]
    print("| field | inside | between | RMSE, quadratic (K) | lapse 6.5 | local lapse |")
    print("| --- " * 6 + "|")
    print(row("ARPEGE, 2018-05-01, 01-12 UTC", departures(case)))
    print(row("twin, the same hours of other days", of_twin(case, times, data)))
    print("\n| K/km | stations, inside | between | twin, inside | between |")
    print("| --- " * 5 + "|")
    print("\n".join(at_stations(data, args.days)))


if __name__ == "__main__":
    main()
