"""Check that coarse fields, fine fields, static fields and a split fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import ArgumentError, ArgumentTypeError, StoreError
from ..grids.projected import nested
from ..vocabulary import winds
from . import splits
from .schema import BOUNDS, DAY, accumulated, hour_ends

__all__ = ["REQUIRED", "accepted", "bad_fields", "bad_hours", "bad_static"]

#: Attributes that say what a store holds and who may use it; each is required.
REQUIRED = ("title", "source", "license", "references", "crs")
_STATIC = ("orog", "northing", "land_mask", "land_cover")


def accepted(url: str, given: Mapping[str, xr.Dataset], attrs: Mapping[str, str]) -> GridConfig:
    """Return the common grid of inputs that fit together.

    Parameters
    ----------
    url : str
        URL of the store, for messages.
    given : mapping of str to Dataset
        As `xldm.stores.schema.gathered` returns them.
    attrs : mapping of str
        As for `xldm.stores.write.write_training_store`.

    Raises
    ------
    StoreError
        With every fault: attributes, units, dims, hours or cells that are missing or do not match.
    """
    coarse, fine, static = (given[group] for group in ("coarse", "fine", "static"))
    split = given["split"]["split"]
    faults = [f"attrs lack {name!r}" for name in REQUIRED if not attrs.get(name)]
    faults += [f"attrs hold {name!r}, which xldm sets" for name in attrs if _reserved(str(name))]
    for group, ds in (("coarse", coarse), ("fine", fine)):
        faults += bad_fields(group, ds)
    faults += bad_static(static)
    if split.dims != ("time",):
        faults.append(f"split is {split.dims}, not ('time',)")
    elif not (split == 0).any():
        faults.append("no hour of split trains (0)")
    elif split.attrs.get("leaky") != "true" and "time" in split.coords:
        faults += _leaks(split)
    grid = None
    if all("time" in obj.coords for obj in (coarse, fine, split)):
        faults += bad_hours(coarse["time"].values)
        faults += _other_hours(coarse["time"], {"fine": fine["time"], "split": split["time"]})
    try:
        grid = _nested(coarse, fine, static, str(attrs.get("crs")))
    except (ValueError, KeyError) as error:
        faults.append(f"grids do not nest: {error}")
    if faults or grid is None:
        raise StoreError(f"{url}: nothing was written, since {'; '.join(faults)}.")
    return grid


def _leaks(split: xr.DataArray) -> Iterator[str]:
    """Yield why hours of a split that does not call itself leaky are neighbours."""
    try:
        fault = splits.leak(split)
    except (ArgumentError, ArgumentTypeError) as error:
        fault = str(error).rstrip(".")
    if fault:
        yield (
            f"{fault}: make it with by_blocks and a gap (a split of random_hours says that it "
            "leaks, and is written)"
        )


def _reserved(attr: str) -> bool:
    return attr in ("Conventions", "ratio") or attr.startswith("xldm_")


def bad_fields(group: str, ds: xr.Dataset) -> Iterator[str]:
    """Yield faults of coarse or fine fields: dims, units, sums, winds of unknown direction."""
    if not ds.data_vars:
        yield f"{group} has no variables"
    for name, field in ds.items():
        if field.dims != ("time", "y", "x") or field.dtype.kind not in "fiu":
            yield f"{group} {name} is {field.dtype} {field.dims}, not numbers along time, y, x"
        if not str(field.attrs.get("units", "")).strip():
            yield f"{group} {name} has no units"
        how = field.attrs.get("cell_methods", "time: sum")
        if accumulated(group, str(name)) and not how.startswith("time: sum"):
            yield f"{group} {name} has cell_methods {how!r}, not 'time: sum' over the hour before"
    for name in ("time", "y", "x"):
        if name not in ds.coords:
            yield f"{group} has no coordinate {name}"
    sums = [str(name) for name in ds if accumulated(group, str(name))]
    if sums and BOUNDS in ds.coords and (ds[BOUNDS].values != hour_ends(ds["time"].values)).any():
        yield f"bounds of {group} time are not the hours that {', '.join(sums)} are summed over"
    there, frame = winds(map(str, ds.data_vars)), ds.attrs.get("wind_frame")
    if there and frame != "earth":
        yield (
            f"{group} holds winds ({', '.join(there)}) and its attribute wind_frame is {frame!r}, "
            "not 'earth': turn them to point east and north, then say so"
        )


def bad_static(ds: xr.Dataset) -> Iterator[str]:
    """Yield faults of static fields."""
    for name in _STATIC:
        if name not in ds:
            yield f"static lacks {name}"
        elif ds[name].dims[-2:] != ("y", "x"):
            yield f"static {name} is {ds[name].dims}, not along y, x"


def bad_hours(times: np.ndarray) -> Iterator[str]:
    """Yield faults of a time axis: hours are consecutive, but for gaps after whole days.

    A day of a store is 24 rows counted from the first, whatever hour that is. Fields are written
    and read by the day, so no day may span a gap; the last may be shorter.
    """
    if times.dtype.kind != "M" or not times.size or np.isnat(times).any():
        yield f"times are {times.size} {times.dtype}, not datetime64 throughout"
        return
    if (times != times.astype("datetime64[h]")).any():
        yield "times are not whole hours"
    steps, hour = np.diff(times), np.timedelta64(1, "h")
    within = np.arange(1, times.size) % DAY != 0
    if (torn := np.flatnonzero((steps < hour) | (within & (steps > hour)))).size:
        at = torn[0]
        first, last, following = np.datetime_as_string(times[[0, at, at + 1]], unit="s")
        yield (
            f"times do not go on hour by hour at {torn.size} places, first from {last} to "
            f"{following}, {at % DAY + 1} hours into a day: a gap may only follow whole days of "
            f"{DAY} hours, counted from the first hour, {first}; complete the day, or leave out "
            "what there is of it"
        )


def _other_hours(coarse: xr.DataArray, others: Mapping[str, xr.DataArray]) -> Iterator[str]:
    for name, times in others.items():
        if not np.array_equal(times, coarse):
            yield (
                f"times of {name} ({times.size} from {times.values[:1]}) are not those of coarse "
                f"({coarse.size} from {coarse.values[:1]})"
            )


def _nested(coarse: xr.Dataset, fine: xr.Dataset, static: xr.Dataset, crs: str) -> GridConfig:
    grid = nested(coarse, fine, crs)
    for name in ("y", "x"):
        if not np.array_equal(static[name], fine[name]):
            raise ArgumentError(f"{name} of static is not that of fine")
    return grid
