"""Split hours into training, validation and test.

Neighbouring hours are almost the same weather. A test measures what a model has learnt only if its
hours lie far from the training hours, hence blocks with a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import xarray as xr

from ..arguments import brief
from ..errors import ArgumentError, ArgumentTypeError

__all__ = ["by_blocks", "check", "leak", "random_hours"]

_LABELS = {"gap": -1, "train": 0, "val": 1, "test": 2}

Block = str | tuple[str, str]


def by_blocks(
    time: xr.DataArray | np.ndarray,
    *,
    val: Sequence[Block] = ("2005",),
    test: Sequence[Block] = ("2006",),
    gap: str = "10D",
) -> xr.DataArray:
    """Split a record into contiguous blocks, with a gap between splits.

    Parameters
    ----------
    time : DataArray or array (time) of datetime64
        Times of the record, ascending.
    val, test : sequence of str or (str, str)
        Blocks: a year, month or day, or the first and last of them, both included. The rest trains.
    gap : str
        Hours of training nearer than this to a block of validation or test are left out, as are
        hours of validation nearer than this to a block of test.

    Returns
    -------
    DataArray (time) int8
        0 train, 1 val, 2 test, -1 left out; ``comment`` describes the split.

    Raises
    ------
    ArgumentTypeError, ArgumentError
        If there are no times or they do not ascend, if a block lies beyond the record, in a gap of
        it or overlaps another, or if a requested split is empty.

    Examples
    --------
    >>> time = np.arange("2004-01-01", "2007-01-01", dtype="datetime64[D]")
    >>> split = by_blocks(time)
    >>> [int((split == label).sum()) for label in (0, 1, 2, -1)]
    [357, 356, 365, 18]
    """
    index = _index(time)
    wide = _duration(gap)
    blocks = {"val": _as_blocks("val", val), "test": _as_blocks("test", test)}
    labels = np.full(index.size, _LABELS["train"], "int8")
    for name, wanted in blocks.items():
        for block in wanted:
            rows = _rows(index, block)
            if (labels[rows] != _LABELS["train"]).any():
                raise ArgumentError(
                    f"The block {_text(block)} of {name} overlaps another: an hour has one label. "
                    "Give blocks that do not overlap."
                )
            labels[rows] = _LABELS[name]
    kept = labels.copy()
    for name, others in (("train", ("val", "test")), ("val", ("test",))):
        mine = labels == _LABELS[name]
        theirs = np.isin(labels, [_LABELS[n] for n in others])
        kept[mine & (_apart(index, index[theirs]) < wide)] = _LABELS["gap"]
    for name in ("train", *(n for n, wanted in blocks.items() if wanted)):
        if not (kept == _LABELS[name]).any():
            raise ArgumentError(
                f"No hour is left for {name}: the record runs from {index[0]} to {index[-1]}, and "
                f"blocks and their gaps of {gap} take all of it. Give a longer record, fewer "
                "blocks or a smaller gap."
            )
    said = [f"{n} {', '.join(map(_text, w))}" for n, w in blocks.items() if w]
    comment = f"contiguous blocks ({'; '.join(said)}; the rest trains) at least {gap} apart"
    return _described(kept, index, {"comment": comment, "gap": gap})


def random_hours(
    time: xr.DataArray | np.ndarray,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    seed: int = 42,
) -> xr.DataArray:
    """Draw the hours of each split at random, as arXiv 2406.13627 does. Leaky: see below.

    Neighbouring hours straddle train and test: most test hours are one hour from a training hour,
    so their scores measure how well a model interpolates weather that it has seen. Use it only for
    comparison with the paper; the paper's own hours are unpublished, and differ from these.

    Parameters
    ----------
    time : DataArray or array (time) of datetime64
        Times of the record, ascending.
    fractions : (float, float, float)
        Shares of train, val and test; they sum to 1.
    seed : int
        Seed of the draw.

    Returns
    -------
    DataArray (time) int8
        0 train, 1 val, 2 test; the attribute ``leaky`` is "true".

    Examples
    --------
    >>> time = np.arange("2005-01-01", "2005-02-01", dtype="datetime64[h]")
    >>> split = random_hours(time)
    >>> [int((split == label).sum()) for label in (0, 1, 2)], split.attrs["leaky"]
    ([521, 111, 112], 'true')
    """
    index = _index(time)
    if len(fractions) != 3 or min(fractions) < 0 or not np.isclose(sum(fractions), 1):
        raise ArgumentError(f"fractions are three shares that sum to 1; got {fractions}.")
    ends = np.round(np.cumsum(fractions) * index.size).astype(int)
    if ends[0] == 0:
        raise ArgumentError(f"No hour is left for train: {fractions[0]:g} of {index.size} hours.")
    order = np.random.default_rng(seed).permutation(index.size)
    labels = np.empty(index.size, "int8")
    for label, rows in enumerate(np.split(order, ends[:2])):
        labels[rows] = label
    shares = "/".join(f"{100 * f:g}" for f in fractions)
    comment = (
        f"hours drawn at random, {shares} %, seed {seed}; neighbouring hours straddle train and "
        "test, so scores on the test hours flatter"
    )
    return _described(labels, index, {"comment": comment, "leaky": "true"})


def check(split: xr.DataArray, *, gap: str | None = None, allow_leaky: bool = False) -> None:
    """Refuse a split that lets hours of different splits be neighbours.

    Parameters
    ----------
    split : DataArray (time)
        From `by_blocks`, `random_hours`, or a store.
    gap : str, optional
        How far apart splits have to be; what ``split`` says of itself where not given.
    allow_leaky : bool
        Let a leaky split pass, as for a comparison with the paper.

    Raises
    ------
    ArgumentError
        If it is leaky, if hours of two splits are nearer than the gap, or if no gap is known.

    Examples
    --------
    >>> time = np.arange("2005-01-01", "2005-02-01", dtype="datetime64[h]")
    >>> check(random_hours(time), gap="1D")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: ... are nearer than 1D: test hours would be neighbours of training
    hours. ...
    """
    _refuse_unknown(split)
    if not allow_leaky and (fault := leak(split, gap)):
        raise ArgumentError(
            f"{fault}. Make the split with by_blocks and a gap, or pass allow_leaky=True if "
            "neighbours in train and test are meant."
        )


def leak(split: xr.DataArray, gap: str | None = None) -> str:
    """Say which hours of different splits are neighbours; empty if none are.

    Examples
    --------
    >>> time = np.arange("2005-01-01", "2005-02-01", dtype="datetime64[h]")
    >>> leak(by_blocks(time, val=["2005-01-10"], test=["2005-01-20"], gap="1D"))
    ''
    """
    _refuse_unknown(split)
    labels, index = split.values, _index(split["time"])
    wanted = gap or split.attrs.get("gap")
    if wanted is None:
        return f"split states no gap ({split.attrs.get('comment', 'no comment')})"
    if not _duration(wanted):
        return f"split has a gap of {wanted}: hours of two splits are neighbours"
    # Of all pairs of hours in different splits, the nearest are neighbours among the used hours.
    used = np.flatnonzero(labels != _LABELS["gap"])
    left, right = used[:-1], used[1:]
    near = (labels[left] != labels[right]) & (index[right] - index[left] < _duration(wanted))
    if not near.any():
        return ""
    at = int(near.argmax())
    names = {label: name for name, label in _LABELS.items()}
    one, other = (f"{index[i]} ({names[labels[i]]})" for i in (left[at], right[at]))
    return (
        f"{one} and {other} are nearer than {wanted}: test hours would be neighbours of training "
        "hours"
    )


def _refuse_unknown(split: xr.DataArray) -> None:
    unknown = sorted(set(np.unique(split.values).tolist()) - set(_LABELS.values()))
    if unknown:
        raise ArgumentError(f"split holds {unknown}; known are {_LABELS}.")


def _index(time: xr.DataArray | np.ndarray) -> pd.DatetimeIndex:
    values = np.asarray(time)
    if not np.issubdtype(values.dtype, np.datetime64) or values.ndim != 1:
        raise ArgumentTypeError(
            f"Times are a line of datetime64; got {values.ndim}-D {values.dtype}."
        )
    index = pd.DatetimeIndex(values.astype("datetime64[ns]"), name="time")
    if index.size == 0 or index.hasnans or not (index.is_monotonic_increasing and index.is_unique):
        raise ArgumentError(
            "Times have to ascend, each once, and none may be missing: sort them, and drop repeats."
        )
    return index


def _duration(gap: str) -> pd.Timedelta:
    with suppress(TypeError, ValueError):
        wide = pd.Timedelta(gap)
        if wide >= pd.Timedelta(0):
            return wide
    raise ArgumentError(f"gap is a length of time such as '10D' or '240h'; got {brief(gap)}.")


def _as_blocks(name: str, blocks: Sequence[Block]) -> list[tuple[str, str]]:
    if isinstance(blocks, str):
        raise ArgumentTypeError(
            f"{name} is a sequence of blocks; for one block write ({blocks!r},)."
        )
    pairs = [tuple(b) if isinstance(b, (tuple, list)) else (b, b) for b in blocks]
    return [(str(start), str(stop)) for start, stop in pairs]


def _text(block: tuple[str, str]) -> str:
    return block[0] if block[0] == block[1] else f"{block[0]} to {block[1]}"


def _rows(index: pd.DatetimeIndex, block: tuple[str, str]) -> slice:
    """Return the rows of a block, which must lie within the record and not in a gap of it."""
    try:
        start, stop = pd.Period(block[0]).start_time, pd.Period(block[1]).end_time
    except ValueError as error:  # dates of pandas among them
        raise ArgumentError(
            f"The block {_text(block)} is no time: expected a year, month or day, as '2005-07', or "
            "the first and last of them."
        ) from error
    if stop < start:
        raise ArgumentError(f"The block {_text(block)} ends before it starts: give (first, last).")
    # An hourly record of a year ends at 23:00; it still holds the year's end.
    step = pd.Series(index).diff().median() if index.size > 1 else pd.Timedelta("1h")
    if not (index[0] - step < start and stop < index[-1] + step):
        raise ArgumentError(
            f"The block {_text(block)} ({start} to {stop.ceil('s')}) is not within the record, "
            f"which runs from {index[0]} to {index[-1]}: give blocks within it."
        )
    rows = slice(*index.searchsorted([start, stop], side="left"))
    if rows.start == rows.stop:
        ends = [index[at] for at in np.clip([rows.start - 1, rows.start], 0, index.size - 1)]
        raise ArgumentError(
            f"The block {_text(block)} lies in a gap of the record, from {ends[0]} to {ends[1]}: "
            "give a block that holds hours of it."
        )
    return rows


def _apart(index: pd.DatetimeIndex, others: pd.DatetimeIndex) -> np.ndarray:
    """Return the distance of each time from the nearest of others."""
    if others.empty:
        return np.full(index.size, pd.Timedelta.max.to_timedelta64())
    after = others.searchsorted(index)
    both = (np.clip(after - 1, 0, None), np.clip(after, None, others.size - 1))
    return np.minimum(*(np.abs(index.values - others.values[at]) for at in both))


def _described(labels: np.ndarray, index: pd.DatetimeIndex, attrs: dict) -> xr.DataArray:
    return xr.DataArray(
        labels,
        {"time": ("time", index.values, {"standard_name": "time"})},
        name="split",
        attrs={
            "long_name": "which hours train, validate and test",
            "flag_values": np.array(list(_LABELS.values()), "int8"),
            "flag_meanings": " ".join(_LABELS),
            **attrs,
        },
    )
