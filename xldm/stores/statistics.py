"""Compute mean and spread of fields over training rows, in one pass over data of any size.

Each chunk gives a count, a mean and a sum of squares about that mean, and these merge
(Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115). Sums of squares about zero would
lose, for a pressure of 1e5 +- 1 Pa, ten of the sixteen digits of double precision.
"""

from __future__ import annotations

from collections.abc import Hashable

import dask.array as da
import numpy as np
import xarray as xr

from ..errors import ArgumentError, ArgumentTypeError
from ..numerics.scaling import transformed
from .variables import SCALING, described

__all__ = ["merged", "moments", "statistics", "table"]


def statistics(ds: xr.Dataset, train: xr.DataArray) -> xr.Dataset:
    """Compute mean and standard deviation of every variable over training rows and all cells.

    Sums are in double precision. A field whose attributes name a transform or bounds is transformed
    first (`xldm.stores.variables`). Missing values (NaN) are left out and counted. Chunks change
    the result by rounding only.

    Parameters
    ----------
    ds : Dataset (time, ...)
        Fields in physical units.
    train : DataArray (time) of bool
        True for training rows, on the times of ``ds``, e.g. ``splits.by_blocks(time) == 0``.

    Returns
    -------
    Dataset (variable)
        ``mean``, ``std`` (of the population) float64, ``count`` and ``missing`` int64: values used
        and left out. A variable without any value has mean and std NaN. Lazy if a variable of
        ``ds`` is. Attributes ``period`` (first and last row), ``split``, ``mask_rule``.

    Raises
    ------
    ArgumentTypeError, ArgumentError
        If ``train`` is not boolean or on other times, if no row trains, or if a variable has no
        time or is not of numbers.

    Examples
    --------
    >>> time = np.arange("2004-12-30", "2005-01-02", dtype="datetime64[D]")
    >>> ds = xr.Dataset({"t2m": ("time", [280.0, 282.0, 300.0])}, {"time": time})
    >>> found = statistics(ds, ds["time"].dt.year < 2005)
    >>> found["mean"].item(), found["std"].item(), found["count"].item(), found.attrs["period"]
    (281.0, 1.0, 2, '2004-12-30T00:00:00/2004-12-31T00:00:00')
    """
    rows = _rows(ds, train)
    _refuse_unusable(ds)
    lazy = any(field.chunks is not None for field in ds.values())
    # Fields in memory or in a file are summed piece by piece too.
    pieces = ds.map(lambda field: field if field.chunks is not None else field.chunk("auto"))
    states = da.stack([_state(_transformed(pieces.isel(time=rows), name)) for name in ds])
    out = table([str(n) for n in ds], states, _provenance(ds["time"].values[rows], train))
    return out if lazy else out.compute()


def table(names: list[str], states: da.Array | np.ndarray, attrs: dict[str, str]) -> xr.Dataset:
    """Return the statistics (variable), lazily, of states (variable, 4) as of `moments`."""
    count, missing, mean, squares = states.T
    mean, squares = (da.where(count > 0, a, np.nan) for a in (mean, squares))
    deviation = da.sqrt(squares / da.maximum(count, 1))
    return xr.Dataset(
        {
            "mean": ("variable", mean, {"long_name": "mean"}),
            "std": ("variable", deviation, {"long_name": "standard deviation"}),
            "count": ("variable", count.astype("int64"), {"long_name": "values used"}),
            "missing": ("variable", missing.astype("int64"), {"long_name": "values left out"}),
        },
        coords={"variable": names},
        attrs=attrs,
    )


def _rows(ds: xr.Dataset, train: xr.DataArray) -> slice | np.ndarray:
    """Return the training rows; consecutive ones as a slice, which makes fewer tasks."""
    if train.dtype != bool or train.dims != ("time",):
        raise ArgumentTypeError(
            f"train is boolean along time; got {train.dtype} along {train.dims}. Of a split, take "
            "split == 0."
        )
    if "time" not in ds.coords or not np.array_equal(ds["time"], train["time"]):
        raise ArgumentError(
            f"train is not on the times of the dataset: it has {train.size}, from "
            f"{train['time'].values[:1]}, the dataset {dict(ds.sizes)}. Make the split from "
            "ds['time']."
        )
    rows = np.flatnonzero(train.values)
    if rows.size == 0:
        raise ArgumentError(f"None of the {train.size} rows trains: there is nothing to average.")
    whole = slice(int(rows[0]), int(rows[-1]) + 1)
    return whole if whole.stop - whole.start == rows.size else rows


def _refuse_unusable(ds: xr.Dataset) -> None:
    for name, field in ds.items():
        if "time" not in field.dims or field.dtype.kind not in "fiu":
            raise ArgumentError(
                f"{name} is {field.dtype} with dims {field.dims}: statistics are of numbers along "
                "time. Leave it out."
            )
    if not ds.data_vars:
        raise ArgumentError("The dataset has no variables: there is nothing to average.")


def _provenance(times: np.ndarray, train: xr.DataArray) -> dict[str, str]:
    first, last = np.datetime_as_string(times[[0, -1]], unit="s")
    return {
        "period": f"{first}/{last}",
        "split": f"{times.size} of {train.size} rows: {train.attrs.get('comment', 'as given')}",
        "mask_rule": "missing values (NaN) are left out; every other cell and row weighs the same",
    }


def _transformed(ds: xr.Dataset, name: Hashable) -> da.Array:
    """Return the values of a field that a model scales."""
    values = ds[name].data
    if not {*SCALING} & {*ds[name].attrs}:
        return values
    return values.astype("float64").map_blocks(transformed, described(ds, name), dtype="float64")


def _state(values: da.Array) -> da.Array:
    """Return count, missing, mean and sum of squares about it of an array: a dask array (4)."""
    states = da.map_blocks(
        moments,
        values,
        dtype="float64",
        new_axis=values.ndim,
        chunks=(*((1,) * n for n in values.numblocks), (4,)),
        meta=np.empty((0,) * (values.ndim + 1)),
    )
    return da.reduction(states, merged, merged, axis=tuple(range(values.ndim)), dtype="float64")


def moments(block: np.ndarray) -> np.ndarray:
    """Return count, missing, mean and sum of squares about it of a block, (1, ..., 1, 4)."""
    values = block.astype("float64")
    missing = np.isnan(values)
    left_out = np.count_nonzero(missing)
    values[missing] = 0.0
    count = values.size - left_out
    mean = values.sum() / max(count, 1)
    values -= mean
    values[missing] = 0.0
    state = [count, left_out, mean, np.square(values, out=values).sum()]
    return np.array(state).reshape((1,) * block.ndim + (4,))


def merged(states: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    """Merge the states (..., 4) of parts over every axis but the last."""
    count, missing, mean, squares = np.moveaxis(states, -1, 0)
    total = count.sum()
    centre = (count * mean).sum() / max(total, 1)
    state = [total, missing.sum(), centre, (squares + count * (mean - centre) ** 2).sum()]
    return np.array(state).reshape((1,) * len(axis) + (4,) if keepdims else (4,))
