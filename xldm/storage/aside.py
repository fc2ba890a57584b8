"""What writers make aside, to rename it when it is whole; a killed writer leaves it behind."""

from __future__ import annotations

import glob
import io
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["SteadyFile", "beside", "discard", "remove_old"]

#: Seconds after which nobody writes a file any more that was not changed since.
DAY = 86400.0

_begun: set[Path] = set()


@contextmanager
def beside(whole: Path) -> Iterator[Path]:
    """Give a path to write to; rename the file when the block ends, or remove it if it fails.

    What killed writers of the same file left a day ago is removed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     whole = Path(folder, "whole.txt")
    ...     with beside(whole) as path:
    ...         _ = path.write_text("all of it")
    ...     print([file.name for file in Path(folder).iterdir()])
    ['whole.txt']
    """
    remove_old(whole.parent, f"{glob.escape(whole.name)}.*.partial")
    path = whole.with_name(f"{whole.name}.{uuid.uuid4().hex}.partial")
    _begun.add(path)
    try:
        yield path
        path.replace(whole)
    finally:
        path.unlink(missing_ok=True)
        _begun.discard(path)


class SteadyFile(io.FileIO):
    """A file whose writes seem to succeed on a full disk; `settled` raises the error.

    HDF5 crashes, or leaves its state damaged, if a write fails. After the first error nothing more
    is written, and HDF5 closes the file in peace. The file is then worthless.

    Examples
    --------
    >>> import h5py, tempfile
    >>> with tempfile.NamedTemporaryFile() as path, SteadyFile(path.name, "w+") as file:
    ...     with h5py.File(file, "w") as opened:
    ...         opened["a"] = [1, 2]
    ...     file.settled()
    """

    _error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all bytes, or none after an error."""
        rest = memoryview(data).cast("B")
        length = len(rest)
        try:
            while rest and not self._error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        return length

    def truncate(self, size: int | None = None, /) -> int:
        """Set the length of the file, unless there was an error."""
        try:
            return self.tell() if self._error else super().truncate(size)
        except OSError as error:
            self._error = error
            return self.tell()

    def settled(self) -> None:
        """Wait until everything is on the disk.

        Raises
        ------
        OSError
            The first error of a write.
        """
        if self._error:
            raise self._error
        os.fsync(self.fileno())


def discard() -> None:
    """Remove what is not whole, before the process ends in the middle."""
    for path in [*_begun]:
        path.unlink(missing_ok=True)


def remove_old(folder: Path, pattern: str) -> None:
    """Remove what matches a pattern in a folder and was not changed for a day.

    Younger files and folders may be another process's, which is still writing.
    """
    for path in folder.glob(pattern):
        with suppress(OSError):  # another process removes it as well
            changed = max(p.stat().st_mtime for p in (path, *path.rglob("*")))
            if time.time() - changed < DAY:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
