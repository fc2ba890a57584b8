"""Fit the twin's coarse rain to monthly sums of climatologies, and measure both.

Prints a table of ``docs/explanation/twin.md`` and, with ``--rounds``, coefficients for `RAIN` of
``xldm/twin/coarse_view.py``::

    python tools/fit_coarse_rain.py ../shared/realdata --rounds 600

Needs pandas and the folder of real files, which the package does not hold.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize

from xldm.twin import Twin, coarse_view
from xldm.twin.large_scales import Points, State

DAYS = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
# Edges of bands of latitude, in each of which a month's sum is compared.
BANDS = (38.5, 40.5, 42.5, 44.0, 45.5)
# Sums over the sea by month in mm: 530 a year, in the course of the coasts of the south.
SEA = np.array([70, 60, 55, 40, 25, 13, 8, 15, 40, 65, 75, 75]) * 530 / 541
# Share of the hours on land with 0.1 mm or more; mm that 99.9 % of these stay below; rain of
# summer nights over that of afternoons north of 44 N, at least. Of ERA5's size, set by hand.
WET, HEAVY, NIGHTS = 0.11, 10.0, 0.4
# First steps of the search.
STEPS = {
    "moist": 0.02, "moist summer": 0.02, "moist autumn": 0.02, "moist north": 0.005,
    "moist summer north": 0.005, "power": 0.15, "depth": 3e-4, "always": 0.15, "heat": 0.4,
    "warm sea": 0.02,
}  # fmt: skip


class Weather(NamedTuple):
    """States (hour, place) of the twin at sites and over the sea, with their ground."""

    hours: np.ndarray
    states: list[State]
    points: Points
    ground: dict[str, np.ndarray]
    sites: int

    @property
    def month(self) -> np.ndarray:
        """The month of each hour, 0 to 11."""
        return (
            self.hours.astype(int).astype("datetime64[h]").astype("datetime64[M]").astype(int) % 12
        )

    def rain(self) -> np.ndarray:
        """Return the coarse rain (hour, place) in mm."""
        pairs = zip(self.hours, self.states, strict=True)
        found = [coarse_view.rain(self.points, t, s, self.ground) for t, s in pairs]
        return np.stack(found) * 1e3


def sites(folder: Path, twin: Twin) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the climatologies' sites within the coarse cells, and the cell of each."""
    table = pd.read_csv(folder / "italy_climate_points/points.csv").dropna()
    row = np.rint((coarse_view.LATITUDE[0] - table.lat.values) / 0.25).astype(int)
    column = np.rint((table.lon.values - coarse_view.LONGITUDE[0]) / 0.25).astype(int)
    rows, columns = twin._cells.lat.shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return table[inside], row[inside], column[inside]


def weather(twin: Twin, row: np.ndarray, column: np.ndarray, count: int) -> Weather:
    """Compute states at the sites' cells and at some of the sea's."""
    sea = np.argwhere((twin._coarse_ground["land"] < 0.05) & (twin._cells.lat < 46))[::6]
    where = np.concatenate([row, sea[:, 0]]), np.concatenate([column, sea[:, 1]])
    points = Points(*(field[where] for field in twin._cells))
    ground = {name: field[where] for name, field in twin._coarse_ground.items()}
    dates = np.datetime64("2001-01-01") + np.arange(count) * 2191 // count
    hours = dates.astype("datetime64[h]").astype(int) + np.arange(count) * 7 % 24 - 0.5
    return Weather(hours, [twin._climate.at(points, t) for t in hours], points, ground, len(row))


