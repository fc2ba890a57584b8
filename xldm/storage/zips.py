"""Read single members of zip files, local or at a URL."""

from __future__ import annotations

import logging
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO
from zlib import crc32

import fsspec
from tenacity import before_sleep_log
from tqdm.auto import tqdm

from ..errors import ArchiveError
from .objects import retrying

__all__ = ["check_room", "fetch", "is_url", "open_zip", "pour", "unreachable"]

log = logging.getLogger(__name__)

#: Bytes read ahead: saves a request for each small read that follows.
AHEAD = 2**20
#: Bytes per request when a member is copied.
CHUNK = 2**24
#: Seconds to wait before each retry of a failed request.
PAUSES = (1, 5, 30, 60)


def is_url(location: object) -> bool:
    """Whether a location names a protocol, as in ``https://`` or ``s3://``."""
    return "://" in str(location)


def unreachable(error: Exception) -> str:
    """Return a hint if fsspec calls a file missing because there is no connection, else ''."""
    cause = error.__cause__
    return f"no connection ({cause}); try again" if isinstance(cause, OSError) else ""


@contextmanager
def open_zip(location: str | Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file, local or at any fsspec URL; over HTTP, by byte ranges.

    Raises
    ------
    ArchiveError
        If there is no file, if it is not a whole zip file, or if the server has no byte ranges.
    """
    whole = "it is no zip file or was cut short; fetch it again"
    ranges = "its server does not serve byte ranges; download the file and give its path instead"
    fs, path = fsspec.url_to_fs(str(location))
    try:
        handle = fs.open(path, "rb", block_size=AHEAD, cache_type="readahead")
        if is_url(location) and hasattr(handle, "cache"):
            handle.cache.fetcher = _patient(handle.cache.fetcher)
        archive = zipfile.ZipFile(handle)
    except FileNotFoundError as error:
        hint = unreachable(error) or "there is no such file; check the path or URL"
        raise ArchiveError(f"{location}: {hint}") from error
    except zipfile.BadZipFile as error:
        raise ArchiveError(f"{location}: {error}: {whole}") from error
    except (ValueError, KeyError) as error:  # fsspec: no length, or a whole answer to a range
        raise ArchiveError(f"{location}: {ranges}") from error
    with handle, archive:
        yield archive


def fetch(
    source: str | Path, names: Sequence[str], folder: Path, *, progress: bool = True
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
    with open_zip(source) as archive:
        found = [m for m in archive.infolist() if not m.is_dir()]
        members = _pick(
            source, names, found, lambda m: PurePosixPath(m.filename).name, lambda m: m.CRC
        )
        check_room(folder, members.values())
        for name, member in members.items():
            _extract(archive, member, folder / name, progress, f"{source}: {member.filename}")
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
        shown = ", ".join(others[:20]) + (f" and {len(others) - 20} more" if others[20:] else "")
        have = [n for n in names if n in by_name]
        raise ArchiveError(
            f"{source} lacks {', '.join(missing)}"
            + (f"; it does hold {', '.join(have)}" if have else "")
            + f". Searched by base name in all folders, {len(found)} files: {shown or 'none'}"
        )
    for name in names:
        if len({checksum(item) for item in by_name[name]}) > 1:
            raise ArchiveError(
                f"{source} holds {len(by_name[name])} different files called {name}; give a folder "
                "with the right one alone"
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
        with archive.open(member) as stream:
            pour(stream, part, target.name, size=member.file_size, progress=progress)
        part.replace(target)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ArchiveError(f"{where}: {error}; the archive is damaged, fetch it again") from error
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
            value = crc32(block, value)
    return value


def _patient(fetch_range: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    """Repeat a request after a dropped connection or a busy server."""
    from aiohttp import ClientError

    def passes(error: BaseException) -> bool:
        return isinstance(error, (OSError, ClientError))

    again = retrying(PAUSES, passes, before_sleep=before_sleep_log(log, logging.WARNING))
    return partial(again, fetch_range)
