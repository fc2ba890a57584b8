"""Where no truth has the model's own grid: stations in Trentino, and a nest in Tibet."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import scipy.interpolate
import xarray as xr
from real_cases import LAPSE, closest, coarse_terrain, fine_places, quadratic

import xldm
from xldm import statics
from xldm.models.model import Model
from xldm.twin import both_sides

SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
HOURS = range(1, 24, 3)  # UTC, among them 4 and 13
AROUND = (8.5, 44.7, 14.0, 47.4)  # degrees: Trentino and a margin for the networks
YEAR = 2008  # of the twin, kept apart from training
LOWLAND = 700  # m, below which the daily range is measured


def trentino(
    data: Path, model: Model, days: int, ways: dict[str, dict], options: dict
) -> tuple[list[str], list[dict]]:
    """Compare how temperature answers to terrain with 34 stations in 2004 and 2005.

    There is no input of these hours, so the model is driven by the twin: ``days`` days of each
    season of 2008, and what is compared are statistics.
    """
    real = xr.open_dataset(data / "trentino_stations" / "hourly_2004_2005.nc")
    whole_days = real.sel(time=slice("2004-01-01", "2005-12-30"))
    real = whole_days.isel(time=whole_days["time"].dt.hour.isin(HOURS))
    times = hours_of_seasons(days)
    columns = {"stations": sampled(real["t2m"].values, real["height"].values, real["time"].values)}
    lon, lat = fine_places()
    cells = closest(lon, lat, real["lon"].values, real["lat"].values)
    height = statics.embedded()["orog"].values.ravel()[cells].astype("float64")
    made = at_cells(data, model, times, cells, height, ways, options)
    columns |= {k: sampled(v, height, times) for k, v in made.items()}
    rows = []
    for title in next(iter(columns.values())):
        rows.append({"title": title} | {k: v[title] for k, v in columns.items()})
    return list(columns), rows


def hours_of_seasons(days: int) -> np.ndarray:
    """Return every third hour of days spread over each season."""
    every = np.arange(f"{YEAR}-01-01", f"{YEAR + 1}-01-01", dtype="datetime64[D]")
    month = every.astype("datetime64[M]").astype(int) % 12 + 1
    chosen = []
    for months in SEASONS.values():
        of_season = every[np.isin(month, months)]
        chosen.append(of_season[np.arange(days) * of_season.size // days])
    hours = np.array([np.timedelta64(h, "h") for h in HOURS])
    return (np.sort(np.concatenate(chosen)).astype("datetime64[h]")[:, None] + hours).ravel()


def at_cells(
    data: Path,
    model: Model,
    times: np.ndarray,
    cells: np.ndarray,
    height: np.ndarray,
    ways: dict[str, dict],
    options: dict,
) -> dict[str, np.ndarray]:
    """Return the temperature (time, cell) of the twin, of a simple method, and of the model."""
    era5, fine = both_sides(times)
    lon, lat = (f.ravel()[cells] for f in fine_places())
    t2m = fine["t2m"].stack(cell=("y", "x"))[:, cells]
    coarse = era5[["t2m"]]
    smooth = quadratic(coarse, coarse["t2m"].values.astype("float64"), lon, lat)
    rise = height - quadratic(coarse, coarse_terrain(data, coarse)[None], lon, lat)
    out = {"twin": t2m.values, "lapse 6.5": smooth - LAPSE * rise}
    options = options | {"region": AROUND}
    for given, ds in (("t2m", coarse), ("all", era5)):
        for end, way in ways.items():
            for title, used in (("UNET", model.baseline("regression")), ("member", model)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    drawn = xldm.downscale(ds, used, members=None, **options, **way)
                index = closest(drawn["lon"].values, drawn["lat"].values, lon, lat)
                values = drawn["t2m"].values.reshape(times.size, -1)[:, index]
                out[f"{title}{end}, {given}"] = values
    return out


def sampled(t2m: np.ndarray, height: np.ndarray, times: np.ndarray) -> dict[str, float]:
    """Return statistics of temperature (time, station): lapse, inversions, spread, daily range.

    Times are whole days of `HOURS`.
    """
    hour = times.astype("datetime64[h]").astype(int) % 24
    month = times.astype("datetime64[M]").astype(int) % 12 + 1
    lapse, spread = lines(t2m, height)
    low = t2m[:, height < LOWLAND].reshape(-1, len(HOURS), (height < LOWLAND).sum())
    daily = low.max(1) - low.min(1)  # (day, station), NaN where an hour is missing
    found: dict[str, dict[str, float]] = {}
    for season, months in SEASONS.items():
        for at in (4, 13):
            here = np.isin(month, months) & (hour == at) & np.isfinite(lapse)
            add = {"lapse (K/km)": 1e3 * lapse[here].mean()}
            add["inverted (%)"] = 100 * (lapse[here] > 0).mean()
            add["spread about it (K)"] = spread[here].mean()
            for title, value in add.items():
                found.setdefault(f"{title}, {at:02d} UTC", {})[season] = float(value)
        inside = np.isin(month, months).reshape(-1, len(HOURS)).all(1)
        title = f"daily range below {LOWLAND} m (K)"
        found.setdefault(title, {})[season] = float(np.nanmean(daily[inside]))
    return {f"{t}, {s}": v for t, of in sorted(found.items()) for s, v in of.items()}


def lines(t2m: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope (K/m) and rms about the line of temperature against height, at each time."""
    slope, spread = np.full((2, len(t2m)), np.nan)
    for i, values in enumerate(t2m):
        known = np.isfinite(values)
        if known.sum() >= 15:
            line = np.polyfit(height[known], values[known], 1)
            slope[i] = line[0]
            spread[i] = np.std(values[known] - np.polyval(line, height[known]), ddof=2)
    return slope, spread


def nest(data: Path) -> dict[str, float]:
    """Return the RMSE of quadratic interpolation from 30 to 10 km over Tibet, in K.

    The files hold no terrain, so there is no lapse rate, and no domain of 2 km for the model.
    """
    place = data / "wrf_nest_tibet"
    outer, inner = (xr.open_dataset(place / f"wrf_tip_d{n}.nc", decode_times=False) for n in (1, 2))
    truth = inner["T2"].values[0].astype("float64")
    ratio = int(inner.attrs["PARENT_GRID_RATIO"])
    at = [
        int(inner.attrs[f"{axis}_PARENT_START"]) - 1 + (np.arange(n) + 0.5) / ratio - 0.5
        for axis, n in zip("JI", truth.shape, strict=True)
    ]
    parent = outer["T2"].values[0].astype("float64")
    own = truth.reshape(truth.shape[0] // ratio, ratio, truth.shape[1] // ratio, ratio).mean((1, 3))
    out = {}
    for title, coarse, places in (
        ("from the outer model", parent, at),
        ("from its own means", own, [a - a[0] + (0.5 / ratio - 0.5) for a in at]),
    ):
        axes = [np.arange(n) for n in coarse.shape]
        spline = scipy.interpolate.RectBivariateSpline(*axes, coarse, kx=2, ky=2)
        error = spline(*places) - truth
        out[title] = float(np.sqrt((error**2).mean()))
    return out
