"""Hours of the twin as a Zarr store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..arguments import PATH, SEED, refuse
from ..errors import ArgumentError
from .hourly import Twin, whole_hours
from .written_aside import written_aside

__all__ = ["write"]

_TIME = {"units": "hours since 1970-01-01", "dtype": "int64"}
_BLOCK = 24  # hours held in memory


def write(
    store: str | Path,
    start: np.datetime64 | str,
    stop: np.datetime64 | str,
    *,
    seed: int = 0,
    rain: bool = False,
) -> Path:
    """Write every hour from ``start`` to ``stop``, both included, to a Zarr store.

    Parameters
    ----------
    store : path
        Folder to create, with groups ``era5`` (valid_time, latitude, longitude) and ``fine``
        (time, y, x). It appears under its name only once it is complete.
    start, stop : datetime64 or str
        Whole hours in UTC.
    seed : int, default 0
        Which twin.
    rain : bool, default False
        Whether the group ``fine`` has ``tp`` too.

    Returns
    -------
    Path
        The store.

    Raises
    ------
    ExistsError
        If ``store`` exists.
    ArgumentError
        If ``stop`` lies before ``start``, or either is not a whole hour.

    Examples
    --------
    >>> write("twin.zarr", "2001-07-15T00", "2001-07-14T00")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: stop (2001-07-14T00) lies before start (2001-07-15T00): nothing to
    write
    """
    refuse(store=(store, PATH), seed=(seed, SEED))
    first, last = whole_hours(start), whole_hours(stop)
    if last < first:
        raise ArgumentError(f"stop ({stop}) lies before start ({start}): nothing to write")
    twin = Twin(seed)
    with written_aside(Path(store)) as aside:
        for block in range(first, last + 1, _BLOCK):
            hours = range(block, min(block + _BLOCK, last + 1))
            _append(aside, twin, hours, rain=rain, new=block == first)
    return Path(store)


def _append(store: Path, twin: Twin, hours: range, *, rain: bool, new: bool) -> None:
    pairs = [twin.hour(np.datetime64(hour, "h"), rain=rain) for hour in hours]
    for group, time, parts in zip(
        ("era5", "fine"), ("valid_time", "time"), zip(*pairs, strict=True), strict=True
    ):
        block = xr.concat(parts, time, coords="minimal", compat="override", join="exact")
        kwargs: dict[str, Any] = {"append_dim": time}
        if new:
            dims = {
                v: tuple(1 if d == time else n for d, n in block[v].sizes.items()) for v in block
            }
            kwargs = {"encoding": {time: _TIME} | {v: {"chunks": c} for v, c in dims.items()}}
        block.to_zarr(store, group=group, mode="w" if new else None, consolidated=False, **kwargs)
