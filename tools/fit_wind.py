"""Compare the twin's wind with ARPEGE's at 0.1 degrees: how it departs from its 0.25 degree means.

    python tools/fit_wind.py ../shared/realdata/meteonet_20180501

Both are compared in the west of the twin's domain, in the hours from 00 to 12 UTC: ARPEGE's of
2018-05-01, the twin's of days from March to June of 2001. A departure is what is left of a field
after quadratic interpolation of its own means over cells of 0.25 degrees. The figures are explained
in `docs/explanation/twin.md`. Fields of ARPEGE: Meteo-France, MeteoNet (Larvor et al. 2020), Etalab
Open Licence 2.0.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.interpolate
import scipy.sparse
import xarray as xr

from xldm import statics
from xldm.evaluation.spectra import radial_spectrum
from xldm.grids import projected
from xldm.twin import Twin
from xldm.twin.hourly import _ground
from xldm.twin.large_scales import sunshine

SPEEDS = (0, 2, 4, 6, 9, 15)  # m s-1, edges of classes of the interpolated speed
FILE = "mn_arpege_10m_SE_20180501000000.grib"


class Cells(NamedTuple):
    """Cells of 0.1 degrees, and the ways from the fine grid to them and to 0.25 degrees."""

    lat: np.ndarray
    lon: np.ndarray
    average: scipy.sparse.csr_array
    coarse: tuple[np.ndarray, np.ndarray]

    def means(self, fine: np.ndarray) -> np.ndarray:
        """Average a fine field over the cells."""
        return (self.average @ fine.ravel()).reshape(self.lat.size, self.lon.size)

    def smooth(self, field: np.ndarray) -> np.ndarray:
        """Interpolate the means over 0.25 degrees of a field (..., lat, lon) back to it."""
        rows, columns = self.coarse
        return rows @ field @ columns.T

    def departure(self, field: np.ndarray) -> np.ndarray:
        """Return what the 0.25 degree means do not say of a field."""
        return field - self.smooth(field)


def there_and_back(places: np.ndarray) -> np.ndarray:
    """Return the way from cells of 0.1 degrees to means of 0.25 degrees and back, as a matrix."""
    low = np.ceil((places[0] - 0.05 + 0.125) / 0.25 - 1e-6) * 0.25
    centres = np.arange(low, places[-1] + 0.05 - 0.125 + 1e-6, 0.25)
    first = np.maximum(centres[:, None] - 0.125, places - 0.05)
    last = np.minimum(centres[:, None] + 0.125, places + 0.05)
    means = np.maximum(last - first, 0) / 0.25
    spline = scipy.interpolate.make_interp_spline(centres, np.eye(centres.size), k=2)
    return spline(np.clip(places, centres[0], centres[-1])) @ means


def cells(lat: np.ndarray, lon: np.ndarray) -> Cells:
    """Set up the cells around the ascending latitudes and longitudes given."""
    fine_lon, fine_lat = projected.lon_lat(projected.ITALY, fine=True)
    row = np.rint((fine_lat - lat[0]) / 0.1).astype(int)
    column = np.rint((fine_lon - lon[0]) / 0.1).astype(int)
    inside = (row >= 0) & (row < lat.size) & (column >= 0) & (column < lon.size)
    fine = np.flatnonzero(inside)
    cell = (row * lon.size + column).ravel()[fine]
    shape = (lat.size * lon.size, inside.size)
    total = scipy.sparse.csr_array((np.ones(fine.size), (cell, fine)), shape=shape)
    average = scipy.sparse.diags_array(1 / total.sum(axis=1)) @ total
    return Cells(lat, lon, average, (there_and_back(lat), there_and_back(lon)))


def arpege(folder: Path, west: float, south: float) -> tuple[Cells, np.ndarray, np.ndarray]:
    """Read wind (time, 2, lat, lon) and times where the twin's fine grid covers all cells."""
    found = xr.open_dataset(
        folder / FILE,
        engine="cfgrib",
        backend_kwargs={"indexpath": "", "filter_by_keys": {"typeOfLevel": "heightAboveGround"}},
    ).sortby("latitude")
    found = found.sel(longitude=slice(west, None), latitude=slice(south, None))
    wind = np.stack([found["u10"].values, found["v10"].values], axis=1).astype(float)
    where = cells(found["latitude"].values, found["longitude"].values)
    return where, wind, found["valid_time"].values.astype("datetime64[h]")


def of_twin(twin: Twin, where: Cells, hours: int) -> tuple[np.ndarray, np.ndarray]:
    """Return wind (time, 2, lat, lon) and times of the twin, from March to June, 00 to 12 UTC."""
    days = np.datetime64("2001-03-01") + np.arange(hours) * 122 // hours
    times = days.astype("datetime64[h]") + np.arange(hours) * 5 % 13
    wind = [[where.means(f[name].values) for name in ("u10", "v10")] for f in map(twin.fine, times)]
    return np.array(wind), times


