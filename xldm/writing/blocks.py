"""Blocks of a store: encoded in memory, put as whole objects, read back.

These functions run where a block is computed, which may be another process.
"""

from __future__ import annotations

import ctypes
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numcodecs.bitround import BitRound
from zarr.buffer.cpu import Buffer

from ..storage.location import Place, content, reaching

__all__ = ["Block", "create", "listed", "put", "readable", "sweep", "unlike", "write"]

# Seconds to wait before something is tried again; clients try for some seconds by themselves.
_WAITS = (2, 8, 30)
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.partial$")


@dataclass(frozen=True)
class Block:
    """Some times of every variable, each an object.

    Parameters
    ----------
    place : Place
        Of the store.
    arrays : mapping of str to bytes
        Variable -> its Zarr metadata.
    keys : tuple of str
        The objects, one for each of ``arrays``.
    rows : slice
        Times.
    keep_bits : int or None
        What is kept of the mantissa of floats.
    """

    place: Place
    arrays: Mapping[str, bytes] = field(repr=False)
    keys: tuple[str, ...]
    rows: slice
    keep_bits: int | None


def write(values: xr.Dataset, block: Block) -> None:
    """Write a block that was computed."""
    _give_back()
    for name, metadata in block.arrays.items():
        objects = {f"{name}/zarr.json": Buffer.from_bytes(metadata)}
        array = zarr.open_array(zarr.storage.MemoryStore(objects), path=name, mode="r+")
        # A chunk without values is written too: the object of every block has to be there.
        array = array.with_config({"write_empty_chunks": True})
        array[_region(array, block)] = rounded(values[name].values, block.keep_bits)
        del objects[f"{name}/zarr.json"]
        while objects:
            key, value = objects.popitem()
            put(block.place, key, value.to_bytes())
            del value
    _give_back()


def _give_back() -> None:
    """Give freed memory back: on Linux each thread keeps its own, which adds up over a record."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def listed(block: Block) -> bool:
    """Whether every object of a block is there, whole or damaged."""

    def found() -> bool:
        block.place.fs.invalidate_cache()
        return all(block.place.fs.exists(f"{block.place.root}/{key}") for key in block.keys)

    return _patiently(block.place, found)


def readable(block: Block) -> bool:
    """Whether a block is there and agrees with its checksums."""
    return all(values is not None for _, values in _stored(block))


def unlike(values: xr.Dataset, block: Block) -> str:
    """How a block that was computed again differs from what is stored; empty if in no bit."""
    for name, stored in _stored(block):
        drawn = rounded(values[name].values, block.keep_bits)
        if stored is not None and drawn.tobytes() != stored.tobytes():
            apart = np.abs(drawn.astype("float64") - stored)
            most = apart[np.isfinite(apart)].max(initial=0.0)
            return f"{name} by up to {most:.3g} {values[name].attrs.get('units', '')}".rstrip()
    return ""


def rounded(values: np.ndarray, keep_bits: int | None) -> np.ndarray:
    """Floats with so many bits of their mantissa; anything else as it is.

    Examples
    --------
    >>> rounded(np.array([300.12345, np.nan], "float32"), 10)
    array([300.,  nan], dtype=float32)
    """
    if keep_bits is None or values.dtype.kind != "f":
        return values
    codec = BitRound(keep_bits)
    return codec.decode(codec.encode(np.ascontiguousarray(values)))


def _stored(block: Block) -> Iterator[tuple[str, np.ndarray | None]]:
    """Values of a block by variable; None for what is absent or damaged."""
    for (name, metadata), key in zip(block.arrays.items(), block.keys, strict=True):
        found = _patiently(block.place, content, block.place, key)
        values = None
        if found is not None:
            objects = {f"{name}/zarr.json": Buffer.from_bytes(metadata)}
            objects[key] = Buffer.from_bytes(found)
            array = zarr.open_array(zarr.storage.MemoryStore(objects), path=name, mode="r")
            with suppress(ValueError, RuntimeError):  # wrong checksums, or cut off
                values = array[_region(array, block)]
        yield name, values


def _region(array: zarr.Array, block: Block) -> tuple[slice, ...]:
    return tuple(
        block.rows if dim == "time" else slice(None) for dim in array.metadata.dimension_names
    )


def _patiently(place: Place, do: Callable[..., Any], *args: Any) -> Any:
    """Do something at a place, again after a while if the network or server fails.

    Raises
    ------
    StoreError
        If it fails in the end, in words.
    """
    with reaching(place):
        for wait in (*_WAITS, None):
            try:
                return do(*args)
            except (PermissionError, FileNotFoundError):
                raise
            except Exception:  # clients of object stores have errors of their own
                if wait is None or place.local:
                    raise
            time.sleep(wait)


def put(place: Place, key: str, data: bytes) -> None:
    """Put an object, which is there whole or not at all."""
    put_whole = _put_file if place.local else place.fs.pipe_file
    _patiently(place, put_whole, f"{place.root}/{key}", data)


def create(place: Place, key: str, data: bytes) -> bool:
    """Put an object unless one is there, and say whether it was put."""
    path = f"{place.root}/{key}"
    with reaching(place):
        try:
            if place.local:
                _put_file(path, data, anew=True)
            else:
                place.fs.pipe_file(path, data, mode="create")
        except Exception:  # which one says that there is an object differs by client
            place.fs.invalidate_cache()
            if not place.fs.exists(path):
                raise
            return False
    return True


def _put_file(path: str, data: bytes, *, anew: bool = False) -> None:
    """Written aside, to the disk, then renamed: a file of this name is whole."""
    path = Path(path)
    for last in (False, False, True):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if anew:
                _rename_anew(aside, path)
            else:
                aside.replace(path)
            return
        except FileNotFoundError:  # another writer swept it away
            if last:
                raise
        finally:
            aside.unlink(missing_ok=True)


def _rename_anew(aside: Path, path: Path) -> None:
    """Rename, but fail if there is a file of this name."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, where two that come at once may both succeed
        if path.exists():
            raise FileExistsError(path) from None
        aside.replace(path)


def sweep(place: Place) -> None:
    """Remove what killed writers left of files; a writer at work puts its file again."""
    if place.local:
        with reaching(place):
            for path in place.fs.find(place.root):
                if _PARTIAL.search(path):
                    Path(path).unlink(missing_ok=True)
