"""Nested coarse and fine grids in a projection: axes, CF coordinates, longitude and latitude."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyproj
import xarray as xr

from ..arguments import brief
from ..config import GridConfig
from ..errors import ArgumentError

__all__ = [
    "ITALY", "METRES_PER_DEGREE", "axes", "coordinates", "fine_cells", "lon_lat", "nested",
    "stated_crs", "turn",
]  # fmt: skip

#: Length of a degree of latitude, on a sphere of 6371 km.
METRES_PER_DEGREE = 111_195.0

#: The grid of arXiv 2406.13627: 84 x 72 cells of 16 km that hold 672 x 576 cells of 2 km.
ITALY = GridConfig(
    crs="EPSG:3035", x=(3918000.0, 5054000.0), y=(2690000.0, 1362000.0), spacing=16000.0, factor=8
)


def axes(grid: GridConfig, *, fine: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the cell centres (y, x) in metres, in array order.

    Examples
    --------
    >>> y, x = axes(ITALY, fine=True)
    >>> y[[0, -1]], x[[0, -1]]
    (array([2697000., 1355000.]), array([3911000., 5061000.]))
    """
    factor, (rows, columns) = grid.factor if fine else 1, grid.shape
    y = _centres(grid.y, grid.spacing, rows, factor)
    return y, _centres(grid.x, grid.spacing, columns, factor)


def _centres(ends: tuple[float, float], spacing: float, size: int, factor: int) -> np.ndarray:
    direction = np.sign(ends[1] - ends[0]) or 1.0
    edge = ends[0] - direction * spacing / 2
    return edge + direction * spacing / factor * (np.arange(size * factor) + 0.5)


def fine_cells(grid: GridConfig) -> GridConfig:
    """Return the fine cells of a grid as a grid of their own, of factor 1.

    Examples
    --------
    >>> fine_cells(ITALY).x, fine_cells(ITALY).spacing
    ((3911000.0, 5061000.0), 2000.0)
    """
    y, x = axes(grid, fine=True)
    of_x, of_y = ((float(axis[0]), float(axis[-1])) for axis in (x, y))
    return GridConfig(grid.crs, of_x, of_y, grid.spacing / grid.factor, 1)


def nested(coarse: xr.Dataset, fine: xr.Dataset, crs: str) -> GridConfig:
    """Return the nested grids of two datasets with axes ``y`` and ``x`` in metres.

    Raises
    ------
    ArgumentError
        If the axes are uneven, or the fine cells do not nest in the coarse ones.

    Examples
    --------
    >>> sides = (xr.Dataset(coords=coordinates(ITALY, fine=fine)) for fine in (False, True))
    >>> nested(*sides, "EPSG:3035") == ITALY
    True
    """
    y, x = (coarse[name].values.astype("float64") for name in ("y", "x"))
    factor = fine.sizes["y"] // y.size
    x_ends, y_ends = ((float(axis[0]), float(axis[-1])) for axis in (x, y))
    grid = GridConfig(crs, x_ends, y_ends, abs(float(x[1] - x[0])), factor)
    for title, ds, is_fine in (("coarse", coarse, False), ("fine", fine, True)):
        for name, wanted in zip(("y", "x"), axes(grid, fine=is_fine), strict=True):
            values = ds[name].values
            if values.shape != wanted.shape or np.abs(values - wanted).max() > 1e-3:
                raise ArgumentError(
                    f"{title} {name} has {values.size} cells from {values[0]} to {values[-1]} m; "
                    f"the coarse cells imply {wanted.size} from {wanted[0]} to {wanted[-1]} m"
                )
    return grid


@functools.lru_cache(maxsize=8)
def lon_lat(grid: GridConfig, *, fine: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude in degrees of every cell centre, each (y, x), read-only."""
    y, x = axes(grid, fine=fine)
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    lon.flags.writeable = lat.flags.writeable = False
    return lon, lat


def turn(crs: str | pyproj.CRS, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return the angle in radians from east to the x axis of a projection, anticlockwise.

    Examples
    --------
    >>> np.degrees(turn("EPSG:3035", np.array([10.0, 19.0]), np.array([45.0, 45.0]))).round(1)
    array([ 0. , -6.6])
    """
    return -np.radians(pyproj.Proj(crs).get_factors(lon, lat).meridian_convergence)


def stated_crs(mapping: Mapping[Any, Any]) -> pyproj.CRS:
    """Return the coordinate reference system that the attributes of a grid mapping state.

    Raises
    ------
    ArgumentError
        If they state none.

    Examples
    --------
    >>> stated_crs({"grid_mapping_name": "rotated_latitude_longitude"})
    Traceback (most recent call last):
    xldm.errors.ArgumentError: the grid mapping states no projection; expected attributes of CF, ...
    """
    try:
        return pyproj.CRS.from_cf(dict(mapping))
    except (pyproj.exceptions.ProjError, KeyError, TypeError, ValueError) as error:
        raise ArgumentError(
            "the grid mapping states no projection; expected attributes of CF, as crs_wkt; got "
            f"{brief({**mapping})}"
        ) from error


def coordinates(grid: GridConfig, *, fine: bool) -> xr.Coordinates:
    """Return CF coordinates of a grid: ``y``, ``x``, 2-D ``lat`` and ``lon``, ``spatial_ref``.

    Examples
    --------
    >>> coords = coordinates(ITALY, fine=False)
    >>> coords["lat"].dims, coords["spatial_ref"].attrs["grid_mapping_name"]
    (('y', 'x'), 'lambert_azimuthal_equal_area')
    """
    y, x = axes(grid, fine=fine)
    lon, lat = lon_lat(grid, fine=fine)
    cf = {a["axis"]: a for a in pyproj.CRS(grid.crs).cs_to_cf() if "axis" in a}
    mapping = pyproj.CRS(grid.crs).to_cf()
    mapping["long_name"] = "coordinate reference system"
    north, east = (
        {"standard_name": name, "long_name": name, "units": units}
        for name, units in (("latitude", "degrees_north"), ("longitude", "degrees_east"))
    )
    whole = {"_FillValue": None}  # no coordinate has a missing value, and CF wants none stated
    return xr.Dataset(
        coords={
            "y": ("y", y, cf["Y"], whole),
            "x": ("x", x, cf["X"], whole),
            "lat": (("y", "x"), lat, north, whole),
            "lon": (("y", "x"), lon, east, whole),
            "spatial_ref": ((), np.int32(0), mapping),
        }
    ).coords
