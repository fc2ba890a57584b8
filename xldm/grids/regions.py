"""Regions of a domain: windows of coarse cells, and sides that an input does not cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arguments import REGION, refuse
from ..config import GridConfig
from ..errors import ArgumentError
from ..nets.field_sizes import FieldSizes
from .projected import axes, lon_lat

__all__ = ["crop", "uncovered", "window"]

# An input may end within so many degrees of the outermost cell centres.
_TOUCH = 1e-6


def uncovered(grid: GridConfig, lon: np.ndarray, lat: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return the sides of the domain that an input does not cover.

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
    >>> from xldm.grids.projected import ITALY
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
    """Return the grid of a window of coarse cells.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
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
    sizes: FieldSizes,
) -> tuple[slice, slice]:
    """Return the rows and columns of coarse cells that a region stands for.

    Windows start and stop on multiples of the cells that the networks need, and are no smaller than
    the least size.

    Parameters
    ----------
    grid : GridConfig
        The whole domain.
    region : None, "covered" or (lon_min, lat_min, lon_max, lat_max)
        The whole domain; the largest window inside the input; or the smallest window that holds
        every cell whose centre lies in the box, in degrees.
    lon, lat : numpy.ndarray
        Axes of the input in degrees, longitudes in the domain's convention.
    sizes : FieldSizes
        Sizes that the networks can work on, from :func:`xldm.nets.field_sizes.field_sizes`.

    Raises
    ------
    ArgumentError
        If the region is none of these, holds no window, or reaches cells that no window holds.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> box, lon, lat = (10.0, 44.0, 12.0, 46.0), np.array([0.0, 25.0]), np.array([34.0, 48.0])
    >>> window(ITALY, box, lon, lat, FieldSizes(multiple=4, least=8))
    (slice(8, 24, None), slice(24, 36, None))
    """
    refuse(region=(region, REGION))
    if region is None:
        if any(cells % sizes.multiple for cells in grid.shape):
            raise ArgumentError(
                f"The domain has {' x '.join(map(str, grid.shape))} coarse cells, but the networks "
                f"work on multiples of {sizes.multiple}: give a region, or region='covered'."
            )
        return slice(0, grid.shape[0]), slice(0, grid.shape[1])
    cell_lon, cell_lat = lon_lat(grid, fine=False)
    if isinstance(region, str):
        box = (lon.min(), lat.min(), lon.max(), lat.max())
        rectangle = _largest(_inside(cell_lon, cell_lat, box), sizes)
        if rectangle is None:
            raise ArgumentError(
                f"The input covers no {sizes.least} x {sizes.least} coarse cells of the domain: it "
                f"spans {box[0]:.2f} to {box[2]:.2f} E, {box[1]:.2f} to {box[3]:.2f} N."
            )
        return rectangle
    inside = _inside(cell_lon, cell_lat, region)
    if not inside.any():
        raise ArgumentError(
            f"The region {tuple(region)} holds no cell of the domain, which spans "
            f"{cell_lon.min():.2f} to {cell_lon.max():.2f} E, "
            f"{cell_lat.min():.2f} to {cell_lat.max():.2f} N."
        )
    rows, columns = inside.nonzero()
    return _hull(rows, grid.shape[0], sizes), _hull(columns, grid.shape[1], sizes)


def _inside(lon: np.ndarray, lat: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    west, south, east, north = box
    in_lon = (lon >= west - _TOUCH) & (lon <= east + _TOUCH)
    return in_lon & (lat >= south - _TOUCH) & (lat <= north + _TOUCH)


def _hull(cells: np.ndarray, size: int, sizes: FieldSizes) -> slice:
    """Return the smallest window along an axis that holds some of its cells."""
    multiple, least = sizes
    # Cells at the end that fill no multiple are in no window.
    end = size // multiple * multiple
    start = int(cells.min()) // multiple * multiple
    stop = -(-(int(cells.max()) + 1) // multiple) * multiple
    if stop > end:
        raise ArgumentError(
            f"The region reaches the last {size - end} of {size} coarse cells along an "
            f"axis, but windows of the networks end on multiples of {multiple}: move it inwards."
        )
    if stop - start < least:
        start = max(0, min(start, end - least))
        stop = min(start + least, end)
    return slice(start, stop)


def _largest(covered: np.ndarray, sizes: FieldSizes) -> tuple[slice, slice] | None:
    """Return the window of most cells that are all covered, None if there is no window."""
    multiple, least = sizes.multiple, sizes.least // sizes.multiple
    height, width = (n // multiple for n in covered.shape)
    cells = covered[: height * multiple, : width * multiple]
    blocks = np.all(cells.reshape(height, multiple, width, multiple), axis=(1, 3))
    best, size = None, 0
    for top in range(height):
        for bottom in range(top + least, height + 1):
            columns = np.flatnonzero(np.diff(np.r_[0, blocks[top:bottom].all(axis=0), 0]))
            for left, right in columns.reshape(-1, 2):
                area = (bottom - top) * (right - left)
                if right - left >= least and area > size:
                    best, size = (top, bottom, left, right), area
    if best is None:
        return None
    top, bottom, left, right = (int(n) * multiple for n in best)
    return slice(top, bottom), slice(left, right)
