"""Write a dataset along time to a Zarr store, block by block; runs can be resumed and shared."""

from __future__ import annotations

import contextvars
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from os import PathLike
from typing import Any

import dask
import xarray as xr
from dask.base import get_scheduler
from tqdm.auto import tqdm

from ..errors import ArgumentError, StoreError
from ..storage import blocks
from ..storage.location import Place, locate, reaching
from ..storage.marks import begun, mark_complete, refuse_complete, refuse_other
from ..storage.objects import content, create, exists, keys, patiently, put, sweep
from . import rounding
from .store_layout import BLOCK, Layout, laid_out, times_in_block

__all__ = ["to_store"]


def to_store(
    out: xr.Dataset,
    url: str | PathLike,
    *,
    resume: bool = False,
    share: tuple[int, int] = (0, 1),
    keep_bits: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> str | None:
    """Write downscaled fields to a Zarr store, of any length and in bounded memory.

    The active dask scheduler computes and writes blocks of about 128 MB: all members of several
    times. With a distributed client the workers write, and no field passes through the client.
    Each object of the store is put whole, so the existing objects record the progress: ``resume``
    continues a run that was stopped in any way, and several runs may write one store at once.

    Parameters
    ----------
    out : Dataset
        The result of :func:`xldm.downscale`, lazy or not, or any dataset with variables along time.
    url : str or path
        A local path or any fsspec URL; a bucket must exist.
    resume : bool
        Resume a store if one exists. Existing blocks are read, which checks their checksums, and
        absent or damaged ones are written. First, one existing block is drawn again, and must be
        the same bit for bit.
    share : (int, int)
        Number and count, as (0, 4) to (3, 4): write only this share of the blocks, while other
        processes or machines write the others. The last to finish marks the store complete.
    keep_bits : int, optional
        Round floats to this many of the 23 bits of the mantissa, which compresses them better.
    storage_options : mapping, optional
        Options for fsspec, such as credentials; they appear in no message and not in the store.
    progress : bool, optional
        Show progress bars that count fields; by default if the terminal is interactive.

    Returns
    -------
    str or None
        Time when the store was complete (UTC); None while blocks of other shares are absent.

    Raises
    ------
    ArgumentError
        If an argument cannot be used.
    StoreError
        Before anything is written: if a store exists that must not be touched, or that was begun
        with something else, with every difference. Afterwards: if the place cannot be reached,
        written or read; written blocks are kept.

    Examples
    --------
    >>> import numpy as np
    >>> time = np.datetime64("2001-07-15", "ns") + np.arange(3) * np.timedelta64(1, "h")
    >>> out = xr.Dataset({"t2m": (("time", "y", "x"), np.ones((3, 2, 2)))}, {"time": time})
    >>> mark = to_store(out, "memory://out.zarr")
    >>> to_store(out, "memory://out.zarr")
    Traceback (most recent call last):
    xldm.errors.StoreError: memory://out.zarr: there is a complete store already, ...
    """
    _check(out, share, keep_bits)
    layout = _begun(locate(url, storage_options), out, resume, share, keep_bits)
    # The bare variables: coordinates would travel with every block.
    fields = out.drop_vars(list(out.coords))[list(layout.dims)]
    hidden = None if progress is None else not progress
    mine = range(share[0], layout.blocks, share[1])
    there = [number for number in _there(layout) if number in mine]
    if there and not resume:
        raise StoreError(
            f"{layout.place.url}: blocks of share {share[0]}/{share[1]} exist already; resume them "
            "with resume=True."
        )
    whole = _readable(layout, there, hidden)
    if whole:
        _compare(layout, fields, whole[0])
    _write(layout, fields, mine, whole, hidden)
    return _completed(layout)


def _check(out: xr.Dataset, share: tuple[int, int], keep_bits: int | None) -> None:
    if "time" not in out.coords or not any("time" in v.dims for v in out.data_vars.values()):
        raise ArgumentError(
            "out: expected a coordinate time and variables along it, as downscale gives; got "
            f"{dict(out.sizes)}"
        )
    if not 0 <= share[0] < share[1]:
        raise ArgumentError(
            f"share: expected (number, count) with 0 <= number < count; got {share}"
        )
    if keep_bits is not None and not 1 <= keep_bits <= 23:
        raise ArgumentError(f"keep_bits: expected 1 to 23 bits, or None for all; got {keep_bits}")


def _begun(
    place: Place,
    out: xr.Dataset,
    resume: bool,
    share: tuple[int, int],
    keep_bits: int | None,
) -> Layout:
    """Return the layout of the store, whose metadata and coordinates are in place.

    The root comes first, and is created only if there is none, so of several writers one does it.
    """
    found = begun(place)
    length = (found or {}).get(BLOCK) or times_in_block(out)
    layout = laid_out(place, out, length, keep_bits)
    root = layout.objects["zarr.json"]
    if found is not None:
        welcome = resume or share[1] > 1
        if not welcome:
            refuse_complete(place, found)
        refuse_other(place, found, json.loads(root)["attributes"], resume=welcome)
    elif not create(place, "zarr.json", root):  # another writer did
        return _begun(place, out, resume, share, keep_bits)
    sweep(place)
    there = keys(place)
    for key, value in layout.objects.items():
        if key not in there:
            put(place, key, value)
    # Another release of Zarr may spell the same metadata otherwise.
    with reaching(place):
        stored = {key: content(place, key) or b"" for key in layout.objects}
    return replace(layout, objects=stored)


def _there(layout: Layout) -> list[int]:
    """Return the blocks of which every object is listed."""
    listed = keys(layout.place)
    return [n for n in range(layout.blocks) if listed.issuperset(layout.block(n).keys)]


def _readable(layout: Layout, numbers: list[int], hidden: bool | None) -> list[int]:
    """Return the numbers of the blocks that are whole."""
    tasks = ((n, _task(blocks.whole, layout.block(n))) for n in numbers)
    whole = []
    with _bar("reading existing blocks", layout, numbers, hidden) as bar:
        for number, readable in _run(tasks):
            if readable:
                whole.append(number)
            bar.update(layout.fields(number))
    return sorted(whole)


def _compare(layout: Layout, fields: xr.Dataset, number: int) -> None:
    """Draw an existing block again, and refuse to continue if it differs."""
    block = layout.block(number)
    fields = fields.isel(time=block.rows)
    task = _task(rounding.difference, fields, block, layout.keep_bits)
    [(_, other)] = _run([(number, task)])
    if other:
        raise StoreError(
            f"{layout.place.url}: an existing block differs from the one drawn now: {other}; "
            "nothing was written. Large differences mean another input; differences in the last "
            "bits mean another device, number of threads or build of torch. Use the same as the "
            "store was begun with, or another place."
        )


def _write(
    layout: Layout, fields: xr.Dataset, mine: range, whole: list[int], hidden: bool | None
) -> None:
    """Write the blocks of a share, except those that are whole."""
    left = sorted(set(mine) - set(whole))
    with _bar("writing", layout, mine, hidden) as bar:
        bar.initial = sum(map(layout.fields, whole))
        bar.update(bar.initial)
        try:
            for number, _ in _run(_to_write(layout, fields, left)):
                bar.update(layout.fields(number))
        except StoreError as error:
            raise StoreError(f"{error} Written blocks are kept: resume with resume=True.") from None


def _to_write(layout: Layout, fields: xr.Dataset, numbers: list[int]) -> Iterator[tuple[int, Any]]:
    """Yield tasks that write blocks; None for a block that another writer has written meanwhile."""
    damaged = set(_there(layout)).intersection(numbers)
    for number in numbers:
        block, task = layout.block(number), None
        if number in damaged or not _listed(block):
            task = _task(rounding.write, fields.isel(time=block.rows), block, layout.keep_bits)
        yield number, task


def _listed(block: blocks.Block) -> bool:
    """Return whether every object of a block exists, whole or damaged."""
    place = block.place
    return patiently(place, lambda: all(exists(place, key) for key in block.keys))


def _task(function: Any, *args: Any) -> Any:
    """Make a dask task; it computes a dataset among the arguments, all variables at once."""
    return dask.delayed(function, pure=False)(*args)


def _run(tasks: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
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


def _bar(what: str, layout: Layout, numbers: Iterable[int], hidden: bool | None) -> tqdm:
    """Return a progress bar over the fields of blocks; hidden if there are no fields."""
    total = sum(map(layout.fields, numbers))
    return tqdm(total=total, desc=what, unit="field", disable=hidden if total else True)


def _completed(layout: Layout) -> str | None:
    """Mark the store complete if every block exists; return the mark."""
    if len(_there(layout)) < layout.blocks:
        return None
    mark = mark_complete(layout.place)
    sweep(layout.place)
    return mark
