"""Training stores: where they lie and how they are opened.

A store is a tree of Zarr 3 groups (CF-1.11): ``/coarse`` and ``/fine`` (time, y, x) in physical
units, ``/static`` (y, x), ``/stats`` (group, variable) and ``/split`` (time). `xldm.data.storing`
writes it. Until `xldm.data.verifying` has found every part right, its root lacks ``xldm_complete``
and readers refuse it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import fsspec
import numpy as np
import xarray as xr
import zarr

__all__ = [
    "DAY",
    "SCHEMA",
    "UNITS",
    "Place",
    "StoreError",
    "locate",
    "open_group",
    "open_store",
    "reaching",
    "root_attrs",
]

#: Version of the schema that this module reads and that `xldm.data.storing` writes.
SCHEMA = "1"
#: Hours in a shard of the fine fields and in a chunk of the coarse ones.
DAY = 24
GROUPS = ("coarse", "fine", "static", "stats", "split")
UNITS = "hours since 1970-01-01"
# What fsspec raises when a bucket or a server refuses is not always an OSError.
_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "google", "gcsfs", "azure")


class StoreError(ValueError):
    """A store that cannot be reached, used or trusted; says which one and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a store lies: its URL for messages, and fsspec's and Zarr's way to it."""

    url: str
    fs: fsspec.AbstractFileSystem
    root: str
    zarr: zarr.abc.store.Store

    @property
    def local(self) -> bool:
        return "file" in np.atleast_1d(self.fs.protocol)


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
    xldm.data.store.StoreError: memory://nowhere/training.zarr: there is no Zarr 3 store; ...
    """
    place = locate(url, storage_options, read_only=True)
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


def locate(
    url: str | PathLike,
    storage_options: Mapping[str, Any] | None = None,
    *,
    read_only: bool = False,
) -> Place:
    """The way to a store; nothing is read or written yet.

    Raises
    ------
    StoreError
        If the URL holds credentials, or if its protocol is unknown or needs a package.
    """
    url, options = str(url), dict(storage_options or {})
    shown = _without_secrets(url)
    if shown != url:
        raise StoreError(
            f"{shown}: the URL holds credentials or a query, which would end up in logs; give them "
            "in storage_options."
        )
    try:
        fs, root = fsspec.url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        raise StoreError(f"{shown}: {error}") from None
    except TypeError:
        raise StoreError(
            f"{shown}: storage_options are not those of this protocol; given are "
            f"{', '.join(sorted(options))}."
        ) from None
    root = root.rstrip("/")
    if "file" in np.atleast_1d(fs.protocol):
        fs, store = fsspec.filesystem("file", auto_mkdir=True), zarr.storage.LocalStore(root)
    else:
        store = zarr.storage.FsspecStore.from_url(url.rstrip("/"), options, read_only=read_only)
    return Place(shown, fs, root, store)


def _without_secrets(url: str) -> str:
    """The URL without ``key:secret@`` (a secret may hold slashes) and without its query."""
    if "://" not in url:
        return url
    return re.sub(r"(?<=://)([^/@:]*:[^@]*|[^/@]*)@", "", url).split("?")[0]


@contextmanager
def reaching(place: Place) -> Iterator[None]:
    """Say in plain words why a place cannot be reached; whatever else goes wrong passes.

    The original error is neither shown nor chained: it may hold what is secret.
    """
    try:
        yield
    except Exception as error:
        foreign = type(error).__module__.partition(".")[0] in _CLIENTS
        if isinstance(error, StoreError) or not (isinstance(error, OSError) or foreign):
            raise
        raise StoreError(f"{place.url}: {_why(place, error)}") from None


def _why(place: Place, error: Exception) -> str:
    kind = type(error).__name__
    if place.local:
        return f"{getattr(error, 'strerror', None) or kind}; check the path, its rights and space."
    if isinstance(error, PermissionError):
        return (
            "access denied: the credentials are wrong or have no right to it. Check key and secret "
            "(or their like) in storage_options; for public data of S3 give anon=True."
        )
    if "Credential" in kind:
        return "no credentials found; give key and secret, or anon=True, in storage_options."
    if isinstance(error, FileNotFoundError):
        bucket = place.root.lstrip("/").partition("/")[0]
        return (
            f"there is no bucket {bucket!r}; create it, or check the URL and endpoint_url in "
            "storage_options."
        )
    return (
        f"it cannot be reached ({kind}); check the network and endpoint_url in storage_options, "
        "then try again."
    )


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
    return xr.open_zarr(place.zarr, group=name, consolidated=False, zarr_format=3, **kwargs)
