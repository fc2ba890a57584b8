"""Files and folders that get their name only once they are complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ExistsError

__all__ = ["written_aside"]


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, else remove it.

    Raises
    ------
    ExistsError
        If ``path`` exists.

    Examples
    --------
    >>> with written_aside(Path(__file__)):
    ...     pass
    Traceback (most recent call last):
        ...
    xldm.errors.ExistsError: ...written_aside.py exists: remove it or choose another name
    """
    if path.exists():
        raise ExistsError(f"{path} exists: remove it or choose another name")
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
        partial.rename(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
