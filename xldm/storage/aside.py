"""What writers make aside, to rename it when it is whole; a killed writer leaves it behind."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["remove_old"]

#: Seconds after which nobody writes a file any more that was not changed since.
DAY = 86400.0


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
