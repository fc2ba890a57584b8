"""Open training stores.

A store is a tree of Zarr 3 groups (CF-1.11): ``/coarse`` and ``/fine`` (time, y, x) in physical
units, ``/static`` (y, x), ``/stats`` (group, variable) and ``/split`` (time). `write` marks it with
``xldm_complete`` after `verify` found no fault; readers refuse a store without the mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import xarray as xr
import zarr

from ..arguments import FLAG, OPTIONS, PATH, Kind, refuse
from ..errors import MissingPackageError
from ..storage.location import Place, locate, reaching
from ..storage.marks import complete_attrs
from .schema import BOUNDS, SCHEMA

__all__ = ["STORE", "open_group", "open_training_store", "zarr_store"]

GROUPS = ("coarse", "fine", "static", "stats", "split")
#: A training store that is open.
STORE = Kind(
    "a training store, as xldm.open_training_store gives", (xr.DataTree,),
    lambda tree: {*GROUPS} <= {*tree.children},
)  # fmt: skip


def open_training_store(
    url: str | PathLike,
    storage_options: Mapping[str, Any] | None = None,
    *,
    dask: bool = True,
) -> xr.DataTree:
    """Open a training store that is marked complete, as a DataTree.

    Parameters
    ----------
    url : str or path
        A local path or any fsspec URL.
    storage_options : mapping, optional
        Options for fsspec, such as credentials; they appear in no message.
    dask : bool
        Give dask arrays, chunked; otherwise arrays are read when they are indexed, which suits
        `xldm.batches.generator`.

    Returns
    -------
    DataTree
        ``/coarse``, ``/fine`` (time, y, x) float32 in physical units, ``/static``, ``/stats`` and
        ``/split``; lazy, in the store's chunks. Groups with sums have ``time_bnds``.

    Raises
    ------
    StoreError
        If the store cannot be reached, is no training store, has another schema, or is not
        complete.

    Examples
    --------
    >>> open_training_store("memory://nowhere/training.zarr")
    Traceback (most recent call last):
    xldm.errors.StoreError: memory://nowhere/training.zarr: there is no Zarr 3 store; ...
    """
    refuse(url=(url, PATH), storage_options=(storage_options, OPTIONS), dask=(dask, FLAG))
    place = locate(url, storage_options)
    with reaching(place):
        again = "write it again with resume=True"
        found = complete_attrs(place, "training store", "xldm_schema", SCHEMA, again)
        chunks: dict | None = {} if dask else None
        groups = {name: open_group(place, name, chunks=chunks) for name in GROUPS}
    order = [str(name) for name in groups["stats"]["variable"].values]
    for name in ("coarse", "fine"):  # Zarr lists variables in any order
        kept = [n for n in (*order, BOUNDS) if n in groups[name]]
        groups[name] = groups[name][kept]
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=found), **groups})


def zarr_store(place: Place, *, read_only: bool = False) -> Any:
    """Return Zarr 3's store at a place."""
    if not hasattr(zarr.storage, "LocalStore"):
        raise MissingPackageError(
            f"{place.url}: training stores are Zarr 3, which xldm reads with zarr>=3.1; this "
            f"environment has zarr {zarr.__version__}. Run pip install 'zarr>=3.1', or use another "
            "environment: the one of recipes keeps zarr 2."
        )
    if place.local:
        return zarr.storage.LocalStore(place.root, read_only=read_only)
    url = place.url.rstrip("/")
    return zarr.storage.FsspecStore.from_url(url, dict(place.options), read_only=read_only)


def open_group(place: Place, name: str, *, chunks: dict | None = None) -> xr.Dataset:
    """Open one group of a store, complete or not; without dask unless chunks are given."""
    store = zarr_store(place, read_only=True)
    return xr.open_zarr(store, group=name, chunks=chunks, consolidated=False, zarr_format=3)
