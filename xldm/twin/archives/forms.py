"""Which forms there are, and how they are written: all from one pass over the hours."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import ArgumentError, ExistsError
from ..hourly import Twin
from . import arco, cds_grib, cds_netcdf_new, cds_netcdf_old, vhr_rea_it
from .file_span import FileSpan

__all__ = ["FORMS", "days", "write"]

README = """\
Archives of the synthetic twin
==============================

Nothing in this folder is an observation, a reanalysis or a forecast, whatever the files say in the
fields that their formats reserve for producing centres. xldm.twin made all of it from a seed,
in the forms that real archives have, for testing what reads them. Do not use it for science or
decisions, and do not pass it on without this file. Only terrain and land cover are real.
"""


class _Hourly(NamedTuple):
    """A form made hour by hour: its files, one of a kind for each month, or one for all hours.

    ``ready`` refuses where a library is missing. ``writer(paths, span)`` is a context that yields
    ``put(hour, era5, fine)``; the files are complete when it ends.
    """

    files: tuple[str, ...]
    writer: Callable
    ready: Callable[[], object] = lambda: None

    @property
    def monthly(self) -> bool:
        return "{month}" in self.files[0]

    def paths(self, folder: Path, month: np.datetime64) -> list[Path]:
        return [folder / name.format(month=month) for name in self.files]


_ERA5 = "era5-{kind}-{{month}}.{suffix}"


def _both(surface: str, pressure: str) -> tuple[str, str]:
    return tuple(
        _ERA5.format(kind=kind, suffix=suffix)
        for kind, suffix in (("surface", surface), ("pressure", pressure))
    )


_HOURLY = {
    "cds-grib": _Hourly(_both("grib", "grib"), cds_grib.writer, cds_grib.codes),
    "cds-netcdf-old": _Hourly(_both("nc", "nc"), cds_netcdf_old.writer),
    "cds-netcdf-new": _Hourly(_both("zip", "nc"), cds_netcdf_new.writer),
    "arco": _Hourly(("era5.zarr",), arco.writer),
    "vhr-rea-it": _Hourly(("vhr-rea-it-{month}.nc",), vhr_rea_it.writer),
}


def _dem(folder: Path) -> None:
    from ..geotiffs import write_dem

    folder.mkdir()
    write_dem(folder)


def _land_cover(folder: Path) -> None:
    from ..geotiffs import write_land_cover

    folder.mkdir()
    write_land_cover(folder)


# Forms that a function writes to a folder, all at once.
_FOLDERS = {"dem": _dem, "landcover": _land_cover}

#: Forms by the folder that they are written to.
FORMS = (*_HOURLY, *_FOLDERS)


def write(
    folder: str | Path,
    start: np.datetime64 | str,
    stop: np.datetime64 | str,
    forms: Sequence[str] = (),
    *,
    seed: int = 0,
    preliminary: np.datetime64 | str | None = None,
    also: Mapping[str, Callable[[Path], object]] | None = None,
) -> Path:
    """Write days of the twin as the providers of real archives would.

    An hour is made once for all forms that have hours, and no more than an hour is held; only the
    old netCDF of the Climate Data Store holds a month, of packed integers. Every file gets its name
    only once it is complete.

    Parameters
    ----------
    folder : path
        Where to make a folder for each form; others, and other months, may be there already.
    start, stop : datetime64 or str
        Days, both included, e.g. "2001-07-15".
    forms : sequence of str, default all
        Of `FORMS` and ``also``.
    seed : int, default 0
        Which twin.
    preliminary : datetime64 or str, optional
        The day from which on ERA5 is marked as preliminary (ERA5T), expver 0005.
    also : mapping of str to callable, optional
        Further forms: what writes them to a folder that is not there yet.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ExistsError
        If something to be written exists.
    ImportError
        If a form needs a library that is not installed.
    ArgumentError
        If a form is unknown, a day is none, or ``stop`` lies before ``start``.

    Examples
    --------
    >>> write("archive", "2001-07-15", "2001-07-14")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: stop (2001-07-14) lies before start (2001-07-15): nothing to write
    """
    folder, folders = Path(folder), _FOLDERS | dict(also or {})
    hours = days(start, stop)
    since = hours[-1] + 1 if preliminary is None else days(preliminary, preliminary)[0]
    every = (*_HOURLY, *folders)
    unknown = [form for form in forms if form not in every]
    if unknown:
        raise ArgumentError(f"no such form: {', '.join(unknown)}; choose from {', '.join(every)}")
    twin = Twin(seed)
    wanted = [form for form in every if form in (forms or every)]
    hourly = {form: _HOURLY[form] for form in wanted if form in _HOURLY}
    at_once = [form for form in wanted if form in folders]
    targets = [folder / form for form in at_once]
    for form, how in hourly.items():
        how.ready()
        targets += [path for month in _months(hours) for path in how.paths(folder / form, month)]
    _refuse_existing(targets)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.txt").write_text(README)
    for form in at_once:
        with _aside(folder / form) as partial:
            folders[form](partial)
    if hourly:
        _write_hours(folder, hourly, twin, hours, since)
    return folder


def days(start: np.datetime64 | str, stop: np.datetime64 | str) -> np.ndarray:
    """Hours of the days from ``start`` to ``stop``, both included.

    Examples
    --------
    >>> days("2001-07-15", "2001-07-16")[[0, -1]]
    array(['2001-07-15T00', '2001-07-16T23'], dtype='datetime64[h]')
    >>> days("2001-07-15T06", "2001-07-16")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: archives hold whole days (UTC): expected one such as '2001-07-15',
    got ...
    """
    for day in (start, stop):
        if np.datetime_data(np.datetime64(day))[0] != "D":
            raise ArgumentError(
                f"archives hold whole days (UTC): expected one such as '2001-07-15', got {day!r}"
            )
    if np.datetime64(stop) < np.datetime64(start):
        raise ArgumentError(f"stop ({stop}) lies before start ({start}): nothing to write")
    return np.arange(np.datetime64(start), np.datetime64(stop) + 1, dtype="datetime64[h]")


def _months(hours: np.ndarray) -> np.ndarray:
    return np.unique(hours.astype("datetime64[M]"))


def _refuse_existing(paths: list[Path]) -> None:
    found = [str(path) for path in paths if path.exists()]
    if found:
        raise ExistsError(
            f"{', '.join(found)}: there already, and never written over. Remove what is no longer "
            "wanted, or choose another folder."
        )


def _write_hours(
    folder: Path, forms: dict[str, _Hourly], twin: Twin, hours: np.ndarray, since: np.datetime64
) -> None:
    expver = np.where(hours < since, "0001", "0005")
    attrs = twin.fine(hours[0]).attrs

    def opened(stack: ExitStack, monthly: bool, these: np.ndarray) -> list[Callable]:
        """Begin the files of some hours, to be completed when the stack is left."""
        month = hours[these][0].astype("datetime64[M]")
        puts = []
        for form, how in forms.items():
            if how.monthly == monthly:
                paths = how.paths(folder / form, month)
                aside = [stack.enter_context(_aside(path)) for path in paths]
                span = FileSpan(hours[these], expver[these], attrs)
                puts.append(stack.enter_context(how.writer(aside, span)))
        return puts

    with ExitStack() as whole:
        throughout = opened(whole, False, np.full(hours.shape, True))
        for month in _months(hours):
            these = hours.astype("datetime64[M]") == month
            with ExitStack() as stack:
                puts = [*throughout, *opened(stack, True, these)]
                for hour in hours[these]:
                    era5, fine = twin.hour(hour)
                    for put in puts:
                        put(hour, era5, fine)


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` when all is well and is removed when not."""
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
        partial.rename(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
