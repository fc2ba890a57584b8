"""Write the static part at once, read it back and mark it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import StoreError
from ..storage.location import reaching
from ..stores.parts import prepared
from .target import Target, mark, reach, refuse_other_run, store

__all__ = ["write_static"]


def write_static(
    build: Callable[[], xr.Dataset],
    *,
    target: Target,
    run: str,
    grid: GridConfig,
    attrs: Mapping[str, str],
) -> str:
    """Write static fields, read them back, compare them bit for bit, and mark the part.

    Returns
    -------
    str
        The mark.

    Raises
    ------
    StoreError
        If a field is not on the grid, not finite or constant, or is not stored as it was written.
    """
    place = reach(target)
    part = prepared("static", build().load(), grid, attrs)
    faults = [*_unusable(part)]
    if faults:
        raise StoreError(f"static fields cannot be used: {'; '.join(faults)}.")
    with reaching(place):
        refuse_other_run(place, run)
        part.to_zarr(store(place), mode="a", consolidated=False, zarr_format=2)
        stored = xr.open_zarr(store(place), chunks=None, consolidated=False).load()
        digest = hashlib.sha256()
        for name, field in part.variables.items():
            if name not in stored.variables or not np.array_equal(stored[name], field):
                raise StoreError(
                    f"{place.url}: {name} is not stored as it was written; delete the target and "
                    "run again."
                )
            if field.dtype.kind in "fiu":
                digest.update(field.values.tobytes())
        refuse_other_run(place, run)
        return mark(place, digest.hexdigest())


def _unusable(part: xr.Dataset) -> Iterator[str]:
    for name, field in part.data_vars.items():
        if "y" not in field.dims:
            continue
        if not np.isfinite(field.values).all():
            yield f"{name} has values that are not finite"
        elif field.values.min() == field.values.max():
            yield f"{name} is {field.values.min()} everywhere"
