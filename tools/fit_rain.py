"""Fit the twin's rain to real rain, and measure both.

Prints the tables of ``docs/explanation/twin.md`` and the coefficients for ``xldm/twin/rain.py``::

    python tools/fit_rain.py ../shared/realdata

Needs cfgrib and the folder of real files, which the package does not hold. Fields of AROME
and ARPEGE: Meteo-France, MeteoNet (Larvor et al. 2020), Etalab Open Licence 2.0.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import tempfile
from pathlib import Path
from typing import NamedTuple

import fit_coarse_rain
import numpy as np
import pyproj
import scipy.optimize
import scipy.sparse
import xarray as xr

from xldm.evaluation.spectra import radial_spectrum
from xldm.grids import projected
from xldm.twin import Twin, coarse_view, hourly, rain
from xldm.twin.carried import Carried
from xldm.twin.large_scales import Points
from xldm.twin.varying import Varying

WET = 0.1  # mm in an hour
# Edges of classes of the coarse amount, mm in an hour.
CLASSES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
PARTS = (50, 90, 99, 99.9)
BANDS = ((5, 10), (10, 20), (20, 50))  # km


class Source(NamedTuple):
    """Real hours (time, y, x) in mm, in whole boxes of about 0.25 degrees."""

    name: str
    hours: np.ndarray
    box: tuple[int, int]
    spacing: float


def boxes(field: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """Return the cells of each box, (..., row, column, cell)."""
    rows, columns = (n // b for n, b in zip(field.shape[-2:], box, strict=True))
    field = field[..., : rows * box[0], : columns * box[1]]
    field = field.reshape(*field.shape[:-2], rows, box[0], columns, box[1]).swapaxes(-3, -2)
    return field.reshape(*field.shape[:-2], box[0] * box[1])


def model_hours(file: Path) -> np.ndarray:
    """Return the hourly amounts of a forecast whose rain is summed from its start."""
    total = xr.open_dataset(file, engine="cfgrib", backend_kwargs={"indexpath": ""})["tp"]
    values = total.sortby("latitude").values.astype(float)
    return np.concatenate([values[:1], np.maximum(np.diff(values, axis=0), 0)])


def radar_hours(folder: Path) -> np.ndarray:
    """Return the radar's hours as means of 2 by 2 of its cells; NaN beyond its reach."""
    found = []
    for file in sorted(folder.glob("*.nc.gz")):
        with tempfile.NamedTemporaryFile(suffix=".nc") as plain:
            plain.write(gzip.decompress(file.read_bytes()))
            plain.flush()
            with xr.open_dataset(plain.name, decode_times=False) as ds:
                values = ds["cum_pr_mm"].values[0].astype(float)
        found.append(boxes(np.where(values < 0, np.nan, values), (2, 2)).mean(-1))
    return np.stack(found)


