"""Join the datasets of several files: other variables of the same times, or other times."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from ...errors import InputError
from .. import dialects
from ..axes.times import Time, time_axis
from ..decode import decode

__all__ = ["join"]

# Share of a step by which positions of two files may differ.
_SAME = 1e-3
_TIMES = (*dialects.VALID_TIME, *dialects.TIME, *dialects.START)
_STARTS = (*dialects.TIME, *dialects.START)
# Scalars that tell one file from another, and so become dims.
_MARKS = (*_STARTS, *dialects.LEAD, *dialects.MEMBER)


def join(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join datasets to one, lazily.

    Each variable is put together from the datasets that hold it, along times, leads, members or
    levels; then variables are merged. Times that some variables lack are left out, with a warning;
    leads are kept.

    Raises
    ------
    InputError
        If they lie on other grids, or hold the same values of a variable twice.

    Examples
    --------
    >>> a = xr.Dataset({"t2m": ("time", [1.0, 2.0])}, {"time": [0, 1]})
    >>> b = xr.Dataset({"tp": ("time", [3.0, 4.0])}, {"time": [0, 1]})
    >>> sorted(join([a, b]))
    ['t2m', 'tp']
    """
    parts = _series(_on_one_grid([_standard(decode(part)[0]) for part in parts]))
    parts = _apart(parts)
    # Variables of the same files go together: a step 0 has no sums.
    groups: dict[tuple[int, ...], list[Hashable]] = {}
    for name in dict.fromkeys(n for part in parts for n in part.data_vars):
        of = tuple(i for i, part in enumerate(parts) if name in part.data_vars)
        groups.setdefault(of, []).append(name)
    joined = [_in_a_row([parts[i][names] for i in of]) for of, names in groups.items()]
    return _with_valid_time(_merged(joined))


def _standard(ds: xr.Dataset) -> xr.Dataset:
    """Return a dataset whose pressure is a dim: a scalar would become that of every variable."""
    for name in [n for n, c in ds.coords.items() if c.ndim == 0]:
        lower = str(name).lower()
        if lower in dialects.LEVEL or ds[name].attrs.get("standard_name") == "air_pressure":
            ds = ds.expand_dims(name)
        elif lower in ("surface", "meansea", "heightaboveground", "height"):
            ds = ds.drop_vars([name])
    return ds


