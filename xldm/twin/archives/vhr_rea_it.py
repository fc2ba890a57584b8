"""VHR-REA_IT in the form of CMCC's data delivery system: COSMO's rotated grid, winds along it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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

# 535 x 680 points: the model's 585 x 730 without a sponge of 25 on each side. Their exact position
# is not published; these points cover the whole domain.
RLON = 0.02 * (np.arange(535) - 267.0)
RLAT = 0.02 * (np.arange(680) - 425.0)
_FIELDS = {
    "T_2M": ("K", "2m temperature", "air_temperature", "height_2m"),
    "U_10M": ("m s-1", "U-component of 10m wind", "grid_eastward_wind", "height_10m"),
    "V_10M": ("m s-1", "V-component of 10m wind", "grid_northward_wind", "height_10m"),
}


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """Create the file of a month and yield ``put(hour, era5, fine)``.

    Fields are bilinear between the cells of the fine grid; beyond it, the nearest cell's value.
    """
    rotated_lon, rotated_lat = np.meshgrid(RLON, RLAT)
    lon, lat = geographic(rotated_lon, rotated_lat, VHR_REA_IT)
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
    """Return fractional rows and columns of the fine grid at given places."""
    y, x = axes(ITALY, fine=True)
    east, north = pyproj.Transformer.from_crs("EPSG:4326", ITALY.crs, always_xy=True).transform(
        lon, lat
    )
    return np.stack([(north - y[0]) / (y[1] - y[0]), (east - x[0]) / (x[1] - x[0])])


def _grid_direction(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the east and north components of the unit vector along the grid's x axis.

    The east of a coordinate system, as a vector in space, is perpendicular to its pole and to the
    place. `xldm.grids.rotated_pole.earth_winds` turns winds back by another formula, so each checks
    the other.
    """
    place, pole = _vectors(lon, lat), _vectors(VHR_REA_IT.longitude, VHR_REA_IT.latitude)
    along = np.cross(pole, place)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    east = np.cross([0.0, 0.0, 1.0], place)
    east /= np.linalg.norm(east, axis=-1, keepdims=True)
    north = np.cross(place, east)
    return (along * east).sum(-1), (along * north).sum(-1)


def _vectors(lon: np.ndarray | float, lat: np.ndarray | float) -> np.ndarray:
    lon, lat = np.deg2rad(lon), np.deg2rad(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _coordinates(file: h5netcdf.File, span: FileSpan, lon: np.ndarray, lat: np.ndarray) -> None:
    file.dimensions = {"time": span.hours.size, "rlat": RLAT.size, "rlon": RLON.size}
    hours = (span.hours - np.datetime64("1989-01-01T00", "h")).astype("float64")
    since = {"units": "hours since 1989-01-01 00:00:00", "calendar": "proleptic_gregorian"}
    plane = ("rlat", "rlon")
    coordinates: dict[str, tuple[tuple[str, ...], object, Mapping[str, object]]] = {
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
