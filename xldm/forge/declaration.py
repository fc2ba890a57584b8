"""Declare the content of a part before any file is opened.

Recipes that take the time axis from their files silently write a wrong one if the files count time
in different units. Here files must fit the declared axis, or are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr
from pangeo_forge_recipes.patterns import CombineOp, FilePattern

from ..config import GridConfig
from ..errors import StoreError
from ..stores.fine_rain import SCALED
from ..stores.parts import template
from ..vocabulary import VOCABULARY, units_of, winds
from .period import Period

__all__ = ["Declared", "File", "files"]


@dataclass(frozen=True)
class File:
    """A file of an archive: its URL, its month or day, and its kind, if any."""

    url: str
    key: str
    kind: str = ""

    @property
    def label(self) -> str:
        """A name that is unique among the files of a pattern."""
        return f"{self.kind}-{self.key}" if self.kind else self.key


@dataclass(frozen=True)
class Declared:
    """A coarse or fine part.

    Parameters
    ----------
    kind : str
        ``coarse`` or ``fine``.
    names : mapping of str to tuple of str
        Kind of file -> the fields that each file of it gives.
    files : tuple of File
    period : Period
    grid : GridConfig
    attrs : mapping of str
        Of the root.
    """

    kind: str
    names: Mapping[str, tuple[str, ...]]
    files: tuple[File, ...]
    period: Period
    grid: GridConfig
    attrs: Mapping[str, str]

    def __post_init__(self) -> None:
        given = [name for names in self.names.values() for name in names]
        if unknown := sorted(set(given) - set(VOCABULARY)):
            raise StoreError(
                f"{', '.join(unknown)}: fields of a part are of {', '.join(VOCABULARY)}."
            )
        if len(set(given)) < len(given):
            raise StoreError(f"of {', '.join(given)}, some come from files of two kinds.")

    @property
    def fields(self) -> list[str]:
        """Names in the order of the vocabulary."""
        given = {name for names in self.names.values() for name in names}
        return [name for name in VOCABULARY if name in given]

    def template(self) -> xr.Dataset:
        """Return the part without the values of its fields."""
        frame = {"wind_frame": "earth"} if winds(self.fields) else {}
        described = {name: _described(name, self.kind) for name in self.fields}
        attrs = {**self.attrs, **frame}
        return template(self.kind, described, self.period.hours, self.grid, attrs)

    def digest(self) -> str:
        """Return a digest that differs between declarations."""
        files = [(file.url, file.key, file.kind) for file in self.files]
        said = [self.kind, self.names, files, str(self.period), repr(self.grid), self.attrs]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=dict).encode()).hexdigest()


def _described(name: str, kind: str) -> dict[str, Any]:
    known = VOCABULARY[name]
    scaled = SCALED if (kind, name) == ("fine", "tp") else {}
    return {
        **scaled,
        "standard_name": known.standard_names[0],
        "long_name": known.long_name.replace("_", " "),
        "units": units_of(name, kind),
        "paper_name": known.paper_name,
    }


def files(pattern: FilePattern) -> tuple[File, ...]:
    """List the files of a pattern of months or days, and of kinds if any.

    Raises
    ------
    StoreError
        If the pattern has any dims but one ConcatDim and at most one MergeDim.

    Examples
    --------
    >>> from pangeo_forge_recipes.patterns import ConcatDim, MergeDim
    >>> def url(month, kind):
    ...     return f"s3://bucket/{kind}-{month}.nc"
    >>> months = ConcatDim("month", ["2001-07", "2001-08"])
    >>> [file.label for file in files(FilePattern(url, months, MergeDim("kind", ["low"])))]
    ['low-2001-07', 'low-2001-08']
    """
    operations = [dim.operation for dim in pattern.combine_dims]
    if operations.count(CombineOp.CONCAT) != 1 or operations.count(CombineOp.MERGE) > 1:
        raise StoreError(
            f"the file pattern has dims {pattern.dims}: expected one ConcatDim of months or days "
            "and at most one MergeDim of kinds of file."
        )
    keys = {dim.name: dim for dim in pattern.combine_dims}
    found = []
    for index, url in pattern.items():
        said = {"url": url}
        for dim, position in index.items():
            what = "key" if dim.operation is CombineOp.CONCAT else "kind"
            said[what] = str(keys[dim.name].keys[position.value])
        found.append(File(**said))
    return tuple(found)
