"""The forms of archives, and one pass over the hours that writes all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...arguments import PATH, SEED, refuse
from ...errors import ArgumentError, ExistsError
from ..hourly import Twin
from ..written_aside import written_aside
from . import arco, cds_grib, cds_netcdf_new, cds_netcdf_old, vhr_rea_it
from .file_span import FileSpan

__all__ = ["FORMS", "hours_of_days", "write"]

README = """\
Archives of the synthetic twin
==============================

Nothing in this folder is an observation, a reanalysis or a forecast, whatever the files say in the
fields that their formats reserve for producing centres. xldm.twin made all of it from a seed, in
the forms of real archives, to test their readers. Do not use it for science or decisions, and do
not pass it on without this file. Only terrain and land cover are real.
"""


class _Hourly(NamedTuple):
    """A form that is written hour by hour, to files for each month or to one file for all hours.

    ``ready()`` raises an error if a library is missing. ``writer(paths, span)`` is a context
    manager that yields ``put(hour, era5, fine)``; the files are complete when it exits.
    """

    files: tuple[str, ...]
    writer: Callable
    ready: Callable[[], object] = lambda: None

    @property
    def monthly(self) -> bool:
        return "{month}" in self.files[0]

    def paths(self, folder: Path, month: np.datetime64) -> list[Path]:
        return [folder / name.format(month=month) for name in self.files]


def _both(surface: str, pressure: str) -> tuple[str, str]:
    return f"era5-surface-{{month}}.{surface}", f"era5-pressure-{{month}}.{pressure}"


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


# Forms that a function writes to a folder at once.
_FOLDERS = {"dem": _dem, "landcover": _land_cover}

#: Names of the forms, which are also the names of their folders.
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
    """Write days of the twin in the forms of real archives.

    Each hour is computed once for all forms, and only one hour is in memory; the old netCDF of the
    Climate Data Store keeps a month in a temporary file. Each file gets its name only once it is
    complete.

    Parameters
    ----------
    folder : path
        Parent of the folders of the forms. It may already hold other forms and other months.
    start, stop : datetime64 or str
        Days, both included, e.g. "2001-07-15".
    forms : sequence of str, default all
        Names in `FORMS` or ``also``.
    seed : int, default 0
        Which twin.
    preliminary : datetime64 or str, optional
        First day on which ERA5 is marked as preliminary (ERA5T), expver 0005.
    also : mapping of str to callable, optional
        Further forms: functions that write a form to a folder that does not exist yet.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ExistsError
        If a file or folder to be written exists.
    MissingPackageError
        If a form needs a library that is not installed.
    ArgumentError
        If a form is unknown, if ``start`` or ``stop`` is not a day, or if ``stop`` lies before
        ``start``.

    Examples
    --------
    >>> write("archive", "2001-07-15", "2001-07-14")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: stop (2001-07-14) lies before start (2001-07-15): nothing to write
    """
    refuse(folder=(folder, PATH), seed=(seed, SEED))
    folder, folders = Path(folder), _FOLDERS | dict(also or {})
    hours = hours_of_days(start, stop)
    since = hours[-1] + 1 if preliminary is None else hours_of_days(preliminary, preliminary)[0]
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
        with written_aside(folder / form) as partial:
            folders[form](partial)
    if hourly:
        _write_hours(folder, hourly, twin, hours, since)
    return folder


def hours_of_days(start: np.datetime64 | str, stop: np.datetime64 | str) -> np.ndarray:
    """Return the hours of the days from ``start`` to ``stop``, both included.

    Examples
    --------
    >>> hours_of_days("2001-07-15", "2001-07-16")[[0, -1]]
    array(['2001-07-15T00', '2001-07-16T23'], dtype='datetime64[h]')
    >>> hours_of_days("2001-07-15T06", "2001-07-16")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: archives hold whole days (UTC): expected a day like '2001-07-15', got
    '2001-07-15T06'
    """
    for day in (start, stop):
        if _unit(day) != "D":
            raise ArgumentError(
                f"archives hold whole days (UTC): expected a day like '2001-07-15', got {day!r}"
            )
    if np.datetime64(stop) < np.datetime64(start):
        raise ArgumentError(f"stop ({stop}) lies before start ({start}): nothing to write")
    return np.arange(np.datetime64(start), np.datetime64(stop) + 1, dtype="datetime64[h]")


def _unit(day: np.datetime64 | str) -> str:
    """Return the unit that a date is given in; empty for what is no date."""
    try:
        date = np.datetime64(day)
    except (TypeError, ValueError):
        return ""
    return "" if np.isnat(date) else np.datetime_data(date)[0]


def _months(hours: np.ndarray) -> np.ndarray:
    return np.unique(hours.astype("datetime64[M]"))


def _refuse_existing(paths: list[Path]) -> None:
    found = [str(path) for path in paths if path.exists()]
    if found:
        raise ExistsError(
            f"{', '.join(found)}: exist and are never overwritten. Remove them, or choose another "
            "folder."
        )


def _write_hours(
    folder: Path, forms: dict[str, _Hourly], twin: Twin, hours: np.ndarray, since: np.datetime64
) -> None:
    expver = np.where(hours < since, "0001", "0005")
    attrs = twin.fine(hours[0]).attrs

    def opened(stack: ExitStack, monthly: bool, these: np.ndarray) -> list[Callable]:
        """Open the files of these hours; they are complete when the stack exits."""
        month = hours[these][0].astype("datetime64[M]")
        puts = []
        for form, how in forms.items():
            if how.monthly == monthly:
                paths = how.paths(folder / form, month)
                aside = [stack.enter_context(written_aside(path)) for path in paths]
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
