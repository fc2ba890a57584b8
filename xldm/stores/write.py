"""Write a training store day by day; readers refuse it until it is whole and verified."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

# First: it says what to do where zarr is 2.
from ..storage.blocks import Block, encoded, unwritten, whole, write  # isort: skip

from ..arguments import FLAG, OPTIONS, PATH, Kind, instance, refuse
from ..config import GridConfig
from ..storage import marks
from ..storage.claims import sole_writer
from ..storage.location import Place, locate, reaching
from ..storage.objects import keys, put, sweep
from .compatibility import accepted
from .open import open_group
from .schema import DAY, SCHEMA, gathered, laid_out
from .statistics import statistics
from .verify import day_key, verify

__all__ = ["write_training_store"]

_FIELDS = instance(xr.Dataset, "an xarray.Dataset")


def _callable(value: Any) -> bool:
    return value is None or callable(value)


_ATTRS = Kind(
    "texts by name, as {'title': 'ERA5 and COSMO'}", (Mapping,),
    lambda v: all(isinstance(k, str) for k in v),
)  # fmt: skip


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

    Fields are computed and written one day (24 hours from the first) at a time, so memory holds one
    day, and each object of the store is put whole. The mark, ``xldm_complete``, is written last. An
    interrupted run leaves a store that readers refuse and ``resume`` completes: it reads the
    existing days, whose chunks carry checksums, and writes those that are absent or damaged. A
    store is resumed only with the same names, attributes, axes, static fields and splits; of the
    fields, `xldm.stores.verify.verify` compares a sample in the end.

    One run writes at a time: `xldm.storage.claims.sole_writer` says on what conditions.

    Parameters
    ----------
    url : str or path
        A local path or any fsspec URL; a bucket must exist.
    coarse, fine : Dataset (time, y, x)
        The whole record in physical units, lazy; each variable with ``units``. Winds point east and
        north. Fields are stored as float32. Hours are consecutive; a gap may only follow whole
        days.
    static : Dataset (y, x)
        As of `xldm.statics`.
    split : DataArray (time) int8
        As of `xldm.stores.splits`.
    attrs : mapping of str
        ``title``, ``source``, ``license``, ``references`` and ``crs`` (as ``EPSG:3035``), and any
        others for the root.
    storage_options : mapping, optional
        Options for fsspec, such as credentials; they appear in no message and not in the store.
    resume : bool
        Resume a store whose writing was interrupted. If it is complete, nothing is written.
    progress : callable, optional
        Called with the number of days written and the total.

    Returns
    -------
    str
        The mark: the time of verification, and the sha256 of the verified content.

    Raises
    ------
    StoreError
        Before anything is written: if the inputs do not fit together, with every fault; if a store
        exists that is complete or incomplete without ``resume``, or begun with something else; if
        another run is writing. Afterwards: if the place cannot be reached or verification fails.
    """
    refuse(
        url=(url, PATH), coarse=(coarse, _FIELDS), fine=(fine, _FIELDS), static=(static, _FIELDS),
        split=(split, instance(xr.DataArray, "a DataArray (time), as by_blocks gives")),
        attrs=(attrs, _ATTRS), storage_options=(storage_options, OPTIONS), resume=(resume, FLAG),
        progress=(progress, Kind("a function (done, days), or None", (object,), _callable)),
    )  # fmt: skip
    place = locate(url, storage_options)
    given = gathered(coarse, fine, static, split)
    grid = accepted(place.url, given, attrs)
    root = {
        "Conventions": "CF-1.11",
        **{str(name): value for name, value in attrs.items()},
        "xldm_schema": SCHEMA,
        "ratio": grid.factor,
    }
    content = {"attrs": _digest(root), **{name: _digest(ds) for name, ds in given.items()}}
    objects = _metadata(given, grid, {**root, marks.CONTENT: content})
    _begun(place, objects, resume)
    with sole_writer(place) as still_mine:
        mark = _begun(place, objects, resume)
        sweep(place)
        if mark:
            return mark
        for key, value in objects.items():
            put(place, key, value)
        _write_days(place, given, objects, still_mine, progress)
        still_mine()
        _write_statistics(place, given)
        digest = verify(url, given, storage_options=storage_options)
        still_mine()
        return marks.mark_complete(place, digest)


