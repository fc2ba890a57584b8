"""Refuse what cannot be written, before anything is."""

from __future__ import annotations

from typing import Any

import xarray as xr

from ..arguments import Kind, refuse, whole
from ..errors import ArgumentError, ArgumentTypeError
from .store_layout import along_times

__all__ = ["BITS", "refuse_unwritable"]

BITS = whole(1, 23, "1 to 23 bits").or_none


def refuse_unwritable(out: xr.Dataset, **given: tuple[Any, Kind]) -> None:
    """Raise ArgumentError if a dataset cannot be written, or if an argument cannot be used."""
    refuse(**given)
    if not isinstance(out, xr.Dataset):
        raise ArgumentTypeError(
            f"out: expected a Dataset, got {type(out).__name__}"
            + ("; use out.to_dataset(name='t2m')" if isinstance(out, xr.DataArray) else "")
        )
    for dim in along_times(out):
        if not out.sizes[dim]:
            raise ArgumentError(f"out: it is empty: it holds nothing along {dim}")
        if getattr(out.indexes.get(dim), "tz", None) is not None:
            raise ArgumentError(
                f"out: {dim} has a time zone, and a store holds UTC; use out.assign_coords({dim}="
                f"out.indexes[{dim!r}].tz_convert('UTC').tz_localize(None))"
            )
    if wrong := [n for n, v in out.data_vars.items() if v.dtype.kind in "Oc"]:
        raise ArgumentError(
            f"out: {wrong[0]} holds {out[wrong[0]].dtype}, expected numbers; use "
            f"out.assign({wrong[0]}=out[{wrong[0]!r}].astype('float32'))"
        )
