"""Locate a store at any fsspec URL, and keep secrets out of every message."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, NoReturn

import fsspec
import numpy as np

from ..errors import ArgumentError, MissingPackageError, StoreError, XldmError

__all__ = [
    "Place", "filesystem", "locate", "raise_alone", "reaching", "reason", "shown",
    "with_timeouts",
]  # fmt: skip

#: Seconds that a server may take to accept a connection, and to send the next bytes.
ANSWER = 30.0

# What to install for a protocol, where the words of fsspec leave it open.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "'xldm[s3]'"), **dict.fromkeys(("gs", "gcs"), "'xldm[gcs]'"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"), "hf": "huggingface_hub", "github": "requests",
    "smb": "smbprotocol", "hdfs": "pyarrow",
}  # fmt: skip

# What fsspec raises when a bucket or a server refuses is not always an OSError.
_CLIENTS = (
    "botocore", "aiobotocore", "aiohttp", "google", "gcsfs", "azure", "ftplib", "paramiko", "httpx",
    "httpx2", "httpcore", "httpcore2", "huggingface_hub", "requests", "urllib3", "smbprotocol",
)  # fmt: skip


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
    said = shown(url)
    if said != url:
        raise StoreError(
            f"{said}: the URL holds credentials or a query, which would end up in logs; give them "
            "in storage_options."
        )
    try:
        fs, root = filesystem(url, options)
    except (ArgumentError, MissingPackageError) as error:
        raise StoreError(str(error)) from None
    except TypeError:
        raise StoreError(
            f"{said}: storage_options are not those of this protocol; given are "
            f"{', '.join(sorted(options)) or 'none'}."
        ) from None
    except Exception as error:  # some connect at once, as FTP does
        raise_alone(StoreError(f"{said}: {_unreached(error)}"))
    root = root.rstrip("/")
    if "file" in np.atleast_1d(fs.protocol):
        fs = fsspec.filesystem("file", auto_mkdir=True)
    return Place(said, fs, root, with_timeouts(url, options))


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
        return fsspec.url_to_fs(url, **with_timeouts(url, dict(options or {})))
    except ImportError as error:
        raise MissingPackageError(f"{shown(url)}: {error}{_remedy(url)}") from error
    except ValueError as error:
        if "rotocol not known" in str(error) and (remedy := _remedy(url)):
            raise MissingPackageError(f"{shown(url)}: {error}{remedy}") from None
        raise ArgumentError(f"{shown(url)}: {error}; check the URL") from None


def _remedy(url: str) -> str:
    package = _PACKAGES.get(url.partition("://")[0].rpartition("::")[2])
    return f": pip install {package}" if package else ""


def with_timeouts(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """Add timeouts to the options of a filesystem, unless they state some.

    A request to S3 has ten tries, of at most 30 s each to connect or for the next bytes. Clients of
    protocols that are not here have timeouts of their own, or none.
    """
    protocols = re.findall(r"(?:^|::)(\w+)://", url)
    protocol = next((p for p in protocols if p in _BOUNDS), None)
    if protocol is None:
        return options
    chained = "::" in url
    given = options.get(protocol, {}) if chained else options
    bounded = {**given}
    for name, bound in _BOUNDS[protocol]().items():
        usual = fsspec.config.conf.get(protocol, {}).get(name)
        if isinstance(bound, dict):
            bounded[name] = {**bound, **(usual or {}), **given.get(name, {})}
        elif usual is None:
            bounded.setdefault(name, bound)
    return {**options, protocol: bounded} if chained else bounded


def _http_bounds() -> dict[str, Any]:
    return {"client_kwargs": {"timeout": _aiohttp_timeout()}}


def _gcs_bounds() -> dict[str, Any]:
    return {"requests_timeout": _aiohttp_timeout()}


def _aiohttp_timeout() -> Any:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=ANSWER, sock_read=ANSWER)


def _s3_bounds() -> dict[str, Any]:
    # s3fs itself tries five times; botocore would repeat each of these five times.
    retries = {"total_max_attempts": 2}
    bounds = {"connect_timeout": ANSWER, "read_timeout": ANSWER, "retries": retries}
    return {"config_kwargs": bounds}


def _azure_bounds() -> dict[str, Any]:
    return {"connection_timeout": ANSWER, "read_timeout": ANSWER}


def _ssh_bounds() -> dict[str, Any]:
    waits = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
    return dict.fromkeys(waits, ANSWER)


# Options of the clients that bound their waits, by protocol.
_BOUNDS: dict[str, Callable[[], dict[str, Any]]] = {
    **dict.fromkeys(("http", "https"), _http_bounds), **dict.fromkeys(("s3", "s3a"), _s3_bounds),
    **dict.fromkeys(("gs", "gcs"), _gcs_bounds), **dict.fromkeys(("sftp", "ssh"), _ssh_bounds),
    **dict.fromkeys(("az", "abfs", "abfss"), _azure_bounds),
    "ftp": lambda: {"timeout": ANSWER}, "github": lambda: {"timeout": (ANSWER, ANSWER)},
}  # fmt: skip


def shown(place: object) -> str:
    """Return a path or URL as anyone may see it: without user, password, query and fragment.

    Every message, log and record of xldm shows places by this function.

    Examples
    --------
    >>> shown("https://me:hush@example.org/tiny.zip?sig=hush")
    'https://example.org/tiny.zip'
    >>> shown("models/tiny.zip")
    'models/tiny.zip'
    """
    parts = str(place).split("::")
    return "::".join(re.sub(r"(?s)^(\s*[\w.+-]+:/+)(.*)$", _plain, part) for part in parts)


def _plain(url: re.Match[str]) -> str:
    scheme, rest = url.groups()
    web = scheme.strip().lower().startswith("http")
    ends = r"[?#]" if web else r"[?]"  # keys of objects may hold a #
    host, slash, path = rest.partition("/")
    port = web and re.search(r":\d{1,5}$", host)
    if "@" in host or ("@" in path and ":" in host and not port):  # a secret may hold slashes
        who, _, after = (host if "@" in host else rest).rpartition("@")
        if re.search(ends, who):
            return scheme  # a secret before the host, or a query after it? Show neither
        host, slash, path = (after, slash, path) if "@" in host else after.partition("/")
    return scheme + re.split(ends, host + slash + path, maxsplit=1)[0]


def reason(error: BaseException) -> str:
    """Return why a place cannot be reached, in words that hold no secret.

    Texts of clients show URLs and headers, so only known attributes are used.
    """
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return f"no answer within {ANSWER:g} s"
    if isinstance(status := getattr(error, "status", None), int):
        return f"HTTP status {status}"
    return getattr(error, "strerror", None) or type(error).__name__


def raise_alone(error: XldmError) -> NoReturn:
    """Raise an error to which no other is chained: the text of that one may hold secrets."""
    try:
        raise error from None
    finally:
        error.__context__ = None


@contextmanager
def reaching(place: Place) -> Iterator[None]:
    """Raise StoreError in plain words if a place cannot be reached; let other errors pass.

    The original error is neither shown nor chained, since it may hold secrets.
    """
    try:
        yield
    except Exception as error:
        foreign = type(error).__module__.partition(".")[0] in _CLIENTS
        ended = isinstance(error, EOFError) and not place.local  # FTP, by the server
        if isinstance(error, StoreError) or not (isinstance(error, OSError) or foreign or ended):
            raise
        raise_alone(StoreError(f"{place.url}: {_why(place, error)}"))


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
    return _unreached(error)


def _unreached(error: Exception) -> str:
    kind = type(error).__name__
    return (
        f"it cannot be reached ({kind}); check the network and endpoint_url in storage_options, "
        "then try again."
    )
