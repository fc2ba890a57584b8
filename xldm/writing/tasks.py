"""Run the tasks of blocks, a few at once, and show how far they are."""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import dask
import xarray as xr
from dask.base import get_scheduler
from tqdm.auto import tqdm

from .layout import Layout

__all__ = ["Moving", "bar_of", "cut_out", "run", "task_of"]

# Blocks that are cut from the graph of a long record at once.
_CUT = 64


def task_of(function: Any, *args: Any) -> Any:
    """Make a dask task; it computes a dataset among the arguments, all variables at once."""
    # Optimised before: dask loses tasks of variables that derive from others of the dataset.
    return dask.delayed(function, pure=False)(*dask.optimize(*args, traverse=False))


def cut_out(
    fields: xr.Dataset, layout: Layout, numbers: Iterable[int]
) -> Iterator[tuple[int, xr.Dataset]]:
    """Yield the fields of blocks by number, cut from the graph of some blocks at a time.

    To cut a block from the graph of decades takes seconds.
    """
    numbers = iter(numbers)
    while some := [*itertools.islice(numbers, _CUT)]:
        regions = [layout.part(number) for number in some]
        span = {
            d: slice(min(r[d].start for r in regions), max(r[d].stop for r in regions))
            for d in regions[0]
        }
        (cut,) = dask.optimize(fields.isel(span)) if layout.blocks > _CUT else (fields.isel(span),)
        for number, region in zip(some, regions, strict=True):
            start = {d: span[d].start for d in region}
            yield (
                number,
                cut.isel(
                    {d: slice(r.start - start[d], r.stop - start[d]) for d, r in region.items()}
                ),
            )


def run(tasks: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Run a few tasks at once, and yield their numbers and results as they end.

    Of two tasks at once, one computes while the other writes. On many cores up to three write; a
    distributed client runs two tasks for each worker. If one fails, the tasks that have begun are
    finished; an interruption does not wait for them.
    """
    nthreads = getattr(getattr(get_scheduler(), "__self__", None), "nthreads", None)
    most = max(2, 2 * len(nthreads())) if nthreads else _most_here()
    tasks = iter(tasks)
    with _pool(most) as pool:
        running: dict = {}
        while True:
            for number, task in itertools.islice(tasks, most - len(running)):
                # A client may be set in this context only.
                here = contextvars.copy_context()
                work = (lambda: None) if task is None else task.compute
                running[pool.submit(here.run, work)] = number
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()


def _most_here() -> int:
    """Return how many tasks to run at once in this process: one computes, the others write.

    Encoding a block keeps some four cores busy.
    """
    return max(2, min(4, (os.cpu_count() or 1) // 4))


@contextmanager
def _pool(most: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(most, "xldm-blocks")
    try:
        yield pool
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown()
        raise
    pool.shutdown()


class Moving:
    """Moves a bar by each field that is drawn in this process, and by each block that is done."""

    def __init__(self, bar: tqdm) -> None:
        self._bar, self._total = bar, int(bar.total or 0)
        self._done, self._drawn = float(bar.n), 0.0
        self._lock = threading.Lock()

    def drawn(self, fields: float) -> None:
        """Count fields, or parts of one, of blocks that are not done yet."""
        with self._lock:
            self._drawn += fields
            self._show()

    def done(self, fields: int) -> None:
        """Count the fields of a block."""
        with self._lock:
            self._done += fields
            self._drawn = max(0.0, self._drawn - fields)
            self._show()

    def _show(self) -> None:
        at = min(int(self._done + self._drawn + 1e-6), self._total)
        self._bar.update(max(0, at - self._bar.n))


def bar_of(what: str, layout: Layout, numbers: Iterable[int], hidden: bool | None) -> tqdm:
    """Return a progress bar over the fields of blocks; hidden if there are no fields."""
    total = sum(map(layout.fields, numbers))
    return tqdm(total=total, desc=what, unit="field", disable=hidden if total else True)
