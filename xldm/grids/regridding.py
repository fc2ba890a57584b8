"""Regrid: from latitude-longitude to the coarse cells, and from fine to coarse cells."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import xarray as xr

from ..config import GridConfig, ModelConfig
from ..errors import InputError
from ..numerics.scaling import physical_mean
from .overlap_areas import overlaps
from .projected import METRES_PER_DEGREE, axes, coordinates
from .wide_cells import parts, parts_of_axis, shared_out

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["areas_in_boxes", "coarsen", "on_cells", "to_coarse"]

# Below this share of valid weight a cell stays missing.
_VALID = 0.5
# Or all of it, but for rounding.
_ALL = 1 - 1e-9


def to_coarse(fields: xr.Dataset, config: ModelConfig, grid: GridConfig) -> xr.DataArray:
    """Regrid predictors to the coarse cells, as one array for the networks.

    Parameters
    ----------
    fields : xarray.Dataset
        Predictors by name, dims (..., latitude, longitude), from
        :func:`xldm.inputs.predictors.predictors`.
    config : ModelConfig
        It names the predictors and their order. Absent predictors are set to their mean.
    grid : GridConfig
        The model's grid or a window of it.

    Returns
    -------
    xarray.DataArray
        Dims (time, predictor, y, x), float32, regridded by :func:`on_cells`; lazy if ``fields``
        are. Other dims of ``fields`` are kept, before the predictor.
    """
    names = [v.name for v in config.predictors]
    whole = [v.name for v in config.predictors if not v.only_at_sea]
    cells = on_cells(fields[[n for n in names if n in fields]], grid, whole=whole)
    like = next(iter(cells.values()))
    absent = {
        v.name: xr.full_like(like, physical_mean(v))
        for v in config.predictors
        if v.name not in cells
    }
    stacked = cells.assign(absent)[names].to_dataarray("predictor")
    stacked = _whole(stacked, "predictor")
    outer = dict.fromkeys(d for f in cells.values() for d in f.dims if d not in ("y", "x"))
    stacked = stacked.transpose(*outer, "predictor", "y", "x").rename("coarse").drop_attrs()
    return stacked.assign_coords(coordinates(grid, fine=False))


def on_cells(fields: xr.Dataset, grid: GridConfig, *, whole: Sequence[str] = ()) -> xr.Dataset:
    """Regrid predictors to the coarse cells: sums conservatively, states bilinearly.

    A state is interpolated to the centre of a cell. If the spacing of the input is less than half
    that of the cells, small scales would alias: the cell then gets the mean of bilinear values at
    evenly spread points, about one per input point.

    A sum over an hour (precipitation, radiation; its ``cell_methods`` is ``time: sum``) is averaged
    over the cell. Each input value stands for the box around its point: first-order conservative,
    with areas on ERA5's sphere, in any projection. Between its corners an edge of a cell is
    straight in longitude and the sine of latitude, for 16 km correct to some metres. Neighbours
    share edges, so no area is lost or counted twice. The outermost boxes of the input are open
    outwards. A box wider than two cells is shared out over its parts first
    (``xldm.grids.wide_cells``): its edges would be seen.

    Missing values do not spread: the weights of the valid points are scaled to sum to one, and a
    cell with less than half of its weight valid is missing. Of fields without gaps, a cell is
    missing if any of its points is. Infinities do spread.

    Each (time, predictor) slice is regridded alone, in double precision: chunks along time do not
    change a bit.

    Parameters
    ----------
    fields : xarray.Dataset
        Predictors by name, dims (time, latitude, longitude), latitude descending and longitude
        ascending, from :func:`xldm.inputs.predictors.predictors`.
    grid : GridConfig
        The grid whose coarse cells are filled.
    whole : sequence of str
        Names of fields without gaps.

    Returns
    -------
    xarray.Dataset
        Dims (time, y, x), float32, with the grid's coordinates; lazy if ``fields`` are.
    """
    points = tuple(tuple(fields[n].values.tolist()) for n in ("latitude", "longitude"))
    one_block = {n: _whole(f, "latitude", "longitude") for n, f in fields.items()}
    out = {
        name: xr.apply_ufunc(
            _apply,
            field,
            # Not the matrix: each task of a cluster would carry it, and it is larger than a field.
            kwargs={
                "summed": _summed(field),
                "least": _ALL if name in whole else _VALID,
                "grid": grid,
                "points": points,
            },
            input_core_dims=[["latitude", "longitude"]],
            output_core_dims=[["y", "x"]],
            keep_attrs=True,
            dask="parallelized",
            output_dtypes=["float32"],
            dask_gufunc_kwargs={"output_sizes": dict(zip(("y", "x"), grid.shape, strict=True))},
        )
        for name, field in one_block.items()
    }
    return xr.Dataset(out).assign_coords(coordinates(grid, fine=False))


def coarsen(fields: xr.Dataset | xr.DataArray, grid: GridConfig) -> xr.Dataset | xr.DataArray:
    """Average fine cells, taken as equal in area, over each coarse cell.

    Missing fine cells are left out. If fewer than half have a value, the coarse cell is missing.
    Sums are in double precision.

    Parameters
    ----------
    fields : Dataset or DataArray (..., y, x)
        On the fine cells of ``grid``.
    grid : GridConfig
        The nested grids.

    Returns
    -------
    Dataset or DataArray (..., y, x)
        On the coarse cells, float32, with their coordinates; lazy if ``fields`` are.

    Raises
    ------
    InputError
        If the fields are not on the fine cells.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY, axes
    >>> y, x = axes(ITALY, fine=True)
    >>> northing = xr.DataArray(y, {"y": y}).expand_dims(x=x).transpose("y", "x")
    >>> coarsen(northing, ITALY)[:2, 0].values.tolist()
    [2690000.0, 2674000.0]
    """
    for name, axis in zip("yx", axes(grid, fine=True), strict=True):
        stated = fields[name].values if name in fields.coords else None
        if stated is None or stated.shape != axis.shape or not np.allclose(stated, axis, atol=1):
            raise InputError(
                f"{name} does not match the grid's fine cells: expected {axis.size} centres from "
                f"{axis[0]:g} to {axis[-1]:g} m, got "
                f"{'none' if stated is None else f'{stated.size} from {stated.flat[0]:g}'}."
            )
    windows = {"y": grid.factor, "x": grid.factor}
    fields = fields.drop_vars([c for c in fields.coords if {"y", "x"} & {*fields[c].dims}])
    mean = fields.astype("float64").coarsen(windows).mean(keep_attrs=True)
    known = fields.notnull().coarsen(windows).mean() >= _VALID
    return mean.where(known).astype("float32").assign_coords(coordinates(grid, fine=False))


def _whole(field: xr.DataArray, *dims: str) -> xr.DataArray:
    """Return a field in one chunk along dims; its coordinates stay in memory."""
    if field.chunks is None:
        return field
    return field.copy(data=field.data.rechunk({field.dims.index(d): -1 for d in dims}))


def _summed(field: xr.DataArray) -> bool:
    return str(field.attrs.get("cell_methods", "")).startswith(("time: sum", "time: mean"))


def _apply(
    block: np.ndarray,
    *,
    summed: bool,
    least: float,
    grid: GridConfig,
    points: tuple[tuple[float, ...], ...],
) -> np.ndarray:
    """Regrid (..., latitude, longitude) to (..., y, x)."""
    count = parts(points[0], grid) if summed else 1
    points = tuple(parts_of_axis(axis, count) for axis in points)
    matrix, shape = (_shares if summed else _weights)(grid, *points), grid.shape
    out = np.empty((*block.shape[:-2], *shape), "float32")
    for lead in np.ndindex(block.shape[:-2]):
        values = shared_out(block[lead].astype("float64"), count).ravel()
        out[lead] = _interpolate(matrix, values, least).reshape(shape)
    return out


def _interpolate(matrix: scipy.sparse.csr_array, values: np.ndarray, least: float) -> np.ndarray:
    valid = ~np.isnan(values)
    if valid.all():
        return matrix @ values
    weight = matrix @ valid.astype("float64")
    total = matrix @ np.where(valid, values, 0.0)
    return np.divide(total, weight, out=np.full(weight.shape, np.nan), where=weight >= least)


@functools.lru_cache(maxsize=8)
def _weights(
    grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]
) -> scipy.sparse.csr_array:
    """Return bilinear weights (coarse cells, input points); rows sum to one."""
    lat, lon = np.array(latitude), np.array(longitude)
    spacing = np.abs(np.diff(lat)).mean() * METRES_PER_DEGREE
    # Points per side of a cell: one, its centre, unless the input is finer than half of it.
    points = 1 if grid.spacing <= 2 * spacing else round(grid.spacing / spacing)
    y, x = axes(grid, fine=False)
    inside = ((np.arange(points) + 0.5) / points - 0.5) * grid.spacing
    at_y, at_x = (a[:, None] + inside for a in (y, x))
    # Order (y, x, point): each cell's points lie together.
    grid_x, grid_y = np.broadcast_arrays(at_x[None, :, None, :], at_y[:, None, :, None])
    need_lon, need_lat = _degrees(grid, grid_x.ravel(), grid_y.ravel())
    row, row_weight = _corners(-lat, -need_lat)
    column, column_weight = _corners(lon, need_lon)
    weights = (row_weight[:, :, None] * column_weight[:, None, :]) / points**2
    indices = row[:, :, None] * lon.size + column[:, None, :]
    cells = np.repeat(np.arange(y.size * x.size), points**2 * 4)
    return _matrix(weights, cells, indices, (y.size * x.size, lat.size * lon.size))


def _corners(axis: np.ndarray, need: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbours (n, 2) on an ascending axis and their weights, clipped at its ends."""
    left = np.clip(np.searchsorted(axis, need, side="right") - 1, 0, axis.size - 2)
    share = np.clip((need - axis[left]) / (axis[left + 1] - axis[left]), 0.0, 1.0)
    return np.stack([left, left + 1], axis=1), np.stack([1 - share, share], axis=1)


