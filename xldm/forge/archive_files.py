"""Fetch files of an archive to the local disk, unpack them safely, open them lazily."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import xarray as xr

from ..errors import InputError, StoreError
from ..storage.location import locate, reaching
from .period import shown

__all__ = ["fetched", "local", "open_grib", "open_netcdf", "refuse_absent"]

_NETCDF3, _HDF5, _ZIP = b"CDF", b"\x89HDF", b"PK\x03\x04"
# Version of the experiment in preliminary ERA5 (ERA5T).
_PRELIMINARY = 5


@contextmanager
def fetched(url: str) -> Iterator[str]:
    """Give a local path of the file at any fsspec URL; copies last for the context."""
    place = locate(url)
    with tempfile.TemporaryDirectory(prefix="xldm-") as folder, reaching(place):
        yield local(fsspec.core.OpenFile(place.fs, place.root), Path(folder))


def refuse_absent(urls: list[str], options: Mapping[str, Any]) -> None:
    """Refuse to start if a file does not exist.

    Raises
    ------
    StoreError
        With the first absent file, and the number of them.
    """
    absent = []
    for url in urls:
        place = locate(url, options)
        with reaching(place):
            if not place.fs.exists(place.root):
                absent.append(place.url)
    if absent:
        raise StoreError(
            f"{absent[0]}: there is no such file ({len(absent)} of {len(urls)} are absent); "
            "check the source, or download them."
        )


def local(source: Any, folder: Path) -> str:
    """Return the path of an open file (with fsspec's ``fs`` and ``path``), copied if remote."""
    if "file" in np.atleast_1d(source.fs.protocol):
        return source.path
    path = folder / source.path.rstrip("/").rpartition("/")[2]
    source.fs.get_file(source.path, str(path))
    return str(path)


def open_netcdf(path: str, folder: Path) -> list[xr.Dataset]:
    """Open netCDF of either form, or a zip of such files as the Climate Data Store sends.

    Parameters
    ----------
    path : str
        A classic netCDF, a netCDF-4, or a zip of them, told apart by the first bytes.
    folder : Path
        Folder to unpack a zip to.

    Returns
    -------
    list of Dataset
        Lazily indexed; one for each file in a zip.

    Raises
    ------
    InputError
        If it is none of these, or a zip without netCDF files.
    """
    with open(path, "rb") as file:
        first = file.read(4)
    if first == _ZIP:
        members = _unpacked(path, folder)
        return [ds for member in members for ds in open_netcdf(member, folder)]
    if first[:3] == _NETCDF3:
        engine = "scipy"
    elif first == _HDF5:
        engine = "h5netcdf"
    else:
        raise InputError(f"it begins with {first!r}, so it is neither netCDF nor a zip.")
    return [xr.open_dataset(path, engine=engine, chunks=None)]


def _unpacked(path: str, folder: Path) -> list[str]:
    """Unpack the netCDF files of a zip under our own names: names in a zip may lead anywhere."""
    members: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and info.filename.lower().endswith((".nc", ".nc4")):
                member = folder / f"member-{len(members)}.nc"
                with archive.open(info) as packed, member.open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
                members.append(str(member))
    if not members:
        raise InputError("it is a zip that holds no netCDF file (.nc).")
    return members


def open_grib(path: str, folder: Path) -> list[xr.Dataset]:
    """Open GRIB as one dataset for each variable, along the valid times of its fields.

    Parameters
    ----------
    path : str
    folder : Path
        Folder for cfgrib's index.

    Returns
    -------
    list of Dataset
        Lazily indexed. Forecasts are along ``valid_time`` too, not along base time and step.

    Raises
    ------
    InputError
        If a field occurs twice, or is preliminary ERA5T.
    """
    from cfgrib.xarray_store import open_variable_datasets

    _refuse_unsound_grib(path)
    keys = {
        "indexpath": str(folder / "{short_hash}.idx"),
        "time_dims": ("valid_time",),
        "errors": "raise",
    }
    return open_variable_datasets(path, backend_kwargs=keys, chunks=None)


def _refuse_unsound_grib(path: str) -> None:
    """Read every header: cfgrib keeps one of doubled fields, and mixes experiments."""
    from cfgrib.messages import FileStream

    seen: Counter = Counter()
    for _, message in FileStream(path, errors="raise").items():
        date, time = message["validityDate"], message["validityTime"]
        text = f"{date:08d}T{time:04d}"
        when = np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:]}")
        if int(message.message_get("expver", str, "1")) == _PRELIMINARY:
            raise InputError(
                f"{message['shortName']} at {shown(when)} is preliminary ERA5T (expver 5), to be "
                "replaced: wait until it is final, about three months, and request it again."
            )
        field = (message["shortName"], message["level"], when)
        seen[field] += 1
        if seen[field] > 1:
            raise InputError(f"{field[0]} is there twice at {shown(when)}: request each hour once.")
