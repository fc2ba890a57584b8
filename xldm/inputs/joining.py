"""Join the datasets of several files: other variables of the same times, or other times."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from ..errors import InputError
from . import dialects
from .decode import decode

__all__ = ["join"]

# Share of a step by which positions of two files may differ.
_SAME = 1e-3
# Scalars that tell one file from another, and so become dims.
_TIMES = (*dialects.VALID_TIME, *dialects.TIME, *dialects.START)
_MARKS = (*_TIMES, *dialects.MEMBER)


def join(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join datasets to one, lazily.

    Datasets with the same variables follow on one another; the others are merged. Times that some
    variables lack are left out, with a warning; leads are kept.

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
    parts = _on_one_grid([_standard(decode(part)[0]) for part in parts])
    groups: dict[frozenset[Hashable], list[xr.Dataset]] = {}
    for part in parts:
        groups.setdefault(frozenset(part.data_vars), []).append(part)
    joined = [_in_a_row(group) for group in groups.values()]
    twice = [n for i, a in enumerate(joined) for b in joined[:i] for n in a.data_vars if n in b]
    if twice:
        raise InputError(
            f"{', '.join(map(str, twice))} in several files, with other variables beside: expected "
            "each file of a kind to hold the same variables. Leave out the file that repeats it."
        )
    return _merged(joined)


def _standard(ds: xr.Dataset) -> xr.Dataset:
    """Return a dataset whose levels and times are dims, as those of other files may be."""
    for name in [n for n, c in ds.coords.items() if c.ndim == 0]:
        coordinate = ds[name]
        lower = str(name).lower()
        if lower in dialects.LEVEL or coordinate.attrs.get("standard_name") == "air_pressure":
            ds = ds.expand_dims(name)
        elif lower in ("surface", "meansea", "heightaboveground", "height"):
            # One file's scalar would become that of every variable.
            ds = ds.drop_vars([name])
    return ds


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
    marks = [n for n in _MARKS if all(n in ds.coords and ds[n].ndim == 0 for ds in group)]
    apart = [n for n in marks if len({ds[n].item() for ds in group}) > 1]
    # Valid time follows where the start of a forecast tells files apart.
    starts = [n for n in apart if n not in dialects.VALID_TIME] or apart
    along = [ds.expand_dims(starts) for ds in group]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)
            combined = xr.combine_by_coords(
                along,
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
        if any(value != here[0] for value in here) and name in (*_TIMES, *dialects.LEAD):
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
