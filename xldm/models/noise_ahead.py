"""Noise made ahead of time in threads, in the order in which fields are drawn."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["AHEAD_BYTES", "noise_ahead"]

T = TypeVar("T")
Take = Callable[[slice, slice], list[T]]

#: Largest size of the fields that are made ahead of time, beside those of the block at work.
AHEAD_BYTES = 2**27
# Hours of a member that a thread makes in a row: they have most of their knots in common.
_RUN = 8
_THREADS = 8


@contextmanager
def noise_ahead(
    make: Callable[[int, int], T], hours: int, members: int, size: int, *, beside: bool
) -> Iterator[Take[T]]:
    """Make the noise of all fields ahead of time, and give a function that hands it out.

    Numbers are drawn and joined without the interpreter's lock, so threads work beside the one that
    computes. They end with the context.

    Parameters
    ----------
    make : callable
        Makes the field of an hour and a member, both by their number.
    hours, members : int
        Numbers of these.
    size : int
        Bytes of a field. So many fields are made ahead as fit into `AHEAD_BYTES`.
    beside : bool
        Whether the networks run on another device, so that all cores are free. Else one thread
        works ahead.

    Yields
    ------
    callable
        Slices of hours and members -> their fields: the members of the first hour, then of the
        next. Blocks are asked for in order: all members of some hours, or some members of one hour.
        A block may be asked for again, in part, until the next one is.

    Examples
    --------
    >>> with noise_ahead(lambda h, m: f"{h}{m}", 3, 2, size=1, beside=False) as take:
    ...     [take(slice(0, 2), slice(0, 2)), take(slice(2, 3), slice(1, 2))]
    [['00', '01', '10', '11'], ['21']]
    """
    most = max(1, AHEAD_BYTES // size)
    run = max(1, min(_RUN, hours, most // (2 * members)))
    threads = min(_THREADS, max(1, (os.cpu_count() or 1) - 1)) if beside else 1
    ahead = most if beside else 2 * run
    left = itertools.product(range(0, hours, run), range(members))
    jobs: dict[tuple[int, int], Future[list[T]]] = {}
    with ThreadPoolExecutor(threads, "xldm-noise") as pool:

        def submit(until: Callable[[], bool]) -> None:
            while not until() and (job := next(left, None)) is not None:
                start, member = job
                some = range(start, min(start + run, hours))
                jobs[job] = pool.submit(lambda h, m: [make(hour, m) for hour in h], some, member)

        def take(of_hours: slice, of_members: slice) -> list[T]:
            here = of_hours.start, of_members.start
            for start, member in [*jobs]:
                if (min(start + run, hours) - 1, member) < here:
                    del jobs[start, member]
            wanted = [
                ((hour - hour % run, member), hour % run)
                for hour in range(of_hours.start, of_hours.stop)
                for member in range(of_members.start, of_members.stop)
            ]
            submit(lambda: wanted[-1][0] in jobs)
            submit(lambda: len(jobs) * run >= len(wanted) + ahead)
            return [jobs[job].result()[at] for job, at in wanted]

        submit(lambda: len(jobs) * run >= ahead)
        try:
            yield take
        finally:
            for job in jobs.values():
                job.cancel()
