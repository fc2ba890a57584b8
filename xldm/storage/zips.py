"""Read single members of zip files, local or at a URL."""

from __future__ import annotations

import logging
import lzma
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tenacity import RetryCallState
from tqdm.auto import tqdm

from ..errors import ArchiveError, XldmError
from .location import ANSWER, filesystem, raise_alone, reason, shown
from .objects import retrying

__all__ = ["check_room", "fetch", "is_url", "open_zip", "pour", "unpacking", "unreachable"]

log = logging.getLogger(__name__)

#: Bytes read ahead: saves a request for each small read that follows.
AHEAD = 2**20
#: Bytes per request when a member is copied.
CHUNK = 2**24
#: Seconds to wait before each retry of a failed request.
PAUSES = (1, 5, 30, 60)
#: Seconds for one request, and for a request with its retries: none begins after that.
REQUEST, LONGEST = 300.0, 120.0
#: Bytes of the list of members: no archive of data has a longer one.
_LIST = 2**26
# What reading a member raises if it is damaged, encrypted, or packed in an unknown way.
_DAMAGED = (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, RuntimeError, OSError)


def is_url(location: object) -> bool:
    """Whether a location names a protocol, as in ``https://`` or ``s3://``."""
    return "://" in str(location)


def unreachable(error: BaseException) -> str:
    """Return a hint if an error means that a server cannot be reached, else ''."""
    if isinstance(error, FileNotFoundError):  # fsspec calls a file missing without a connection
        cause = error.__cause__
        return unreachable(cause) if isinstance(cause, OSError) and cause.strerror else ""
    if isinstance(getattr(error, "status", None), int):
        return f"the server answers {reason(error)}; check the URL and your rights to it"
    kind = type(error)
    client = kind.__module__.partition(".")[0] in ("aiohttp", "aiobotocore", "botocore")
    if isinstance(error, TimeoutError) or (client and "Credential" not in kind.__name__):
        return f"no connection ({reason(error)}); try again"
    return ""


@contextmanager
def open_zip(
    location: str | Path, options: Mapping[str, Any] | None = None
) -> Iterator[zipfile.ZipFile]:
    """Open a zip file, local or at any fsspec URL; over HTTP, by byte ranges.

    ``options`` are those of fsspec for a URL.

    Raises
    ------
    ArchiveError
        If there is no file, if it is not a whole zip file, if the server does not answer or has no
        byte ranges. It shows the URL without its secrets.
    """
    where = shown(location)
    with _refused_for(where):
        fs, path = filesystem(str(location), _bounded(location, options or {}))
        if not is_url(location) and Path(path).exists() and not Path(path).is_file():
            raise_alone(ArchiveError(f"{where} is no regular file; give the path of a zip file"))
        handle = fs.open(path, "rb", block_size=AHEAD, cache_type="readahead")
        if is_url(location) and hasattr(handle, "cache"):
            handle.cache.fetcher = _patient(handle.cache.fetcher, where)
        _refuse_long_list(handle)
        archive = zipfile.ZipFile(handle)
    with handle, archive:
        yield archive


@contextmanager
def _refused_for(where: str) -> Iterator[None]:
    """Turn what opening a zip raises into an error of ours, without secrets."""
    whole = "it is no zip file or was cut short; fetch it again"
    ranges = "its server does not serve byte ranges; download the file and give its path instead"
    try:
        yield
    except XldmError:
        raise
    except zipfile.BadZipFile as error:
        raise_alone(ArchiveError(f"{where}: {error}: {whole}"))
    except Exception as error:
        if hint := unreachable(error):
            raise_alone(ArchiveError(f"{where}: {hint}"))
        if isinstance(error, FileNotFoundError):
            raise_alone(ArchiveError(f"{where}: there is no such file; check the path or URL"))
        if "rotocol" in str(error) and isinstance(error, ValueError):
            raise_alone(ArchiveError(f"{where}: {_unknown_protocol(where)}"))
        # fsspec: no length, or a whole answer to a range
        if isinstance(error, ValueError | KeyError) and is_url(where):
            raise_alone(ArchiveError(f"{where}: {ranges}"))
        raise_alone(
            ArchiveError(f"{where} cannot be opened ({reason(error)}); check the path or URL")
        )


@contextmanager
def unpacking(where: str) -> Iterator[None]:
    """Turn what reading a member raises into an ArchiveError; errors of the disk pass.

    ``where`` names the member, without secrets.
    """
    try:
        yield
    except Exception as error:
        if hint := unreachable(error):
            raise_alone(ArchiveError(f"{where}: {hint}"))
        if not isinstance(error, _DAMAGED) or (isinstance(error, OSError) and error.errno):
            raise
        kind = "encrypted" if "encrypted" in str(error) else "damaged"
        said = str(error) or type(error).__name__
        raise_alone(ArchiveError(f"{where}: {said}; the archive is {kind}, fetch it again"))


def _unknown_protocol(where: str) -> str:
    protocol = where.partition("://")[0]
    return f"there is no protocol {protocol!r}; check the URL, expected one like https:// or s3://"


