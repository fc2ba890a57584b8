"""Refuse what cannot be written, before anything is."""

from __future__ import annotations

import xarray as xr

from ..errors import ArgumentError, ArgumentTypeError
from .store_layout import along_times

__all__ = ["refuse_unwritable"]


def refuse_unwritable(out: xr.Dataset, keep_bits: int | None) -> None:
    """Raise ArgumentError if a dataset cannot be written, with the code that mends it."""
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
    if keep_bits is not None and not 1 <= keep_bits <= 23:
        raise ArgumentError(f"keep_bits: expected 1 to 23 bits, or None for all; got {keep_bits}")
