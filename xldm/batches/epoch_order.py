"""In which order the samples of an epoch come: a function of seed and epoch, and of nothing else.

A sample is an hour and a window of the coarse grid. Hours that share a chunk of a store come near
each other, so that each chunk is read once, and a shuffle buffer mixes those of several.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
import xbatcher

from ..errors import ArgumentError

__all__ = ["Samples", "cover", "epoch", "global_batches"]


class Samples(NamedTuple):
    """Samples of an epoch in order, arrays (n,): row of the record, its day, window's corner."""

    row: np.ndarray
    day: np.ndarray
    y: np.ndarray
    x: np.ndarray
    #: Number of the sample whatever the order: addresses what is drawn for it.
    number: np.ndarray


def cover(shape: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Corners (n, 2) of windows that cover a grid, with as little overlap as they can.

    xbatcher lays them side by side; what it leaves over at the far ends, where the size does not
    divide the grid, gets windows that end there.

    Examples
    --------
    >>> cover((8, 10), (8, 4)).tolist()
    [[0, 0], [0, 4], [0, 6]]
    """
    ends = []
    for dim, n, window in zip("yx", shape, size, strict=True):
        line = xr.DataArray(np.zeros(n), dims=dim)
        selectors = xbatcher.BatchSchema(line, input_dims={dim: window}).selectors
        starts = {selector[dim].start for batch in selectors.values() for selector in batch}
        ends.append(sorted(starts | {n - window}))
    return np.array([(y, x) for y in ends[0] for x in ends[1]])


def epoch(
    days: np.ndarray,
    shape: tuple[int, int],
    size: tuple[int, int],
    *,
    windows: int | None,
    shuffle: int,
    seed: int,
    number: int,
) -> Samples:
    """All samples of an epoch, each once, in the order in which they come.

    Parameters
    ----------
    days : ndarray (n,)
        Of each row that takes part, the number of the chunk that it lies in; ascending.
    shape, size : (int, int)
        Rows and columns of the coarse grid and of a window.
    windows : int, optional
        Windows drawn anew for each hour and epoch; None for those that cover the grid.
    shuffle : int
        Samples in the buffer that mixes them; 0 for the order of the record.
    seed, number : int
        Which run and which epoch.
    """
    rng = np.random.default_rng([seed, number])
    if windows is None:
        corners = np.tile(cover(shape, size), (len(days), 1))
    else:
        free = [n - s + 1 for n, s in zip(shape, size, strict=True)]
        corners = rng.integers(0, free, (len(days) * windows, 2))
    y, x = corners.T
    row = np.repeat(np.arange(len(days)), len(corners) // len(days))
    samples = Samples(row, days[row], y, x, np.arange(row.size))
    order = _shuffled(samples.day, shuffle, rng) if shuffle else samples.number
    return Samples(*(field[order] for field in samples))


def _shuffled(day: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Days in random order, and their samples through a buffer of which a random one comes out."""
    found, of_day = np.unique(day, return_inverse=True)
    # Stable by the day's place, random within the day.
    stream = np.lexsort((rng.random(day.size), rng.permutation(found.size)[of_day]))
    buffer, out = list(stream[:size]), []
    slots = rng.integers(0, max(1, min(size, day.size)), max(0, day.size - size))
    for slot, following in zip(slots, stream[size:], strict=True):
        out.append(buffer[slot])
        buffer[slot] = following
    return np.concatenate([np.array(out, dtype=int), rng.permutation(buffer)])


def global_batches(samples: int, size: int, ranks: int) -> list[slice]:
    """Batches of all ranks together: each of ``ranks`` takes its even share of every one.

    What is left at the end makes a smaller batch, or, if it is less than a sample for each rank,
    goes to the one before: no rank ever waits for another, and no sample is lost.

    Examples
    --------
    >>> global_batches(9, size=2, ranks=2)
    [slice(0, 4, None), slice(4, 9, None)]
    """
    if samples < ranks:
        raise ArgumentError(
            f"{samples} samples cannot be shared by {ranks} ranks: give more hours or fewer ranks."
        )
    starts = list(range(0, samples, size * ranks))
    if len(starts) > 1 and samples - starts[-1] < ranks:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], samples], strict=True)]
