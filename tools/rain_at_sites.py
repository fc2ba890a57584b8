"""Measure the twin's rain at stations and sites: daily sums, and growth with height.

Prints tables of ``docs/explanation/twin.md``::

    python tools/rain_at_sites.py ../shared/realdata --days 120

Needs the folder of real files, which the package does not hold.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import fit_coarse_rain
import numpy as np
import pyproj
import scipy.sparse
import xarray as xr

from xldm.grids import projected
from xldm.twin import Twin, coarse_view, hourly, rain
from xldm.twin.carried import Carried
from xldm.twin.large_scales import Points
from xldm.twin.varying import Varying

WET = 0.1  # mm in an hour
PARTS = (50, 90, 99, 99.9)


class Window(NamedTuple):
    """A part of the twin's domain around some places: its coarse cells, ground and the places."""

    at: rain.Cells
    points: Points
    coarse_ground: dict[str, np.ndarray]
    ground: dict[str, np.ndarray]
    fine: Points
    row: np.ndarray
    column: np.ndarray


def window(twin: Twin, lon: np.ndarray, lat: np.ndarray, margin: int = 12) -> Window:
    """Cut the window around places out of the twin, with some cells around them."""
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", projected.ITALY.crs, always_xy=True)
    px, py = to_grid.transform(lon, lat)
    y, x = projected.axes(projected.ITALY, fine=True)
    row, column = np.rint((y[0] - py) / 2e3).astype(int), np.rint((px - x[0]) / 2e3).astype(int)
    cut = tuple(slice(n.min() - margin, n.max() + margin + 1) for n in (row, column))
    whole = hourly._rain_cells()
    fine = np.arange(y.size * x.size).reshape(y.size, x.size)[cut]
    means = whole.means[:, fine.ravel()]
    used = np.asarray(means.sum(axis=1)).reshape(whole.shape) > 0
    box = tuple(slice(n.min(), n.max() + 1) for n in np.nonzero(used))
    kept = np.arange(used.size).reshape(used.shape)[box]
    means = means[kept.ravel()]
    total = np.asarray(means.sum(axis=1)).ravel()
    means = scipy.sparse.diags_array(1 / np.where(total > 0, total, 1)) @ means
    places = whole.row[cut] - box[0].start, whole.column[cut] - box[1].start
    ground, mesh = twin._ground, np.meshgrid(x[cut[1]], y[cut[0]])
    return Window(
        rain.cells(means.tocsr(), kept.shape, *places),
        Points(*(field[box] for field in twin._cells)),
        {name: field[box] for name, field in twin._coarse_ground.items()},
        {
            "relief": ground.relief_40[cut],
            "gx": ground.flank[0][cut],
            "gy": ground.flank[1][cut],
        },
        Points(*mesh, *(f[cut] for f in projected.lon_lat(projected.ITALY, fine=True))),
        row - cut[0].start,
        column - cut[1].start,
    )


def at_places(twin: Twin, where: Window, hours: np.ndarray, noise: Carried) -> np.ndarray:
    """Return the twin's rain (hour, place) in mm: its climate and law, noise of a small area."""
    found = []
    for hour in hours:
        middle = hour - 0.5
        state = twin._climate.at(where.points, middle)
        vary = Varying(twin.seed, middle)
        kind = rain.kind(state.heat * where.coarse_ground["land"], vary)
        smooth = coarse_view.rain(where.points, middle, state, where.coarse_ground) * 1e3
        storms = twin._climate.storms(where.points, middle)
        coarse_rain = rain.gathered(smooth, storms, kind, rain.sharp(vary))
        if not coarse_rain.any():
            found.append(np.zeros(where.row.size))
            continue
        u, v = (where.at.spread(field) for field in (state.u850, state.v850))
        climb = u * where.ground["gx"] + v * where.ground["gy"]
        weather = rain.Weather(kind, where.ground["relief"], climb, rain.sharp(vary))
        still = np.full_like(u, u.mean()), np.full_like(v, v.mean())
        gauss = noise.at(middle, lambda _, w=still: w, rain.LAW["small"])
        made = rain.amounts(gauss, coarse_rain, where.at, weather)
        found.append(made[where.row, where.column])
    return np.array(found)