def factors(where: Cells, wind: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return departures that terrain and coast would cause, (factor, time, 2, lat, lon)."""
    static, ground = statics.embedded(), _ground()
    height = where.means(static["orog"].values) / 1000
    land = where.means(static["land_mask"].values.astype(float))
    slope = np.stack([where.means(f) for f in ground.slope]) * 20
    flank = np.stack([where.means(f) for f in ground.flank]) * 40
    onshore = np.stack([where.means(f) for f in ground.onshore])
    xx, xy, yy = (where.means(f) for f in ground.squeeze)
    u, v = np.moveaxis(where.smooth(wind), 1, 0)
    lon, lat = np.meshgrid(where.lon, where.lat)
    sun = np.stack([sunshine(t.astype(int) - 2.0, lon, lat) for t in times])[:, None] / 800
    along, across = np.stack([u, v], 1), np.stack([-v, u], 1)
    climb = np.maximum(u * flank[0] + v * flank[1], 0)[:, None]
    fall = np.minimum(u * flank[0] + v * flank[1], 0)[:, None]
    still = np.exp(-((u**2 + v**2) / 5**2))[:, None]
    found = {
        "height": height * along,
        "land": land * along,
        "land, turned": land * across,
        "crests": np.stack([xx * u + xy * v, xy * u + yy * v], 1),
        "blocking": climb * flank,
        "lee": fall * flank,
        "slope, day": sun * still * slope,
        "slope, night": (1 - sun) * still * slope,
        "valley, day": sun * still * flank,
        "valley, night": (1 - sun) * still * flank,
        "breeze, day": sun * onshore,
        "breeze, night": (1 - sun) * onshore,
    }
    return np.stack([where.departure(f) for f in found.values()]), list(found)


def regress(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return coefficients of departures ``y`` on factors ``x``."""
    return np.linalg.lstsq(x.reshape(len(x), -1).T, y.ravel(), rcond=None)[0]


def left(x: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> float:
    """Return the size of the departure left by factors, relative to the departure."""
    rest = y - np.tensordot(coefficients, x, 1)
    return float(np.sqrt((rest**2).mean() / (y**2).mean()))


def size(departure: np.ndarray, at: np.ndarray) -> float:
    """Return the root mean square of a wind component's departure at some cells and times."""
    return float(np.sqrt((departure**2).mean(axis=1)[at].mean()))


def compare(where: Cells, real: tuple, made: tuple) -> None:
    """Print the table: departures by speed class and ground, and what terrain says of them."""
    static = statics.embedded()
    height = where.means(static["orog"].values)
    land = where.means(static["land_mask"].values.astype(float))
    spots = {
        "sea": land < 0.02,
        "coast": (land >= 0.02) & (land <= 0.98),
        "land below 500 m": (land > 0.98) & (height < 500),
        "land, 500-1500 m": (land > 0.98) & (height >= 500) & (height < 1500),
        "land above 1500 m": (land > 0.98) & (height >= 1500),
    }
    rows: dict[str, list[float]] = {}
    fits = []
    for wind, times in (real, made):
        away = where.departure(wind)
        speed = np.hypot(*np.moveaxis(where.smooth(wind), 1, 0))
        everywhere = np.ones_like(speed, bool)
        rows.setdefault("departure, m s-1", []).append(size(away, everywhere))
        for low, high in itertools.pairwise(SPEEDS):
            at = (speed >= low) & (speed < high)
            rows.setdefault(f"... {low}-{high} m s-1", []).append(size(away, at))
        for spot, mask in spots.items():
            rows.setdefault(f"... {spot}", []).append(size(away, everywhere & mask))
        for spot, mask in spots.items():
            mean = np.hypot(wind[:, 0], wind[:, 1])[:, mask].mean()
            rows.setdefault(f"mean speed, {spot}", []).append(mean)
        full = np.hypot(wind[:, 0], wind[:, 1])
        for part in (50, 90, 99):
            rows.setdefault(f"speed, {part} %", []).append(np.percentile(full, part))
        wavelength, power = radial_spectrum(away.reshape(-1, *away.shape[2:]), 9.5)
        band = (wavelength > 20) & (wavelength < 50)
        rows.setdefault("spectrum 20-50 km, m2 s-2", []).append(float(power[:, band].mean() * 2))
        x, names = factors(where, wind, times)
        fits.append((x, away, regress(x, away)))
        rows.setdefault("left by terrain factors", []).append(left(*fits[-1]))
    print("\n| | ARPEGE | twin | ratio |\n| --- | --- | --- | --- |")
    for name, (a, b) in rows.items():
        print(f"| {name} | {a:.3f} | {b:.3f} | {b / a:.2f} |")
    x, away, _ = fits[0]
    print(f"| left of ARPEGE's by the twin's factors | | {left(x, away, fits[1][2]):.3f} | |")
    for name, a, b in zip(names, fits[0][2], fits[1][2], strict=True):
        print(f"| factor: {name} | {a:.2f} | {b:.2f} | |")


def main() -> None:
    """Print ARPEGE beside the twin."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=int, default=60)
    options = parser.parse_args()
    where, wind, times = arpege(options.folder, west=6.0, south=41.0)
    compare(where, (wind, times), of_twin(Twin(options.seed), where, options.hours))


if __name__ == "__main__":
    main()
