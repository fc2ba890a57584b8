"""Locate a store at any fsspec URL, and keep secrets out of every message."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import fsspec
import numpy as np

from ..errors import ArgumentError, MissingPackageError, StoreError

__all__ = ["Place", "filesystem", "locate", "reaching"]

# The extra of xldm that brings the package of a protocol.
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}

# What fsspec raises when a bucket or a server refuses is not always an OSError.
_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "google", "gcsfs", "azure")


@dataclass(frozen=True)
class Place:
    """Where a store lies: its URL for messages, and the filesystem and root that reach it."""

    url: str
    fs: fsspec.AbstractFileSystem
    root: str
    options: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def local(self) -> bool:
        """Whether the place is on a local disk."""
        return "file" in np.atleast_1d(self.fs.protocol)

    @property
    def location(self) -> str:
        """A local path or a URL, as users write it."""
        return self.root if self.local else self.url

    def within(self, path: str) -> Place:
        """Return the place at a path relative to this one."""
        scheme, mark, rest = self.url.rpartition("://")
        url = scheme + mark + posixpath.normpath(f"{rest}/{path}")
        return Place(url, self.fs, posixpath.normpath(f"{self.root}/{path}"), self.options)


def locate(
    url: str | PathLike,
    storage_options: Mapping[str, Any] | None = None,
) -> Place:
    """Locate a store, without reading or writing anything.

    Raises
    ------
    StoreError
        If the URL holds credentials, or if its protocol is unknown or its package is missing.
    """
    url, options = str(url), dict(storage_options or {})
    shown = _without_secrets(url)
    if shown != url:
        raise StoreError(
            f"{shown}: the URL holds credentials or a query, which would end up in logs; give them "
            "in storage_options."
        )
    try:
        fs, root = filesystem(url, options)
    except (ArgumentError, MissingPackageError) as error:
        raise StoreError(str(error)) from None
    except TypeError:
        raise StoreError(
            f"{shown}: storage_options are not those of this protocol; given are "
            f"{', '.join(sorted(options))}."
        ) from None
    root = root.rstrip("/")
    if "file" in np.atleast_1d(fs.protocol):
        fs = fsspec.filesystem("file", auto_mkdir=True)
    return Place(shown, fs, root, options)


def filesystem(
    url: str, options: Mapping[str, Any] | None = None
) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the filesystem of a URL or path, and the path within it.

    Raises
    ------
    MissingPackageError
        If a package is needed that is not installed.
    ArgumentError
        If fsspec knows no such protocol.
    """
    try:
        return fsspec.url_to_fs(url, **(options or {}))
    except ImportError as error:
        extra = _EXTRAS.get(url.partition("://")[0])
        remedy = f": pip install 'xldm[{extra}]'" if extra else ""
        raise MissingPackageError(f"{_without_secrets(url)}: {error}{remedy}") from error
    except ValueError as error:
        raise ArgumentError(f"{_without_secrets(url)}: {error}; check the URL") from None


def _without_secrets(url: str) -> str:
    """Drop ``key:secret@`` (a secret may hold slashes) and the query from a URL."""
    if "://" not in url:
        return url
    return re.sub(r"(?<=://)([^/@:]*:[^@]*|[^/@]*)@", "", url).split("?")[0]


@contextmanager
def reaching(place: Place) -> Iterator[None]:
    """Raise StoreError in plain words if a place cannot be reached; let other errors pass.

    The original error is neither shown nor chained, since it may hold secrets.
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
