"""Any number of hours of the twin as a lazy dataset."""

from __future__ import annotations

import functools

import numpy as np
import xarray as xr

from ..errors import ArgumentError
from .hourly import Twin, whole_hours

__all__ = ["SIDES", "lazy"]

#: Time dimension of each side of the twin.
SIDES = {"era5": "valid_time", "fine": "time"}


def lazy(times: np.ndarray, side: str, seed: int = 0, *, rain: bool = False) -> xr.Dataset:
    """Return one side of the twin at any number of hours, lazily.

    Parameters
    ----------
    times : ndarray (T,) of datetime64
        Whole hours, in order.
    side : str
        ``era5`` or ``fine``.
    seed : int
        Which twin.
    rain : bool
        Whether the fine side has ``tp`` too.

    Returns
    -------
    Dataset
        ``era5`` (valid_time, latitude, longitude) or ``fine`` (time, y, x), as `Twin.hour` returns
        them; dask arrays, one hour a chunk.

    Raises
    ------
    ArgumentError
        If the side is unknown, if ``times`` is empty, or if a time is not a whole hour.

    Examples
    --------
    >>> year = np.arange("2008-01-01", "2009-01-01", dtype="datetime64[h]")
    >>> lazy(year, "era5")["tp"].sizes["valid_time"]
    8784
    """
    if side not in SIDES:
        raise ArgumentError(f"side must be one of {', '.join(SIDES)}; got {side!r}")
    hours = np.array([whole_hours(time) for time in times], dtype="int64")
    if not hours.size:
        raise ArgumentError("times is empty: give at least one hour")
    dim = SIDES[side]
    like = _hour(int(hours[0]), side, seed, rain)
    names = tuple(str(name) for name in like)
    inner = [tuple(d for d in like[name].dims if d != dim) for name in names]
    fields = xr.apply_ufunc(
        functools.partial(_fields, side=side, seed=seed, rain=rain, names=names),
        xr.DataArray(hours, dims=dim).chunk({dim: 1}),
        output_core_dims=inner,
        dask="parallelized",
        output_dtypes=[like[name].dtype for name in names],
        dask_gufunc_kwargs={"output_sizes": {d: n for d, n in like.sizes.items() if d != dim}},
    )
    made = {
        name: field.assign_attrs(like[name].attrs)
        for name, field in zip(names, fields, strict=True)
    }
    stamps = (dim, hours.astype("datetime64[h]").astype("datetime64[ns]"), like[dim].attrs)
    coords = like.drop_vars(dim).coords
    return xr.Dataset(made, attrs=like.attrs).assign_coords(coords).assign_coords({dim: stamps})


@functools.lru_cache(maxsize=2)
def _twin(seed: int) -> Twin:
    return Twin(seed)


def _hour(hour: int, side: str, seed: int, rain: bool) -> xr.Dataset:
    time = np.datetime64(hour, "h")
    return _twin(seed).era5(time) if side == "era5" else _twin(seed).fine(time, rain=rain)


def _fields(
    hours: np.ndarray, *, side: str, seed: int, rain: bool, names: tuple[str, ...]
) -> tuple[np.ndarray, ...]:
    """Return one array (hour, ...) for each name."""
    dim = SIDES[side]
    made = [_hour(int(hour), side, seed, rain) for hour in hours]
    # Only one side of the twin has a time dimension.
    single = [ds.squeeze(dim) if dim in ds.dims else ds for ds in made]
    return tuple(np.stack([ds[name].values for ds in single]) for name in names)
