"""The folder or zip that holds a package: it gives out plain files of bounded size only.

Whoever made a package may have put anything in the place of a file: a pipe, a link, a member that
unpacks to a thousand times its size. Nothing is read before the size of it is known to be within
the limits, and what comes without a size is cut off there.
"""

from __future__ import annotations

import stat
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from fsspec.implementations.local import LocalFileSystem

from ..errors import ArchiveError, PackageError, XldmError
from ..storage.location import filesystem, raise_alone, reason, shown
from ..storage.zips import is_url, open_zip, unreachable

__all__ = ["TEXT", "Opened", "Opener", "ceiling", "container", "pieces", "reading"]

#: Bytes of a text, of static fields, of weights, and of any other file of a package.
TEXT, STATIC, WEIGHTS, OTHER = 10**6, 2**30, 2**34, 2**25
# Members of a zip, and bytes for each packed one: deflate reaches 1032.
_MOST_MEMBERS, _MOST_GROWTH = 10_000, 1100
# A transfer may take so many seconds, and one more for so many bytes: a slow line, no drip.
_PATIENCE, _SLOWEST = 60.0, 20_000
_PIECE = 2**26


class Opened(NamedTuple):
    """An open file of a package, and its size in bytes if that is known."""

    stream: IO[bytes]
    size: int | None


Opener = Callable[[str], Opened]


def ceiling(name: str) -> int:
    """Return how many bytes a file of a package may have."""
    if name in ("model.yaml", "README.md"):
        return TEXT
    if name == "static.nc":
        return STATIC
    return WEIGHTS if name.endswith(".safetensors") else OTHER


def pieces(opened: Opened, most: int, where: str) -> Iterator[bytes]:
    """Yield the content of an open file, and refuse more bytes than ``most``.

    Raises
    ------
    PackageError
        If the file is larger, or comes so slowly that it would never end.
    """
    _refuse_larger(opened.size, most, where)
    begun, got = time.monotonic(), 0
    while piece := opened.stream.read(min(_PIECE, most + 1 - got)):
        got += len(piece)
        _refuse_larger(got, most, where)
        if time.monotonic() - begun > _PATIENCE + got / _SLOWEST:
            raise PackageError(f"{where} comes too slowly ({got} bytes so far); try again later")
        yield piece


def _refuse_larger(size: int | None, most: int, where: str) -> None:
    if size is not None and size > most:
        raise PackageError(
            f"{where} has more than the {most:,} bytes that it may have here, so it was not read; "
            "do not use the package, and tell whoever gave it to you"
        )


@contextmanager
def reading(location: str, name: str) -> Iterator[None]:
    """Turn whatever a damaged file makes a reader raise into an error that names the file.

    Errors of a server show no URL and no chained error, since these may hold secrets.
    """
    where = f"{shown(location)}: {name}"
    try:
        yield
    except PackageError:
        raise
    except XldmError as error:
        raise PackageError(f"{where}: {error}") from None
    except Exception as error:
        if hint := unreachable(error):
            raise_alone(PackageError(f"{where}: {hint}"))
        remote = is_url(location)
        said = reason(error) if remote else f"{type(error).__name__}: {str(error)[:300]}"
        fault = PackageError(
            f"{where} cannot be used ({said}); fetch the package again, or ask whoever made it"
        )
        if remote:
            raise_alone(fault)
        raise fault from error


@contextmanager
def container(location: str, options: Mapping[str, Any] | None = None) -> Iterator[Opener]:
    """Yield a function that opens the files of a package by name.

    Raises
    ------
    PackageError
        If there is no such place, if it cannot be reached, or if a zip is none or leads out of
        itself.
    """
    if _is_zip(location):
        try:
            with open_zip(location, options) as archive:
                _refuse_odd(archive, location)
                top = _top(archive)
                yield lambda name: _member(archive, top + name, f"{shown(location)}: {name}")
        except ArchiveError as error:
            raise_alone(PackageError(str(error)))
        return
    try:
        fs, root = filesystem(location, options if is_url(location) else None)
    except XldmError:
        raise
    except Exception as error:
        protocol = shown(location).partition("://")[0][:50]
        hint = f"there is no protocol {protocol!r}"
        if not isinstance(error, ValueError):
            hint = unreachable(error) or f"there is no such place ({reason(error)})"
        raise_alone(
            PackageError(
                f"{shown(location)}: {hint}; give a folder, a .zip, or a URL like https:// or s3://"
            )
        )
    if isinstance(fs, LocalFileSystem):
        yield lambda name: _file(Path(root), name, location)
    else:
        # Not every HTTP server supports byte ranges, and whole files do not need them; a size that
        # is given saves a request, and is not used.
        web = location.startswith(("http://", "https://"))
        whole = {"block_size": 0, "size": -1} if web else {}
        yield lambda name: _remote(fs.open(f"{root.rstrip('/')}/{name}", "rb", **whole))


def _is_zip(location: str) -> bool:
    try:
        return urlsplit(location).path.endswith(".zip")
    except ValueError:  # brackets that are no IPv6 address
        return location.endswith(".zip")


def _remote(stream: IO[bytes]) -> Opened:
    size = getattr(stream, "size", None)
    return Opened(stream, size if isinstance(size, int) and size >= 0 else None)


def _file(root: Path, name: str, location: str) -> Opened:
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise PackageError(
            f"{location}: {name} is a link that leaves the package; put the file itself there"
        )
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise PackageError(
            f"{location}: {name} is no regular file (a folder, a pipe or a device); put the file "
            "itself there"
        )
    return Opened(path.open("rb"), found.st_size)


def _member(archive: zipfile.ZipFile, name: str, where: str) -> Opened:
    member = archive.getinfo(name)
    if member.file_size > _MOST_GROWTH * member.compress_size:
        raise PackageError(
            f"{where} unpacks to {member.file_size:,} bytes from {member.compress_size:,}, more "
            "than any packing saves; do not use it and tell whoever gave it to you"
        )
    return Opened(archive.open(member), member.file_size)


def _refuse_odd(archive: zipfile.ZipFile, location: str) -> None:
    """Refuse a zip whose members lead out of it, or are too many for a package."""
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise PackageError(
            f"{shown(location)} holds {len(members)} files, so it is no package; give the .zip "
            "of a package alone"
        )
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise PackageError(
                f"{shown(location)} holds {member.filename!r}, which leaves the package; do not "
                "use it and tell whoever gave it to you"
            )


def _top(archive: zipfile.ZipFile) -> str:
    """Return the folder within a zip that holds ``model.yaml``, empty for the top level."""
    paths = [PurePosixPath(n) for n in archive.namelist()]
    tops = sorted(p.parts[:-1] for p in paths if p.name == "model.yaml" and len(p.parts) <= 2)
    return "".join(f"{part}/" for part in tops[0]) if tops else ""
