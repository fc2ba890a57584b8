"""Lay a dataset along time out as a Zarr store: objects, blocks, and the attributes of the root.

Variables with ``time`` are written in blocks: all members of several times, with an object (shard)
for each variable and a chunk for each field. All else, metadata and coordinates, is encoded here.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..storage.blocks import COMPRESSORS, Block, encoded, unwritten
from ..storage.location import Place
from ..storage.marks import CONTENT, value_bytes

__all__ = ["BLOCK", "Layout", "laid_out", "times_in_block"]

#: Attribute of the root: how many times are in a block.
BLOCK = "xldm_block"
#: Uncompressed size of a block, of all its variables together.
BLOCK_BYTES = 2**27
_UNITS = {"hours": 3600 * 10**9, "minutes": 60 * 10**9, "seconds": 10**9, "nanoseconds": 1}


@dataclass(frozen=True)
class Layout:
    """The plan of a store: its objects by key, except blocks, and the place of each block.

    Parameters
    ----------
    place : Place
        Place of the store.
    objects : mapping of str to bytes
        Metadata and coordinates; ``zarr.json`` is the root, with all metadata consolidated.
    dims : mapping of str to tuple of str
        Dims of the variables that are written in blocks.
    times, length : int
        Times in all and in a block.
    members : int
        Fields of a variable at one time.
    keep_bits : int or None
        Bits of the mantissa of floats that are kept.
    """

    place: Place
    objects: Mapping[str, bytes]
    dims: Mapping[str, tuple[str, ...]]
    times: int
    length: int
    members: int
    keep_bits: int | None

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return math.ceil(self.times / self.length)

    def block(self, number: int) -> Block:
        """Return a block by its number along time."""
        keys = (
            "/".join([name, "c", *(str(number if dim == "time" else 0) for dim in dims)])
            for name, dims in self.dims.items()
        )
        rows = slice(number * self.length, min((number + 1) * self.length, self.times))
        arrays = {name: self.objects[f"{name}/zarr.json"] for name in self.dims}
        return Block(self.place, arrays, tuple(keys), rows)

    def fields(self, number: int) -> int:
        """Return the number of fields of a variable in a block."""
        rows = self.block(number).rows
        return (rows.stop - rows.start) * self.members


def times_in_block(out: xr.Dataset) -> int:
    """Return the number of times in a block: about 128 MB, but whole chunks of dask.

    A chunk in two blocks would be computed twice. This needs chunks of one length.

    Examples
    --------
    >>> import dask.array as da
    >>> values = da.zeros((100, 600, 500), dtype="float32", chunks=(24, 600, 500))
    >>> out = xr.Dataset({"t2m": (("time", "y", "x"), values)})
    >>> times_in_block(out), times_in_block(out.chunk(time=30)), times_in_block(out.compute())
    (96, 90, 100)
    """
    times = out.sizes["time"]
    along = [v for v in out.data_vars.values() if "time" in v.dims]
    most = max(1, int(BLOCK_BYTES // max(1, sum(v.nbytes for v in along) / max(1, times))))
    chunks = [v.chunksizes["time"] for v in along if v.chunks]
    lengths = {n for lengths in chunks for n in lengths[:-1] or lengths}
    if len(lengths) == 1:
        chunk = lengths.pop()
        most = max(chunk, most // chunk * chunk)
    return max(1, min(most, times))


def laid_out(place: Place, out: xr.Dataset, length: int, keep_bits: int | None) -> Layout:
    """Plan the store of a dataset, without computing its variables along time."""
    out = out.drop_encoding()
    along = [str(name) for name, v in out.data_vars.items() if "time" in v.dims]
    rest = out.drop_vars(along).compute()
    told = {str(name): _told(v, values=True) for name, v in rest.variables.items()} | {
        name: _told(out[name].variable, values=False) for name in along
    }
    whole = rest.assign({name: _unwritten(out[name], length) for name in along})
    whole = whole[list(out.data_vars)].assign_coords(rest.coords)
    rounded = {} if keep_bits is None else {"keep_bits": keep_bits}
    whole.attrs = out.attrs | rounded | {CONTENT: json.dumps(told), BLOCK: length}
    for name in rest.variables:
        # Without the chunks of input files, and without fill values for coordinates.
        field = whole[name]
        field.encoding = {"chunks": field.shape, "compressors": COMPRESSORS} if field.ndim else {}
        if name in whole.coords and field.dtype.kind == "f":
            field.encoding["_FillValue"] = None
    whole["time"].encoding |= _time_units(whole["time"])
    with warnings.catch_warnings():
        # Consolidated metadata are no part of Zarr 3 yet; other readers ignore them.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        objects = encoded({"": whole}, consolidated=True)
    return Layout(
        place,
        objects,
        {name: tuple(map(str, out[name].dims)) for name in along},
        out.sizes["time"],
        length,
        out.sizes.get("member", 1),
        keep_bits,
    )


def _unwritten(field: xr.DataArray, length: int) -> xr.Variable:
    """Return a variable as stored, in chunks of one field, without its values."""
    inner = field.ndim - 2  # the dims before are members, levels and the like
    chunks = tuple(
        1 if dim == "time" or i < inner else n for i, (dim, n) in enumerate(field.sizes.items())
    )
    shards = tuple(length if dim == "time" else n for dim, n in field.sizes.items())
    return unwritten(field, chunks, shards, field.dtype)


def _time_units(time: xr.DataArray) -> dict[str, Any]:
    """Return whole hours, or the largest unit that is exact; for other calendars, xarray's."""
    if time.dtype.kind != "M":
        return {}
    since = (time.values - np.datetime64("1970-01-01", "ns")).astype("timedelta64[ns]")
    unit = next(name for name, n in _UNITS.items() if not (since.astype("int64") % n).any())
    return {
        "units": f"{unit} since 1970-01-01",
        "calendar": "proleptic_gregorian",
        "dtype": "int64",
    }


def _told(field: xr.Variable, *, values: bool) -> str:
    """Describe a variable in a line that differs if anything of the variable does."""
    seen = hashlib.sha256(json.dumps(field.attrs, sort_keys=True, default=str).encode())
    text = f"{field.dtype} ({', '.join(f'{d} {n}' for d, n in field.sizes.items())})"
    if values:
        content = field.values
        seen.update(value_bytes(content))
        if field.ndim == 1 and content.size:
            ends = content[[0, -1]]
            ends = ends.astype("datetime64[m]") if content.dtype.kind == "M" else ends
            text += f" {ends[0]} ... {ends[1]}"
    return f"{text} sha256:{seen.hexdigest()[:16]}"
