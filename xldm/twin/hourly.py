"""The twin at any hour: large scales, response of the ground, small scales, coarse view."""

from __future__ import annotations

import functools

import numpy as np
import pyproj
import scipy.interpolate
import scipy.sparse
import xarray as xr

from .. import statics
from ..arguments import SEED, brief, refuse
from ..errors import ArgumentError
from ..grids import projected
from ..grids.footprints import footprints
from . import coarse_view as coarse
from . import rain as rains
from . import temperature, wind
from .carried import Carried
from .large_scales import Climate, Points, State
from .small_scales import SmallScales
from .surface import Surface, surface
from .varying import Varying

__all__ = ["Twin", "whole_hours"]

SUPPORT = 40e3  # m, spacing of the grid on which large-scale states are evaluated
_SPACING = projected.ITALY.spacing / projected.ITALY.factor  # m, of the fine grid

_FINE_ATTRS = {
    "t2m": {"units": "K", "standard_name": "air_temperature", "long_name": "2 m temperature"},
    "u10": {"units": "m s-1", "standard_name": "eastward_wind", "long_name": "10 m eastward wind"},
    "v10": {
        "units": "m s-1",
        "standard_name": "northward_wind",
        "long_name": "10 m northward wind",
    },
    "tp": {
        "units": "mm",
        "standard_name": "lwe_thickness_of_precipitation_amount",
        "long_name": "total precipitation",
        "cell_methods": "time: sum (interval: 1 hour)",
    },
}


