"""Equal tiles that overlap and cover a field, and weights that blend what was made tile by tile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from ..errors import ArgumentError

__all__ = ["blend", "cover", "weights"]

Array = TypeVar("Array")  # a NumPy array or a torch tensor: only its operators are used


def cover(cells: int, size: int, overlap: int, step: int = 1) -> tuple[int, ...]:
    """Where tiles start that cover an axis.

    Each starts ``size - overlap`` after the one before it, but for the last, which is shifted back
    to end with the axis.

    Parameters
    ----------
    cells : int
        Length of the axis.
    size, overlap : int
        Cells of a tile, and how many of them neighbours share at least. A tile that is longer than
        the axis is cut to it.
    step : int
        Tiles start at multiples of it.

    Returns
    -------
    tuple of int
        Ascending, from 0.

    Raises
    ------
    ArgumentError
        If ``cells``, ``size`` and ``overlap`` are not multiples of ``step``, or if the overlap is
        not from 0 to half of the size.

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
            "tiles overlap by at most half of their size, and have a size; got "
            f"cells {cells}, size {size}, overlap {overlap}"
        )
    return (*range(0, cells - size, size - overlap), max(cells - size, 0))


def weights(starts: Sequence[int], size: int) -> np.ndarray:
    """Share that each tile has in every cell of it: they add up to 1 in every cell of the axis.

    Of the cells that a tile shares with a neighbour, the quarter at its end is left to the
    neighbour, since networks see least there; over the middle half its share rises from 0 to 1 as a
    raised cosine. At the ends of the axis it is 1.

    Parameters
    ----------
    starts : sequence of int
        From `cover`.
    size : int
        Cells of a tile.

    Returns
    -------
    ndarray (tile, cell) float64

    Examples
    --------
    >>> weights((0, 4), 8).round(2)
    array([[1.  , 1.  , 1.  , 1.  , 1.  , 0.85, 0.15, 0.  ],
           [0.  , 0.15, 0.85, 1.  , 1.  , 1.  , 1.  , 1.  ]])
    """
    starts = np.asarray(starts)
    shares = np.ones((starts.size, size))
    for left, right, n in zip(shares, shares[1:], size - np.diff(starts), strict=False):
        margin = n // 4
        phase = (np.arange(n) + 0.5 - margin) / max(n - 2 * margin, 1)
        rise = np.sin(np.pi / 2 * phase.clip(0, 1)) ** 2
        right[:n] *= rise
        left[size - n :] *= rise[::-1]
    # Where the last tile was shifted back, a third may share cells with these two.
    cells = starts[:, None] + np.arange(size)
    total = np.bincount(cells.ravel(), shares.ravel())
    return shares / total[cells]


def blend(
    out: Array,
    parts: Iterable[Array],
    starts: tuple[Sequence[int], Sequence[int]],
    shares: tuple[Array, Array],
) -> Array:
    """Add up what was made tile by tile, each with its share.

    Parameters
    ----------
    out : array or tensor (..., y, x)
        Zeros; written to.
    parts : iterable of array or tensor (..., size_y, size_x)
        Of every tile, row by row. Each is used before the next is asked for.
    starts : (sequence of int, sequence of int)
        Of `cover`, for y and x.
    shares : (array or tensor (tile, size_y), array or tensor (tile, size_x))
        Of `weights`, for y and x.

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
