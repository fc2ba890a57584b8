"""Run the tasks of blocks, a few at once, and show how far they are."""

from __future__ import annotations

import contextvars
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import dask
from dask.base import get_scheduler
from tqdm.auto import tqdm

from .layout import Layout

__all__ = ["bar_of", "run", "task_of"]


def task_of(function: Any, *args: Any) -> Any:
    """Make a dask task; it computes a dataset among the arguments, all variables at once."""
    return dask.delayed(function, pure=False)(*args)


def run(tasks: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Run a few tasks at once, and yield their numbers and results as they end.

    Of two tasks at once, one computes while the other writes; a distributed client runs two for
    each worker. If one fails, the tasks that have begun are finished.
    """
    nthreads = getattr(getattr(get_scheduler(), "__self__", None), "nthreads", None)
    most = max(2, 2 * len(nthreads())) if nthreads else 2
    tasks = iter(tasks)
    with ThreadPoolExecutor(most, "xldm-blocks") as pool:
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


def bar_of(what: str, layout: Layout, numbers: Iterable[int], hidden: bool | None) -> tqdm:
    """Return a progress bar over the fields of blocks; hidden if there are no fields."""
    total = sum(map(layout.fields, numbers))
    return tqdm(total=total, desc=what, unit="field", disable=hidden if total else True)
