"""Fit the twin's temperature to stations and climatologies, and measure it against them.

Prints the bars of ``docs/explanation/twin.md``, then the fitted corrections of the coefficients in
``xldm/twin/large_scales.py`` and ``xldm/twin/temperature.py``. Needs pandas and the folder of real
files, which the package does not hold. Takes two minutes on one core::

    python tools/fit_twin.py ../shared/realdata
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import xarray as xr

from xldm.grids import projected
from xldm.twin import hourly, large_scales, temperature
from xldm.twin.large_scales import Climate, Points
from xldm.twin.varying import Varying

HOURS = np.arange(1, 24, 3)
SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
MONTHS = np.arange(1, 13)
LAPSE = 6.5  # K per km, for the difference in height between a station and its cell
# Mean daily range by month relative to the range of the twin's mean daily course.
DAILY = 1.08
# Coefficients that the data do not determine: forest and town in the valleys go with their depth.
FIXED = {"heat cover": 0.3, "cool cover": -1.0, "slope": -1.5}


class Sites:
    """Stations at cells of the twin: first those of Trentino, then those of WorldClim."""

    def __init__(self, folder: Path):
        self.hourly = xr.open_dataset(folder / "trentino_stations/hourly_2004_2005.nc").load()
        self.daily = xr.open_dataset(folder / "trentino_stations/daily_1958_2007.nc").load()
        table = pd.read_csv(folder / "italy_climate_points/points.csv").dropna()
        ground = hourly._ground()
        to_grid = pyproj.Transformer.from_crs("EPSG:4326", projected.ITALY.crs, always_xy=True)
        y, x = projected.axes(projected.ITALY, fine=True)
        row, column = _cells(to_grid, table.lon.values, table.lat.values, y, x)
        inside = (row >= 0) & (row < y.size) & (column >= 0) & (column < x.size)
        inside[inside] = ground.land[row[inside], column[inside]] > 0.5
        self.table = table[inside]
        mine = _cells(to_grid, self.hourly.lon.values, self.hourly.lat.values, y, x)
        row = np.append(mine[0], row[inside])
        column = np.append(mine[1], column[inside])
        self.ground = type(ground)(*(_pick(field, row, column) for field in ground))
        lon, lat = projected.lon_lat(projected.ITALY, fine=True)
        self.points = Points(x[column], y[row], lon[row, column], lat[row, column])
        self.count = self.hourly.sizes["station"]
        # WorldClim is on this grid: its values hold for the height of the pixel, not the station.
        globe = xr.open_dataset(folder / "globe_1km_italy/globe_italy_30s.nc")["elevation"]
        places = {
            "latitude": ("site", self.table.lat.values),
            "longitude": ("site", self.table.lon.values),
        }
        pixel = globe.interp({k: xr.DataArray(v[1], dims=v[0]) for k, v in places.items()})
        self.height = np.append(self.hourly.height.values, pixel.values)
        self.lift = LAPSE * (self.ground.orog - self.height) / 1000
        self.mean, self.range = self._worldclim()

    def _worldclim(self) -> tuple[np.ndarray, np.ndarray]:
        low, high, mean = (
            np.stack([self.table[f"worldclim_{kind}_{m:02d}"] for m in MONTHS])
            for kind in ("tmin", "tmax", "tmean")
        )
        return mean, high - low

    def course(self) -> np.ndarray:
        """Return the mean daily course in Trentino (month, hour, station).

        It is scaled so that its range is the mean daily range, the latter of 1980-2007.
        """
        times = self.hourly.time.dt
        t2m = self.hourly.t2m
        ranges = (self.daily.tmax - self.daily.tmin).sel(time=slice("1980", "2007"))
        ranges = ranges.sel(station=np.intersect1d(ranges.station, self.hourly.station))
        found = np.full((12, len(HOURS), self.count), np.nan)
        for month in MONTHS:
            for i, hour in enumerate(HOURS):
                here = t2m.values[((times.month == month) & (times.hour == hour)).values]
                enough = np.isfinite(here).sum(0) > 30
                found[month - 1, i, enough] = np.nanmean(here[:, enough], axis=0)
            usual = float(ranges[(ranges.time.dt.month == month).values].mean("time").mean())
            course = found[month - 1]
            centre = course.mean(0)
            # Extremes of minimum thermometers exceed those of hourly values by about 5 %.
            factor = 0.95 * usual / np.nanmean(np.ptp(course, axis=0)) / DAILY
            found[month - 1] = centre + factor * (course - centre)
        return found


def _cells(
    to_grid: pyproj.Transformer, lon: np.ndarray, lat: np.ndarray, y: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    px, py = to_grid.transform(lon, lat)
    step = x[1] - x[0]
    return np.rint((y[0] - py) / step).astype(int), np.rint((px - x[0]) / step).astype(int)


def _pick(field: np.ndarray | tuple, row: np.ndarray, column: np.ndarray) -> np.ndarray | tuple:
    if isinstance(field, tuple):
        return tuple(_pick(part, row, column) for part in field)
    return field[..., row, column]


def hours_of(years: range, days: tuple[int, ...]) -> list[int]:
    """Return hours since 1970, every three hours of the days in each month."""
    starts = [np.datetime64(f"{y}-{m:02d}-{d:02d}") for y in years for m in MONTHS for d in days]
    return [int(s.astype("datetime64[h]").astype(int)) + int(h) for s in starts for h in HOURS]


def calendar(hour: int) -> tuple[int, int]:
    """Return the indices of month and hour of the day."""
    month = int(np.datetime64(hour, "h").astype("datetime64[M]").astype(int)) % 12
    return month, int(np.flatnonzero(hour % 24 == HOURS)[0])


def simulate(sites: Sites, hours: list[int]) -> np.ndarray:
    """Return the twin in degC at the sites' heights (hour, site), small scales included."""
    climate, random = Climate(0), np.random.default_rng(0)
    found = []
    for hour in hours:
        state, vary = climate.at(sites.points, hour), Varying(0, hour)
        t2m = temperature.mean(sites.ground, state, vary)
        spread = temperature.spread(sites.ground, state, np.full_like(t2m, 2.5), vary)
        found.append(t2m + spread * random.standard_normal(t2m.shape) - 273.15 + sites.lift)
    return np.array(found)