def monthly(rain: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Return mean sums (month, place) in mm."""
    return np.stack([rain[month == m].mean(0) * 24 * days for m, days in enumerate(DAYS)])


def measured(table: pd.DataFrame) -> np.ndarray:
    """Return monthly sums (month, site); July is WorldClim's, since CHELSA's repeats June."""
    of = {
        kind: np.stack([table[f"{kind}_prec_{m:02d}"].values for m in range(1, 13)])
        for kind in ("worldclim", "chelsa")
    }
    both = (of["worldclim"] + of["chelsa"]) / 2
    both[6] = of["worldclim"][6]
    return both


def error(at: Weather, real: np.ndarray) -> float:
    """Return the objective: squared errors of logarithms of sums, wet hours and heavy hours."""
    rain, lat = at.rain(), at.points.lat[: at.sites]
    land, sums = rain[:, : at.sites], monthly(rain, at.month)
    band = np.digitize(lat, BANDS)
    mine, theirs = (
        np.stack([s[:, band == b].mean(1) for b in range(len(BANDS) + 1)])
        for s in (sums[:, : at.sites], real)
    )
    clock = (at.hours + 0.5) % 24
    summer = (at.month >= 5) & (at.month <= 7)
    night, noon = (clock < 6) | (clock >= 21), (clock >= 12) & (clock < 18)
    north = land[:, lat > 44]
    nights = north[summer & night].mean() / north[summer & noon].mean()
    heavy = np.percentile(land[land >= 0.1], 99.9)
    return float(
        (np.log((mine + 4) / (theirs + 4)) ** 2).mean()
        + 0.35 * (np.log((sums[:, at.sites :].mean(1) + 4) / (SEA + 4)) ** 2).mean()
        + 0.5 * (np.log(mine.sum(1) / theirs.sum(1)) ** 2).mean()
        + 0.1 * np.log((land >= 0.1).mean() / WET) ** 2
        + 0.2 * np.log(heavy / HEAVY) ** 2
        + 0.15 * min(np.log(nights / NIGHTS), 0) ** 2
    )


def fit(at: Weather, real: np.ndarray, rounds: int) -> None:
    """Print coefficients that lessen the objective (Nelder and Mead)."""
    first = dict(coarse_view.RAIN)

    def objective(values: np.ndarray) -> float:
        coarse_view.RAIN.update(zip(STEPS, values.tolist(), strict=True))
        return error(at, real)

    start = np.array([first[name] for name in STEPS])
    simplex = np.vstack([start, start + np.diag(list(STEPS.values()))])
    options = {"initial_simplex": simplex, "maxfev": rounds}
    found = scipy.optimize.minimize(objective, start, method="Nelder-Mead", options=options)
    coarse_view.RAIN.update(first)
    print(f"objective: {error(at, real):.4f} -> {found.fun:.4f}")
    for name, value in zip(STEPS, found.x, strict=True):
        print(f"{name}: {first[name]:.4g} -> {value:.4g}")


def compare(at: Weather, table: pd.DataFrame) -> None:
    """Print monthly sums of the climatologies beside the twin's."""
    rain = at.rain()
    sums, count = monthly(rain, at.month), at.sites
    print(f"| month: mm at {count} sites | WorldClim | CHELSA | twin | twin, sea |")
    print("| --- | --- | --- | --- | --- |")
    for m, line in enumerate(sums):
        a, b = (table[f"{kind}_prec_{m + 1:02d}"].mean() for kind in ("worldclim", "chelsa"))
        mine, sea = line[:count].mean(), line[count:].mean()
        print(f"| {m + 1} | {a:.0f} | {b:.0f} | {mine:.0f} | {sea:.0f} |")
    year, sea = sums[:, :count].mean(1).sum(), sums[:, count:].mean(1).sum()
    print(f"\nyear: {year:.0f} mm, {sea:.0f} at sea")
    land = rain[:, :count]
    below = ", ".join(f"{p:.1f}" for p in np.percentile(land[land >= 0.1], [50, 90, 99, 99.9]))
    print(f"hours of 0.1 mm or more: {(land >= 0.1).mean():.1%}")
    print(f"50, 90, 99, 99.9 % of these are below {below} mm")


def main() -> None:
    """Print the table, and a fit if rounds are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=0, help="of the fit; none by default")
    parser.add_argument("--hours", type=int, default=1095, help="of six years of the twin")
    options = parser.parse_args()
    twin = Twin(0)
    table, row, column = sites(options.folder, twin)
    at = weather(twin, row, column, options.hours)
    compare(at, table)
    if options.rounds:
        fit(at, measured(table), options.rounds)


if __name__ == "__main__":
    main()
