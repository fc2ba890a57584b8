"""Blocks of a Zarr store: encoded in memory, put as whole objects, read back.

These functions run where a block is computed, which may be another process. They need Zarr 3; the
rest of `xldm.storage` runs with Zarr 2 as well.
"""

from __future__ import annotations

import ctypes
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr
from numcodecs import Zlib
from zarr.storage import MemoryStore

from ..errors import MissingPackageError

try:
    from zarr.buffer.cpu import Buffer
    from zarr.codecs import BloscCodec, Crc32cCodec
except ImportError:
    raise MissingPackageError(
        f"Stores are Zarr 3, which xldm writes with zarr>=3.1; this environment has zarr "
        f"{zarr.__version__}. Run pip install 'zarr>=3.1', or write them in another environment. "
        "The recipes' environment has zarr 2, and writes parts."
    ) from None

from .location import Place
from .objects import content, patiently, put

__all__ = [
    "COMPRESSORS", "COMPRESSORS_2", "METADATA", "Block", "encoded", "opened", "stored", "unwritten",
    "whole", "write",
]  # fmt: skip

# Equal values must become equal bytes. Blosc's own threads pack them in any order, but Blosc has no
# threads outside the main thread, where Zarr encodes.
COMPRESSORS = (BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec())
# Variables of a block that are encoded or put at once. Zarr encodes the maps of each in threads.
_AT_ONCE = 2
#: For Zarr 2: every reader knows it, and its bytes hold a checksum.
COMPRESSORS_2 = Zlib(1)
#: The object that describes an array, by the format of Zarr.
METADATA = {3: "zarr.json", 2: ".zarray"}


@dataclass(frozen=True)
class Block:
    """A part of several variables, which fills whole objects.

    Parameters
    ----------
    place : Place
        Of the store.
    arrays : mapping of str to bytes
        Path of each variable -> its Zarr metadata.
    objects : mapping of str to tuple of str
        Path of each variable -> keys of its objects.
    region : mapping of str to slice
        Where the part lies along dims; it is whole along others.
    dims : mapping of str to tuple of str
        Dims of variables whose metadata lack them, as those of Zarr 2 do.
    zarr_format : int
        2 or 3.
    """

    place: Place
    arrays: Mapping[str, bytes] = field(repr=False)
    objects: Mapping[str, tuple[str, ...]]
    region: Mapping[str, slice]
    dims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    zarr_format: int = 3

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all objects."""
        return tuple(key for keys in self.objects.values() for key in keys)


def unwritten(
    field: xr.DataArray,
    chunks: tuple[int, ...],
    shards: tuple[int, ...] | None,
    dtype: np.dtype,
    zarr_format: int = 3,
) -> xr.Variable:
    """Return a variable as it is stored, without its values; Zarr 2 has no shards."""
    encoding: dict[str, Any] = {"chunks": chunks, "shards": shards, "compressors": COMPRESSORS}
    if zarr_format == 2:
        # No shuffle, which would save an eighth: GDAL 3.10 reads no filter of Zarr 2.
        encoding = {"chunks": chunks, "compressors": COMPRESSORS_2, "filters": []}
    elif dtype.kind == "f":
        encoding["fill_value"] = dtype.type(np.nan)
    values = da.zeros(field.shape, dtype=dtype, chunks=shards or chunks)
    return xr.Variable(field.dims, values, dict(field.attrs), encoding)


def encoded(
    groups: Mapping[str, xr.Dataset], *, zarr_format: int = 3, **options: Any
) -> dict[str, bytes]:
    """Return the objects, by key, of datasets by group: all but the values of dask arrays.

    ``options`` go to ``to_zarr``.
    """
    objects: dict[str, Any] = {}
    options |= {"mode": "a", "compute": False, "zarr_format": zarr_format}
    for group, ds in groups.items():
        ds.to_zarr(MemoryStore(objects), group=group, **options)
    return {key: value.to_bytes() for key, value in objects.items()}


def write(values: Iterable[np.ndarray], block: Block) -> None:
    """Put the objects of a block, with the values of each of its variables in turn.

    While one variable is on its way to the place, the next is encoded.
    """
    _give_back()
    begun: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, "xldm-encode") as pool:
        for path, of_variable in zip(block.arrays, values, strict=True):
            begun.append(pool.submit(_write_variable, of_variable, path, block))
            del of_variable
            if len(begun) == _AT_ONCE:
                begun.popleft().result()
        for variable in begun:
            variable.result()
    _give_back()


def _write_variable(values: np.ndarray, path: str, block: Block) -> None:
    array, objects = _array(block, path, {})
    array[_region(array, block, path)] = values
    del objects[f"{path}/{METADATA[block.zarr_format]}"], values
    while objects:
        key, value = objects.popitem()
        put(block.place, key, value.to_bytes())
        del value


def _give_back() -> None:
    """Give freed memory back: on Linux each thread keeps its own, which adds up over a record."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def whole(block: Block) -> bool:
    """Return whether all objects of a block exist and agree with their checksums."""
    return all(values is not None for _, values in stored(block))


def stored(block: Block) -> Iterator[tuple[str, np.ndarray | None]]:
    """Yield path and values of each variable of a block; None if absent or damaged."""
    for path in block.arrays:
        held, values = {}, None
        for key in block.objects[path]:
            found = patiently(block.place, content, block.place, key)
            if found is None:
                break
            held[key] = found
        else:
            array, _ = _array(block, path, held)
            with suppress(ValueError, RuntimeError, zlib.error):  # wrong checksums, or cut off
                values = np.asarray(array[_region(array, block, path)])
        yield path, values


def opened(objects: Mapping[str, bytes]) -> MemoryStore:
    """Return a Zarr store in memory of some objects, by key."""
    return MemoryStore({key: Buffer.from_bytes(data) for key, data in objects.items()})


def _array(block: Block, path: str, objects: Mapping[str, bytes]) -> tuple[zarr.Array, dict]:
    """Open a variable in memory, with some of its objects."""
    metadata = f"{path}/{METADATA[block.zarr_format]}"
    held: dict[str, Any] = {metadata: Buffer.from_bytes(block.arrays[path])}
    held |= {key: Buffer.from_bytes(data) for key, data in objects.items()}
    form: Any = block.zarr_format
    array: Any = zarr.open_array(MemoryStore(held), path=path, mode="r+", zarr_format=form)
    # A chunk without values is written too: the object of every block has to exist. zarr before
    # 3.1.6 has no Array.with_config.
    config = {"write_empty_chunks": True}
    written_whole = zarr.AsyncArray(array.metadata, array.store_path, config)  # type: ignore[call-overload]
    return zarr.Array(written_whole), held


def _region(array: zarr.Array, block: Block, path: str) -> tuple[slice, ...]:
    dims = block.dims.get(path) or getattr(array.metadata, "dimension_names", None) or ()
    return tuple(block.region.get(dim, slice(None)) for dim in dims)
