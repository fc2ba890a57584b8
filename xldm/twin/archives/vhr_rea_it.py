"""VHR-REA_IT as CMCC's data delivery system sends it: COSMO's rotated grid, winds along it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5netcdf
import numpy as np
import pyproj
import xarray as xr
from scipy.ndimage import map_coordinates

from ...grids.projected import ITALY, axes
from ...grids.rotated_pole import VHR_REA_IT, geographic
from .file_span import FileSpan

__all__ = ["RLAT", "RLON", "writer"]

# 535 x 680 points: the model's 585 x 730 without a sponge of 25 on each side. Where exactly they
# lie is not published; these hold the whole domain.
RLON = 0.02 * (np.arange(535) - 267.0)
RLAT = 0.02 * (np.arange(680) - 425.0)
_FIELDS = {
    "T_2M": ("K", "2m temperature", "air_temperature", "height_2m"),
    "U_10M": ("m s-1", "U-component of 10m wind", "grid_eastward_wind", "height_10m"),
    "V_10M": ("m s-1", "V-component of 10m wind", "grid_northward_wind", "height_10m"),
}


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """The file of a month; yields ``put(hour, era5, fine)``.

    Fields are bilinear between the fine grid's cells, and those of its edge beyond it.
    """
    lon, lat = geographic(*np.meshgrid(RLON, RLAT), VHR_REA_IT)
    cells = _cells(lon, lat)
    cosine, sine = _grid_direction(lon, lat)
    with h5netcdf.File(paths[0], "w") as file:
        file.attrs.update(span.attrs | {"Conventions": "CF-1.7"})
        _coordinates(file, span, lon, lat)
        for name, (units, long_name, standard_name, height) in _FIELDS.items():
            variable = file.create_variable(
                name,
                ("time", "rlat", "rlon"),
                "float32",
                chunks=(1, *lat.shape),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
            )
            about = {"units": units, "long_name": long_name, "standard_name": standard_name}
            where = {"grid_mapping": "rotated_pole", "coordinates": f"lon lat {height}"}
            variable.attrs.update(about | where)

        def put(hour: np.datetime64, era5: xr.Dataset, fine: xr.Dataset) -> None:
            t2m, east, north = (
                map_coordinates(fine[name].values, cells, np.float64, order=1, mode="nearest")
                for name in ("t2m", "u10", "v10")
            )
            along, across = cosine * east + sine * north, cosine * north - sine * east
            for name, values in zip(_FIELDS, (t2m, along, across), strict=True):
                file[name][span.row(hour)] = values

        yield put


def _cells(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Rows and columns of the fine grid, in fractions, at some places."""
    y, x = axes(ITALY, fine=True)
    east, north = pyproj.Transformer.from_crs("EPSG:4326", ITALY.crs, always_xy=True).transform(
        lon, lat
    )
    return np.stack([(north - y[0]) / (y[1] - y[0]), (east - x[0]) / (x[1] - x[0])])


def _grid_direction(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """East and north components of the unit vector along the grid's x axis.

    A system's east, as a vector in space, is at right angles to its pole and to the place. What
    turns winds back (`xldm.grids.rotated_pole.earth_winds`) is another formula, so that they check
    each
    other.
    """
    place, pole = _vectors(lon, lat), _vectors(VHR_REA_IT.longitude, VHR_REA_IT.latitude)
    along = np.cross(pole, place)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    east = np.cross([0.0, 0.0, 1.0], place)
    east /= np.linalg.norm(east, axis=-1, keepdims=True)
    north = np.cross(place, east)
    return (along * east).sum(-1), (along * north).sum(-1)


def _vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lon, lat = np.deg2rad(lon), np.deg2rad(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _coordinates(file: h5netcdf.File, span: FileSpan, lon: np.ndarray, lat: np.ndarray) -> None:
    file.dimensions = {"time": span.hours.size, "rlat": RLAT.size, "rlon": RLON.size}
    hours = (span.hours - np.datetime64("1989-01-01T00", "h")).astype("float64")
    since = {"units": "hours since 1989-01-01 00:00:00", "calendar": "proleptic_gregorian"}
    plane = ("rlat", "rlon")
    coordinates = {
        "time": (("time",), hours, since | {"standard_name": "time", "long_name": "time"}),
        "rlat": (("rlat",), RLAT, _about("grid_latitude", "rotated latitude", "degrees")),
        "rlon": (("rlon",), RLON, _about("grid_longitude", "rotated longitude", "degrees")),
        "lat": (plane, lat, _about("latitude", "latitude", "degrees_north")),
        "lon": (plane, lon, _about("longitude", "longitude", "degrees_east")),
    }
    for metres in (2, 10):
        height = np.float32(metres), _about("height", "height above the surface", "m")
        coordinates[f"height_{metres}m"] = (), *height
    pole = {
        "long_name": "coordinates of the rotated North Pole",
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": VHR_REA_IT.latitude,
        "grid_north_pole_longitude": VHR_REA_IT.longitude,
    }
    coordinates["rotated_pole"] = (), np.int32(0), pole
    for name, (dims, values, attrs) in coordinates.items():
        dtype = "float64" if name == "time" else "int32" if name == "rotated_pole" else "float32"
        file.create_variable(name, dims, dtype, data=np.asarray(values, dtype)).attrs.update(attrs)


def _about(standard_name: str, long_name: str, units: str) -> dict[str, str]:
    return {"standard_name": standard_name, "long_name": long_name, "units": units}
