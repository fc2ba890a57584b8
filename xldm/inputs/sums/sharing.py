"""Share sums out over the model's hours, and say where that cannot be done."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from ..axes.horizontal import Horizontal
from ..axes.times import Time
from ..windows import Over, differences, hours_between, in_words, origins, spaced, widths
from .sunshine import mean_cosine

__all__ = ["LONGEST", "bring", "bringable", "per_hour", "sunlit"]

#: Windows longer than this, in hours, are not shared out.
LONGEST = 6.0


def bringable(over: Over, name: str, time: Time) -> Over:
    """Return what values are over, refused if they cannot be brought to the model's hours.

    Parameters
    ----------
    over : Over
    name : str
        The variable.
    time : Time
    """
    if over.refused or over.is_exactly(over.wanted):
        return over
    begin, end = (np.broadcast_to(a, time.values.shape) for a in (over.begin, over.end))
    length = begin + end
    wanted = in_words(over.wanted)
    says = f"{name} is over {in_words(float(length.max()))} by its {over.source}"
    if over.running == "day" and (length != over.wanted).any():
        return replace(over, refused=_gaps(name, over, time))
    if (length > LONGEST + 1e-6).any():
        if over.running and not (length[..., 1:] > LONGEST + 1e-6).any():
            dim = time.dims[-1] if time.dims else time.name
            words = (
                f"{name} runs since the start of the forecast, and its first lead is after "
                f"{in_words(float(length.max()))}: the value before it is not there. Begin at a "
                f"lead of at most {in_words(LONGEST)}, or take differences and leave out the first "
                f"lead: ds[{name!r}] = ds[{name!r}].diff({dim!r}).assign_attrs(ds[{name!r}].attrs,"
                " comment='Sum since the previous step')"
            )
            return replace(over, refused=f"{words}; ds = ds.isel({dim}=slice(1, None))")
        return replace(over, refused=(
            f"{says}, but the model wants {wanted}, and more than {in_words(LONGEST)} cannot be "
            "shared out. Use hourly data."
        ))  # fmt: skip
    step = spaced(time)
    if step is not None and not over.running and (length > step + 1e-6).all():
        return replace(over, refused=(
            f"{says}, but its stamps are {in_words(step)} apart, so its windows overlap. Use "
            "hourly data, or correct the statement."
        ))  # fmt: skip
    if (length < over.wanted - 1e-6).any():
        words = f"{says}, shorter than the {wanted} that the model wants. Sum them up first."
        return replace(over, refused=words)
    if (end < -1e-6).any() or (begin < over.wanted - 1e-6).any():
        return replace(over, refused=(
            f"{says}, from {in_words(float(begin.flat[0]))} before each stamp to "
            f"{in_words(float(end.flat[0]))} after it; the model wants {wanted} that end at the "
            "stamp. Use data with such stamps."
        ))  # fmt: skip
    return over


def _gaps(name: str, over: Over, time: Time) -> str:
    """Return the reason to refuse running totals of a day that lack hours, and the way out."""
    words = f"{name} runs since 00 UTC, so a sum over an hour needs the value of the hour before"
    for first in range(1, min(25, time.values.shape[-1])):
        later = replace(time, values=time.values[..., first:])
        if (widths(later, "day") == over.wanted).all():
            dim = time.dims[-1]
            return (
                f"{words}, which the first times lack. Leave them out: "
                f"ds = ds.isel({dim}=slice({first}, None))"
            )
    return f"{words}, and hours are missing in between. Use a file with all hours of each day."


def bring(field: xr.DataArray, over: Over, time: Time, horizontal: Horizontal) -> xr.DataArray:
    """Return sums or means over the model's hours, which end at the stamp.

    Running totals become differences. Longer windows are shared out: sunshine by the mean height of
    the sun over the hour and over the window, everything else evenly. Sums over the model's hours
    are returned as they are.

    Parameters
    ----------
    field : xarray.DataArray (*time.out, ..., latitude, longitude)
        From :func:`xldm.inputs.standardise.lay_out`. Dask stays dask.
    over : Over
        What its values are over.
    time, horizontal : Time, Horizontal
        Its axes.
    """
    if over.running:
        field = differences(field.astype("float64"), time, over.running)
    if over.running == "" and over.is_exactly(over.wanted):
        return field
    begin, end = (
        xr.DataArray(np.broadcast_to(a, time.values.shape), dims=time.out)
        for a in (over.begin, over.end)
    )
    share = xr.ones_like(begin) if over.method == "mean" else over.wanted / (begin + end)
    if np.allclose(share, 1) and np.allclose(begin + end, over.wanted):
        return field
    field = field.astype("float64") * share
    if over.by_sun:
        sun = _sun_of_hour(begin, end, over, time, horizontal, field)
        field = field * sun
    return field.transpose(*time.out, ...)


def _sun_of_hour(
    begin: xr.DataArray,
    end: xr.DataArray,
    over: Over,
    time: Time,
    horizontal: Horizontal,
    field: xr.DataArray,
) -> xr.DataArray:
    """Return how much higher the sun is in the hour than in its window, on average."""
    stamps = xr.DataArray(time.values, dims=time.out)
    if field.chunks:
        # Along with the field, block by block.
        chunks = {d: field.chunksizes[d] for d in time.out}
        stamps, begin, end = (a.chunk(chunks) for a in (stamps, begin, end))
    return xr.apply_ufunc(
        _ratio,
        stamps, begin, end,
        kwargs={
            "hours": over.wanted, "latitude": horizontal.latitude,
            "longitude": horizontal.longitude,
        },
        output_core_dims=[["latitude", "longitude"]],
        dask="parallelized",
        output_dtypes=["float64"],
        dask_gufunc_kwargs={
            "output_sizes": {
                "latitude": horizontal.latitude.size, "longitude": horizontal.longitude.size,
            }
        },
    )  # fmt: skip


def _ratio(
    stamps: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    hours: float,
    latitude: np.ndarray,
    longitude: np.ndarray,
) -> np.ndarray:
    stamps = stamps.astype("datetime64[s]")  # nanoseconds end in 2262
    first, last = stamps - _length(begin), stamps + _length(end)
    hour = mean_cosine(stamps - _length(np.asarray(hours)), stamps, latitude, longitude)
    window = mean_cosine(first, last, latitude, longitude)
    # In the dark there is nothing to share out.
    ratio = hour / np.where(window > 1e-6, window, 1)
    longest = ((begin + end) / hours)[..., None, None]
    return np.minimum(np.where(window > 1e-6, ratio, 1), longest)


def _length(hours: np.ndarray) -> np.ndarray:
    return np.round(hours * 3600).astype("timedelta64[s]")


def per_hour(field: xr.DataArray, over: Over | None, time: Time) -> xr.DataArray:
    """Return sums divided by the hours that they are over, so that they compare with hourly ones.

    Parameters
    ----------
    field : xarray.DataArray (*time.out, ..., latitude, longitude)
    over : Over, optional
        What its values are over.
    time : Time
    """
    if over is None or over.refused or over.method == "mean" or over.is_exactly(1):
        return field
    hours = over.hours
    if over.running:
        hours = np.maximum(hours_between(origins(time, over.running), time.values), 1)
    return field / xr.DataArray(np.broadcast_to(hours, time.values.shape), dims=time.out)


def sunlit(
    over: Over,
    time: Time,
    horizontal: Horizontal,
    picked: Mapping[Hashable, Any],
    shift: float = 0.0,
) -> np.ndarray:
    """Return the mean cosine of the sun's zenith angle over what values are over, 0 at night.

    It is that of the values that `per_hour` gives.

    Parameters
    ----------
    over : Over
        What values are over.
    time : Time
    horizontal : Horizontal
    picked : mapping
        Indices of the values along the dims of time, and along latitude and longitude; of the
        middle of the domain where these are not given.
    shift : float
        Hours by which the stamps are later than they say.

    Returns
    -------
    ndarray (*time.out, latitude, longitude)
    """
    if over.running:
        begin, end = hours_between(origins(time, over.running), time.values), np.zeros(1)
    else:
        begin, end = over.begin, over.end
    begin, end = (np.broadcast_to(a, time.values.shape) for a in (begin, end))
    stamps = time.values.astype("datetime64[s]") + _length(np.asarray(shift))
    ends = np.stack([stamps - _length(begin), stamps + _length(end)])
    within = {d: i for d, i in picked.items() if d in time.out}
    first, last = xr.DataArray(ends, dims=("end", *time.out)).isel(within).values
    lat, lon = (
        axis[picked[dim]] if dim in picked else np.array([axis.mean()])
        for dim, axis in (("latitude", horizontal.latitude), ("longitude", horizontal.longitude))
    )
    return mean_cosine(first, last, lat, lon)
