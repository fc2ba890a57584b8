"""What recipe modules are made of: transforms that write a whole part, verify and mark it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
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
from .write_days import read_back, write_file
from .write_static import write_static

__all__ = ["StoreDays", "StoreStatic", "injection_specs"]


@dataclass
class StoreDays(beam.PTransform):
    """Write a coarse or fine part from files of months or days: a pipeline of its own.

    When the pipeline is built, files are looked for and the target is prepared. Then, of each file,
    in parallel: it is opened, its hours are compared with those declared, and a day at a time is
    transformed and written, in chunks that no other file shares; what was written is read back. In
    the end the whole is verified and marked. Nothing but digests and moments goes from worker to
    worker.

    Parameters
    ----------
    pattern : FilePattern
        One ConcatDim with months (``2001-07``) or days (``2001-07-15``) as keys; at most one
        MergeDim, of kinds of file. Of ``file_type="zarr"``, its URLs are given to ``opener`` as
        they are; else files are fetched.
    period : Period
        Which hours the part has.
    part : str
        ``coarse`` or ``fine``.
    names : sequence of str, or mapping of str to sequence of str
        The fields that each file gives; by kind of file, if there are kinds.
    opener : callable (path, folder) -> list of Dataset
        Opens a file, lazily; may unpack into the folder, which vanishes afterwards.
    transform : callable Dataset -> Dataset (time, y, x)
        From a day of one of those datasets, in memory, to fields of the part.
    attrs : mapping of str
        ``title``, ``source``, ``license``, ``references`` of the part.
    grid : GridConfig
    target_root : str or FSSpecTarget, optional
        The part itself; what ``--target`` or ``XLDM_TARGET`` says, if it is not injected.
    cache : CacheFSSpecTarget, optional
        Where copies of files are kept.

    Raises
    ------
    StoreError
        When the pipeline is built: if a file is not there, or if the target is complete or holds
        something else. While it runs: with the file and the hour of what is wrong.
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

    def expand(self, pipeline):
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


def _keyed(evidence):
    return 0, evidence


def _end(keyed, **kwargs):
    return verify_and_mark(keyed[1], **kwargs)


@dataclass
class StoreStatic(beam.PTransform):
    """Write the static part: a pipeline of its own.

    Parameters
    ----------
    build : callable () -> Dataset (y, x)
        Makes the static fields on the fine grid, on a worker.
    attrs : mapping of str
        As of `StoreDays`.
    grid : GridConfig
    target_root : str or FSSpecTarget, optional
        As of `StoreDays`.
    """

    build: Callable[[], xr.Dataset]
    attrs: Mapping[str, str]
    grid: GridConfig = ITALY
    target_root: Target | None = field(default=None, repr=False)

    def expand(self, pipeline):
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
    """What ``pangeo-forge-runner bake`` is to inject into calls of these transforms."""
    return {
        "StoreDays": {"target_root": "TARGET_STORAGE", "cache": "INPUT_CACHE_STORAGE"},
        "StoreStatic": {"target_root": "TARGET_STORAGE"},
    }