def line(t2m: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lapse rates of rows in K per km, and the spread about each line."""
    pairs = []
    for row in t2m:
        here = np.isfinite(row)
        if here.sum() >= 20:
            km = height[here] / 1000
            fit = np.polyfit(km, row[here], 1)
            pairs.append((fit[0], (row[here] - np.polyval(fit, km)).std()))
    return tuple(np.array(pairs).T)


def measure(sites: Sites) -> None:
    """Print the bars: the twin beside the measurements."""
    hours = hours_of(range(2001, 2009), (4, 11, 18, 26))
    twin = simulate(sites, hours)
    index = np.array([calendar(hour) for hour in hours])
    mine, height = twin[:, : sites.count], sites.height[: sites.count]
    times = sites.hourly.time.dt
    print("twin / stations | lapse, K/km | its std | nights inverted, % | spread about the line, K")
    for season, months in SEASONS.items():
        for hour in (4, 13):
            chosen = np.isin(index[:, 0] + 1, months) & (HOURS[index[:, 1]] == hour)
            theirs = (times.month.isin(months) & (times.hour == hour)).values
            (a, b), (c, d) = (line(mine[chosen], height), line(sites.hourly.t2m[theirs], height))
            print(
                f"{season} {hour:2d} UTC | {a.mean():.1f} / {c.mean():.1f} | {a.std():.1f} / "
                f"{c.std():.1f} | {100 * (a > 0).mean():.0f} / {100 * (c > 0).mean():.0f} | "
                f"{b.mean():.2f} / {d.mean():.2f}"
            )
    by_day = mine.reshape(-1, len(HOURS), sites.count)
    ranges, means = np.ptp(by_day, axis=1), by_day.mean(1)
    month = index[:: len(HOURS), 0] + 1
    daily = sites.hourly.t2m.resample(time="1D")
    real, real_mean = daily.max() - daily.min(), daily.mean()
    long = (sites.daily.tmax - sites.daily.tmin).sel(time=slice("1980", "2007"))
    low = height < 700
    print(
        "month | daily range below 700 m, K: twin, hourly 2004-05, 1980-2007 | std of daily means"
    )
    for m in MONTHS:
        here = (real.time.dt.month == m).values
        usual = long[(long.time.dt.month == m).values][:, (long.height < 700).values]
        print(
            f"{m} | {ranges[month == m][:, low].mean():.1f}, {np.nanmean(real[here][:, low]):.1f}, "
            f"{float(usual.mean()):.1f} | {means[month == m].std(0).mean():.1f}, "
            f"{np.nanmean(np.nanstd(real_mean[here], axis=0)):.1f}"
        )
    far = twin[:, sites.count :].reshape(len(month), len(HOURS), -1)
    print("month | WorldClim mean: bias, rms after one offset | daily range: bias, rms, K")
    for m in MONTHS:
        error = far[month == m].mean((0, 1)) - sites.mean[m - 1]
        other = np.ptp(far[month == m], axis=1).mean(0) - sites.range[m - 1]
        print(
            f"{m} | {error.mean():.2f}, {error.std():.2f} | "
            f"{other.mean():.2f}, {np.sqrt((other**2).mean()):.2f}"
        )


def design(sites: Sites) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return names, mean parts (month, hour, site, name) and what the twin has without them."""
    climate, weight = Climate(0), np.zeros((12, len(HOURS), 1))
    total, rest = 0.0, np.zeros((12, len(HOURS), len(sites.height)))
    share = np.exp(-((sites.ground.orog / 1300) ** 2))
    for hour in hours_of(range(1998, 2006), (5, 15, 25)):
        state, place = climate.at(sites.points, hour), calendar(hour)
        seasons = large_scales._seasons(sites.points, hour)
        parts = dict(temperature.parts(sites.ground, state))
        parts |= {f"LOW {name}": share * seasons[name] for name in large_scales.LOW}
        parts |= {f"HIGH {name}": (1 - share) * seasons[name] for name in large_scales.HIGH}
        # The coast is linear in the air over land.
        nought = np.zeros_like(share)
        alone = temperature.coast(sites.ground, state, nought)
        carried = temperature.coast(sites.ground, state, nought + 1) - alone
        if not weight.any():
            total = np.zeros((*rest.shape, len(parts)))
        total[place] += np.stack(list(parts.values()), axis=-1) * carried[:, None]
        air = temperature.base(sites.ground, state)
        rest[place] += temperature.coast(sites.ground, state, air) - 273.15 + sites.lift
        weight[place] += 1
    return list(parts), total / weight[..., None], rest / weight


def fit(sites: Sites) -> dict[str, float]:
    """Return coefficients of temperature and corrections of the climatologies.

    The objective is the sum, with little weight on errors beyond 1.5 K, of the squared errors in
    Trentino's mean daily course (weight 3, one offset a month for its two years' weather), in
    WorldClim's monthly means (weight 1) and in its daily ranges (weight 0.5).
    """
    names, parts, rest = design(sites)
    course, n = sites.course(), sites.count
    early, late = 1, 4  # 04 and 13 UTC
    rows, wanted, weights = [], [], []
    for m in range(12):
        near = np.isfinite(course[m])
        offset = np.zeros((near.sum(), 12))
        offset[:, m] = 1
        rows.append(np.hstack([parts[m, :, :n][near], offset]))
        wanted.append(course[m][near] - rest[m, :, :n][near])
        for part, kept, target in (
            (parts[m, :, n:].mean(0), rest[m, :, n:].mean(0), sites.mean[m]),
            (
                parts[m, late, n:] - parts[m, early, n:],
                rest[m, late, n:] - rest[m, early, n:],
                0.97 * sites.range[m] / DAILY,
            ),
        ):
            rows.append(np.hstack([part, np.zeros((len(part), 12))]))
            wanted.append(target - kept)
        weights.append(np.repeat([3, 1, 0.5], [near.sum(), len(part), len(part)]))
    matrix, target = np.concatenate(rows), np.concatenate(wanted)
    weight = np.concatenate(weights)
    labels = names + [f"offset {m}" for m in MONTHS]
    free = np.array([name not in FIXED for name in labels])
    known = np.array([FIXED.get(name, 0) for name in labels])
    matrix, target = matrix * weight[:, None], (target - matrix @ known) * weight
    # A weak pull to 0 settles what the data leave open.
    pull = 0.02 * np.sqrt(len(target)) * np.eye(free.sum())
    trust = np.ones(len(target))
    for _ in range(8):
        root = np.sqrt(trust)
        left = np.vstack([matrix[:, free] * root[:, None], pull])
        right = np.append(target * root, np.zeros(free.sum()))
        known[free] = np.linalg.lstsq(left, right, rcond=None)[0]
        trust = 1 / np.sqrt(1 + ((target - matrix[:, free] @ known[free]) / 1.5) ** 2)
    error = (target - matrix[:, free] @ known[free]) / weight
    for kind, part in (
        ("Trentino", weight == 3),
        ("means", weight == 1),
        ("ranges", weight == 0.5),
    ):
        print(f"rms error of the fit, {kind}: {np.sqrt((error[part] ** 2).mean()):.2f} K")
    return dict(zip(names, known[: len(names)], strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    warnings.simplefilter("ignore", RuntimeWarning)  # stations without a value in a month
    places = Sites(parser.parse_args().folder)
    measure(places)
    for label, value in fit(places).items():
        kind, _, part = label.partition(" ")
        table = {"LOW": large_scales.LOW, "HIGH": large_scales.HIGH}.get(kind)
        now = temperature.COEFFICIENTS[label] if table is None else table[part]
        print(f"{label}: {now:.2f} -> {value if table is None else now + value:.2f}")