@functools.lru_cache(maxsize=8)
def _shares(
    grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]
) -> scipy.sparse.csr_array:
    """Return the shares of a cell's area in each input box (coarse cells, input points)."""
    areas = areas_in_boxes(grid, latitude, longitude)
    return areas.multiply(1 / areas.sum(axis=1)[:, None]).tocsr()


def areas_in_boxes(
    grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]
) -> scipy.sparse.csr_array:
    """Return the area of each coarse cell in each input box (coarse cells, input points).

    Areas are differences of longitude in degrees times those of the sine of latitude. Latitude
    descends, longitude ascends. The outermost boxes are open outwards.
    """
    lat, lon = np.array(latitude), np.array(longitude)
    y, x = axes(grid, fine=False)
    # Corners (4, cells), anticlockwise.
    at_y = y[:, None] + grid.spacing / 2 * np.array([-1, -1, 1, 1])[:, None, None]
    at_x = x + grid.spacing / 2 * np.array([-1, 1, 1, -1])[:, None, None]
    at = (a.reshape(4, -1) for a in np.broadcast_arrays(at_x, at_y))
    corner_lon, corner_lat = _degrees(grid, *at)
    areas, row, column = overlaps(
        corner_lon,
        _height(corner_lat),
        (lon[1:] + lon[:-1]) / 2,
        _height((lat[1:] + lat[:-1]) / 2)[::-1],
    )
    indices = (lat.size - 1 - row)[:, :, None] * lon.size + column[:, None, :]
    cells = np.repeat(np.arange(y.size * x.size), areas[0].size)
    return _matrix(areas, cells, indices, (y.size * x.size, lat.size * lon.size))


def _height(lat: np.ndarray) -> np.ndarray:
    """Return the sine of latitude: with longitude, coordinates of equal area on the sphere."""
    return np.sin(np.radians(lat))


def _degrees(grid: GridConfig, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)


def _matrix(
    weights: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]
) -> scipy.sparse.csr_array:
    import scipy.sparse  # here, since it takes a quarter of the package's import time

    matrix = scipy.sparse.coo_array((weights.ravel(), (rows, columns.ravel())), shape=shape).tocsr()
    matrix.eliminate_zeros()
    return matrix
