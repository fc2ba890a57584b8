"""The nested coarse and fine grids of a model as CF coordinates."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pyproj
import xarray as xr

from ..config import GridConfig
from ..errors import ArgumentError

__all__ = [
    "ITALY",
    "axes",
    "coordinates",
    "crop",
    "lon_lat",
    "nested",
    "turn",
    "uncovered",
    "window",
]

# Windows align to, and are at least, so many coarse cells; input may end within _TOUCH degrees.
_ALIGN, _LEAST, _TOUCH = 4, 8, 1e-6

#: The grid of arXiv 2406.13627: 84 x 72 cells of 16 km that hold 672 x 576 cells of 2 km.
ITALY = GridConfig(
    crs="EPSG:3035", x=(3918000.0, 5054000.0), y=(2690000.0, 1362000.0), spacing=16000.0, factor=8
)


def axes(grid: GridConfig, *, fine: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cell centres (y, x) in metres, in array order.

    Examples
    --------
    >>> y, x = axes(ITALY, fine=True)
    >>> y[[0, -1]], x[[0, -1]]
    (array([2697000., 1355000.]), array([3911000., 5061000.]))
    """
    factor = grid.factor if fine else 1
    return tuple(
        _centres(ends, grid.spacing, size, factor)
        for ends, size in zip((grid.y, grid.x), grid.shape, strict=True)
    )


def _centres(ends: tuple[float, float], spacing: float, size: int, factor: int) -> np.ndarray:
    direction = np.sign(ends[1] - ends[0]) or 1.0
    edge = ends[0] - direction * spacing / 2
    return edge + direction * spacing / factor * (np.arange(size * factor) + 0.5)


def nested(coarse: xr.Dataset, fine: xr.Dataset, crs: str) -> GridConfig:
    """The grids that two datasets with axes ``y`` and ``x`` in metres are on.

    Raises
    ------
    ArgumentError
        If the axes are not even, or the cells of one do not nest in those of the other.

    Examples
    --------
    >>> sides = (xr.Dataset(coords=coordinates(ITALY, fine=fine)) for fine in (False, True))
    >>> nested(*sides, "EPSG:3035") == ITALY
    True
    """
    y, x = (coarse[name].values.astype("float64") for name in ("y", "x"))
    factor = fine.sizes["y"] // y.size
    ends = ((float(axis[0]), float(axis[-1])) for axis in (x, y))
    grid = GridConfig(crs, *ends, abs(float(x[1] - x[0])), factor)
    for title, ds, is_fine in (("coarse", coarse, False), ("fine", fine, True)):
        for name, wanted in zip(("y", "x"), axes(grid, fine=is_fine), strict=True):
            values = ds[name].values
            if values.shape != wanted.shape or np.abs(values - wanted).max() > 1e-3:
                raise ArgumentError(
                    f"{title} {name} runs from {values[0]} to {values[-1]} m in {values.size}, the "
                    f"coarse cells imply {wanted[0]} to {wanted[-1]} m in {wanted.size}"
                )
    return grid


@functools.lru_cache(maxsize=8)
def lon_lat(grid: GridConfig, *, fine: bool) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude in degrees of every cell centre, each (y, x); read-only arrays."""
    y, x = axes(grid, fine=fine)
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    lon.flags.writeable = lat.flags.writeable = False
    return lon, lat


def turn(crs: str | pyproj.CRS, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Angle in radians from east to the x axis of a projection, anticlockwise, at some places.

    Examples
    --------
    >>> np.degrees(turn("EPSG:3035", np.array([10.0, 19.0]), np.array([45.0, 45.0]))).round(1)
    array([ 0. , -6.6])
    """
    return -np.radians(pyproj.Proj(crs).get_factors(lon, lat).meridian_convergence)


