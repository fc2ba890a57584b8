"""Write a dataset along time to netCDF: one file, or one for each month or year."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import dask.array as da
import h5py
import numpy as np
import pandas as pd
import xarray as xr

from ..arguments import FLAG, PATH, choice
from ..errors import ArgumentError, ExistsError, StoreError
from ..progress import listening
from ..storage.aside import SteadyFile, beside
from ..storage.location import locate
from ..storage.marks import CONTENT, refuse_other
from . import rounding
from .arguments import BITS, refuse_unwritable
from .conventions import as_cf, map_dims
from .layout import Layout, chunks_of
from .store_layout import along_times, lengths, steps, time_units, told, written
from .tasks import Moving, bar_of, cut_out, run, task_of

__all__ = ["to_netcdf"]

_PERIODS = {"month": "M", "year": "Y"}
#: What every reader of netCDF-4 understands.
_COMPRESSION = {"zlib": True, "complevel": 4, "shuffle": True, "fletcher32": True}
#: Bytes of an attribute that fits into the header of an HDF5 object.
_LONGEST = 2**15


def to_netcdf(
    out: xr.Dataset,
    path: str | PathLike,
    *,
    every: str | None = None,
    resume: bool = False,
    keep_bits: int | None = None,
    progress: bool | None = None,
) -> list[Path]:
    """Write downscaled fields to netCDF-4 files, in bounded memory.

    Time comes first in each file, as CDO and NCO expect. A file that exists is whole: it is written
    beside and renamed. For anything larger than some months, :func:`xldm.to_store` resumes in
    smaller steps and writes faster.

    Parameters
    ----------
    out : Dataset
        As for :func:`xldm.to_store`.
    path : str or path
        A local path, as ``"out.nc"``.
    every : {"month", "year"}, optional
        Write a file for each month or year, as ``out-2001-07.nc`` or ``out-2001.nc``. Forecasts are
        sorted by initialisation.
    resume : bool
        Keep the files that exist, and write the others. An hour of the first is drawn again, and
        must be the same bit for bit.
    keep_bits : int, optional
        Round floats to this many bits of the mantissa, which compresses them better.
    progress : bool, optional
        Show progress bars that count fields; by default if the terminal is interactive.

    Returns
    -------
    list of pathlib.Path
        The files, in order of time.

    Raises
    ------
    ArgumentError
        If an argument cannot be used.
    ExistsError
        If a file exists, without ``resume``.
    StoreError
        If a file that exists was made of something else, with every difference.

    Examples
    --------
    >>> import tempfile
    >>> time = np.datetime64("2001-07-31T22", "ns") + np.arange(3) * np.timedelta64(1, "h")
    >>> out = xr.Dataset({"t2m": (("member", "time"), np.ones((2, 3)))}, {"time": time})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = to_netcdf(out, f"{folder}/out.nc", every="month")
    ...     print([file.name for file in files], xr.open_dataset(files[0])["t2m"].dims)
    ['out-2001-07.nc', 'out-2001-08.nc'] ('time', 'member')
    """
    refuse_unwritable(
        out, path=(path, PATH), every=(every, choice(*_PERIODS).or_none), resume=(resume, FLAG),
        keep_bits=(keep_bits, BITS), progress=(progress, FLAG.or_none),
    )  # fmt: skip
    if "://" in str(path):
        raise ArgumentError(
            f"path: expected a local path, got {path}; netCDF cannot be written piece by piece to "
            "an object store. Use xldm.to_store, or copy the files."
        )
    parts = _parts(out, Path(path), every)
    there = [file for file in parts if file.exists()]
    if there and not resume:
        raise ExistsError(
            f"{there[0]} exists and is left as it is; nothing was written. resume=True writes the "
            "files that are absent; otherwise choose another path."
        )
    for number, file in enumerate(there):
        _refuse_other(file, parts[file], keep_bits, draw=not number)
    hidden = None if progress is None else not progress
    for file, part in parts.items():
        if file not in there:
            _write(file, part, keep_bits, hidden)
    return [*parts]


def _parts(out: xr.Dataset, path: Path, every: str | None) -> dict[Path, xr.Dataset]:
    """Return what goes into each file, with time first."""
    times = along_times(out)
    out = _storable(out.transpose(*times, ...))
    if every is None:
        return {path: out}
    starts = out[times[0]].values
    if starts.dtype.kind != "M":
        raise ArgumentError(f"every: expected dates along {times[0]}; got {starts.dtype}")
    labels = pd.DatetimeIndex(starts).to_period(_PERIODS[every]).astype(str).to_numpy()
    return {
        path.with_name(f"{path.stem}-{label}{path.suffix}"): out.isel(
            {times[0]: np.flatnonzero(labels == label)}
        )
        for label in np.unique(labels)
    }


def _storable(out: xr.Dataset) -> xr.Dataset:
    """Return a dataset whose fields netCDF has a type for."""
    for name in written(out, along_times(out)):
        field, kind = out[name], out[name].dtype.kind
        if kind == "f" and field.dtype.itemsize < 4:
            out[name] = field.astype("float32")
        elif kind == "b":
            out[name] = field.astype("int8").assign_attrs(field.attrs, dtype="bool")
        elif kind in "mM":
            since = field if kind == "m" else field - np.datetime64(0, "s")
            units = "seconds since 1970-01-01" if kind == "M" else "seconds"
            out[name] = (since / np.timedelta64(1, "s")).assign_attrs(field.attrs, units=units)
    return out


def _planned(file: Path, part: xr.Dataset, keep_bits: int | None) -> tuple[xr.Dataset, Layout]:
    """Return the dataset as its file describes it, and its blocks."""
    times = along_times(part)
    part = as_cf(part)
    along = [str(n) for n in written(part, times) if part[n].dtype.kind in "fiu"]
    rounded = {} if keep_bits is None else {"keep_bits": keep_bits}
    part.attrs |= rounded | {CONTENT: told(part.drop_vars(along).compute(), part[along])}
    cut = lengths(part)
    dims = {name: tuple(map(str, part[name].dims)) for name in along}
    sizes = {str(d): n for d, n in part.sizes.items()}
    by, place = steps(part, cut), locate(file)
    return part, Layout(place, {}, dims, sizes, cut, by, {}, keep_bits, {}, map_dims(part))


def _write(file: Path, part: xr.Dataset, keep_bits: int | None, hidden: bool | None) -> None:
    part, layout = _planned(file, part, keep_bits)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with beside(file) as path:
            path.write_bytes(_begun(part, layout))
            with SteadyFile(path, "r+") as steady:
                _fill(steady, file.name, part, layout, hidden)
                steady.settled()
    except OSError as error:
        raise StoreError(
            f"{file}: {error.strerror or error}; nothing of it is left, and files that were "
            f"written before are kept. It takes {part.nbytes / 1e6:.0f} MB before compression: "
            "make room, or check the path and its rights; then resume=True writes what is absent."
        ) from error


def _fill(
    steady: SteadyFile, name: str, part: xr.Dataset, layout: Layout, hidden: bool | None
) -> None:
    """Draw the fields and write them to a begun file, block by block."""
    numbers = range(layout.blocks)
    with h5py.File(steady, "r+") as opened, bar_of(name, layout, numbers, hidden) as bar:
        moving = Moving(bar)
        with listening(moving.drawn):
            for number, values in run(_drawn(part, layout, numbers)):
                region = layout.part(number)
                for field, dims in layout.dims.items():
                    opened[field][tuple(region.get(d, slice(None)) for d in dims)] = values[field]
                opened.flush()
                steady.settled()
                moving.done(layout.fields(number))


def _begun(part: xr.Dataset, layout: Layout) -> bytes:
    """Return a file with everything but the values of the fields."""
    encoding: dict[str, Any] = {}
    for name, dims in layout.dims.items():
        field = part[name]
        chunks = chunks_of(dims, field.shape, layout.space)
        encoding[name] = {**field.encoding, **_COMPRESSION, "chunksizes": chunks}
        empty = da.zeros(field.shape, dtype=field.dtype, chunks=-1)
        part = part.assign({name: field.copy(data=empty)})
    rest = part.drop_vars(list(layout.dims)).compute()
    part = rest.assign({name: part[name].variable for name in layout.dims})
    for key, coord in part.coords.items():
        if coord.dtype.kind in "mM":
            encoding[str(key)] = _time_encoding(coord)
        elif coord.dtype == "int64" and (abs(coord) < 2**31).all():
            encoding[str(key)] = {"dtype": "int32"}  # ncview and others do not know 64 bits
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="cannot serialize global coordinates")
        file = io.BytesIO()
        # What to_netcdf returns would hold the file open; its types say nothing of such files.
        part.to_netcdf(  # type: ignore[call-overload]
            file,
            engine="h5netcdf",
            encoding=encoding,
            compute=False,
            unlimited_dims=along_times(part)[:1],
        )
    with h5py.File(file, "r+") as opened:
        _in_characters(opened)
        opened.visititems(lambda _, item: _in_characters(item))
    return file.getvalue()


def _time_encoding(time: xr.DataArray) -> dict[str, Any]:
    """Return units of times, as doubles where these are exact.

    ncview knows no integers of 64 bits, and NCO truncates the mean time of integers. CF allows no
    fill value of coordinates.
    """
    stated = time_units(time)
    if stated["units"].startswith("nanoseconds"):
        return stated
    return stated | {"dtype": "float64", "_FillValue": None}


def _in_characters(item: h5py.Group | h5py.Dataset) -> None:
    """Turn texts of any length into characters, as the C library writes them; NCO needs that."""
    for name, value in [*item.attrs.items()]:
        # Others have no form as characters that each reader takes.
        if isinstance(value, str) and value.isascii() and 0 < len(value) < _LONGEST:
            item.attrs[name] = np.bytes_(value)


def _drawn(part: xr.Dataset, layout: Layout, numbers: range) -> Iterator[tuple[int, Any]]:
    fields = part.drop_vars(list(part.coords))[list(layout.dims)]
    for number, values in cut_out(fields, layout, numbers):
        yield number, task_of(_values, values, layout.keep_bits)


def _values(block: xr.Dataset, keep_bits: int | None) -> dict[str, np.ndarray]:
    """Return the computed values of a block by variable."""
    return {str(n): rounding.rounded(v.values, keep_bits) for n, v in block.data_vars.items()}


def _refuse_other(file: Path, part: xr.Dataset, keep_bits: int | None, *, draw: bool) -> None:
    """Raise StoreError if a file was made of something else."""
    part, layout = _planned(file, part, keep_bits)
    try:
        opened = h5py.File(file)
    except OSError:
        raise StoreError(f"{file} is no netCDF-4 file; choose another path or delete it.") from None
    with opened:
        refuse_other(layout.place, _plain(opened.attrs), _plain(part.attrs), resume=True)
        if not draw:
            return
        [(_, values)] = run(_drawn(part, layout, range(1)))
        region = layout.part(0)
        for name, dims in layout.dims.items():
            stored = opened[name][tuple(region.get(d, slice(None)) for d in dims)]
            if stored.tobytes() != values[name].tobytes():
                raise StoreError(
                    f"{file}: {name} differs from the one drawn now; nothing was written. Large "
                    "differences mean another input; differences in the last bits mean another "
                    "device, number of threads or build of torch."
                )


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as plain Python, without those of HDF5, which keeps numbers as arrays."""
    plain = {n: np.ravel(v).tolist() for n, v in attrs.items() if not n.startswith("_")}
    plain = {n: v[0] if len(v) == 1 else v for n, v in plain.items()}
    return {n: v.decode() if isinstance(v, bytes) else v for n, v in plain.items()}