def cropped(name: str, hours: np.ndarray, box: tuple[int, int], spacing: float) -> Source:
    """Cut hours to whole boxes."""
    rows, columns = (n // b * b for n, b in zip(hours.shape[1:], box, strict=True))
    return Source(name, hours[:, :rows, :columns], box, spacing)


def sources(folder: Path) -> dict[str, Source]:
    """Return the hours of AROME and of the radar."""
    meteonet = folder / "meteonet_20180501"
    arome = model_hours(meteonet / "mn_arome_PRECIP_SE_20180501000000.grib")
    radar = radar_hours(folder / "radar_tp_er_20200326")
    return {
        "AROME": cropped("AROME", arome, (10, 10), 2400.0),
        "radar": cropped("radar", radar, (14, 10), 2000.0),
    }


def box_cells(source: Source) -> rain.Cells:
    """Return the boxes of a source as coarse cells."""
    rows, columns = source.hours.shape[1:]
    shape = rows // source.box[0], columns // source.box[1]
    y, x = np.indices((rows, columns))
    cell = (y // source.box[0] * shape[1] + x // source.box[1]).ravel()
    weight = np.full(cell.size, 1 / np.prod(source.box))
    means = scipy.sparse.csr_array(
        (weight, (cell, np.arange(cell.size))), shape=(np.prod(shape), cell.size)
    )
    row, column = ((i + 0.5) / b - 0.5 for i, b in zip((y, x), source.box, strict=True))
    return rain.cells(means, shape, row, column)


def drawn(source: Source, at: rain.Cells, kind: float) -> np.ndarray:
    """Draw fine rain from the box means of a source, as the twin does from its coarse cells."""
    still = np.zeros(source.hours.shape[1:])
    made = []
    for i, hour in enumerate(source.hours):
        coarse = np.nan_to_num(boxes(hour, source.box).mean(-1))
        field = Carried(1000 + i, hour.shape, source.spacing)
        gauss = field.at(0.5, lambda _: (still, still), rain.LAW["small"])
        weather = rain.Weather(np.full(coarse.shape, kind), still, still)
        made.append(rain.amounts(gauss, coarse, at, weather))
    return np.where(np.isfinite(source.hours), np.stack(made), np.nan)


def log_rain(hours: np.ndarray) -> np.ndarray:
    """Return the logarithm of rain above 0.02 mm."""
    return np.log(np.maximum(np.nan_to_num(hours), 0.02) / 0.02)


def statistics(source: Source, hours: np.ndarray) -> dict[str, float]:
    """Return the figures in which a draw is compared with reality."""
    found = {"wet share": float(np.nanmean(np.where(np.isfinite(hours), hours >= WET, np.nan)))}
    wet = hours[hours >= WET]
    found |= {f"wet hours, {p} %": float(np.percentile(wet, p)) for p in PARTS}
    inside = boxes(hours, source.box).reshape(-1, np.prod(source.box))
    mean = inside.mean(-1)
    for low, high in itertools.pairwise(CLASSES):
        chosen = inside[(mean >= low) & (mean < high)]
        ratio = chosen / chosen.mean(-1, keepdims=True)
        name = f"{low:g}-{high:g} mm:"
        found[f"{name} wet share"] = float((chosen >= WET).mean())
        found[f"{name} dry share"] = float((chosen < 0.005).mean())
        for part in (90, 99, 99.9):
            found[f"{name} {part} % over mean"] = float(np.percentile(ratio, part))
    wavelength, power = radial_spectrum(log_rain(hours), source.spacing)
    for low, high in BANDS:
        band = (wavelength >= low * 1e3) & (wavelength < high * 1e3)
        found[f"log rain, {low}-{high} km"] = float(power[:, band].mean())
    return found


def error(real: dict[str, float], made: dict[str, float]) -> float:
    """Return the objective: squared errors of shares, and of logarithms of everything else."""
    total = 0.0
    for name, value in real.items():
        if "share" in name:
            total += ((made[name] - value) / 0.05) ** 2
        elif "log rain" in name:
            total += (np.log(made[name] / value) / 0.2) ** 2
        else:
            total += (np.log(made[name] / value) / 0.15) ** 2
    return total / len(real)


# Coefficients that the fit may change, by the place of each in `rain.LAW`, and how far at first.
FREE = (("threshold", 0, 0.3), ("threshold", 1, 0.3), ("power", 0, 0.2), ("power", 1, 0.2))
# Which kind of rain the hours of a source are taken for.
KIND = {"AROME": 0.5, "radar": 0.0}


def fit(real: dict[str, Source], rounds: int) -> None:
    """Print coefficients that lessen the objective, summed over both sources (Nelder and Mead)."""
    places = {name: box_cells(source) for name, source in real.items()}
    aims = {name: statistics(source, source.hours) for name, source in real.items()}

    def objective(moves: np.ndarray) -> float:
        before = {name: rain.LAW[name] for name, _, _ in FREE}
        for (name, which, _), move in zip(FREE, moves, strict=True):
            values = list(rain.LAW[name])
            values[which] += move
            rain.LAW[name] = tuple(values)
        total = 0.0
        for name, source in real.items():
            made = drawn(source, places[name], KIND[name])
            total += error(aims[name], statistics(source, made))
        rain.LAW.update(before)
        return total

    start = np.vstack([np.zeros(len(FREE)), np.diag([step for _, _, step in FREE])])
    found = scipy.optimize.minimize(
        objective,
        start[0],
        method="Nelder-Mead",
        options={"initial_simplex": start, "maxfev": rounds},
    )
    print(f"objective: {objective(start[0]):.2f} -> {found.fun:.2f}")
    for (name, which, _), move in zip(FREE, found.x, strict=True):
        print(f"{name}[{which}]: {rain.LAW[name][which]:.2f} -> {rain.LAW[name][which] + move:.2f}")


def compare(real: dict[str, Source]) -> None:
    """Print the law beside the hours of each source."""
    for name, source in real.items():
        aims = statistics(source, source.hours)
        made = statistics(source, drawn(source, box_cells(source), KIND[name]))
        print(f"\n| {name}: of the hours, of the boxes by their mean | measured | twin |")
        print("| --- | --- | --- |")
        for figure, value in aims.items():
            print(f"| {figure} | {value:.3g} | {made[figure]:.3g} |")


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
        coarse_rain = coarse_view.rain(where.points, middle, state, where.coarse_ground) * 1e3
        if not coarse_rain.any():
            found.append(np.zeros(where.row.size))
            continue
        kind = rain.kind(state.heat * where.coarse_ground["land"], Varying(twin.seed, middle))
        u, v = (where.at.spread(field) for field in (state.u850, state.v850))
        climb = u * where.ground["gx"] + v * where.ground["gy"]
        weather = rain.Weather(kind, where.ground["relief"], climb)
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
    """Print the tables, and a fit if rounds are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=0, help="of the fit; none by default")
    parser.add_argument("--days", type=int, default=360, help="of the twin, spread over four years")
    options = parser.parse_args()
    real = sources(options.folder)
    compare(real)
    if options.rounds:
        fit(real, options.rounds)
    twin = Twin(0)
    with_height(options.folder, twin)
    daily(options.folder, twin, options.days)


if __name__ == "__main__":
    main()
