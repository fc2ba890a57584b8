"""Open the files of a provider as they come: several, a glob, a zip, netCDF, GRIB or Zarr."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import fsspec
import xarray as xr

from ...arguments import OPTIONS, PATH, TEXT, Kind, instance, refuse
from ...errors import InputError, XldmError
from ...storage.location import filesystem, raise_alone, reason, shown, with_timeouts
from ...storage.zips import is_url
from .grib import open_grib
from .hdf5 import refuse_odd
from .joining import join
from .zipped import unpacked

__all__ = ["discard_folders", "open_input"]

#: Hours of a block where stored chunks are longer, so that a block does not read a whole file.
DAY = 24
_KINDS = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x89HDF": "netCDF-4", b"GRIB": "GRIB"}
# Folders for what is unpacked or fetched, until this process ends: lazy fields read from them.
_FOLDERS: list[tempfile.TemporaryDirectory] = []

One = str | PathLike[str] | xr.Dataset
_FILE = PATH | instance(xr.Dataset, "an xarray.Dataset")
_SEVERAL = Kind(
    "several of these", (Iterable,), lambda v: not isinstance(v, bytes | Mapping | xr.DataArray)
)


def open_input(
    files: One | Iterable[One],
    *,
    group: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Open files as one dataset, lazily, whatever their form.

    The first bytes of a file tell its form, not its name. Files that hold other variables of the
    same times are merged, as those of sums, states and pressure levels that the Climate Data Store
    sends; files of other times are put one after the other.

    Parameters
    ----------
    files : str, path, Dataset or several
        netCDF, GRIB, Zarr, or a zip of netCDF and GRIB files: paths, fsspec URLs or globs. Datasets
        are joined as files are.
    group : str, optional
        Group that holds the fields, in each netCDF file and Zarr store.
    storage_options : mapping, optional
        For fsspec, as for :func:`fsspec.open`.

    Returns
    -------
    xarray.Dataset
        Of dask arrays: in stored chunks, or in chunks of a day where those are longer.

    Raises
    ------
    InputError
        If there is no such file, if a file cannot be read, or if files do not fit together.
    ArchiveError
        If a zip is damaged, or holds more than data have.
    MissingPackageError
        If a file is GRIB and cfgrib is not installed.

    Notes
    -----
    What is fetched or unpacked lies in a temporary folder until the process ends.

    Examples
    --------
    >>> from xldm.storage import shipped
    >>> open_input(shipped.assets() / "era5-sample.nc")["t2m"].dims
    ('time', 'latitude', 'longitude')
    """
    refuse(
        files=(files, _FILE | _SEVERAL),
        group=(group, TEXT.or_none),
        storage_options=(storage_options, OPTIONS),
    )
    options = dict(storage_options or {})
    given = [files] if isinstance(files, str | PathLike | xr.Dataset) else list(files)
    refuse(**{f"files[{i}]": (one, _FILE) for i, one in enumerate(given)})
    parts: list[xr.Dataset] = []
    for one in given:
        if isinstance(one, xr.Dataset):
            parts.append(one)
        else:
            for path in _paths(fspath(one), options):
                with _no_secrets(path):
                    parts += _found(path, options, group)
    if not parts:
        raise InputError("files: No file was given, expected paths or URLs of netCDF, GRIB or Zarr")
    return parts[0] if len(parts) == 1 else join(parts)


def _paths(path: str, options: dict[str, Any]) -> list[str]:
    """Return the paths that a glob means, in order."""
    web = path.startswith(("http://", "https://"))  # there a ? begins the query
    if not any(char in path for char in ("*[" if web else "*?[")) or Path(path).exists():
        return [path]
    with _no_secrets(path):
        fs, root = filesystem(path, options if is_url(path) else {})
        found = sorted(str(p) for p in cast("list[str]", fs.glob(root)))
    if not found:
        raise InputError(f"{shown(path)}: no file matches; check the path.")
    return [str(fs.unstrip_protocol(p)) for p in found] if is_url(path) else found


@contextmanager
def _no_secrets(path: str) -> Iterator[None]:
    """Let errors of a URL hold none of its secrets."""
    try:
        yield
    except XldmError as error:
        raise_alone(error)
    except Exception as error:
        if not is_url(path):
            raise
        raise_alone(InputError(f"{shown(path)} cannot be read ({reason(error)}); check the URL."))


def _found(path: str, options: dict[str, Any], group: str | None) -> list[xr.Dataset]:
    """Open what lies at a path: one dataset, or one for each file of a zip."""
    said = shown(path)
    fs, root = filesystem(path, options if is_url(path) else {})
    try:
        if _is_zarr(fs, root):
            at = "/" + group.strip("/") if group else ""
            return [_zarr(path.rstrip("/") + at, fs, root.rstrip("/") + at, options)]
        with fs.open(root, "rb") as stream:
            kind = _kind(said, stream)
    except (FileNotFoundError, IsADirectoryError) as error:
        # Asked only now: over HTTP the question fetches the whole file.
        if fs.isdir(root):
            raise InputError(
                f"{said} is a folder and no Zarr store: name its files, as {said.rstrip('/')}/*.nc."
            ) from error
        raise InputError(f"{said}: there is no such file; check the path or URL.") from error
    if kind == "zip":
        files = unpacked(path, options if is_url(path) else {}, _folder(), _kind)
        return [_member(said, file, group) for file in files]
    if is_url(path):
        local = _folder() / (PurePosixPath(said).name or "file")
        fs.get_file(root, str(local))
        path = str(local)
    if kind == "GRIB":
        return [open_grib(path, _folder())]
    return [_netcdf(path, group)]