class Twin:
    """Paired coarse and fine fields of any hour, determined by the seed and the hour alone.

    Parameters
    ----------
    seed : int, default 0
        Selects a climate, i.e. its weather and small scales. All seeds share terrain and
        climatology.

    Examples
    --------
    >>> era5, fine = Twin(seed=0).hour("2001-07-15T12")
    >>> fine["t2m"].sizes
    Frozen({'y': 672, 'x': 576})
    >>> sorted(era5.data_vars)
    ['d2m', 'msl', 'q', 'sd', 'ssrd', 'sst', 't', 't2m', 'tp', 'u', 'u10', 'v', 'v10', 'w']
    """

    def __init__(self, seed: int = 0):
        refuse(seed=(seed, SEED))
        self.seed = int(seed)
        self._grid = projected.ITALY
        self._ground = _ground()
        self._y, self._x = projected.axes(self._grid, fine=True)
        self._coordinates = projected.coordinates(self._grid, fine=True)
        self._climate = Climate(self.seed)
        self._noise = SmallScales(self.seed, self._grid.fine_shape, _SPACING)
        self._showers = Carried(self.seed, self._grid.fine_shape, _SPACING)
        self._place_coarse_side()
        self._place_support()
        lon, lat = projected.lon_lat(self._grid, fine=True)
        self._fine_turn = self._turn(lon, lat)

    def hour(
        self, time: np.datetime64 | str, *, rain: bool = False
    ) -> tuple[xr.Dataset, xr.Dataset]:
        """Return both sides of one hour, ``(era5(time), fine(time, rain=rain))``, computed once."""
        hour = whole_hours(time)
        fine = self._fine(hour)
        era5 = self._coarse_dataset(hour, fine)
        return era5, self._fine_dataset(hour, fine, self._rain(hour) if rain else None)

    def fine(self, time: np.datetime64 | str, *, rain: bool = False) -> xr.Dataset:
        """Return the fine fields t2m [K], u10 and v10 [m s-1, earth-relative] (y, x).

        With ``rain``, also tp [mm]: the sum over the hour that ends at ``time``, whose means over
        the coarse cells are the coarse ``tp``.
        """
        hour = whole_hours(time)
        return self._fine_dataset(hour, self._fine(hour), self._rain(hour) if rain else None)

    def era5(self, time: np.datetime64 | str) -> xr.Dataset:
        """Return the 14 predictors in the layout of a netCDF of the Climate Data Store.

        Dims are (valid_time, latitude, longitude), plus pressure_level for q, t, u, v and w. ``tp``
        and ``ssrd`` are sums over the hour that ends at ``time``; ``sst`` is NaN over land.
        """
        hour = whole_hours(time)
        return self._coarse_dataset(hour, self._fine(hour))

    def _place_support(self) -> None:
        """Set up the wide grid of the large-scale states, and splines from it to the fine grid."""
        margin = 2 * SUPPORT
        y = np.arange(self._y[0] + margin, self._y[-1] - margin, -SUPPORT)
        x = np.arange(self._x[0] - margin, self._x[-1] + margin, SUPPORT)
        transformer = pyproj.Transformer.from_crs(self._grid.crs, "EPSG:4326", always_xy=True)
        px, py = np.meshgrid(x, y)
        self._support = Points(px, py, *transformer.transform(px, py))
        self._rows = _spline(y[::-1], self._y)[:, ::-1].copy()
        self._columns = _spline(x, self._x).T.copy()

    def _place_coarse_side(self) -> None:
        self._cells, self._footprint = _coarse_side()
        ground = self._ground
        means = self._mean(np.stack([ground.orog, ground.land, *ground.flank]))
        self._coarse_ground = dict(zip(("orog", "land", "gx", "gy"), means, strict=True))
        self._coarse_turn = self._turn(self._cells.lon, self._cells.lat)

    def _turn(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return cosine and sine of the angle from the projection's axes to east and north."""
        angle = projected.turn(self._grid.crs, lon, lat).astype(np.float32)
        return np.cos(angle), np.sin(angle)

    def _mean(self, fields: np.ndarray) -> np.ndarray:
        """Average fine fields (field, y, x) over the footprints of the coarse cells."""
        means = self._footprint @ fields.reshape(len(fields), -1).T
        return means.T.reshape(len(fields), *self._cells.lon.shape)

    def _expected(self, hour: int) -> tuple[np.ndarray, np.ndarray]:
        """Return means and standard deviations given the large scales, both (3, y, x).

        The fields are t2m and the wind along the projection's axes.
        """
        state = self._climate.at(self._support, hour)
        state = State(*(self._rows @ field @ self._columns for field in state))
        vary = Varying(self.seed, hour)
        t2m = temperature.mean(self._ground, state, vary)
        u, v = wind.mean(self._ground, state, vary)
        speed = np.hypot(u, v)
        of_t2m = temperature.spread(self._ground, state, speed, vary)
        of_wind = wind.spread(self._ground, state, speed, vary)
        return np.stack([t2m, u, v]), np.stack([of_t2m, of_wind, of_wind])

    def _fine(self, hour: int) -> np.ndarray:
        expected, spread = self._expected(hour)
        return expected + spread * self._noise.at(hour)

    def _rain(self, hour: int, showers: Carried | None = None) -> np.ndarray:
        """Return the fine rain of the hour that ends at ``hour``, in mm (y, x).

        ``showers`` of another seed give another draw of the same law, given the coarse side.
        """
        middle, cells = hour - 0.5, _rain_cells()

        def fine(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self._rows @ u @ self._columns, self._rows @ v @ self._columns

        def steering(time: float) -> tuple[np.ndarray, np.ndarray]:
            return fine(*rains.steering(self._climate.at(self._support, time)))

        near = self._climate.at(self._support, middle)
        u, v = fine(near.u850, near.v850)
        flank = self._ground.flank
        given, kind, sharp = self._coarse_rain(middle, self._climate.at(self._cells, middle))
        weather = rains.Weather(kind, self._ground.relief_40, u * flank[0] + v * flank[1], sharp)
        gauss = (showers or self._showers).at(middle, steering, rains.LAW["small"])
        return rains.amounts(gauss, given, cells, weather).astype(np.float32)

    def _coarse_rain(self, middle: float, state: State) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the coarse rain in mm of the hour around ``middle``, its kind and sharpness."""
        vary = Varying(self.seed, middle)
        kind = rains.kind(state.heat * self._coarse_ground["land"], vary)
        sharp = rains.sharp(vary)
        smooth = coarse.rain(self._cells, middle, state, self._coarse_ground) * 1e3
        storms = self._climate.storms(self._cells, middle)
        return rains.gathered(smooth, storms, kind, sharp), kind, sharp

    def _fine_dataset(
        self, hour: int, fields: np.ndarray, rain: np.ndarray | None = None
    ) -> xr.Dataset:
        t2m, u, v = fields
        u10, v10 = _rotate(u, v, *self._fine_turn)
        arrays = {"t2m": t2m, "u10": u10, "v10": v10}
        if rain is not None:
            arrays["tp"] = rain
        variables = {
            name: (("y", "x"), array, {**_FINE_ATTRS[name], "grid_mapping": "spatial_ref"})
            for name, array in arrays.items()
        }
        dataset = xr.Dataset(variables, self._coordinates, self._attrs())
        return dataset.assign_coords(time=((), _stamp(hour), {"standard_name": "time"}))

    def _coarse_dataset(self, hour: int, fields: np.ndarray) -> xr.Dataset:
        near = dict(zip(("t2m", "u10", "v10"), self._mean(fields), strict=True))
        state = self._climate.at(self._cells, hour)
        middle = self._climate.at(self._cells, hour - 0.5)
        near["tp"] = self._coarse_rain(hour - 0.5, middle)[0] / 1e3
        found = coarse.predictors(self._cells, hour, state, middle, self._coarse_ground, near)
        for u, v in (("u10", "v10"), ("u", "v")):
            found[u], found[v] = _rotate(found[u], found[v], *self._coarse_turn)
        return coarse.dataset(found, _stamp(hour), self._attrs())

    def _attrs(self) -> dict[str, str | int]:
        return {
            "Conventions": "CF-1.11",
            "title": "Synthetic twin climate over Italy",
            "comment": "Not observations, not a reanalysis: made by xldm.twin from a seed.",
            "source": "xldm.twin",
            "seed": self.seed,
        }


@functools.cache
def _ground() -> Surface:
    return surface(statics.embedded(), _SPACING)


@functools.cache
def _coarse_side() -> tuple[Points, scipy.sparse.csr_array]:
    """Return the centres of the coarse cells, and the operator of means around them."""
    lon, lat = np.meshgrid(coarse.LONGITUDE, coarse.LATITUDE)
    transformer = pyproj.Transformer.from_crs("EPSG:4326", projected.ITALY.crs, always_xy=True)
    cells = Points(*transformer.transform(lon, lat), lon, lat)
    y, x = projected.axes(projected.ITALY, fine=True)
    return cells, coarse.footprint(x, y, cells)


@functools.cache
def _rain_cells() -> rains.Cells:
    """Return the coarse cells, boxes of 0.25 degrees, over the fine ones."""
    latitude, longitude = coarse.LATITUDE, coarse.LONGITUDE
    boxes = footprints(projected.ITALY, tuple(latitude), tuple(longitude), None)
    lon, lat = projected.lon_lat(projected.ITALY, fine=True)
    row = (lat - latitude[0]) / (latitude[1] - latitude[0])
    column = (lon - longitude[0]) / (longitude[1] - longitude[0])
    return rains.cells(boxes.means, (latitude.size, longitude.size), row, column)


def whole_hours(time: np.datetime64 | str) -> int:
    """Convert a time in UTC to hours since 1970, and refuse it unless it is a whole hour.

    Examples
    --------
    >>> whole_hours("1970-01-02T01")
    25
    >>> whole_hours("1970-01-02T01:30")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: the twin has whole hours only (UTC), got '1970-01-02T01:30': round
    it, ...
    """
    try:
        stamp = np.datetime64(time if isinstance(time, (str, np.datetime64)) else "NaT")
    except ValueError:  # no date
        stamp = np.datetime64("NaT")
    hour = stamp.astype("datetime64[h]")
    if hour != stamp:  # NaT differs from everything
        raise ArgumentError(
            f"the twin has whole hours only (UTC), got {brief(time)}: "
            "round it, e.g. to '2001-07-15T12' or numpy.datetime64('2001-07-15T12')"
        )
    return int(hour.astype("int64"))


def _stamp(hour: int) -> np.datetime64:
    return np.datetime64(hour, "h").astype("datetime64[ns]")


def _rotate(
    u: np.ndarray, v: np.ndarray, cosine: np.ndarray, sine: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return cosine * u - sine * v, sine * u + cosine * v


def _spline(nodes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return cubic spline interpolation as a matrix (places, nodes)."""
    spline = scipy.interpolate.make_interp_spline(nodes, np.eye(nodes.size))
    return spline(places).astype(np.float32)
