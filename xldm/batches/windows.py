"""Lay windows over the coarse grid with xbatcher, and find the fine cells below them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
import xbatcher

__all__ = ["cells", "windows"]


def windows(
    coarse: xr.Dataset | xr.DataArray, size: tuple[int, int], *, everywhere: bool = False
) -> np.ndarray:
    """Return the first row and column of each window of an hour.

    xbatcher lays the windows. It skips the cells at the far ends where the size does not divide
    the grid; one more window that ends there covers them.

    Parameters
    ----------
    coarse : Dataset or DataArray
        Coarse side of a store, with dims y and x.
    size : (int, int)
        Rows and columns of a window.
    everywhere : bool
        Start a window at every cell, to draw from, instead of laying them side by side.

    Returns
    -------
    ndarray of int (rows of windows, columns of windows, 2)

    Examples
    --------
    >>> grid = xr.DataArray(np.zeros((8, 10)), dims=("y", "x"))
    >>> windows(grid, (8, 4)).tolist()
    [[[0, 0], [0, 4], [0, 6]]]
    >>> windows(grid, (8, 4), everywhere=True).shape
    (1, 7, 2)
    """
    lengths = dict(zip("yx", size, strict=True))
    overlap = {dim: n - 1 for dim, n in lengths.items()} if everywhere else {}
    # Of one hour: the selectors of a record of years would take gigabytes.
    schema = xbatcher.BatchSchema(coarse, input_dims=lengths, input_overlap=overlap)
    selectors = [selector for batch in schema.selectors.values() for selector in batch]
    starts = [
        sorted({selector[dim].start for selector in selectors} | {coarse.sizes[dim] - n})
        for dim, n in lengths.items()
    ]
    return np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1)


def cells(corner: Sequence[int], size: tuple[int, int], factor: int = 1) -> dict[str, slice]:
    """Return the cells of a window, as `xarray.Dataset.isel` takes them.

    Parameters
    ----------
    corner, size : (int, int)
        First row and column of the window, and how many it has, in coarse cells.
    factor : int
        Cells of the wanted grid per coarse cell along each axis.

    Examples
    --------
    >>> cells((1, 2), (4, 4), factor=8)
    {'y': slice(8, 40, None), 'x': slice(16, 48, None)}
    """
    return {
        dim: slice(first * factor, (first + n) * factor)
        for dim, first, n in zip("yx", corner, size, strict=True)
    }
