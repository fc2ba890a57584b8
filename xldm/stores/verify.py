"""Compare a training store with its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np
import pyproj
import xarray as xr

from ..errors import StoreError
from ..storage.location import Place, locate, reaching
from ..storage.marks import root_attrs
from ..storage.objects import keys
from .open import open_group
from .schema import BOUNDS, DAY, UNITS

__all__ = ["day_key", "other_axes", "other_positions", "other_shapes", "verify"]


def verify(
    url: str | PathLike,
    given: Mapping[str, xr.Dataset],
    *,
    storage_options: Mapping[str, Any] | None = None,
    hours: int = 48,
    seed: int = 0,
) -> str:
    """Compare a store with its inputs.

    Axes, static fields and splits are compared value by value, fields bit for bit at the first
    hour, the last hour and ``hours`` others drawn at random. All stored fields are read once:
    chunks carry checksums, and an hour may lack all values only where its input does. Every chunk
    must be listed, and every variable must have a finite mean and a positive spread.

    Parameters
    ----------
    url, storage_options
        As for `open_training_store`; the store need not be complete.
    given : mapping of str to Dataset
        The inputs, as `xldm.stores.schema.gathered` returns them.
    hours, seed : int
        Number and seed of the hours to compare; all of them if there are no more.

    Returns
    -------
    str
        The sha256 of the verified content.

    Raises
    ------
    StoreError
        If anything differs, with every fault.
    """
    place = locate(url, storage_options)
    digest, faults = hashlib.sha256(), []
    root = root_attrs(place)
    if root is None:
        raise StoreError(f"{place.url}: there is no Zarr 3 store; check the path or URL.")
    for group in (*given, "stats"):
        try:
            with reaching(place):
                stored = open_group(place, group)
        except StoreError:
            raise
        except Exception as error:
            faults.append(f"/{group} cannot be opened ({_line(error)})")
            continue
        if group == "stats":
            faults += _bad_statistics(stored, given, digest)
            continue
        wanted = given[group]
        found = [*other_axes(stored, wanted), *other_shapes(stored, wanted)]
        if not found and group != "split":
            found += other_positions(stored, root.get("crs"))
        if not found and group in ("coarse", "fine"):
            stored = stored.chunk(time=DAY)
            found += [*_absent(place, group, stored, wanted), *_empty(place, stored, wanted)]
            rows = _sample(wanted.sizes["time"], hours, seed)
            found += _other_hours(place, group, wanted, rows, digest)
        elif not found:
            found += [
                f"{name} differs from the input"
                for name in wanted
                if not _same(_read(place, stored[name], digest), wanted[name].values)
            ]
        faults += [f"/{group}: {fault}" for fault in found]
    if faults:
        raise StoreError(
            f"{place.url} differs from its inputs: {'; '.join(faults)}. Do not use it: delete it "
            "and write it again."
        )
    return digest.hexdigest()


def day_key(group: str, name: str, day: int) -> str:
    """Return the key of the object that holds a day of a field, counted from the first hour."""
    return f"{group}/{name}/c/{day}/0/0"


def other_axes(stored: xr.Dataset, given: xr.Dataset, *, tolerance: float = 1e-3) -> Iterator[str]:
    """Yield how axes differ; centres by more than a tolerance [m], which hides rounding."""
    if "time" in given.dims:
        axis = stored["time"]
        said = (axis.encoding.get("units"), axis.encoding.get("dtype"))
        if said != (UNITS, np.dtype("int64")):
            yield f"time is stored as {said[1]} {said[0]!r}, not as int64 {UNITS!r}"
    for name in (*given.dims, BOUNDS):
        if name not in given.coords:
            continue
        mine = stored[name].values if name in stored.coords else np.empty(0)
        theirs = given[name].values
        if mine.shape != theirs.shape:
            yield f"{name} has {mine.size} values, the input {theirs.size}"
        elif name in ("y", "x"):
            if np.abs(mine - theirs).max() > tolerance:
                yield f"{name} differs from the input"
        elif (other := np.flatnonzero(mine != theirs)).size:
            at = other[0]
            yield (
                f"{name} differs from the input at {other.size} of {mine.size} values, first at "
                f"{at}: {mine.flat[at]}, not {theirs.flat[at]}"
            )


def other_positions(stored: xr.Dataset, crs: Any) -> Iterator[str]:
    """Yield which of lon and lat are not those of y and x in a CRS."""
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    places = to_degrees.transform(*np.meshgrid(stored["x"], stored["y"]))
    for name, values in zip(("lon", "lat"), places, strict=True):
        if name not in stored.coords or not np.allclose(stored[name], values, rtol=0, atol=1e-9):
            yield f"{name} is not that of y and x in {crs}"


def other_shapes(stored: xr.Dataset, given: xr.Dataset) -> Iterator[str]:
    """Yield which variables differ in shape, or are in one of the two only."""
    if other := sorted(set(map(str, stored)) ^ set(map(str, given))):
        yield f"the variables {', '.join(other)} are in one of store and input only"
    for name in set(stored) & set(given):
        if stored[name].sizes != given[name].sizes:
            yield f"{name} is {dict(stored[name].sizes)}, the input {dict(given[name].sizes)}"


def _absent(place: Place, group: str, stored: xr.Dataset, given: xr.Dataset) -> Iterator[str]:
    days = -(-given.sizes["time"] // DAY)
    for name in given:
        there = keys(place, f"{group}/{name}/c")
        lost = [day for day in range(days) if day_key(group, str(name), day) not in there]
        if lost:
            when = given["time"].values[[day * DAY for day in lost[:3]]]
            yield (
                f"{name} lacks {len(lost)} of {days} days, beginning "
                f"{', '.join(np.datetime_as_string(when, unit='h'))}"
            )


def _empty(place: Place, stored: xr.Dataset, given: xr.Dataset) -> Iterator[str]:
    """Read every field once, for damaged chunks and hours that lost their values."""
    for name in given:
        try:
            with reaching(place):
                nothing = stored[name].isnull().all(("y", "x")).values
        except StoreError:
            raise
        except (ValueError, RuntimeError) as error:
            yield f"{name} cannot be read ({_line(error)})"
            continue
        for row in np.flatnonzero(nothing):
            if not given[name].isel(time=row).isnull().all():
                yield f"{name} has no values at {_hour(given, row)}, the input has"


def _other_hours(
    place: Place, group: str, given: xr.Dataset, rows: np.ndarray, digest: Any
) -> Iterator[str]:
    with reaching(place):
        stored = open_group(place, group)  # without dask: reads hours, not days
    # Hours of one day together, since inputs may be chunked by the day.
    for some in np.split(rows, np.flatnonzero(np.diff(rows // DAY)) + 1):
        truth = given.isel(time=some).compute()
        for name in given:
            try:
                values = _read(place, stored[name].isel(time=some), digest)
            except StoreError:
                raise
            except (ValueError, RuntimeError) as error:
                yield f"{name} cannot be read near {_hour(given, some[0])} ({_line(error)})"
                continue
            wanted = truth[name].values.astype("float32")
            for row, one, other in zip(some, values, wanted, strict=True):
                if not _same(one, other):
                    yield f"{name} differs from the input at {_hour(given, row)}"


def _bad_statistics(
    stats: xr.Dataset, wanted: Mapping[str, xr.Dataset], digest: Any
) -> Iterator[str]:
    for group in ("coarse", "fine"):
        for name in map(str, wanted[group]):
            try:
                one = stats.sel(group=group, variable=name)
                mean, std = float(one["mean"]), float(one["std"])
            except KeyError:
                yield f"/stats lacks {name} of /{group}"
                continue
            digest.update(np.array([mean, std]).tobytes())
            if not (np.isfinite(mean) and np.isfinite(std) and std > 0):
                yield (
                    f"/stats: {name} of /{group} has mean {mean:g} and std {std:g} over the "
                    "training hours: it is constant, missing or broken"
                )


def _sample(times: int, hours: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).choice(times, min(hours, times), replace=False)
    return np.unique([0, times - 1, *drawn])


def _read(place: Place, field: xr.DataArray, digest: Any) -> np.ndarray:
    with reaching(place):
        values = field.values
    digest.update(values.tobytes())
    return values


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether arrays are equal bit for bit: -0 is not 0, NaN is NaN."""
    return one.shape == other.shape and one.tobytes() == other.astype(one.dtype).tobytes()


def _hour(given: xr.Dataset, row: int | np.integer) -> str:
    return np.datetime_as_string(given["time"].values[row], unit="h")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