def _kind(path: str, stream: IO[bytes]) -> str:
    """Return the form of a file by its first bytes."""
    first = stream.read(1024)
    if first[:3] == b"CDF":
        return "netCDF"
    kind = _KINDS.get(first[:4]) or ("GRIB" if b"GRIB" in first else "")
    if kind:
        return kind
    if not first:
        raise InputError(f"{path} is empty: was its download broken off? Fetch it again.")
    if first.lstrip().lower().startswith((b"<", b"{")):
        raise InputError(
            f"{path} is a web page or a message of a server, not data: look into it, then fetch "
            "the file again."
        )
    raise InputError(
        f"{path} begins with {first[:8]!r}: expected netCDF, GRIB, Zarr, or a zip of netCDF or "
        "GRIB files."
    )


def _netcdf(path: str, group: str | None) -> xr.Dataset:
    try:
        refuse_odd(path)
        with xr.open_dataset(path, chunks={}, group=group) as ds:
            if not ds.data_vars:
                raise InputError(_no_fields(path))
            days = _days(ds)
        with warnings.catch_warnings():
            # Stored chunks are decoded more than once, which takes little time beside the networks.
            warnings.filterwarnings("ignore", message="The specified chunks separate")
            return xr.open_dataset(path, chunks=cast(Any, days), group=group)
    except (OSError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read as netCDF ({error}). Is it cut short? Fetch it again."
        ) from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} cannot be decoded: {error}. Open it with xr.open_dataset({path!r}, "
            "decode_times=False) to see why."
        ) from error


def _days(ds: xr.Dataset) -> dict[Hashable, int]:
    """Return chunks of a day along times whose stored chunks are longer than two."""
    longest: dict[Hashable, int] = {}
    for field in ds.variables.values():
        for dim, lengths in field.chunksizes.items():
            longest[dim] = max(longest.get(dim, 0), *lengths)
    return {
        dim: DAY
        for dim, length in longest.items()
        if length > 2 * DAY and dim in ds.coords and ds[dim].dtype.kind == "M"
    }


def _no_fields(path: str) -> str:
    """Return why a netCDF file or a Zarr store has no field at its root."""
    groups = [str(g) for g, ds in xr.open_groups(path).items() if ds.data_vars]
    if not groups:
        return f"{path} holds no field: is it the right file?"
    return (
        f"{path} holds its fields in the groups {', '.join(groups)}, expected one: pass "
        f"group={groups[0].strip('/')!r}, or use xr.open_dataset({path!r}, group={groups[0]!r})."
    )


def _groups(fs: fsspec.AbstractFileSystem, root: str) -> list[str]:
    below = cast("list[str]", fs.ls(root, detail=False))
    return sorted(PurePosixPath(p).name for p in below if _is_zarr(fs, p))


def _is_zarr(fs: fsspec.AbstractFileSystem, root: str) -> bool:
    if "?" in root and root.startswith(("http://", "https://")):
        return False  # names would be added to the query, and the server gives the file for them
    return any(fs.exists(f"{root.rstrip('/')}/{n}") for n in ("zarr.json", ".zgroup", ".zmetadata"))


def _zarr(
    path: str, fs: fsspec.AbstractFileSystem, root: str, options: dict[str, Any]
) -> xr.Dataset:
    given: dict[str, Any] = {}
    if is_url(path):
        given["storage_options"] = with_timeouts(path, options)
    if not _is_zarr(fs, root):
        raise InputError(f"{shown(path)}: there is no such group in the store; check its name.")
    old = fs.exists(f"{root.rstrip('/')}/.zgroup")
    whole = {"consolidated": fs.exists(f"{root.rstrip('/')}/.zmetadata")} if old else {}
    ds = xr.open_zarr(path, **whole, **given)
    if not ds.data_vars:
        raise InputError(
            f"{shown(path)} holds no field at its root, expected one: pass the group that does, as "
            f"group={next(iter(_groups(fs, root)), 'GROUP')!r}."
        )
    if days := _days(ds):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The specified chunks separate")
            ds = xr.open_zarr(path, chunks=cast(Any, days), **whole, **given)
    ds.encoding["source"] = shown(ds.encoding.get("source", ""))
    # ARCO-ERA5 has room for a century, and states which hours hold data.
    first = ds.attrs.get("valid_time_start")
    last = ds.attrs.get("valid_time_stop_era5t", ds.attrs.get("valid_time_stop"))
    return ds.sel(time=slice(first, last)) if first and last and "time" in ds.indexes else ds


def _member(path: str, local: str, group: str | None) -> xr.Dataset:
    with open(local, "rb") as stream:
        kind = _kind(local, stream)
    if kind == "zip":
        raise InputError(f"{path} is a zip of zips: unpack it first.")
    return open_grib(local, _folder()) if kind == "GRIB" else _netcdf(local, group)


def discard_folders() -> None:
    """Remove the temporary folders now, for a process that ends without Python's own clean-up."""
    while _FOLDERS:
        _FOLDERS.pop().cleanup()


def _folder() -> Path:
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="xldm-"))
    return Path(_FOLDERS[-1].name)
