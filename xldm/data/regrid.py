"""From latitude-longitude to the coarse projected grid: one sparse matrix, whatever the chunks."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import xarray as xr

from ..config import GridConfig, ModelConfig
from .grid import axes, coordinates

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["to_coarse"]

_EARTH = 111_195.0  # metres per degree of latitude
# Below this share of valid weight a cell stays missing.
_VALID = 0.5


def to_coarse(fields: xr.Dataset, config: ModelConfig, grid: GridConfig) -> xr.DataArray:
    """Bilinear interpolation of predictors to the centres of coarse cells.

    Input of less than half the cells' spacing is averaged instead: the mean of bilinear values at
    evenly spread points of each cell, about one per input point, so that small scales do not alias.
    Missing values are never interpolated through: the weights of the valid corners are scaled to
    sum to one, and a cell with less than half of its weight valid is missing.

    Every (time, predictor) slice is worked on alone, in double precision: the result is the same
    bit for bit for any chunks along time.

    Parameters
    ----------
    fields : xarray.Dataset
        Predictors by name, dims (time, latitude, longitude), from
        :func:`xldm.data.fields.predictors`.
    config : ModelConfig
        Names the predictors and their order; absent ones are set to their mean, which is 0 after
        scaling.
    grid : GridConfig
        The model's grid or a window of it.

    Returns
    -------
    xarray.DataArray
        Dims (time, predictor, y, x), float32; lazy where ``fields`` is.
    """
    names = [v.name for v in config.predictors]
    present = [n for n in names if n in fields]
    stacked = (
        fields[present]
        .to_dataarray("predictor")
        .transpose("time", "predictor", "latitude", "longitude")
    )
    if stacked.chunks is not None:
        stacked = stacked.chunk(predictor=-1, latitude=-1, longitude=-1)
    matrix = _weights(grid, _key(fields["latitude"]), _key(fields["longitude"]))
    result = xr.apply_ufunc(
        _apply,
        stacked.rename(predictor="source"),
        kwargs={
            "matrix": matrix,
            "slots": [names.index(n) for n in present],
            "means": np.array([v.mean for v in config.predictors], "float32"),
            "shape": grid.shape,
        },
        input_core_dims=[["source", "latitude", "longitude"]],
        output_core_dims=[["predictor", "y", "x"]],
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={
            "output_sizes": dict(
                zip(("predictor", "y", "x"), (len(names), *grid.shape), strict=True)
            )
        },
    )
    result = result.assign_coords(coordinates(grid, fine=False))
    return (
        result.assign_coords(predictor=names).rename("coarse").drop_vars("source", errors="ignore")
    )


def _apply(
    block: np.ndarray,
    *,
    matrix: scipy.sparse.csr_array,
    slots: list[int],
    means: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """(..., source, latitude, longitude) to (..., predictor, y, x)."""
    out = np.empty((*block.shape[:-3], means.size, *shape), "float32")
    out[...] = means[:, None, None]
    for lead in np.ndindex(block.shape[:-3]):
        for source, slot in enumerate(slots):
            values = block[(*lead, source)].ravel().astype("float64")
            out[(*lead, slot)] = _interpolate(matrix, values).reshape(shape)
    return out


def _interpolate(matrix: scipy.sparse.csr_array, values: np.ndarray) -> np.ndarray:
    valid = np.isfinite(values)
    if valid.all():
        return matrix @ values
    weight = matrix @ valid.astype("float64")
    total = matrix @ np.where(valid, values, 0.0)
    return np.divide(total, weight, out=np.full(weight.shape, np.nan), where=weight >= _VALID)


def _key(axis: xr.DataArray) -> tuple[float, ...]:
    return tuple(axis.values.astype(float).tolist())


@functools.lru_cache(maxsize=8)
def _weights(
    grid: GridConfig, latitude: tuple[float, ...], longitude: tuple[float, ...]
) -> scipy.sparse.csr_array:
    """Matrix (coarse cells, input points); rows sum to one."""
    import scipy.sparse  # here, since it takes a quarter of the package's import time

    lat, lon = np.array(latitude), np.array(longitude)
    spacing = np.abs(np.diff(lat)).mean() * _EARTH
    # Points per side of a cell: one, its centre, unless the input is finer than half of it.
    points = 1 if grid.spacing <= 2 * spacing else round(grid.spacing / spacing)
    y, x = axes(grid, fine=False)
    inside = ((np.arange(points) + 0.5) / points - 0.5) * grid.spacing
    at_y, at_x = (a[:, None] + inside for a in (y, x))
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    # Order (y, x, point): each cell's points lie together.
    grid_x, grid_y = np.broadcast_arrays(at_x[None, :, None, :], at_y[:, None, :, None])
    need_lon, need_lat = to_degrees.transform(grid_x.ravel(), grid_y.ravel())
    row, row_weight = _corners(-lat, -need_lat)
    column, column_weight = _corners(lon, need_lon)
    weights = (row_weight[:, :, None] * column_weight[:, None, :]) / points**2
    indices = row[:, :, None] * lon.size + column[:, None, :]
    cells = np.repeat(np.arange(y.size * x.size), points**2 * 4)
    matrix = scipy.sparse.coo_array(
        (weights.ravel(), (cells, indices.ravel())), shape=(y.size * x.size, lat.size * lon.size)
    ).tocsr()
    matrix.eliminate_zeros()
    return matrix


def _corners(axis: np.ndarray, need: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours (n, 2) on an ascending axis and their weights; beyond its ends, the end."""
    left = np.clip(np.searchsorted(axis, need, side="right") - 1, 0, axis.size - 2)
    share = np.clip((need - axis[left]) / (axis[left + 1] - axis[left]), 0.0, 1.0)
    return np.stack([left, left + 1], axis=1), np.stack([1 - share, share], axis=1)
