"""Refuse netCDF-4 files that lead to other files, or that no memory holds."""

from __future__ import annotations

import math
import os

import h5py

from ...errors import InputError

__all__ = ["refuse_odd"]

# Bytes of one chunk, which is read as a whole: those of archives have some MB.
_MOST_BYTES = 4 * 2**30
# Objects of a file; those of archives have tens.
_MOST_OBJECTS = 100_000


def refuse_odd(path: str | os.PathLike) -> None:
    """Refuse a file whose fields lie in other files, or in chunks that are too large to read.

    Links and raw data elsewhere are a feature of HDF5: a file that somebody sends could make any
    file of this machine a field. Files of other forms pass.

    Raises
    ------
    InputError
        If there is such a field.
    """
    if not h5py.is_hdf5(path):
        return
    with h5py.File(path, "r") as file:
        groups, count = [file], 0
        while groups:
            group = groups.pop()
            for name in group:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    raise InputError(_elsewhere(path, name, link.filename))
                if not isinstance(link, h5py.HardLink):
                    continue  # within the file; what it leads to is looked at by itself
                count += 1
                if count > _MOST_OBJECTS:
                    raise InputError(f"{path} holds more than {_MOST_OBJECTS} objects: no data do.")
                found = group[name]
                if isinstance(found, h5py.Group):
                    groups.append(found)
                elif isinstance(found, h5py.Dataset):
                    _refuse_field(path, found)


def _refuse_field(path: str | os.PathLike, field: h5py.Dataset) -> None:
    if field.external:
        raise InputError(_elsewhere(path, field.name, field.external[0][0]))
    if field.is_virtual:
        raise InputError(_elsewhere(path, field.name, field.virtual_sources()[0].file_name))
    size = math.prod(field.chunks or (0,)) * field.dtype.itemsize
    if size > _MOST_BYTES:
        raise InputError(
            f"{path}: {field.name} is stored in chunks of {size / 2**30:.0f} GiB, each of which is "
            "read as a whole: store it in smaller ones, e.g. with nccopy -c time/1."
        )


def _elsewhere(path: str | os.PathLike, name: str, where: str) -> str:
    return (
        f"{path}: {name.lstrip('/')} lies in another file, {where!r}: expected files that hold "
        "their own data. If you trust it, give that file itself, or copy both with xarray: "
        "xr.open_dataset(path).to_netcdf(new)."
    )
