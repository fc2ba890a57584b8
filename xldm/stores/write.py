"""Write a training store day by day, so that it is either whole and verified or refused."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from os import PathLike
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr

try:
    from zarr.codecs import BloscCodec, Crc32cCodec
except ImportError:
    raise ImportError(
        f"Training stores are Zarr 3, which zarr {zarr.__version__} cannot write: write them in an "
        "environment with zarr>=3. The recipes' environment has zarr 2, and writes parts."
    ) from None

from ..config import GridConfig
from ..errors import StoreError
from ..storage.claims import FOLDER, sole_writer
from ..storage.location import Place, locate, reaching
from .compatibility import accepted
from .open import open_group, root_attrs, zarr_store
from .schema import DAY, SCHEMA, gathered, laid_out
from .statistics import statistics
from .verify import absent_days, day_path, verify

__all__ = ["write_training_store"]


def write_training_store(
    url: str | PathLike,
    coarse: xr.Dataset,
    fine: xr.Dataset,
    static: xr.Dataset,
    split: xr.DataArray,
    *,
    attrs: Mapping[str, str],
    storage_options: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> str:
    """Write a training store, verify it and mark it complete.

    Fields are computed and written a day (24 hours from the first) at a time, so memory is that of
    a day, and each object of the store is written once and whole. The mark, ``xldm_complete``, is
    the last thing written; whatever stops the writing leaves a store that readers refuse and that
    ``resume`` goes on with: it reads the days that are there, whose chunks carry checksums, and
    writes those that are absent or damaged. That a store is resumed with the same inputs is checked
    of names, attributes, axes, static fields and splits, and of fields by the sample that
    `xldm.stores.verify.verify` compares in the end.

    One writer at a time: `xldm.storage.claims.sole_writer` says what that relies on.

    Parameters
    ----------
    url : str or path
        A local path or any fsspec URL; a bucket has to exist.
    coarse, fine : Dataset (time, y, x)
        The whole record in physical units, lazy; each variable with ``units``. Winds point east and
        north. Stored as float32. Hours follow one another; gaps may only follow whole days.
    static : Dataset (y, x)
        As of `xldm.statics`.
    split : DataArray (time) int8
        As of `xldm.stores.splits`.
    attrs : mapping of str
        ``title``, ``source``, ``license``, ``references`` and ``crs`` (as ``EPSG:3035``), and any
        others for the root.
    storage_options : mapping, optional
        What fsspec needs to get there; they appear in no message and not in the store.
    resume : bool
        Go on with a store whose writing was interrupted.
    progress : callable, optional
        Called with days written and days in all.

    Returns
    -------
    str
        The mark: when the store was verified, and the sha256 of what was verified.

    Raises
    ------
    StoreError
        Before anything is written: if the inputs do not go together, with every fault; if a store
        is there already that is complete, incomplete without ``resume``, or of other content; if
        another run is writing. Afterwards: if the place cannot be reached or verification fails.
    """
    place = locate(url, storage_options)
    given = gathered(coarse, fine, static, split)
    grid = accepted(place.url, given, attrs)
    attrs = {
        "Conventions": "CF-1.11",
        **{str(name): value for name, value in attrs.items()},
        "xldm_schema": SCHEMA,
        "ratio": grid.factor,
    }
    content = {"attrs": _digest(attrs), **{name: _digest(ds) for name, ds in given.items()}}
    _refuse_occupied(place, content, resume)
    with sole_writer(place) as still_mine:
        _refuse_occupied(place, content, resume)
        with reaching(place):
            root = zarr.open_group(zarr_store(place), mode="a", zarr_format=3)
            root.update_attributes({**attrs, "xldm_content": content})
            _begin(place, given, grid)
        _write_days(place, given, still_mine, progress)
        still_mine()
        _write_statistics(place, given)
        digest = verify(url, given, storage_options=storage_options)
        still_mine()
        mark = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} sha256:{digest}"
        with reaching(place):
            root.update_attributes({"xldm_complete": mark})
    return mark


def _digest(content: xr.Dataset | Mapping[str, Any]) -> str:
    """What tells one input from another, fields along time by name, attributes and axes only."""
    seen = hashlib.sha256()
    if isinstance(content, xr.Dataset):
        for name in sorted(content.variables, key=str):
            field = content[name]
            described = [str(name), field.dims, field.shape, field.attrs]
            seen.update(json.dumps(described, sort_keys=True, default=_jsonable).encode())
            if field.dims != ("time", "y", "x"):
                values = field.values
                seen.update(repr(values.tolist()).encode() if _text(field) else values.tobytes())
    else:
        seen.update(json.dumps(content, sort_keys=True, default=_jsonable).encode())
    return seen.hexdigest()


def _jsonable(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def _refuse_occupied(place: Place, content: Mapping[str, str], resume: bool) -> None:
    with reaching(place):
        found = root_attrs(place)
        if found is None:
            place.fs.invalidate_cache()
            there = place.fs.find(place.root, maxdepth=3)
            if any(f"/{FOLDER}/" not in path for path in there):
                raise StoreError(
                    f"{place.url}: there is something else already; choose another place."
                )
            return
    if "xldm_content" not in found or found.get("xldm_schema") != SCHEMA:
        raise StoreError(f"{place.url}: there is another Zarr store; choose another place.")
    if "xldm_complete" in found:
        raise StoreError(
            f"{place.url}: there is a complete store already, which is never overwritten; choose "
            "another place or delete it."
        )
    if not resume:
        raise StoreError(
            f"{place.url}: there is a store whose writing was interrupted or failed; go on with it "
            "by resume=True, or delete it."
        )
    if other := [n for n in content if found["xldm_content"].get(n) != content[n]]:
        raise StoreError(
            f"{place.url}: the store that is there was begun with other content ({', '.join(other)}"
            " differ); resume with the inputs it was begun with, or delete it."
        )


def _begin(place: Place, given: Mapping[str, xr.Dataset], grid: GridConfig) -> None:
    """Write metadata, coordinates, static fields and splits; fields along time are left empty.

    What is there already from an interrupted run is written again, but for those fields.
    """
    for group, ds in given.items():
        ds = laid_out(ds, grid, fine=group != "coarse")
        if group in ("coarse", "fine"):
            ds = ds.assign({name: _unwritten(field, group) for name, field in ds.items()})
        _write_group(place, group, ds)


def _unwritten(field: xr.DataArray, group: str) -> xr.Variable:
    times, *cells = field.shape
    encoding = {
        "chunks": (1 if group == "fine" else DAY, *cells),
        "compressors": (BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()),
        "fill_value": np.float32(np.nan),
    }
    if group == "fine":
        encoding["shards"] = (DAY, *cells)
    values = da.zeros((times, *cells), dtype="float32", chunks=(DAY, *cells))
    return xr.Variable(field.dims, values, dict(field.attrs), encoding)


def _write_group(place: Place, group: str, ds: xr.Dataset) -> None:
    # Zarr 3 specifies strings of any length only.
    strings = {n: c.astype(np.dtypes.StringDType()) for n, c in ds.coords.items() if _text(c)}
    ds = ds.assign_coords(strings)
    store = zarr_store(place)
    ds.to_zarr(store, group=group, mode="a", compute=False, consolidated=False, zarr_format=3)


def _text(field: xr.DataArray) -> bool:
    return field.dtype.kind in "OUT"


def _write_days(
    place: Place,
    given: Mapping[str, xr.Dataset],
    still_mine: Callable[[], None],
    progress: Callable[[int, int], object] | None,
) -> None:
    times = given["fine"].sizes["time"]
    days = math.ceil(times / DAY)
    fields = {}
    with reaching(place):
        _sweep(place)
        for group in ("coarse", "fine"):
            arrays = zarr.open_group(zarr_store(place), path=group, mode="r+")
            # A chunk without values is written too, so that every chunk has to be there.
            fields[group] = {
                str(n): arrays[str(n)].with_config({"write_empty_chunks": True})
                for n in given[group]
            }
        absent = {
            group: {day for name in of for day in absent_days(place, group, name, days)}
            for group, of in fields.items()
        }
    for day in range(days):
        rows = slice(day * DAY, min((day + 1) * DAY, times))
        for group, of in fields.items():
            if day not in absent[group] and _whole(place, of, rows):
                continue
            block = given[group].isel(time=rows).compute()
            still_mine()
            with reaching(place):
                for name, array in of.items():
                    # Zarr reads a shard before it writes to it, and stops at a damaged one.
                    with suppress(FileNotFoundError):
                        place.fs.rm_file(day_path(place, group, name, day))
                    array[rows] = block[name].values.astype("float32")
        if progress is not None:
            progress(day + 1, days)


def _sweep(place: Place) -> None:
    """Remove what a killed process left of files that it had not finished."""
    if place.local:
        place.fs.invalidate_cache()
        for path in place.fs.find(place.root):
            if path.endswith(".partial"):
                place.fs.rm_file(path)


def _whole(place: Place, fields: Mapping[str, zarr.Array], rows: slice) -> bool:
    """Whether what is stored of a day can be read, which checks its checksums."""
    try:
        with reaching(place):
            for array in fields.values():
                array[rows]
    except StoreError:
        raise
    except (ValueError, RuntimeError):
        return False
    return True


def _write_statistics(place: Place, given: Mapping[str, xr.Dataset]) -> None:
    """Statistics of what is stored, by group and variable; 0 values where there is none."""
    train = given["split"]["split"] == 0
    train.attrs = given["split"]["split"].attrs
    found = {}
    for group in ("coarse", "fine"):
        with reaching(place):
            # Zarr lists variables in any order.
            stored = open_group(place, group)[list(given[group])].chunk(time=DAY)
            # Whether the stored axis is right is for verification to say, with all else.
            stored = stored.assign_coords(time=train["time"])
            found[group] = statistics(stored, train).compute()
    names = list(dict.fromkeys(str(n) for group in found for n in given[group]))
    nothing = {"count": 0, "missing": 0}
    stats = xr.concat(
        [one.reindex(variable=names, fill_value=nothing) for one in found.values()],
        xr.Variable("group", list(found)),
        combine_attrs="override",
    )
    with reaching(place):
        _write_group(place, "stats", stats)
