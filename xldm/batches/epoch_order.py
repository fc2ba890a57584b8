"""Order the samples of an epoch: a function of seed and epoch alone.

A sample is an hour and a window of the coarse grid. Hours that share a chunk of the store come
close together, so that each chunk is read once. A shuffle buffer mixes samples of several chunks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError

__all__ = ["Samples", "epoch", "global_batches"]


class Samples(NamedTuple):
    """Samples of an epoch in order, arrays (n,): row of the record, its day, window's corner."""

    row: np.ndarray
    day: np.ndarray
    y: np.ndarray
    x: np.ndarray
    #: Number of the sample whatever the order: the address of everything drawn for it.
    number: np.ndarray


def epoch(
    days: np.ndarray,
    windows: np.ndarray,
    *,
    draws: int | None,
    shuffle: int,
    seed: int,
    number: int,
) -> Samples:
    """Return the samples of an epoch, each once, in order.

    Parameters
    ----------
    days : ndarray (n,)
        Number of the chunk that holds each row; ascending.
    windows : ndarray (rows, columns, 2)
        Corners from `xldm.batches.windows.windows`.
    draws : int, optional
        Windows drawn for each hour, other ones in each epoch; None takes each window once.
    shuffle : int
        Samples in the shuffle buffer; 0 keeps the order of the record.
    seed, number : int
        Seed of the run and number of the epoch.

    Examples
    --------
    >>> corners = np.array([[[0, 0], [0, 4]]])
    >>> order = epoch(np.array([0, 0]), corners, draws=None, shuffle=0, seed=0, number=0)
    >>> order.row.tolist(), order.x.tolist()
    ([0, 0, 1, 1], [0, 4, 0, 4])
    """
    rng = np.random.default_rng([seed, number])
    if draws is None:
        corners = np.tile(windows.reshape(-1, 2), (len(days), 1))
    else:
        line, column = rng.integers(0, windows.shape[:2], (len(days) * draws, 2)).T
        corners = windows[line, column]
    y, x = corners.T
    row = np.repeat(np.arange(len(days)), len(corners) // len(days))
    samples = Samples(row, days[row], y, x, np.arange(row.size))
    order = _shuffled(samples.day, shuffle, rng) if shuffle else samples.number
    return Samples(*(field[order] for field in samples))


def _shuffled(day: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Put days in random order and their samples through a buffer that yields a random one."""
    found, of_day = np.unique(day, return_inverse=True)
    # Sorted by the day's place, random within the day.
    stream = np.lexsort((rng.random(day.size), rng.permutation(found.size)[of_day]))
    buffer, out = list(stream[:size]), []
    slots = rng.integers(0, max(1, min(size, day.size)), max(0, day.size - size))
    for slot, following in zip(slots, stream[size:], strict=True):
        out.append(buffer[slot])
        buffer[slot] = following
    return np.concatenate([np.array(out, dtype=int), rng.permutation(buffer)])


def global_batches(samples: int, size: int, ranks: int) -> list[slice]:
    """Cut an epoch into batches of all ranks together; each rank takes an even share of each.

    The remainder at the end makes a smaller batch. If it has less than one sample for each rank, it
    joins the previous batch: no rank waits for another, and no sample is lost.

    Raises
    ------
    ArgumentError
        If there are fewer samples than ranks.

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
