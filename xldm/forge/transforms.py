"""Beam transforms of recipes: each writes a whole part, verifies and marks it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apache_beam as beam
import xarray as xr
from pangeo_forge_recipes.patterns import FilePattern, FileType
from pangeo_forge_recipes.storage import CacheFSSpecTarget
from pangeo_forge_recipes.transforms import OpenURLWithFSSpec

from ..config import GridConfig
from ..grids.projected import ITALY
from .archive_files import refuse_absent
from .declaration import Declared, files
from .period import Period
from .settings import settings
from .target import Target, begin
from .verify import verify_and_mark
from .write_days import Evidence, read_back, write_file
from .write_static import write_static

__all__ = ["StoreDays", "StoreStatic", "injection_specs"]


@dataclass
class StoreDays(beam.PTransform):
    """Write a coarse or fine part from files of months or days: a pipeline of its own.

    Building the pipeline checks that the files exist and prepares the target. Then workers open the
    files in parallel, compare their hours with those declared, transform and write a day at a time,
    in chunks that no other file shares, and read the days back. In the end one worker verifies the
    whole and marks it. Only digests and moments pass from worker to worker.

    Parameters
    ----------
    pattern : FilePattern
        One ConcatDim with months (``2001-07``) or days (``2001-07-15``) as keys; at most one
        MergeDim, of kinds of file. Of ``file_type="zarr"``, its URLs are given to ``opener`` as
        they are; else files are fetched.
    period : Period
        Hours of the part.
    part : str
        ``coarse`` or ``fine``.
    names : sequence of str, or mapping of str to sequence of str
        The fields that each file gives; by kind of file, if there are kinds.
    opener : callable (path, folder) -> list of Dataset
        Opens a file lazily; may unpack into the folder, which is removed afterwards.
    transform : callable Dataset -> Dataset (time, y, x)
        Turns a day of one of those datasets, in memory, into fields of the part.
    attrs : mapping of str
        ``title``, ``source``, ``license``, ``references`` of the part.
    grid : GridConfig
    target_root : str or FSSpecTarget, optional
        Place of the part; ``--target`` or ``XLDM_TARGET`` if it is not injected.
    cache : CacheFSSpecTarget, optional
        Place for copies of files.

    Raises
    ------
    StoreError
        When the pipeline is built: if a file is absent, or if the target is complete or holds
        something else. While it runs: with the file and the hour of the fault.
    """

    pattern: FilePattern
    period: Period
    part: str
    names: Mapping[str, Sequence[str]] | Sequence[str]
    opener: Callable[[str, Path], list[xr.Dataset]]
    transform: Callable[[xr.Dataset], xr.Dataset]
    attrs: Mapping[str, str]
    grid: GridConfig = ITALY
    # These may hold credentials.
    target_root: Target | None = field(default=None, repr=False)
    cache: CacheFSSpecTarget | None = field(default=None, repr=False)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Build the pipeline; Beam calls this."""
        names = self.names if isinstance(self.names, Mapping) else {"": self.names}
        declared = Declared(
            self.part,
            {kind: tuple(of) for kind, of in names.items()},
            files(self.pattern),
            self.period,
            self.grid,
            {**self.attrs, **settings().comment},
        )
        target = self.target_root or settings().target
        is_file, kwargs = (
            self.pattern.file_type is not FileType.zarr,
            self.pattern.fsspec_open_kwargs,
        )
        if is_file and self.cache is None:
            refuse_absent([file.url for file in declared.files], kwargs)
        run = begin(target, declared.digest(), declared.template)
        sources = pipeline | "Files" >> beam.Create([(file, file.url) for file in declared.files])
        if is_file:
            sources |= "Open" >> OpenURLWithFSSpec(cache=self.cache, open_kwargs=kwargs)
        write = functools.partial(
            write_file,
            target=target,
            declared=declared,
            run=run,
            opener=self.opener,
            transform=self.transform,
        )
        check = functools.partial(read_back, target=target, declared=declared)
        end = functools.partial(_end, target=target, declared=declared, run=run)
        return (
            sources
            | "Spread" >> beam.Reshuffle()
            | "Write days" >> beam.Map(write)
            | "Spread again" >> beam.Reshuffle()
            | "Read back" >> beam.Map(check)
            | "One key" >> beam.Map(_keyed)
            | "Gather" >> beam.GroupByKey()
            | "Verify and mark" >> beam.Map(end)
        )


def _keyed(evidence: Evidence) -> tuple[int, Evidence]:
    return 0, evidence


def _end(
    keyed: tuple[int, Iterable[Evidence]], *, target: Target, declared: Declared, run: str
) -> str:
    return verify_and_mark(keyed[1], target=target, declared=declared, run=run)


@dataclass
class StoreStatic(beam.PTransform):
    """Write the static part: a pipeline of its own.

    Parameters
    ----------
    build : callable () -> Dataset (y, x)
        Makes the static fields on the fine grid, on a worker.
    attrs : mapping of str
        As for `StoreDays`.
    grid : GridConfig
    target_root : str or FSSpecTarget, optional
        As for `StoreDays`.
    """

    build: Callable[[], xr.Dataset]
    attrs: Mapping[str, str]
    grid: GridConfig = ITALY
    target_root: Target | None = field(default=None, repr=False)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Build the pipeline; Beam calls this."""
        target = self.target_root or settings().target
        run = begin(target, None, xr.Dataset)
        write = functools.partial(
            write_static,
            target=target,
            run=run,
            grid=self.grid,
            attrs={**self.attrs, **settings().comment},
        )
        return pipeline | beam.Create([self.build]) | "Write and verify" >> beam.Map(write)


def injection_specs() -> dict[str, dict[str, str]]:
    """Return the arguments that ``pangeo-forge-runner bake`` injects into these transforms."""
    return {
        "StoreDays": {"target_root": "TARGET_STORAGE", "cache": "INPUT_CACHE_STORAGE"},
        "StoreStatic": {"target_root": "TARGET_STORAGE"},
    }