def _series(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return the datasets along valid time, if one of them holds the short forecasts of ERA5.

    cfgrib opens these along start and lead, and analyses beside them along start alone.
    """
    times = [_time(ds) for ds in parts]
    if all(time is None or time.order is None for time in times):
        return parts
    result = []
    for ds, time in zip(parts, times, strict=True):
        if time is not None and time.dims:
            dim = time.dims[0]
            if time.order is not None:
                ds = ds.stack({"hours": time.dims}, create_index=False)
                ds, dim = ds.isel(hours=time.order).transpose("hours", ...), "hours"
            gone = [n for n in ds.coords if str(n).lower() in (*_TIMES, *dialects.LEAD)]
            ds = ds.drop_vars(gone).rename({dim: "valid_time"})
            attrs = {"standard_name": "time", "long_name": "time"}
            ds = ds.assign_coords(valid_time=("valid_time", time.values, attrs))
        result.append(ds)
    return result


def _time(ds: xr.Dataset) -> Time | None:
    try:
        return time_axis(ds)
    except InputError:
        return None


def _apart(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return the datasets with dims for the times, leads and members that tell them apart."""

    def differ(name: str) -> bool:
        scalars = {ds[name].item() for ds in parts if name in ds.coords and ds[name].ndim == 0}
        return len(scalars) > 1 or (bool(scalars) and any(name in ds.dims for ds in parts))

    coords = {str(n) for ds in parts for n in ds.coords}
    marks = [n for n in coords if n.lower() in _MARKS and differ(n)]
    valid = [n for n in coords if n.lower() in dialects.VALID_TIME]
    # Valid time follows from start and lead, and each file has its own.
    forecasts = any(n.lower() in (*_STARTS, *dialects.LEAD) for n in marks)
    stale = [n for n in valid if forecasts]
    marks += [n for n in valid if not forecasts and differ(n)]
    result = []
    for ds in parts:
        ds = ds.drop_vars([n for n in stale if n in ds.coords and n not in ds.dims])
        result.append(ds.expand_dims([n for n in marks if n in ds.coords and ds[n].ndim == 0]))
    return result


def _with_valid_time(ds: xr.Dataset) -> xr.Dataset:
    """Return the dataset with the valid times of cfgrib's forecasts, if its files lost them."""
    if "valid_time" in ds.coords or not {"time", "step"} <= {*ds.coords}:
        return ds
    if (ds["time"].dtype.kind, ds["step"].dtype.kind) != ("M", "m"):
        return ds
    valid = (ds["time"] + ds["step"]).drop_attrs()
    return ds.assign_coords(valid_time=valid.assign_attrs(standard_name="time"))


def _on_one_grid(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return the datasets with equal horizontal axes, where they differ by rounding alone."""
    first = parts[0]
    names = (*dialects.LATITUDE, *dialects.LONGITUDE)
    result = [first]
    for part in parts[1:]:
        for name in [n for n in part.coords if str(n).lower() in names and part[n].ndim == 1]:
            if name not in first.coords:
                raise InputError(_other_grid(name))
            here, there = part[name], first[name]
            if here.equals(there):
                continue
            step = np.abs(np.diff(there.values.astype("float64"))).min(initial=np.inf)
            if here.shape == there.shape and np.allclose(
                here[::-1], there, rtol=0, atol=_SAME * step
            ):
                part = part.isel({here.dims[0]: slice(None, None, -1)})
                here = part[name]
            if here.shape != there.shape or not np.allclose(here, there, rtol=0, atol=_SAME * step):
                raise InputError(_other_grid(name))
            part = part.assign_coords({name: there.variable})
        result.append(part)
    return result


def _other_grid(name: Hashable) -> str:
    return (
        f"The files lie on different grids: {name} differs. Expected the same latitudes and "
        "longitudes; request or cut the same area."
    )


def _in_a_row(group: list[xr.Dataset]) -> xr.Dataset:
    """Join datasets with the same variables along what tells them apart."""
    if len(group) == 1:
        return group[0]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)
            combined = xr.combine_by_coords(
                group,
                data_vars="minimal",
                coords="different",
                compat="equals",
                join="outer",
                combine_attrs="override",
            )
        assert isinstance(combined, xr.Dataset)  # of datasets, never of arrays
        return combined
    except (ValueError, xr.MergeError) as error:
        names = ", ".join(map(str, list(group[0].data_vars)[:3]))
        raise InputError(
            f"{len(group)} files hold {names} and cannot be put one after the other: {error} Is a "
            "file given twice, or do their times overlap? Give each time once."
        ) from error


def _merged(parts: list[xr.Dataset]) -> xr.Dataset:
    parts = _at_common_times(parts)
    scalars = {n for ds in parts for n, c in ds.coords.items() if c.ndim == 0}
    for name in scalars:
        here = [ds[name].item() for ds in parts if name in ds.coords]
        if any(value != here[0] for value in here) and str(name).lower() in (
            *_STARTS,
            *dialects.LEAD,
        ):
            raise InputError(
                f"The files are of different times: {name} is {', '.join(map(str, here))}. Give "
                "files of the same."
            )
    merged = xr.merge(parts, join="outer", compat="override", combine_attrs="override")
    return merged.assign_attrs(parts[0].attrs)


def _at_common_times(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return the datasets at the times that all of them have, and warn of the others."""
    dims = {
        d for ds in parts for d in ds.dims if d in ds.indexes and ds.indexes[d].dtype.kind == "M"
    }
    for dim in dims:
        indexes = [ds.indexes[dim] for ds in parts if dim in ds.indexes]
        every, common = indexes[0], indexes[0]
        for index in indexes[1:]:
            every, common = every.union(index), common.intersection(index)
        if len(common) == len(every):
            continue
        if not len(common):
            raise InputError(
                f"The files have no time in common along {dim!r}: expected the same times of "
                "every variable."
            )
        warnings.warn(
            f"{len(every) - len(common)} of {len(every)} times are not in every file; they are "
            "left out.",
            stacklevel=4,
        )
        parts = [ds.sel({dim: common}) if dim in ds.indexes else ds for ds in parts]
    return parts
