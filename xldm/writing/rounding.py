"""Round a computed block of fields and put it, or compare it with the store."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numcodecs.bitround import BitRound

from ..storage import blocks
from ..storage.blocks import Block

__all__ = ["difference", "rounded", "write"]


def write(values: xr.Dataset, block: Block, keep_bits: int | None) -> None:
    """Put a computed block, with ``keep_bits`` of the mantissa of its floats."""
    blocks.write((rounded(values[name].values, keep_bits) for name in block.arrays), block)


def difference(values: xr.Dataset, block: Block, keep_bits: int | None) -> str:
    """Say how a block that was computed again differs from the store; empty if in no bit."""
    for name, stored in blocks.stored(block):
        drawn = rounded(values[name].values, keep_bits)
        if stored is not None and drawn.tobytes() != stored.tobytes():
            apart = np.abs(drawn.astype("float64") - stored)
            most = apart[np.isfinite(apart)].max(initial=0.0)
            return f"{name} by up to {most:.3g} {values[name].attrs.get('units', '')}".rstrip()
    return ""


def rounded(values: np.ndarray, keep_bits: int | None) -> np.ndarray:
    """Round floats to some bits of the mantissa; return anything else as it is.

    Examples
    --------
    >>> rounded(np.array([300.12345, np.nan], "float32"), 10)
    array([300.,  nan], dtype=float32)
    """
    if keep_bits is None or values.dtype.kind != "f":
        return values
    codec = BitRound(keep_bits)
    return codec.decode(codec.encode(np.ascontiguousarray(values)))
