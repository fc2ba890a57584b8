"""Turn a file of an archive into days of a part: open, check, transform, write, read back."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from ..errors import InputError, StoreError
from ..inputs.axes.times import time_axis
from ..storage.location import Place, reaching
from ..storage.objects import content, put
from ..stores.schema import BOUNDS
from ..stores.statistics import moments
from ..vocabulary import VOCABULARY, units_of
from .archive_files import local
from .declaration import Declared, File
from .period import shown
from .target import RUN, Target, reach, refuse_other_run, store

__all__ = ["Evidence", "read_back", "write_file"]

log = logging.getLogger(__name__)

#: The record of a file, as plain JSON: its label, its fingerprint and, by field and day, the sha256
#: and the moments of the written values.
Evidence = dict[str, Any]


def write_file(
    item: tuple[File, Any],
    *,
    target: Target,
    declared: Declared,
    run: str,
    opener: Callable[[str, Path], list[xr.Dataset]],
    transform: Callable[[xr.Dataset], xr.Dataset],
) -> Evidence:
    """Write the days of a file, one at a time, and record their digests.

    Memory holds one day. A file that an earlier run finished is skipped; `read_back` compares the
    stored days with that run's record.

    Parameters
    ----------
    item : (File, URL or fsspec's open file)
    target, declared, run, opener, transform
        As for `xldm.forge.transforms.StoreDays`.

    Raises
    ------
    StoreError
        With file and hour, if the file cannot be read, or if its hours or fields are not those
        declared.
    """
    file, source = item
    place = reach(target)
    noted = f"{RUN}/{file.label}.json"
    fingerprint = _fingerprint(source)
    with reaching(place):
        known = content(place, noted)
    if known is not None and json.loads(known)["fingerprint"] == fingerprint:
        log.info("%s: written by an earlier run", file.url)
        return json.loads(known)
    evidence: Evidence = {"file": file.label, "fingerprint": fingerprint, "fields": {}}
    days = np.unique(declared.period.within(file.key).astype("datetime64[D]"))
    for n, (day, fields) in enumerate(_days_of(file, source, declared, opener, transform), 1):
        with reaching(place):
            refuse_other_run(place, run)
            _write_day(place, declared, day, fields)
        for name, values in fields.items():
            evidence["fields"].setdefault(name, {})[str(day)] = {
                "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
                "moments": moments(values).ravel().tolist(),
            }
        log.info("%s: %s written, day %d of %d", file.url, day, n, days.size)
    with reaching(place):
        put(place, noted, json.dumps(evidence).encode())
    return evidence


def _fingerprint(source: Any) -> list[str]:
    """Return properties that change with a file; for a URL that is no file, the URL."""
    if isinstance(source, str):
        return [source]
    info = source.fs.info(source.path)
    return [str(info.get(key)) for key in ("size", "mtime", "LastModified", "ETag", "etag")]


def _days_of(
    file: File,
    source: Any,
    declared: Declared,
    opener: Callable[[str, Path], list[xr.Dataset]],
    transform: Callable[[xr.Dataset], xr.Dataset],
) -> Iterator[tuple[np.datetime64, dict[str, np.ndarray]]]:
    """Check all hours of a file, then yield each day with its fields, float32 (24, y, x)."""
    with tempfile.TemporaryDirectory(prefix="xldm-") as folder:
        with _reading(file):
            path = source if isinstance(source, str) else local(source, Path(folder))
            datasets = opener(path, Path(folder))
            whole = isinstance(source, str)  # a Zarr store, with more than a month
            rows = [_rows(ds, file, declared, whole=whole) for ds in datasets]
        try:
            for day in np.unique(declared.period.within(file.key).astype("datetime64[D]")):
                fields: dict[str, np.ndarray] = {}
                for ds, (dim, hours, at) in zip(datasets, rows, strict=True):
                    of_day = at[hours.astype("datetime64[D]") == day]
                    with _reading(file, day):
                        one = ds.isel({dim: slice(of_day[0], of_day[-1] + 1)})
                        if whole:
                            # Hour by hour: Zarr would hold all chunks, of the globe, at once.
                            one = one.chunk({dim: 1})
                        one = one.load(scheduler="synchronous") if whole else one.load()
                    with _naming(file, day):
                        _add(fields, transform(one), declared, day)
                with _naming(file, day):
                    _refuse_other_fields(fields, declared.names[file.kind])
                yield day, fields
        finally:
            for ds in datasets:
                ds.close()


@contextmanager
def _naming(file: File, day: np.datetime64 | None = None) -> Iterator[None]:
    """Put the file, and the day if any, in front of the message of an error."""
    try:
        yield
    except ValueError as error:
        where = file.url if day is None else f"{file.url}, {day}"
        raise StoreError(f"{where}: {' '.join(str(error).split())}") from error


@contextmanager
def _reading(file: File, day: np.datetime64 | None = None) -> Iterator[None]:
    """Name the file that a library cannot read, whatever the library raises."""
    with _naming(file, day):
        try:
            yield
        except (InputError, StoreError, ImportError, AttributeError, MemoryError):
            raise
        except Exception as error:
            raise InputError(
                f"it cannot be read ({type(error).__name__}: {error}). It may be truncated or no "
                "file of this recipe: download it again."
            ) from error


def _rows(
    ds: xr.Dataset, file: File, declared: Declared, *, whole: bool
) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the dim of time, the declared hours of a file, and their rows along the dim.

    Hours outside the period are ignored. Hours of another month or day than the file's are refused,
    unless the file is a whole archive.
    """
    axis = time_axis(ds, series=True)
    if len(axis.dims) != 1:
        raise InputError(f"its times lie along {axis.dims}; expected one dim.")
    span = np.datetime64(file.key)
    foreign = axis.values[
        (axis.values.astype(span.dtype) != span)
        | (axis.values.astype("datetime64[h]") != axis.values)
    ]
    if foreign.size and not whole:
        raise InputError(
            f"it holds {shown(foreign[0])} ({foreign.size} such times), which is no whole hour of "
            f"{file.key}."
        )
    hours = declared.period.within(file.key)
    at = np.searchsorted(axis.values, hours)
    there = np.isin(hours, axis.values)
    if not there.all():
        raise InputError(
            f"{_fields(ds)} lack {shown(hours[~there][0])} ({np.count_nonzero(~there)} of "
            f"{hours.size} hours are missing): download it again."
        )
    return axis.dims[0], hours, at


def _fields(ds: xr.Dataset) -> str:
    return ", ".join(map(str, ds.data_vars))


def _add(
    fields: dict[str, np.ndarray], found: xr.Dataset, declared: Declared, day: np.datetime64
) -> None:
    """Check the fields that a transformation made of a day, and add them."""
    hours = np.arange(day, day + 1, dtype="datetime64[h]")
    shape = (
        hours.size,
        *(declared.grid.fine_shape if declared.kind == "fine" else declared.grid.shape),
    )
    for name, field in found.drop_vars(BOUNDS, errors="ignore").items():
        name = str(name)
        if name in fields:
            raise InputError(f"{name} occurs twice.")
        if field.dims != ("time", "y", "x") or field.shape != shape:
            raise InputError(f"{name} came out as {dict(field.sizes)}, not {shape} (time, y, x).")
        if not np.array_equal(field["time"].values.astype("datetime64[ns]"), hours):
            raise InputError(f"{name} came out with other hours than the day's.")
        units = field.attrs.get("units")
        if name in VOCABULARY:
            wanted = units_of(name, declared.kind)
            if units != wanted:
                raise InputError(f"{name} came out in {units!r}, not {wanted!r}.")
        values = np.ascontiguousarray(field.values, dtype="float32")
        for hour, one in zip(hours, values, strict=True):
            if np.isinf(one).any() or np.isnan(one).all():
                what = "infinite values" if np.isinf(one).any() else "no values"
                raise InputError(f"{name} has {what} at {shown(hour)}.")
        fields[name] = values


def _refuse_other_fields(fields: dict[str, np.ndarray], names: tuple[str, ...]) -> None:
    if lost := [name for name in names if name not in fields]:
        raise InputError(f"it has no {', '.join(lost)}; found: {', '.join(fields) or 'none'}.")
    if more := [name for name in fields if name not in names]:
        raise InputError(f"it gives {', '.join(more)}, which the recipe does not declare.")


def _write_day(
    place: Place, declared: Declared, day: np.datetime64, fields: dict[str, np.ndarray]
) -> None:
    """Write whole chunks, so that no two workers share one."""
    group: Any = zarr.open_group(store(place), mode="r+")
    for name, values in fields.items():
        group[name][declared.period.rows(day)] = values


def read_back(evidence: Evidence, *, target: Target, declared: Declared) -> Evidence:
    """Read every day of a file from the target, and compare it with the record.

    Raises
    ------
    StoreError
        If a day differs, with field and day.
    """
    place = reach(target)
    with reaching(place):
        group: Any = zarr.open_group(store(place), mode="r")
        for name, days in evidence["fields"].items():
            for day, noted in days.items():
                values = group[name][declared.period.rows(day)]
                if hashlib.sha256(values.tobytes()).hexdigest() != noted["sha256"]:
                    raise StoreError(
                        f"{place.url}: {name} of {day} is not stored as it was written; the "
                        "storage lost or changed it. Delete the target and run again."
                    )
    return evidence
