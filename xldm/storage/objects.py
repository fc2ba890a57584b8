"""Objects at a place: put whole or not at all, created only once, listed, read, swept up.

An object is a file on a local disk, or an object of an object store. Every writer of xldm puts its
objects by these functions, so that an object that is listed is whole. Functions that write or list
raise StoreError, in plain words and without secrets, if the place cannot be reached.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import tenacity

from .location import Place, reaching

__all__ = ["content", "create", "exists", "keys", "patiently", "put", "remove", "retrying", "sweep"]

T = TypeVar("T")

#: Seconds to wait before each further try; clients themselves retry for some seconds.
WAITS = (2, 8, 30)
#: Seconds after which a request that failed is not repeated.
LONGEST = 120.0
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.partial$")


def keys(place: Place, under: str = "") -> set[str]:
    """Return the keys of all objects at a place, or in a folder of it, relative to the place.

    Unfinished files are no objects.
    """
    with reaching(place):
        place.fs.invalidate_cache()
        there = place.fs.find(f"{place.root}/{under}".rstrip("/"))
    return {path.removeprefix(f"{place.root}/") for path in there if not _PARTIAL.search(path)}


def exists(place: Place, key: str) -> bool:
    """Return whether an object exists now, whatever was listed before."""
    place.fs.invalidate_cache()
    return place.fs.exists(f"{place.root}/{key}")


def content(place: Place, key: str) -> bytes | None:
    """Return the content of an object; None if it does not exist. Raise if the bucket doesn't."""
    place.fs.invalidate_cache()
    try:
        return place.fs.cat_file(f"{place.root}/{key}")
    except (FileNotFoundError, NotADirectoryError):
        if not place.local and place.fs.protocol != "memory" and "://" not in place.root:
            place.fs.ls(place.root.partition("/")[0])  # raises if there is no bucket
        return None


def retrying(
    waits: tuple[float, ...], passes: Callable[[BaseException], bool], **options: Any
) -> tenacity.Retrying:
    """Return a caller of functions that tries again, after each wait, while errors may pass."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(passes),
        wait=tenacity.wait_chain(*map(tenacity.wait_fixed, waits)),
        stop=tenacity.stop_after_attempt(len(waits) + 1),
        reraise=True,
        **options,
    )


def patiently(place: Place, request: Callable[..., T], *args: Any) -> T:
    """Make a request to a place, and repeat it after a while if the network or server fails."""
    begun = time.monotonic()

    def passes(error: BaseException) -> bool:  # clients of object stores have errors of their own
        lasting = place.local or isinstance(error, (PermissionError, FileNotFoundError))
        return not lasting and time.monotonic() - begun < LONGEST

    with reaching(place):
        return retrying(WAITS, passes)(request, *args)


def put(place: Place, key: str, data: bytes) -> None:
    """Put an object, overwriting one of this key; readers see the old or the new one, whole."""
    put_whole = _put_file if place.local else place.fs.pipe_file
    patiently(place, put_whole, f"{place.root}/{key}", data)


def create(place: Place, key: str, data: bytes) -> bool:
    """Put an object unless one exists; of several writers at once, return True to one only."""
    path = f"{place.root}/{key}"
    with reaching(place):
        try:
            if place.local:
                _put_file(path, data, anew=True)
            else:
                place.fs.pipe_file(path, data, mode="create")
        except Exception:  # clients differ in the error that says that the object exists
            if not exists(place, key):
                raise
            return False
    return True


def remove(place: Place, key: str) -> None:
    """Remove an object, if it exists."""

    def once(path: str) -> None:
        place.fs.invalidate_cache()
        with suppress(FileNotFoundError):
            place.fs.rm_file(path)

    patiently(place, once, f"{place.root}/{key}")


def sweep(place: Place) -> None:
    """Remove the unfinished files of killed writers; a writer at work puts its file again."""
    if place.local:
        with reaching(place):
            for path in place.fs.find(place.root):
                if _PARTIAL.search(path):
                    Path(path).unlink(missing_ok=True)


def _put_file(path: str, data: bytes, *, anew: bool = False) -> None:
    """Write beside the file, to the disk, then rename: a file of this name is whole."""

    def write() -> None:
        whole = Path(path)
        whole.parent.mkdir(parents=True, exist_ok=True)
        aside = whole.with_name(f"{whole.name}.{uuid.uuid4().hex}.partial")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if anew:
                _rename_anew(aside, whole)
            else:
                aside.replace(whole)
        finally:
            aside.unlink(missing_ok=True)

    # Another writer may sweep the unfinished file away.
    retrying((0, 0), lambda error: isinstance(error, FileNotFoundError))(write)


def _rename_anew(aside: Path, path: Path) -> None:
    """Rename, but fail if a file of this name exists."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, where two that come at once may both succeed
        if path.exists():
            raise FileExistsError(path) from None
        aside.replace(path)
