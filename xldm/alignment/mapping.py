"""Map values by an alignment's tables: arithmetic on arrays only."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np

__all__ = ["BLOCK", "NARROW", "Maps", "blend", "blocks"]

#: Cells along the side of a block, whose departures are pooled.
BLOCK = 12
#: The spread of a cell, and the sum of an amount, change at most by this factor.
NARROW = 5.0


def blocks(size: int) -> list[slice]:
    """Return slices that part an axis into blocks of about `BLOCK` cells.

    Examples
    --------
    >>> blocks(30)
    [slice(0, 10, None), slice(10, 20, None), slice(20, 30, None)]
    """
    edges = np.linspace(0, size, max(1, -(-size // BLOCK)) + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]


@functools.lru_cache(maxsize=16)
def _hats(size: int) -> list[tuple[slice, np.ndarray]]:
    """Return the cells that each block of an axis bears on, and its weights; they sum to one."""
    middles = np.array([(b.start + b.stop - 1) / 2 for b in blocks(size)])
    weights = np.stack([
        np.interp(np.arange(size), middles, row) for row in np.eye(middles.size)
    ])  # fmt: skip
    spans = [np.flatnonzero(row) for row in weights]
    return [
        (slice(int(s[0]), int(s[-1]) + 1), row[s[0] : s[-1] + 1])
        for s, row in zip(spans, weights, strict=True)
    ]


def blend(values: np.ndarray, nodes: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the change of each value, interpolated between its block's nodes and between blocks.

    Beyond the outermost nodes the change is theirs.

    Parameters
    ----------
    values : ndarray (y, x)
    nodes, change : ndarray (block_y, block_x, node)
        Values at which the change is known, ascending; and the change there.

    Examples
    --------
    >>> nodes, change = np.array([[[0.0, 1.0]]]), np.array([[[2.0, 4.0]]])
    >>> blend(np.array([[-1.0, 0.5, np.nan]]), nodes, change)
    array([[ 2.,  3., nan]])
    """
    out = np.zeros(values.shape)
    for i, (rows, down) in enumerate(_hats(values.shape[0])):
        for j, (columns, across) in enumerate(_hats(values.shape[1])):
            part = np.interp(values[rows, columns], nodes[i, j], change[i, j])
            out[rows, columns] += np.outer(down, across) * part
    return out


@dataclass(frozen=True, eq=False)
class Maps:
    """Tables of an alignment as arrays, cut to the cells of the input.

    Parameters
    ----------
    positions : tuple of int
        Channel of each predictor of the tables in the input.
    amount : tuple of bool
        Whether a predictor is an amount.
    least, most, trace : tuple of float
        Bounds of a predictor, and the amount below which it counts as none.
    mean, spread, shift, factor : ndarray (table, predictor, y, x)
        Mean and spread of the provider in each cell; what is added to its mean; what its spread,
        or an amount, is multiplied by.
    nodes, change : ndarray (table, predictor, block_y, block_x, node)
        See `blend`; of the whole grid.
    shape : (int, int)
        Cells of the whole grid.
    rows, columns : slice
        The input's cells in it.
    """

    positions: tuple[int, ...]
    amount: tuple[bool, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    trace: tuple[float, ...]
    mean: np.ndarray
    spread: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    nodes: np.ndarray
    change: np.ndarray
    shape: tuple[int, int]
    rows: slice
    columns: slice
    below: tuple[int, int] | None = None

    def __call__(self, block: np.ndarray, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Map a block (..., predictor, y, x) by tables (..., 4) and their weights."""
        out = block.copy()
        for at in np.ndindex(block.shape[:-3]):
            used = [(int(i), float(w)) for i, w in zip(index[at], weight[at], strict=True) if w]
            for p, channel in enumerate(self.positions):
                field = block[at][channel].astype("float64")
                mapped = np.zeros(field.shape)
                for table, share in used:
                    mapped += share * self._mapped(p, table, field)
                out[at][channel] = self._bounded(p, field, mapped)
            if self.below is not None:
                lower, upper = self.below
                np.minimum(out[at][lower], out[at][upper], out=out[at][lower])
        return out

    def _mapped(self, p: int, table: int, field: np.ndarray) -> np.ndarray:
        at = table, p, self.rows, self.columns
        if self.amount[p]:
            scaled = field * self.factor[at]
            return scaled + self._change(p, table, scaled)
        departure = (field - self.mean[at]) / self.spread[at]
        departure += self._change(p, table, departure)
        return self.mean[at] + self.shift[at] + departure * self.spread[at] * self.factor[at]

    def _change(self, p: int, table: int, values: np.ndarray) -> np.ndarray:
        """Return the change of each value, by the blocks of the whole grid."""
        whole = np.full(self.shape, np.nan)
        whole[self.rows, self.columns] = values
        return blend(whole, self.nodes[table, p], self.change[table, p])[self.rows, self.columns]

    def _bounded(self, p: int, field: np.ndarray, mapped: np.ndarray) -> np.ndarray:
        bounded = np.clip(mapped, self.least[p], self.most[p])
        return np.where(field <= self.trace[p], field, bounded) if self.amount[p] else bounded
