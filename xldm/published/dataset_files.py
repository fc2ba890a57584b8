"""The files of the paper's dataset: found in folders and zips, and which days they make up."""

from __future__ import annotations

import logging
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from ..config import Variable
from ..errors import ArchiveError, ArgumentError, PublishedError
from ..storage.location import locate, reaching
from ..storage.zips import is_url, open_zip, pour
from .day_file import FIELDS, HOURS, day_and_kind
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
    """What lies in folders and zips, each file as (source, path in it).

    ``days`` by kind, as in `FIELDS`, and day; ``others`` by base name.
    """

    days: dict[str, dict[np.datetime64, tuple[str, str]]]
    others: dict[str, tuple[str, str]]


def find(sources: Sequence[str | Path]) -> Files:
    """The files in some folders and zips; the first that has a base name counts.

    Raises
    ------
    PublishedError
        If a day's file is there twice.
    """
    files = Files({kind: {} for kind in FIELDS}, {})
    aside = set()
    for source in map(str, sources):
        for path in _listed(source):
            day, kind = day_and_kind(path) or (None, None)
            if day is None:
                files.others.setdefault(PurePosixPath(path).name, (source, path))
            elif kind not in FIELDS:
                aside.add(kind)
            elif other := files.days[kind].get(day):
                raise PublishedError(
                    f"{_shown(*other)} and {_shown(source, path)} are of the same day: give one of "
                    "them alone"
                )
            else:
                files.days[kind][day] = (source, path)
    if aside:
        log.info("left aside, since their units are not documented: %s", ", ".join(sorted(aside)))
    return files


def scaling(files: Files) -> dict[str, tuple[Variable, ...]]:
    """Variables of each kind of file with their means and standard deviations.

    Raises
    ------
    PublishedError
        If ``normalization_data.pkl`` is not there, or not as `read_scaling` expects it.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = read_scaling(_copies(files, [SCALING], folder)[SCALING])
    found["low"] = found.pop("predictors")
    return {kind: found[kind.removeprefix("high_")] for kind in FIELDS}


def static(source: str | Path) -> xr.Dataset:
    """Static fields from the rasters in a folder or zip, as of `read_statics`."""
    with tempfile.TemporaryDirectory() as folder:
        return read_statics(_copies(find([source]), RASTERS, folder))


def _copies(files: Files, names: Sequence[str], folder: str) -> dict[str, Path]:
    if missing := [name for name in names if name not in files.others]:
        raise PublishedError(
            f"{', '.join(missing)} not found by base name: sample_data.zip of Zenodo record "
            "12934521 has it. Give that, or a folder with it"
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
    """Days of which every kind of file is there.

    Parameters
    ----------
    files : Files
    start, stop : str or datetime64, optional
        First and last day, both included; else those of the first and the last file.
    missing : {"raise", "skip"}
        Whether days without all of their files are refused or left out.
    kinds : sequence of str
        Which files a day has to have, of `FIELDS`.

    Returns
    -------
    ndarray of datetime64[D]

    Raises
    ------
    PublishedError
        With the days and kinds that are missing.
    """
    if missing not in ("raise", "skip"):
        raise ArgumentError(f"missing is one of raise, skip; got {missing!r}")
    there = sorted({day for kind in kinds for day in files.days[kind]})
    if not there:
        raise PublishedError(
            f"there is no file such as 2001/2001-07-15_{kinds[0]}.pt.zst, only "
            f"{', '.join(sorted(files.others)[:10]) or 'nothing'}: check the path or URL"
        )
    first = there[0] if start is None else np.datetime64(start, "D")
    last = there[-1] if stop is None else np.datetime64(stop, "D")
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
                f"{said}. Add them, choose start and stop, or leave them out by missing='skip'"
            )
        log.warning("%s; left out", said)
    return asked[[not lack for lack in lacking]]


def compare_metadata(files: Files, days: np.ndarray) -> None:
    """Hold ``metadata.csv``, where there is one, against the days that are read.

    Its paths are compared by their base names and never opened. Hours that it does not list are
    read all the same; how many they are is logged.

    Raises
    ------
    PublishedError
        If columns are missing or rows contradict themselves.
    """
    if METADATA not in files.others:
        log.info("there is no %s, so days are not compared with it", METADATA)
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
        # As "2001/2001-07-15_high.pt.zst", to which the authors' code adds what it wants of it.
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
            f"the first is row {row}: {table.loc[row, _COLUMNS].to_dict()}. Expected are an hour "
            "in ref_time, the same in hour, and files of its day"
        )
    unlisted = np.setdiff1d(hours_of(days), time.to_numpy())
    if unlisted.size:
        log.warning("%s does not list %d hours, first %s", where, unlisted.size, unlisted[0])


def hours_of(days: np.ndarray) -> np.ndarray:
    """The hours of some days, datetime64[ns]."""
    hours = np.arange(HOURS) * np.timedelta64(1, "h")
    return np.add.outer(days, hours).ravel().astype("datetime64[ns]")


def url(source: str, path: str) -> str:
    """An fsspec URL of a file of a folder or of a member of a zip."""
    return f"zip://{path}::{source}" if _is_zip(source) else f"{source.rstrip('/')}/{path}"


@contextmanager
def opened(source: str, path: str) -> Iterator[IO[bytes]]:
    """A file of a folder, or a member of a zip, which is read in place."""
    if _is_zip(source):
        with open_zip(source) as archive:
            try:
                with archive.open(path) as stream:
                    yield stream
            except zipfile.BadZipFile as error:
                raise ArchiveError(
                    f"{_shown(source, path)}: {error}; the archive is damaged, fetch it again"
                ) from error
    else:
        place = locate(source)
        with reaching(place), place.fs.open(f"{place.root}/{path}", "rb") as stream:
            yield stream


def _listed(source: str) -> list[str]:
    """Paths within a source. Names come from here alone, so that none leads out of it."""
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
    return f"{source.partition('?')[0]}/{path}"
