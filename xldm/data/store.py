"""Training stores: where they lie and how they are opened.

A store is a tree of Zarr 3 groups (CF-1.11): ``/coarse`` and ``/fine`` (time, y, x) in physical
units, ``/static`` (y, x), ``/stats`` (group, variable) and ``/split`` (time). `xldm.data.storing`
writes it. Until `xldm.data.verifying` has found every part right, its root lacks ``xldm_complete``
and readers refuse it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

import xarray as xr
import zarr

from .place import Place, StoreError, locate, reaching

__all__ = [
    "DAY",
    "SCHEMA",
    "UNITS",
    "open_group",
    "open_store",
    "root_attrs",
    "zarr_store",
]

#: Version of the schema that this module reads and that `xldm.data.storing` writes.
SCHEMA = "1"
#: Hours in a shard of the fine fields and in a chunk of the coarse ones.
DAY = 24
GROUPS = ("coarse", "fine", "static", "stats", "split")
UNITS = "hours since 1970-01-01"


def open_store(
    url: str | PathLike, storage_options: Mapping[str, Any] | None = None
) -> xr.DataTree:
    """Open a complete training store.

    Parameters
    ----------
    url : str or path
        A local path or any fsspec URL.
    storage_options : mapping, optional
        What fsspec needs to get there, such as credentials; they appear in no message.

    Returns
    -------
    DataTree
        ``/coarse``, ``/fine`` (time, y, x) float32 in physical units, ``/static``, ``/stats`` and
        ``/split``; dask arrays in the store's chunks.

    Raises
    ------
    StoreError
        If it cannot be reached, is no training store, is of another schema, or is not complete.

    Examples
    --------
    >>> open_store("memory://nowhere/training.zarr")
    Traceback (most recent call last):
    xldm.data.place.StoreError: memory://nowhere/training.zarr: there is no Zarr 3 store; ...
    """
    place = locate(url, storage_options)
    with reaching(place):
        found = root_attrs(place)
        if found is None:
            raise StoreError(f"{place.url}: there is no Zarr 3 store; check the path or URL.")
        if "xldm_schema" not in found:
            raise StoreError(
                f"{place.url}: this is a Zarr store, but its root has no xldm_schema, so it is no "
                "training store; open it with xarray.open_zarr."
            )
        if found["xldm_schema"] != SCHEMA:
            raise StoreError(
                f"{place.url}: it has schema {found['xldm_schema']!r}, this xldm reads {SCHEMA!r}; "
                "if a newer xldm wrote it, upgrade: pip install --upgrade xldm"
            )
        if "xldm_complete" not in found:
            raise StoreError(
                f"{place.url}: not complete: its writing was interrupted or failed; run it again "
                "with resume=True or delete it."
            )
        groups = {name: open_group(place, name, chunks={}) for name in GROUPS}
    order = [str(name) for name in groups["stats"]["variable"].values]
    for name in ("coarse", "fine"):  # Zarr lists variables in any order
        groups[name] = groups[name][[n for n in order if n in groups[name]]]
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=found), **groups})


def zarr_store(place: Place, *, read_only: bool = False) -> zarr.abc.store.Store:
    """Zarr's way to a place."""
    if place.local:
        return zarr.storage.LocalStore(place.root, read_only=read_only)
    url = place.url.rstrip("/")
    return zarr.storage.FsspecStore.from_url(url, dict(place.options), read_only=read_only)


def root_attrs(place: Place) -> dict[str, Any] | None:
    """Attributes of the root group; None where there is none."""
    place.fs.invalidate_cache()
    try:
        content = place.fs.cat_file(f"{place.root}/zarr.json")
    except (FileNotFoundError, NotADirectoryError):
        if not place.local and place.fs.protocol != "memory":
            place.fs.ls(place.root.partition("/")[0])  # raises where there is no bucket
        return None
    try:
        return dict(json.loads(content).get("attributes", {}))
    except (ValueError, AttributeError):
        return {}


def open_group(place: Place, name: str, **kwargs: Any) -> xr.Dataset:
    """One group of a store, complete or not."""
    store = zarr_store(place, read_only=True)
    return xr.open_zarr(store, group=name, consolidated=False, zarr_format=3, **kwargs)
