"""Lay a dataset along times out as a Zarr store: objects, blocks, and the attributes of the root.

Variables along times are written in blocks: all members of several times, with an object (shard)
for each variable and a chunk for each field. Forecasts by lead have an object for each
initialisation and lead, so that others are appended beside them. All else, metadata and
coordinates, is encoded here.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..errors import ArgumentError
from ..storage.blocks import COMPRESSORS, COMPRESSORS_2, encoded, unwritten
from ..storage.location import Place
from ..storage.marks import CONTENT, value_bytes
from .conventions import BLOCK, as_cf, map_dims
from .layout import Layout, chunks_of

__all__ = [
    "BLOCK", "along_times", "laid_out", "lengths", "lengths_of", "steps",
    "time_units", "times_in_block", "told", "written",
]  # fmt: skip

#: Uncompressed size of a block, of all its variables together.
BLOCK_BYTES = 2**27
#: Chunks of coordinates that grow, by their number of dims: longer than they are, so that the same
#: object holds more of them after an append, and reads the same in the old length.
GROWING = {1: 4096, 2: 256}
#: Values at a time of what grows so along a series; larger coordinates are one chunk.
SMALL = 64
_TICKS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_UNITS = {"hours": 3600 * 10**9, "minutes": 60 * 10**9, "seconds": 10**9, "nanoseconds": 1}


def along_times(out: xr.Dataset) -> tuple[str, ...]:
    """Return the dims along which times lie: that of a series, or of initialisations and leads.

    Raises
    ------
    ArgumentError
        If there are no times, or no variables along them.

    Examples
    --------
    >>> valid = np.zeros((2, 3), "datetime64[ns]")
    >>> out = xr.Dataset({"t2m": (("init", "lead", "y", "x"), np.zeros((2, 3, 4, 4)))})
    >>> along_times(out.assign_coords(valid_time=(("init", "lead"), valid)))
    ('init', 'lead')
    """
    meant = [c for c in out.coords.values() if c.attrs.get("standard_name") == "time"]
    named = [out.coords[n] for n in ("valid_time", "time") if n in out.coords]
    for times in sorted(meant, key=lambda c: -c.ndim) + named:
        dims = tuple(map(str, times.dims))
        if dims and any({*dims} <= {*v.dims} for v in out.data_vars.values()):
            return dims
    raise ArgumentError(
        "out: expected a coordinate time, or valid_time along initialisation and lead, and "
        f"variables along it, as downscale gives; got {dict(out.sizes)}"
    )


def written(out: xr.Dataset, times: tuple[str, ...]) -> list[Hashable]:
    """Return the variables that are written in blocks."""
    return [name for name, v in out.data_vars.items() if {*times} <= {*v.dims}]


def lengths(out: xr.Dataset) -> dict[str, int]:
    """Return the lengths of an object along the dims that are cut.

    Examples
    --------
    >>> values = np.zeros((2, 3, 4, 4), "float32")
    >>> out = xr.Dataset({"t2m": (("init", "lead", "y", "x"), values)})
    >>> valid = np.zeros((2, 3), "datetime64[ns]")
    >>> lengths(out.assign_coords(valid_time=(("init", "lead"), valid)))
    {'init': 1, 'lead': 1}
    """
    times = along_times(out)
    cut = dict.fromkeys(times, 1) if times != ("time",) else {"time": times_in_block(out)}
    fields = [out[n] for n in written(out, times)]
    left = sum(v.nbytes for v in fields) * math.prod(
        min(1.0, n / out.sizes[d]) for d, n in cut.items()
    )
    for dim in fields[0].dims:
        if (
            dim in (*times, *map_dims(out), "member")
            or left <= BLOCK_BYTES
            or cut.get("time", 1) > 1
        ):
            continue
        if all(dim in v.dims for v in fields):
            n = max(1, int(out.sizes[dim] * BLOCK_BYTES // left))
            chunk = max(1, *(max(v.variable.chunksizes[dim]) for v in fields if v.chunks), 1)
            cut[str(dim)] = max(1, n // chunk * chunk)
            left *= cut[str(dim)] / out.sizes[dim]
    return cut


def lengths_of(noted: object) -> dict[str, int]:
    """Return lengths from the attribute `BLOCK` of a store."""
    return {"time": noted} if isinstance(noted, int) else json.loads(str(noted))


def _noted(cut: Mapping[str, int]) -> int | str:
    return cut["time"] if [*cut] == ["time"] else json.dumps(dict(cut))


def steps(out: xr.Dataset, cut: Mapping[str, int]) -> dict[str, int]:
    """Return the lengths of a block: whole objects, and whole chunks of dask where there are more.

    A chunk in two blocks would be computed twice. This needs chunks of one length.
    """
    fields = [out[n] for n in written(out, along_times(out))]
    found = {}
    for dim, length in cut.items():
        chunks = {
            n
            for v in fields
            if v.chunks
            for n in v.variable.chunksizes[dim][:-1] or v.variable.chunksizes[dim]
        }
        whole = max(chunks) if len(chunks) == 1 and dim != "time" else 1
        found[dim] = math.ceil(max(length, whole) / length) * length
    return found


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
    chunks = [v.variable.chunksizes["time"] for v in along if v.chunks]
    lengths = {n for lengths in chunks for n in lengths[:-1] or lengths}
    if len(lengths) == 1:
        chunk = lengths.pop()
        most = max(chunk, most // chunk * chunk)
    return max(1, min(most, times))


def laid_out(
    place: Place,
    out: xr.Dataset,
    cut: Mapping[str, int],
    keep_bits: int | None,
    start: Mapping[str, int] | None = None,
    by: Mapping[str, int] | None = None,
    chunks: Mapping[str, tuple[int, ...]] | None = None,
    *,
    zarr_format: int = 3,
) -> Layout:
    """Plan the store of a dataset, without computing its variables along times.

    ``cut`` are its `lengths`; ``start`` is where the blocks begin that are to be written, and
    ``by`` the `steps` of these. ``chunks`` are those that coordinates of an existing store have.
    """
    out = as_cf(out)
    times = along_times(out)
    along = [str(name) for name in written(out, times)]
    rest = out.drop_vars(along).compute()
    space = map_dims(out)
    whole = rest.assign({name: _unwritten(out[name], space, cut, zarr_format) for name in along})
    whole = whole[list(out.data_vars)].assign_coords(rest.coords)
    rounded = {} if keep_bits is None else {"keep_bits": keep_bits}
    whole.attrs = out.attrs | rounded | {CONTENT: told(rest, out[along]), BLOCK: _noted(cut)}
    for name in rest.variables:
        given = (chunks or {}).get(str(name))
        whole[name].encoding |= _encoding(whole[name], times, given, zarr_format)
    with warnings.catch_warnings():
        # Consolidated metadata are no part of Zarr 3 yet; other readers ignore them.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        # The attribute is ours: it names more coordinates than xarray would.
        warnings.filterwarnings("ignore", message="cannot serialize global coordinates")
        objects = encoded({"": whole}, consolidated=True, zarr_format=zarr_format)
    return Layout(
        place,
        objects,
        {name: tuple(map(str, out[name].dims)) for name in along},
        {str(d): n for d, n in out.sizes.items()},
        cut,
        steps(out, cut) if by is None else by,
        start or {},
        keep_bits,
        {str(n): tuple(map(str, v.dims)) for n, v in rest.variables.items()}
        | {n: tuple(map(str, out[n].dims)) for n in along},
        space,
        zarr_format,
    )


def told(rest: xr.Dataset, fields: xr.Dataset) -> str:
    """Return what a store or file is begun with: a line for each variable, in JSON."""
    lines = {str(name): _told(v, values=True) for name, v in rest.variables.items()}
    return json.dumps(
        lines | {str(n): _told(v.variable, values=False) for n, v in fields.data_vars.items()}
    )


def _unwritten(
    field: xr.DataArray, space: tuple[str, ...], cut: Mapping[str, int], zarr_format: int
) -> xr.Variable:
    """Return a variable as stored, in chunks of one map, without its values."""
    shards = tuple(cut.get(str(dim), n) for dim, n in field.sizes.items())
    chunks = chunks_of(field.dims, shards, space)
    stored = unwritten(field, chunks, shards, field.dtype, zarr_format)
    stored.encoding |= {k: v for k, v in field.encoding.items() if k == "grid_mapping"}
    return stored


def _encoding(
    field: xr.DataArray,
    times: tuple[str, ...],
    chunks: tuple[int, ...] | None,
    zarr_format: int,
) -> dict[str, Any]:
    """Return chunks, compression and units of a variable that is written at once."""
    encoding: dict[str, Any] = {}
    if field.ndim:
        small = field.size <= SMALL * field.sizes.get("time", 0)
        # Nothing is appended to Zarr 2, and netCDF's library reads no chunk longer than its array.
        may_grow = zarr_format == 3 and (times != ("time",) or small)
        grows = [d for d in field.dims if d in times and may_grow]
        long = GROWING.get(len(grows), 1)
        chunks = chunks or tuple(long if d in grows else n for d, n in field.sizes.items())
        compressors = COMPRESSORS if zarr_format == 3 else COMPRESSORS_2
        encoding = {"chunks": chunks, "compressors": compressors}
    is_time = field.name == "time" or {*field.dims} & {*times}
    if field.dtype.kind in "mM" and field.ndim and is_time:
        encoding |= time_units(field)
    return encoding


def time_units(time: xr.DataArray) -> dict[str, Any]:
    """Return the encoding of times: whole hours, or the largest unit that is exact."""
    # In the times' own resolution: nanoseconds end in 2262.
    tick = _TICKS[np.datetime_data(time.dtype)[0]]
    since = time.values.astype("int64")
    unit = next(name for name, n in _UNITS.items() if n >= tick and not (since % (n // tick)).any())
    if time.dtype.kind == "m":
        return {"units": unit, "dtype": "int64"}
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
