"""Unpack the files of a zip that hold fields, under names of our own."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ...errors import ArchiveError, InputError
from ...storage.location import shown
from ...storage.zips import check_room, open_zip, pour, unpacking

__all__ = ["unpacked"]

# More files in a zip, or bytes for each packed one, than data have.
_MOST_MEMBERS = 10_000
_MOST_GROWTH = 1000


def unpacked(
    path: str, options: Mapping[str, Any], folder: Path, kind: Callable[[str, IO[bytes]], str]
) -> list[str]:
    """Unpack the netCDF and GRIB files of a zip, and return their paths.

    Parameters
    ----------
    path : str
        A path or URL.
    options : mapping
        Of fsspec, for a URL.
    folder : Path
        An empty folder.
    kind : callable (name, stream) -> str
        Tells the form of a file; it raises InputError for one that holds no fields.

    Raises
    ------
    ArchiveError
        If the zip cannot be read, or is made to fill a disk.
    InputError
        If it holds neither netCDF nor GRIB.
    """
    files, said = [], shown(path)
    with open_zip(path, options) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        _refuse_odd(said, archive, members)
        check_room(folder, members, "TMPDIR")
        for number, member in enumerate(members):
            # Names in a zip may lead anywhere; only their ends are kept, for messages.
            name = f"{number}-{PurePosixPath(member.filename).name}"
            try:
                with unpacking(said), archive.open(member) as stream:
                    kind(member.filename, stream)
            except InputError:
                continue  # a licence, a checksum
            with unpacking(said), archive.open(member) as stream:
                pour(stream, folder / name, name, size=member.file_size, progress=False)
            files.append(str(folder / name))
    if not files:
        names = ", ".join(m.filename for m in members[:5]) or "nothing"
        raise InputError(f"{said} is a zip without netCDF or GRIB files: it holds {names}.")
    return files


def _refuse_odd(path: str, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse a zip that is made to fill a disk, or whose members are no plain files."""
    packed = sum(m.compress_size for m in members)
    if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > packed * _MOST_GROWTH:
        raise ArchiveError(
            f"{path}: {len(members)} files that unpack to more than {_MOST_GROWTH} times their "
            "size are no data. Look into it, and give the files that you need."
        )
    for member in members:
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & 1:
            raise ArchiveError(
                f"{path}: {member.filename} is a link or encrypted; unpack it first."
            )
