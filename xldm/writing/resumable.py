"""Write a dataset along time to a Zarr store, block by block; runs can be resumed and shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import xarray as xr

from ..arguments import FLAG, OPTIONS, PATH, SHARE, TEXT
from ..errors import ArgumentError, StoreError
from ..progress import listening
from ..storage import blocks
from ..storage.claims import sole_writer
from ..storage.location import Place, locate, reaching
from ..storage.marks import COMPLETE, begun, mark_complete, refuse_complete, refuse_other
from ..storage.objects import content, create, exists, keys, patiently, put, sweep
from . import appending, rounding
from .arguments import BITS, refuse_unwritable
from .conventions import BLOCK
from .layout import Layout
from .store_layout import laid_out, lengths, lengths_of
from .tasks import Moving, bar_of, cut_out, run, task_of

__all__ = ["to_store"]


def to_store(
    out: xr.Dataset,
    url: str | PathLike,
    *,
    resume: bool = False,
    append_dim: str | None = None,
    share: tuple[int, int] = (0, 1),
    keep_bits: int | None = None,
    zarr_format: int = 3,
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
    append_dim : str, optional
        Append to a complete store along this dim: the next initialisation or lead of forecasts,
        whose names are those of ``out``, or later times. All else must be the same. Objects that
        exist stay untouched, and readers see the new ones once all of them are there. A store is
        begun where there is none. One run appends at a time.
    share : (int, int)
        Number and count, as (0, 4) to (3, 4): write only this share of the blocks, while other
        processes or machines write the others. The last to finish marks the store complete.
    keep_bits : int, optional
        Round floats to this many of the 23 bits of the mantissa, which compresses them better.
    zarr_format : {3, 2}
        2 for tools that cannot read 3 yet. Each map is then an object of its own, and nothing can
        be appended. Pass it again with ``resume``.
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
    refuse_unwritable(
        out, url=(url, PATH), resume=(resume, FLAG), append_dim=(append_dim, TEXT.or_none),
        share=(share, SHARE), keep_bits=(keep_bits, BITS),
        storage_options=(storage_options, OPTIONS), progress=(progress, FLAG.or_none),
    )  # fmt: skip
    place, hidden = locate(url, storage_options), None if progress is None else not progress
    if zarr_format not in (2, 3) or (append_dim is not None and zarr_format == 2):
        raise ArgumentError(
            f"zarr_format: expected 3, or 2 without append_dim; got {zarr_format!r}"
        )
    if append_dim is None:
        return _stored(place, out, resume, share, keep_bits, hidden, zarr_format)
    appending.refuse_dim(out, append_dim)
    if share[1] > 1:
        raise ArgumentError("share: one run appends at a time; leave out share or append_dim")
    with sole_writer(place) as still_mine:
        found = begun(place)
        if found is None or COMPLETE not in found:
            return _stored(place, out, resume, share, keep_bits, hidden)
        appending.forget_shown(place, found)
        layout, there = appending.laid_beside(place, found, out, append_dim, keep_bits)
        fields = out.drop_vars(list(out.coords))[list(layout.dims)]
        if there:
            return _there_already(layout, fields, found[COMPLETE], resume)
        numbers = range(layout.blocks)
        trusted = appending.begin(layout, resume=resume)
        whole = _readable(layout, _there(layout), hidden) if trusted else []
        if whole:
            _compare(layout, fields, whole[0])
        _write(layout, fields, numbers, whole, hidden, still_mine)
        still_mine()
        mark = appending.finish(layout, append_dim)
        sweep(place)
        return mark


def _there_already(layout: Layout, fields: xr.Dataset, mark: str, resume: bool) -> str:
    """Return the mark of a store that holds the fields already, if they are the same."""
    if not resume:
        raise StoreError(
            f"{layout.place.url}: the store holds what is appended already; nothing was written. "
            "resume=True compares a block of it instead of failing."
        )
    _compare(layout, fields, 0)
    return mark


def _stored(
    place: Place,
    out: xr.Dataset,
    resume: bool,
    share: tuple[int, int],
    keep_bits: int | None,
    hidden: bool | None,
    zarr_format: int = 3,
) -> str | None:
    """Write a store, or what it lacks."""
    layout = _begun(place, out, resume, share, keep_bits, zarr_format)
    # The bare variables: coordinates would travel with every block.
    fields = out.drop_vars(list(out.coords))[list(layout.dims)]
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
    try:
        _write(layout, fields, mine, whole, hidden)
    except StoreError:
        raise
    except Exception:  # the fields cannot be computed
        if not resume and share[1] == 1:  # else the store may be another run's
            _withdraw(layout)
        raise
    return _completed(layout)


def _withdraw(layout: Layout) -> None:
    """Delete a store that this run began, if it holds no block."""
    if keys(layout.place) == {*layout.objects}:
        with reaching(layout.place):
            layout.place.fs.rm(layout.place.root, recursive=True)


def _begun(
    place: Place,
    out: xr.Dataset,
    resume: bool,
    share: tuple[int, int],
    keep_bits: int | None,
    zarr_format: int,
) -> Layout:
    """Return the layout of the store, whose metadata and coordinates are in place.

    The root comes first, and is created only if there is none, so of several writers one does it.
    """
    found = begun(place, zarr_format=zarr_format)
    cut = lengths_of(found[BLOCK]) if found and BLOCK in found else lengths(out)
    layout = laid_out(place, out, cut, keep_bits, zarr_format=zarr_format)
    if found is not None:
        welcome = resume or share[1] > 1
        if not welcome:
            refuse_complete(place, found)
        refuse_other(place, found, layout.attrs, resume=welcome)
    elif not create(place, layout.root, layout.objects[layout.root]):  # another writer did
        return _begun(place, out, resume, share, keep_bits, zarr_format)
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
    """Return the blocks of which every object is there."""
    if layout.start:  # a few of a store that may be long: not worth listing all
        return [n for n in range(layout.blocks) if _listed(layout.block(n))]
    listed = keys(layout.place)
    return [n for n in range(layout.blocks) if listed.issuperset(layout.block(n).keys)]


def _readable(layout: Layout, numbers: list[int], hidden: bool | None) -> list[int]:
    """Return the numbers of the blocks that are whole."""
    tasks = ((n, task_of(blocks.whole, layout.block(n))) for n in numbers)
    whole = []
    with bar_of("reading existing blocks", layout, numbers, hidden) as bar:
        for number, readable in run(tasks):
            if readable:
                whole.append(number)
            bar.update(layout.fields(number))
    return sorted(whole)


def _compare(layout: Layout, fields: xr.Dataset, number: int) -> None:
    """Draw an existing block again, and refuse to continue if it differs."""
    block = layout.block(number)
    fields = fields.isel(layout.part(number))
    task = task_of(rounding.difference, fields, block, layout.keep_bits)
    [(_, other)] = run([(number, task)])
    if other:
        raise StoreError(
            f"{layout.place.url}: an existing block differs from the one drawn now: {other}; "
            "nothing was written. Large differences mean another input; differences in the last "
            "bits mean another device, number of threads or build of torch. Use the same as the "
            "store was begun with, or another place."
        )


def _write(
    layout: Layout,
    fields: xr.Dataset,
    mine: range,
    whole: list[int],
    hidden: bool | None,
    still_mine: Callable[[], object] = bool,
) -> None:
    """Write the blocks of a share, except those that are whole."""
    left = sorted(set(mine) - set(whole))
    with bar_of("writing", layout, mine, hidden) as bar:
        bar.initial = sum(map(layout.fields, whole))
        bar.update(bar.initial)
        moving = Moving(bar)
        try:
            with listening(moving.drawn):
                for number, _ in run(_to_write(layout, fields, left)):
                    still_mine()
                    moving.done(layout.fields(number))
        except StoreError as error:
            raise StoreError(f"{error} Written blocks are kept: resume with resume=True.") from None


def _to_write(layout: Layout, fields: xr.Dataset, numbers: list[int]) -> Iterator[tuple[int, Any]]:
    """Yield tasks that write blocks; None for a block that another writer has written meanwhile."""
    damaged = set(_there(layout)).intersection(numbers)
    for number, part in cut_out(fields, layout, numbers):
        block, task = layout.block(number), None
        if number in damaged or not _listed(block):
            task = task_of(rounding.write, part, block, layout.keep_bits)
        yield number, task


def _listed(block: blocks.Block) -> bool:
    """Return whether every object of a block exists, whole or damaged."""
    place = block.place
    return patiently(place, lambda: all(exists(place, key) for key in block.keys))


def _completed(layout: Layout) -> str | None:
    """Mark the store complete if every block exists; return the mark."""
    if len(_there(layout)) < layout.blocks:
        return None
    mark = mark_complete(layout.place, zarr_format=layout.zarr_format)
    sweep(layout.place)
    return mark
