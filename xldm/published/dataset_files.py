"""The files of the paper's dataset in folders and zips, and the days that they complete."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from ..config import Variable
from ..errors import ArgumentError, PublishedError
from ..storage.location import locate, reaching, shown
from ..storage.zips import is_url, open_zip, pour, unpacking
from .day_file import FIELDS, HOURS, RAIN, day_and_kind
from .statics_and_scaling import RASTERS, SCALING, read_scaling, read_statics

__all__ = [
    "METADATA",
    "Files",
    "compare_metadata",
    "find",
    "hours_of",
    "opened",
    "scaling",
    "static",
    "url",
    "whole_days",
]

log = logging.getLogger(__name__)

METADATA = "metadata.csv"
_COLUMNS = ["ref_time", "files_path_low", "files_path_high", "hour"]


class Files(NamedTuple):
    """Files found in folders and zips, each as (source, path within the source).

    ``days`` holds them by kind (a key of `KINDS`) and day; ``others`` by base name.
    """

    days: dict[str, dict[np.datetime64, tuple[str, str]]]
    others: dict[str, tuple[str, str]]


def find(sources: Sequence[str | Path], *, rain: bool = False) -> Files:
    """Find the dataset's files in folders and zips, those of precipitation with ``rain`` only.

    Of several other files with one base name, the first is used.

    Raises
    ------
    PublishedError
        If a day's file exists twice.
    """
    files = Files({kind: {} for kind in (*FIELDS, *([RAIN] if rain else []))}, {})
    ignored: set[str] = set()
    for source in map(str, sources):
        for path in _listed(source):
            named = day_and_kind(path)
            if named is None:
                files.others.setdefault(PurePosixPath(path).name, (source, path))
                continue
            day, kind = named
            if kind not in files.days:
                ignored.add(kind)
            elif other := files.days[kind].get(day):
                raise PublishedError(
                    f"{_shown(*other)} and {_shown(source, path)} are of the same day: give only "
                    "one of them"
                )
            else:
                files.days[kind][day] = (source, path)
    if ignored:
        log.info("left aside, since their units are not documented: %s", ", ".join(sorted(ignored)))
    return files


def scaling(files: Files, rain_units: str | None = None) -> dict[str, tuple[Variable, ...]]:
    """Return the variables of each kind of file, with means and standard deviations.

    Precipitation is among them if ``rain_units`` says what it is in, "m" or "mm".

    Raises
    ------
    PublishedError
        If ``normalization_data.pkl`` is missing, or if `read_scaling` refuses it.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = read_scaling(_copies(files, [SCALING], folder)[SCALING], rain_units)
    found["low"] = found.pop("predictors")
    kinds = (*FIELDS, *([RAIN] if rain_units else []))
    return {kind: found[kind.removeprefix("high_")] for kind in kinds}


def static(source: str | Path) -> xr.Dataset:
    """Read the static fields from the rasters in a folder or zip, as `read_statics` does."""
    with tempfile.TemporaryDirectory() as folder:
        return read_statics(_copies(find([source]), RASTERS, folder))


def _copies(files: Files, names: Sequence[str], folder: str) -> dict[str, Path]:
    if missing := [name for name in names if name not in files.others]:
        raise PublishedError(
            f"{', '.join(missing)} not found by base name: sample_data.zip of Zenodo record "
            "12934521 has it. Give this zip, or a folder with the file"
        )
    for name in names:
        with opened(*files.others[name]) as stream:
            pour(stream, Path(folder) / name, name, progress=False)
    return {name: Path(folder) / name for name in names}


def whole_days(
    files: Files,
    start: str | np.datetime64 | None = None,
    stop: str | np.datetime64 | None = None,
    missing: str = "raise",
    kinds: Sequence[str] = tuple(FIELDS),
) -> np.ndarray:
    """Return the days that have every kind of file.

    Parameters
    ----------
    files : Files
        The available files, from `find`.
    start, stop : str or datetime64, optional
        First and last day, both included; by default the days of the first and last file.
    missing : {"raise", "skip"}
        Whether days that lack a file are refused or left out.
    kinds : sequence of str
        Keys of `FIELDS`: the files that a complete day has.

    Returns
    -------
    ndarray of datetime64[D]

    Raises
    ------
    PublishedError
        If days lack files; names the days and kinds.
    """
    if missing not in ("raise", "skip"):
        raise ArgumentError(f"missing must be raise or skip; got {missing!r}")
    there = sorted({day for kind in kinds for day in files.days[kind]})
    if not there:
        raise PublishedError(
            f"expected files like 2001/2001-07-15_{kinds[0]}.pt.zst, found "
            f"{', '.join(sorted(files.others)[:10]) or 'nothing'}: check the path or URL"
        )
    first = there[0] if start is None else _day(start)
    last = there[-1] if stop is None else _day(stop)
    if last < first:
        raise ArgumentError(f"stop ({last}) lies before start ({first})")
    asked = np.arange(first, last + 1)
    lacking = [[kind for kind in kinds if day not in files.days[kind]] for day in asked]
    absent = [
        f"{day} ({', '.join(lack)})" for day, lack in zip(asked, lacking, strict=True) if lack
    ]
    if absent:
        said = f"of {asked.size} days from {first} to {last}, {len(absent)} lack files: "
        said += ", ".join(absent[:20]) + (f" and {len(absent) - 20} more" if absent[20:] else "")
        if missing == "raise" or len(absent) == asked.size:
            raise PublishedError(
                f"{said}. Add them, choose start and stop, or skip them with missing='skip'"
            )
        log.warning("%s; left out", said)
    return asked[[not lack for lack in lacking]]


