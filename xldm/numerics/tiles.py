"""Overlapping tiles of equal size that cover a field, and the weights that blend them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import ArgumentError
from .arrays import Array

__all__ = ["blend", "cover", "weights"]


def cover(cells: int, size: int, overlap: int, step: int = 1) -> tuple[int, ...]:
    """Return the first cells of tiles that cover an axis.

    Tiles start ``size - overlap`` cells apart. The last tile is shifted back to end with the axis.

    Parameters
    ----------
    cells : int
        Length of the axis.
    size, overlap : int
        Cells of a tile, and the least number of cells that neighbours share. A tile that is longer
        than the axis is cut to the axis.
    step : int
        Tiles start at multiples of ``step``.

    Returns
    -------
    tuple of int
        First cell of each tile, ascending from 0.

    Raises
    ------
    ArgumentError
        If ``cells``, ``size`` or ``overlap`` is not a multiple of ``step``, or if the overlap is
        not between 0 and half the size.

    Examples
    --------
    >>> cover(84, 32, 8), cover(84, 84, 8)
    ((0, 24, 48, 52), (0,))
    """
    lengths = {"cells": cells, "size": size, "overlap": overlap}
    if wrong := [f"{n} is {v}" for n, v in lengths.items() if v % step]:
        raise ArgumentError(f"tiles start at multiples of {step}, but {', '.join(wrong)}")
    if not (cells > 0 and size > 0 and 0 <= 2 * overlap <= size):
        raise ArgumentError(
            "cells and size must be positive, overlap 0 or more and at most half the size; got "
            f"cells {cells}, size {size}, overlap {overlap}"
        )
    return (*range(0, cells - size, size - overlap), max(cells - size, 0))


def weights(starts: Sequence[int], size: int) -> np.ndarray:
    """Return the weight of each tile in each of its cells.

    The weights of all tiles add up to 1 in every cell of the axis. Where two tiles overlap, the
    outer quarter of each has weight 0, since networks see least there. Over the middle half of the
    overlap the weight rises from 0 to 1 as a raised cosine. At the ends of the axis it is 1.

    Parameters
    ----------
    starts : sequence of int
        First cells of the tiles, from `cover`.
    size : int
        Cells of a tile.

    Returns
    -------
    ndarray (tile, cell) float64
        Dimensionless.

    Examples
    --------
    >>> weights((0, 4), 8).round(2)
    array([[1.  , 1.  , 1.  , 1.  , 1.  , 0.85, 0.15, 0.  ],
           [0.  , 0.15, 0.85, 1.  , 1.  , 1.  , 1.  , 1.  ]])
    """
    first = np.asarray(starts)
    shares = np.ones((first.size, size))
    overlaps = (size - np.diff(first)).tolist()
    for left, right, n in zip(shares, shares[1:], overlaps, strict=False):
        margin = n // 4
        phase = (np.arange(n) + 0.5 - margin) / max(n - 2 * margin, 1)
        rise = np.sin(np.pi / 2 * phase.clip(0, 1)) ** 2
        right[:n] *= rise
        left[size - n :] *= rise[::-1]
    # Near the last tile, which is shifted back, three tiles may share a cell.
    cells = first[:, None] + np.arange(size)
    total = np.bincount(cells.ravel(), shares.ravel())
    return shares / total[cells]


def blend(
    out: Array,
    parts: Iterable[Array],
    starts: tuple[Sequence[int], Sequence[int]],
    shares: tuple[Array, Array],
) -> Array:
    """Add weighted tiles to one field, in place.

    Parameters
    ----------
    out : array or tensor (..., y, x)
        Zeros; the tiles are added to it.
    parts : iterable of array or tensor (..., size_y, size_x)
        The tiles, row by row. Each tile is added before the next is requested.
    starts : (sequence of int, sequence of int)
        First cells from `cover`, along y and x.
    shares : (array or tensor (tile, size_y), array or tensor (tile, size_x))
        Weights from `weights`, along y and x.

    Returns
    -------
    array or tensor (..., y, x)
        ``out``.

    Examples
    --------
    >>> field = np.arange(12.0).reshape(2, 6)
    >>> starts, shares = ((0,), (0, 2)), (weights((0,), 2), weights((0, 2), 4))
    >>> blended = blend(np.zeros((2, 6)), [field[:, :4], field[:, 2:]], starts, shares)
    >>> np.allclose(blended, field)
    True
    """
    parts = iter(parts)
    for top, down in zip(starts[0], shares[0], strict=True):
        for left, across in zip(starts[1], shares[1], strict=True):
            rows, columns = slice(top, top + len(down)), slice(left, left + len(across))
            out[..., rows, columns] += down[:, None] * across * next(parts)
    return out
