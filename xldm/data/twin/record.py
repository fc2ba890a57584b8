"""Hours of the twin as datasets in memory and on demand."""

from __future__ import annotations

import functools

import numpy as np
import xarray as xr

from .hourly import Twin, whole_hours

__all__ = ["hours_of", "record"]


def hours_of(year: int, count: int) -> np.ndarray:
    """``count`` hours spread over a year, so that every season and hour of the day is met.

    Examples
    --------
    >>> hours_of(2008, 3)
    array(['2008-01-01T00', '2008-05-02T07', '2008-09-01T14'], dtype='datetime64[h]')
    """
    every = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]")
    if not 1 <= count <= every.size:
        raise ValueError(f"hours must be from 1 to {every.size}, those of {year}; got {count}")
    # Days are even steps; hours go round in steps of seven, so that those of a day differ.
    i = np.arange(count)
    return every[np.sort(i * (every.size // 24) // count * 24 + 7 * i % 24)]


def record(times: np.ndarray, seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Both sides of the twin at some hours.

    Parameters
    ----------
    times : ndarray (T,) of datetime64
        Whole hours, in order.
    seed : int
        Which twin.

    Returns
    -------
    era5 : Dataset (valid_time, latitude, longitude)
        In memory.
    fine : Dataset (time, y, x)
        Dask-backed, an hour a chunk: made when it is computed.

    Examples
    --------
    >>> era5, fine = record(hours_of(2008, 2))
    >>> dict(fine.sizes), fine["t2m"].chunks[0]
    ({'time': 2, 'y': 672, 'x': 576}, (1, 1))
    """
    pairs = [_twin(seed).hour(time) for time in times]
    era5 = xr.concat(
        [e for e, _ in pairs], "valid_time", coords="minimal", compat="override", join="exact"
    )
    like = pairs[0][1]
    at = xr.DataArray(np.array([whole_hours(t) for t in times]), dims="time").chunk(time=1)
    values = xr.apply_ufunc(
        functools.partial(_fine, seed=seed, names=tuple(like.data_vars)),
        at,
        output_core_dims=[["variable", "y", "x"]],
        dask="parallelized",
        output_dtypes=[np.float32],
        dask_gufunc_kwargs={"output_sizes": {"variable": len(like.data_vars), **like.sizes}},
    )
    fine = xr.Dataset(
        {
            name: values.isel(variable=i).assign_attrs(like[name].attrs)
            for i, name in enumerate(like.data_vars)
        },
        attrs=like.attrs,
    )
    stamps = np.asarray(times).astype("datetime64[ns]")
    coords = like.drop_vars("time").coords
    return era5, fine.assign_coords(coords).assign_coords(time=("time", stamps))


@functools.lru_cache(maxsize=2)
def _twin(seed: int) -> Twin:
    return Twin(seed)


def _fine(hours: np.ndarray, *, seed: int, names: tuple[str, ...]) -> np.ndarray:
    """Fine fields (time, variable, y, x)."""
    parts = [_twin(seed).fine(np.datetime64(int(hour), "h")) for hour in hours]
    return np.stack([np.stack([p[n].values for n in names]) for p in parts]).astype(np.float32)