def _day(when: str | np.datetime64) -> np.datetime64:
    return np.datetime64(when, "D") if isinstance(when, str) else when.astype("datetime64[D]")


def compare_metadata(files: Files, days: np.ndarray) -> None:
    """Compare ``metadata.csv``, if it exists, with the days to read.

    Its paths are compared by base name and never opened. Hours that it does not list are read all
    the same; their number is logged.

    Raises
    ------
    PublishedError
        If columns are missing or rows contradict themselves.
    """
    if METADATA not in files.others:
        log.info("there is no %s, so the days are not compared with it", METADATA)
        return
    where = _shown(*files.others[METADATA])
    with opened(*files.others[METADATA]) as stream:
        table = pd.read_csv(stream, keep_default_na=False)
    if lost := [name for name in _COLUMNS if name not in table]:
        raise PublishedError(f"{where} lacks the columns {', '.join(lost)}")
    time = pd.to_datetime(table["ref_time"], format="ISO8601", errors="coerce")
    wrong = (time.isna() | time.duplicated() | (time.dt.hour != table["hour"])).to_numpy()
    days_of = time.to_numpy().astype("datetime64[D]")
    for column, kind in (("files_path_low", "low"), ("files_path_high", "high")):
        # A path such as "2001/2001-07-15_high.pt.zst"; the authors' code completes "_high".
        named = map(day_and_kind, table[column].astype(str))
        of_day = [
            found is not None and found[0] == day and found[1].startswith(kind)
            for found, day in zip(named, days_of, strict=True)
        ]
        wrong = wrong | ~np.array(of_day, bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise PublishedError(
            f"{where}: {wrong.sum()} of {len(table)} rows occur twice or contradict themselves, "
            f"the first is row {row}: {table.loc[row, _COLUMNS].to_dict()}. Expected: an hour "
            "in ref_time, the same hour in hour, and files of its day"
        )
    unlisted = np.setdiff1d(hours_of(days), time.to_numpy())
    if unlisted.size:
        log.warning("%s does not list %d hours, first %s", where, unlisted.size, unlisted[0])


def hours_of(days: np.ndarray) -> np.ndarray:
    """Return the hours of the days as datetime64[ns]."""
    hours = np.arange(HOURS) * np.timedelta64(1, "h")
    return np.add.outer(days, hours).ravel().astype("datetime64[ns]")


def url(source: str, path: str) -> str:
    """Return the fsspec URL of a file in a folder or of a member of a zip."""
    return f"zip://{path}::{source}" if _is_zip(source) else f"{source.rstrip('/')}/{path}"


@contextmanager
def opened(source: str, path: str) -> Iterator[IO[bytes]]:
    """Open a file in a folder, or a member of a zip in place."""
    if _is_zip(source):
        said = _shown(source, path)
        with open_zip(source) as archive, unpacking(said), archive.open(path) as stream:
            yield stream
    else:
        place = locate(source)
        with reaching(place), place.fs.open(f"{place.root}/{path}", "rb") as stream:
            yield stream


def _listed(source: str) -> list[str]:
    """List the paths within a source; no other paths are opened, so none leads out of it."""
    if _is_zip(source):
        with open_zip(source) as archive:
            return sorted(m.filename for m in archive.infolist() if not m.is_dir())
    place = locate(source)
    with reaching(place):
        return [path.removeprefix(f"{place.root}/") for path in sorted(place.fs.find(place.root))]


def _is_zip(source: str) -> bool:
    if is_url(source):
        return source.partition("?")[0].endswith(".zip")
    return not Path(source).is_dir()


def _shown(source: str, path: str) -> str:
    return f"{shown(source)}/{path}"