def _bounded(location: str | Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with the time that a server over HTTP may take for a request."""
    if not str(location).startswith(("http://", "https://")):
        return {**options} if is_url(location) else {}
    import aiohttp

    timeout = aiohttp.ClientTimeout(REQUEST, sock_connect=ANSWER, sock_read=ANSWER)
    return {**options, "client_kwargs": {"timeout": timeout, **options.get("client_kwargs", {})}}


def _refuse_long_list(handle: IO[bytes]) -> None:
    """Refuse a list of members that would fill the memory before anything is known of them."""
    handle.seek(0, os.SEEK_END)
    handle.seek(max(handle.tell() - 2**16 - 22, 0))
    end = handle.read()
    at = end.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > _LIST:
        raise zipfile.BadZipFile(f"its list of members is longer than {_LIST / 1e6:.0f} MB")


def fetch(
    source: str | Path,
    names: Sequence[str],
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> dict[str, Path]:
    """Find files by base name anywhere in a source, and return local paths.

    Members of a zip are copied to ``folder`` one by one; whole copies from an earlier try are kept.
    Files of a folder are used in place.

    Parameters
    ----------
    source : str or Path
        A folder, a zip, or a zip at a URL.
    names : sequence of str
        Base names.
    folder : Path
        Existing folder for the copies.
    options : mapping, optional
        Of fsspec, for a URL.
    progress : bool
        Show a bar for each member.

    Returns
    -------
    dict of str to Path
        One local path for every name.

    Raises
    ------
    ArchiveError
        If a name is not in the source, or in it several times with different content, if the source
        cannot be read or the disk is too small.
    """
    if not is_url(source) and Path(source).is_dir():
        files = [p for p in Path(source).rglob("*") if p.is_file()]
        return _pick(source, names, files, lambda p: p.name, _checksum)
    with open_zip(source, options) as archive:
        found = [m for m in archive.infolist() if not m.is_dir()]
        members = _pick(
            source, names, found, lambda m: PurePosixPath(m.filename).name, lambda m: m.CRC
        )
        check_room(folder, members.values())
        for name, member in members.items():
            _extract(
                archive, member, folder / name, progress, f"{shown(source)}: {member.filename}"
            )
    return {name: folder / name for name in names}


def pour(
    stream: IO[bytes], target: Path, name: str, *, size: int | None = None, progress: bool = True
) -> None:
    """Copy a stream to a file, with a progress bar of that name."""
    bar = tqdm.wrapattr(stream, "read", total=size, desc=name, disable=not progress)
    with open(target, "wb") as out, bar as watched:
        shutil.copyfileobj(watched, out, CHUNK)


def _pick(
    source: str | Path,
    names: Sequence[str],
    found: Sequence,
    name_of: Callable[..., str],
    checksum: Callable[..., int],
) -> dict:
    by_name: dict[str, list] = {}
    for item in found:
        by_name.setdefault(name_of(item), []).append(item)
    missing = [n for n in names if n not in by_name]
    if missing:
        others = sorted(by_name)
        some = ", ".join(others[:20]) + (f" and {len(others) - 20} more" if others[20:] else "")
        have = [n for n in names if n in by_name]
        raise ArchiveError(
            f"{shown(source)} lacks {', '.join(missing)}"
            + (f"; it does hold {', '.join(have)}" if have else "")
            + f". Searched by base name in all folders, {len(found)} files: {some or 'none'}"
        )
    for name in names:
        if len({checksum(item) for item in by_name[name]}) > 1:
            raise ArchiveError(
                f"{shown(source)} holds {len(by_name[name])} different files called {name}; give a "
                "folder with the right one alone"
            )
    return {name: by_name[name][0] for name in names}


def check_room(
    folder: Path, members: Iterable[zipfile.ZipInfo], setting: str = "XLDM_CACHE"
) -> None:
    """Refuse members that the disk of a folder cannot hold; ``setting`` names another folder.

    Raises
    ------
    ArchiveError
        If there is too little room.
    """
    needed, free = sum(m.file_size for m in members), shutil.disk_usage(folder).free
    if needed > free:
        raise ArchiveError(
            f"{folder} has {free / 1e9:.1f} GB free, but the files take {needed / 1e9:.1f} GB; "
            f"make room, or set {setting} to a folder on a larger disk"
        )


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, progress: bool, where: str
) -> None:
    """Copy a member; the target appears only when it is whole and its checksum is right."""
    if target.exists() and (target.stat().st_size, _checksum(target)) == (
        member.file_size,
        member.CRC,
    ):
        log.info("%s is here from an earlier try", target.name)
        return
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with unpacking(where), archive.open(member) as stream:
            pour(stream, part, target.name, size=member.file_size, progress=progress)
        part.replace(target)
    except OSError as error:
        raise ArchiveError(
            f"{where}: it could not be copied to {target.parent} ({error.strerror or error}); "
            "whole files are kept. Make room, then try again"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _checksum(path: Path) -> int:
    value = 0
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK):
            value = zlib.crc32(block, value)
    return value


def _patient(fetch_range: Callable[[int, int], bytes], where: str) -> Callable[[int, int], bytes]:
    """Repeat a request after a dropped connection or a busy server, and tell so."""
    from aiohttp import ClientError

    begun = 0.0

    def passes(error: BaseException) -> bool:
        failed = isinstance(error, (OSError, ClientError)) and not isinstance(
            error, FileNotFoundError
        )
        return failed and time.monotonic() - begun < LONGEST

    def told(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        why = reason(error) if error else ""
        pause = state.next_action.sleep if state.next_action else 0
        log.warning("%s: %s; trying again in %g s", where, why, pause)

    def fetched(first: int, last: int) -> bytes:
        nonlocal begun
        begun = time.monotonic()
        return retrying(PAUSES, passes, before_sleep=told)(fetch_range, first, last)

    return fetched