def _digest(content: xr.Dataset | Mapping[str, Any]) -> str:
    """Digest that tells one input from another; of fields along time, names and axes only."""
    if not isinstance(content, xr.Dataset):
        return hashlib.sha256(_json(content)).hexdigest()
    seen = hashlib.sha256()
    for name in sorted(content.variables, key=str):
        field = content[name]
        seen.update(_json([str(name), field.dims, field.shape, field.attrs]))
        if field.dims != ("time", "y", "x"):
            seen.update(marks.value_bytes(field.values))
    return seen.hexdigest()


def _json(content: Any) -> bytes:
    def plain(value: Any) -> Any:
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)

    return json.dumps(content, sort_keys=True, default=plain).encode()


def _begun(place: Place, objects: Mapping[str, bytes], resume: bool) -> str | None:
    """Return the mark of a store that is complete, and resumed; refuse one that may not be."""
    if (found := marks.begun(place)) is None:
        return None
    if not resume:
        marks.refuse_complete(place, found)
    given = json.loads(objects["zarr.json"])["attributes"]
    # A run that came no further than metadata left nothing to resume.
    resume = resume or marks.fields_absent(place, objects)
    marks.refuse_other(place, found, given, resume=resume)
    return found.get(marks.COMPLETE)


def _metadata(
    given: Mapping[str, xr.Dataset], grid: GridConfig, attrs: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return the objects that are written first, the root before all others.

    They are metadata, coordinates, static fields and splits; fields along time stay empty.
    """
    groups = {"": xr.Dataset(attrs=attrs)}
    for group, ds in given.items():
        ds = laid_out(ds, grid, fine=group != "coarse")
        if group in ("coarse", "fine"):
            ds = ds.assign({name: _unwritten(field, group) for name, field in ds.items()})
        groups[group] = _storable(ds)
    return encoded(groups, consolidated=False)


def _unwritten(field: xr.DataArray, group: str) -> xr.Variable:
    day = (DAY, *field.shape[1:])
    hour = (1, *field.shape[1:])
    chunks, shards = (hour, day) if group == "fine" else (day, None)
    return unwritten(field, chunks, shards, np.dtype("float32"))


def _storable(ds: xr.Dataset) -> xr.Dataset:
    # Zarr 3 specifies strings of any length only.
    strings = {n: c.astype(np.dtypes.StringDType()) for n, c in ds.coords.items() if _text(c)}
    return ds.assign_coords(strings)


def _text(field: xr.DataArray) -> bool:
    return field.dtype.kind in "OUT"


def _write_days(
    place: Place,
    given: Mapping[str, xr.Dataset],
    objects: Mapping[str, bytes],
    still_mine: Callable[[], None],
    progress: Callable[[int, int], object] | None,
) -> None:
    """Write the days of the coarse and the fine fields that are absent or damaged."""
    times = given["fine"].sizes["time"]
    days = math.ceil(times / DAY)
    there = keys(place)
    for day in range(days):
        rows = slice(day * DAY, min((day + 1) * DAY, times))
        for group in ("coarse", "fine"):
            fields = [str(name) for name in given[group]]
            arrays = {f"{group}/{name}": objects[f"{group}/{name}/zarr.json"] for name in fields}
            of_day = {f"{group}/{name}": (day_key(group, name, day),) for name in fields}
            block = Block(place, arrays, of_day, {"time": rows})
            if there.issuperset(block.keys) and whole(block):
                continue
            values = given[group].isel(time=rows).compute()
            still_mine()
            write((values[name].values.astype("float32") for name in fields), block)
        if progress is not None:
            progress(day + 1, days)


def _write_statistics(place: Place, given: Mapping[str, xr.Dataset]) -> None:
    """Write statistics of the stored fields, by group and variable; a count of 0 where absent."""
    train = given["split"]["split"] == 0
    train.attrs = given["split"]["split"].attrs
    found = {}
    for group in ("coarse", "fine"):
        with reaching(place):
            # Zarr lists variables in no particular order.
            stored = open_group(place, group)[list(given[group])].chunk(time=DAY)
            # Verification compares the stored axis.
            stored = stored.assign_coords(time=train["time"])
            found[group] = statistics(stored, train).compute()
    names = list(dict.fromkeys(str(n) for group in found for n in given[group]))
    nothing = {"count": 0, "missing": 0}
    stats = xr.concat(
        [one.reindex(variable=names, fill_value=nothing) for one in found.values()],
        xr.Variable("group", list(found)),
        combine_attrs="override",
    )
    for key, value in encoded({"stats": _storable(stats)}, consolidated=False).items():
        if key.startswith("stats/"):
            put(place, key, value)
