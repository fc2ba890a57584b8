"""Check the hours of a dataset: statistics over days, preliminary hours, empty hours."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import xarray as xr

from ..config import Variable
from ..errors import InputError
from .axes.horizontal import Horizontal
from .axes.times import Time
from .report import Found
from .standardise import lay_out
from .sums.provenance import statistic

__all__ = ["hour_problems", "preliminary_hours"]

_FINAL, _PRELIMINARY = 1, 5  # expver of ERA5 and of ERA5T


def hour_problems(
    ds: xr.Dataset,
    found: Sequence[Found],
    wanted: Sequence[Variable],
    time: Time,
    horizontal: Horizontal | None,
    *,
    preliminary: bool,
) -> list[str]:
    """Return the reasons why hours cannot be used.

    Parameters
    ----------
    ds : xarray.Dataset
    found, wanted : sequence of Found, of Variable
        Its predictors, in the same order.
    time, horizontal : Time, Horizontal
        Its axes.
    preliminary : bool
        Whether hours of ERA5T may be used. Where final and preliminary data lie side by side along
        a dim ``expver``, all hours of one predictor are read to tell them apart.
    """
    problems = _statistics(ds, time)
    empty = _empty_hours(ds, time)
    if empty.any():
        problems.append(
            f"{_count(time, empty)} hold no data: they lie outside valid_time_start to "
            f"valid_time_stop_era5t of the dataset's attributes. {_leave_out(time, empty)}"
        )
    if preliminary:
        return problems
    hours = preliminary_hours(ds, time)
    # A field that cannot be laid out is a problem already.
    with suppress(InputError):
        if horizontal is not None:
            hours |= _unfinished_hours(ds, found, time, horizontal)
    if hours.any():
        problems.append(
            f"{_count(time, hours)} are preliminary ERA5T, which is revised later. Leave them out, "
            "wait for final ERA5, or pass preliminary=True."
        )
    return problems


def preliminary_hours(ds: xr.Dataset, time: Time) -> np.ndarray:
    """Tell which hours the dataset states to be ERA5T.

    It does so by ``expver`` 5 or "0005", of the dataset or along time, or by ``valid_time_stop``,
    the last day of final data in ARCO-ERA5. For GRIB, cfgrib reads ``expver`` if opened with
    ``backend_kwargs={"extra_coords": {"expver": "time"}}``.

    Parameters
    ----------
    ds : xarray.Dataset
    time : Time
        Its times.

    Returns
    -------
    numpy.ndarray of bool (time)

    Examples
    --------
    >>> from xldm.inputs.axes.times import time_axis
    >>> hours = np.array(["2026-03-31T23", "2026-04-01T00"], "datetime64[ns]")
    >>> ds = xr.Dataset(coords={"time": hours}, attrs={"valid_time_stop": "2026-03-31"})
    >>> preliminary_hours(ds, time_axis(ds))
    array([False,  True])
    """
    hours = np.zeros(time.values.shape, bool)
    if "valid_time_stop" in ds.attrs:
        hours |= time.values > _end(ds.attrs["valid_time_stop"])
    if "expver" not in ds.variables:
        return hours
    stated = ds["expver"].reset_coords(drop=True)
    each = stated.copy(data=_is_preliminary(stated.values))
    if "expver" in each.dims:  # final and preliminary side by side, or one of them
        return hours | each.values.all()
    each = each.any([d for d in each.dims if d not in time.dims])
    sizes = {d: ds.sizes[d] for d in time.dims if d not in each.dims}
    each = each.expand_dims(sizes).transpose(*time.dims).isel(time.select)
    stated_hours = each.values.reshape(-1)
    if time.order is not None:
        stated_hours = stated_hours[time.order]
    return hours | stated_hours.reshape(hours.shape)


def _unfinished_hours(
    ds: xr.Dataset, found: Sequence[Found], time: Time, horizontal: Horizontal
) -> np.ndarray:
    """Tell which hours have preliminary values only, along a dim ``expver``."""
    along = [f for f in found if f.variable in ds and "expver" in ds[f.variable].dims]
    if not along or ds.sizes["expver"] < 2:
        return np.zeros(time.values.shape, bool)
    # Without numbers, final data come first.
    versions = ds["expver"].values if "expver" in ds.coords else np.array([_FINAL, _PRELIMINARY])
    final = ds.isel(expver=np.flatnonzero(~_is_preliminary(versions)))
    field = lay_out(final, along[0], time, horizontal)
    return field.isnull().all([d for d in field.dims if d not in time.out]).values


def _empty_hours(ds: xr.Dataset, time: Time) -> np.ndarray:
    """Tell which hours on the time axis of ARCO-ERA5 have no data."""
    empty = np.zeros(time.values.shape, bool)
    if "valid_time_start" in ds.attrs:
        empty |= time.values < pd.Timestamp(ds.attrs["valid_time_start"]).to_datetime64()
    if "valid_time_stop_era5t" in ds.attrs:
        empty |= time.values > _end(ds.attrs["valid_time_stop_era5t"])
    return empty


def _end(stop: str) -> np.datetime64:
    """Return the last moment of a day, or of an hour if one is given."""
    return pd.Period(stop).end_time.to_datetime64()


def _is_preliminary(versions: np.ndarray) -> np.ndarray:
    numbers = pd.to_numeric(pd.Series(np.ravel(versions)), errors="coerce")
    return (numbers == _PRELIMINARY).to_numpy().reshape(np.shape(versions))


def _leave_out(time: Time, hours: np.ndarray) -> str:
    """Return the way to do without empty hours, which lie before and after the others."""
    kept = np.flatnonzero(~hours.reshape(len(hours), -1).any(1))
    if not kept.size or not time.dims:
        return "Choose others."
    return f"Leave them out: ds.isel({time.dims[0]}=slice({kept[0]}, {kept[-1] + 1}))."


def _count(time: Time, hours: np.ndarray) -> str:
    first = np.datetime_as_string(time.values.flat[hours.argmax()], unit="m")
    return f"{hours.sum()} of {hours.size} hours, the first {first},"


def _statistics(ds: xr.Dataset, time: Time) -> list[str]:
    """Refuse statistics over days and months."""
    words = statistic(ds, time)
    if not words:
        return []
    return [f"The input holds {words}, but the model wants hours. Use hourly or 3-hourly data."]