def daily(folder: Path, twin: Twin, days: int) -> None:
    """Print daily sums of Trentino's stations beside the twin's at their cells."""
    real = xr.open_dataset(folder / "trentino_stations/daily_1958_2007.nc").load()
    where = window(twin, real["lon"].values, real["lat"].values)
    dates = np.datetime64("2001-01-01") + np.arange(days) * 1461 // days
    noise = Carried(twin.seed, where.at.fine, 2000.0)
    first = dates.astype("datetime64[h]").astype(int)
    hours = (first[:, None] + np.arange(1, 25)).ravel()
    made = at_places(twin, where, hours, noise).reshape(days, 24, -1)
    print(f"\n| Trentino, {days} days of the twin | measured | twin |\n| --- | --- | --- |")
    theirs, mine = real["precip"].values, made.sum(1)
    quarter_real = real["time"].dt.quarter.values
    quarter = dates.astype("datetime64[M]").astype(int) % 12 // 3 + 1
    for q, name in enumerate(("January to March", "to June", "to September", "to December"), 1):
        for what, of in (
            ("mm a day", lambda a: np.nanmean(a)),
            ("days of 1 mm or more, %", lambda a: 100 * (a[np.isfinite(a)] >= 1).mean()),
        ):
            print(
                f"| {name}: {what} | {of(theirs[quarter_real == q]):.2f} | "
                f"{of(mine[quarter == q]):.2f} |"
            )
    for part in PARTS:
        a, b = (np.percentile(v[v >= 1], part) for v in (theirs, mine))
        print(f"| days of 1 mm or more, {part} % in mm | {a:.1f} | {b:.1f} |")
    wet = made[made >= WET]
    print(f"| hours of 0.1 mm or more, % | | {100 * (made >= WET).mean():.1f} |")
    print(f"| the heaviest of these, 99.9 %, mm | | {np.percentile(wet, 99.9):.1f} |")


def with_height(folder: Path, twin: Twin) -> None:
    """Print how rain grows with height at sites, and by the law on their coarse amounts."""
    table, row, column = fit_coarse_rain.sites(folder, twin)
    made = fit_coarse_rain.weather(twin, row, column, 730).rain()[:, : len(table)]
    print("\n| | WorldClim | CHELSA | twin |\n| --- | --- | --- | --- |")
    lat, lon = table.lat.values, table.lon.values
    near = np.hypot((lat[:, None] - lat) * 111, (lon[:, None] - lon) * 80) < 40
    km, logs = table.height_m.values / 1000, []
    for kind in ("worldclim", "chelsa"):
        year = sum(table[f"{kind}_prec_{m:02d}"].values for m in range(1, 13))
        change, rise = (f - near @ f / near.sum(1) for f in (np.log(year), km))
        enough = near.sum(1) >= 4
        logs.append(np.polyfit(rise[enough], change[enough], 1)[0])
    wet = made[made > 2e-3]
    amount = np.minimum(wet, 20.0)
    usual = rain.LAW["kind"][0]
    low, high = rain.LAW["threshold"]
    threshold = np.clip(low + (high - low) * usual - rain.LAW["wetter"] * np.log(amount), -6, 3)
    low, high = rain.LAW["power"]
    power = np.full_like(threshold, low + (high - low) * usual)
    at, above = (rain.expected_excess(threshold - s, power) for s in (0, 0.5 * rain.LAW["height"]))
    grown = (wet * np.log(above / at)).sum() / wet.sum() / 0.5
    print(
        f"| rain grows with height, in log per km | {logs[0]:.2f} | {logs[1]:.2f} | {grown:.2f} |"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=360, help="of the twin, spread over four years")
    options = parser.parse_args()
    twin = Twin(0)
    with_height(options.folder, twin)
    daily(options.folder, twin, options.days)


if __name__ == "__main__":
    main()