def coordinates(grid: GridConfig, *, fine: bool) -> xr.Coordinates:
    """CF coordinates of a grid: projection axes, 2-D ``lat`` and ``lon``, and ``spatial_ref``.

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
    return xr.Dataset(
        coords={
            "y": ("y", y, cf["Y"]),
            "x": ("x", x, cf["X"]),
            "lat": (("y", "x"), lat, {"standard_name": "latitude", "units": "degrees_north"}),
            "lon": (("y", "x"), lon, {"standard_name": "longitude", "units": "degrees_east"}),
            "spatial_ref": ((), np.int32(0), mapping),
        }
    ).coords


def uncovered(grid: GridConfig, lon: np.ndarray, lat: np.ndarray) -> dict[str, tuple[float, float]]:
    """Sides of the domain that a latitude-longitude box leaves open.

    Parameters
    ----------
    grid : GridConfig
    lon, lat : numpy.ndarray
        Axes of the input in degrees, longitudes in the domain's convention.

    Returns
    -------
    dict
        Side (north, south, west, east) -> (degrees the domain needs, degrees the input has).

    Examples
    --------
    >>> uncovered(ITALY, lon=np.array([0.0, 25.0]), lat=np.array([34.0, 46.0]))
    {'north': (47.32, 46.0)}
    """
    need_lon, need_lat = lon_lat(grid, fine=False)
    sides = {
        "north": (need_lat.max(), lat.max(), 1),
        "south": (need_lat.min(), lat.min(), -1),
        "west": (need_lon.min(), lon.min(), -1),
        "east": (need_lon.max(), lon.max(), 1),
    }
    return {
        side: (round(float(need), 2), round(float(have), 2))
        for side, (need, have, sign) in sides.items()
        if sign * (need - have) > _TOUCH
    }


def crop(grid: GridConfig, rows: slice, columns: slice) -> GridConfig:
    """The grid of a window of coarse cells.

    Examples
    --------
    >>> crop(ITALY, slice(0, 8), slice(4, 16)).shape
    (8, 12)
    """
    y, x = axes(grid, fine=False)
    y, x = y[rows], x[columns]
    return replace(grid, x=(float(x[0]), float(x[-1])), y=(float(y[0]), float(y[-1])))


def window(
    grid: GridConfig,
    region: str | tuple[float, float, float, float] | None,
    lon: np.ndarray,
    lat: np.ndarray,
) -> tuple[slice, slice]:
    """Rows and columns of coarse cells that a region stands for.

    Windows start and end on multiples of four cells and are at least eight cells wide, which is
    what the networks can work on.

    Parameters
    ----------
    grid : GridConfig
    region : None, "covered" or (lon_min, lat_min, lon_max, lat_max)
        The whole domain; the largest window inside the input; or the smallest window that holds
        every cell whose centre lies in the box, in degrees.
    lon, lat : numpy.ndarray
        Axes of the input in degrees, longitudes in the domain's convention.

    Raises
    ------
    ArgumentError
        If the region is none of these, or holds no window.

    Examples
    --------
    >>> window(ITALY, (10.0, 44.0, 12.0, 46.0), np.array([0.0, 25.0]), np.array([34.0, 48.0]))
    (slice(8, 24, None), slice(24, 36, None))
    """
    height, width = grid.shape
    if region is None:
        return slice(0, height), slice(0, width)
    cell_lon, cell_lat = lon_lat(grid, fine=False)
    if isinstance(region, str):
        if region != "covered":
            raise ArgumentError(f"region is 'covered', a box or None, not {region!r}.")
        box = (lon.min(), lat.min(), lon.max(), lat.max())
        rectangle = _largest(_inside(cell_lon, cell_lat, box))
        if rectangle is None:
            raise ArgumentError(
                f"The input covers no {_LEAST} x {_LEAST} coarse cells of the domain: it spans "
                f"{box[0]:.2f} to {box[2]:.2f} E, {box[1]:.2f} to {box[3]:.2f} N."
            )
        return rectangle
    if len(region) != 4 or not (region[0] < region[2] and region[1] < region[3]):
        raise ArgumentError(
            f"A region is (lon_min, lat_min, lon_max, lat_max) in degrees; got {region}."
        )
    inside = _inside(cell_lon, cell_lat, region)
    if not inside.any():
        raise ArgumentError(
            f"The region {tuple(region)} holds no cell of the domain, which spans "
            f"{cell_lon.min():.2f} to {cell_lon.max():.2f} E, "
            f"{cell_lat.min():.2f} to {cell_lat.max():.2f} N."
        )
    return _hull(inside.any(axis=1)), _hull(inside.any(axis=0))


def _inside(lon: np.ndarray, lat: np.ndarray, box: tuple) -> np.ndarray:
    west, south, east, north = (
        b + d for b, d in zip(box, (-_TOUCH,) * 2 + (_TOUCH,) * 2, strict=True)
    )
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _hull(line: np.ndarray) -> slice:
    """The smallest aligned run of at least the least size that holds every True."""
    where = np.flatnonzero(line)
    start = where[0] // _ALIGN * _ALIGN
    stop = min(-(-(where[-1] + 1) // _ALIGN) * _ALIGN, line.size)
    if stop - start < _LEAST:
        start = max(0, min(start, line.size - _LEAST) // _ALIGN * _ALIGN)
        stop = min(start + _LEAST, line.size)
    return slice(int(start), int(stop))


def _largest(covered: np.ndarray) -> tuple[slice, slice] | None:
    """The rectangle of most cells among those made of wholly covered aligned blocks."""
    height, width = (n // _ALIGN for n in covered.shape)
    blocks = covered[: height * _ALIGN, : width * _ALIGN]
    blocks = blocks.reshape(height, _ALIGN, width, _ALIGN).all(axis=(1, 3))
    least = _LEAST // _ALIGN
    best, size = None, 0
    for top in range(height):
        for bottom in range(top + least, height + 1):
            columns = np.flatnonzero(np.diff(np.r_[0, blocks[top:bottom].all(axis=0), 0]))
            for left, right in columns.reshape(-1, 2):
                area = (bottom - top) * (right - left)
                if right - left >= least and area > size:
                    size = area
                    best = tuple(
                        slice(int(a) * _ALIGN, int(b) * _ALIGN)
                        for a, b in ((top, bottom), (left, right))
                    )
    return best
