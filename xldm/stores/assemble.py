"""Assemble the inputs of a training store from parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from ..errors import StoreError
from ..grids.projected import ITALY
from ..statics import embedded
from ..vocabulary import VOCABULARY
from .compatibility import REQUIRED, bad_fields, bad_hours
from .parts import open_part
from .schema import BOUNDS, plain

__all__ = ["EMBEDDED", "assemble"]

#: Given instead of a static part: the static fields that ship with the package.
EMBEDDED = "embedded"

#: URL and plain fields.
Part = tuple[str, xr.Dataset]
#: Names of variables, and the parts that hold them.
Record = tuple[list[str], list[Part]]


def assemble(
    coarse: str | PathLike | Sequence[str | PathLike],
    fine: str | PathLike | Sequence[str | PathLike],
    static: str | PathLike = EMBEDDED,
    *,
    common_hours: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Open parts and join them, lazily.

    Parts of the same variable are joined along time; parts of different variables are merged. The
    joined hours may have gaps where `xldm.stores.compatibility.bad_hours` allows them.

    Parameters
    ----------
    coarse, fine : str or path, or sequence of them
        Parts with predictors and with targets.
    static : str or path
        A part, or ``embedded`` for the shipped fields of the Italian grid.
    common_hours : bool
        Keep only the hours that every variable has, instead of refusing parts with other hours.
    storage_options : mapping, optional
        Options for fsspec, such as credentials; they appear in no message.

    Returns
    -------
    dict
        ``coarse``, ``fine``, ``static`` and ``attrs`` for `xldm.stores.write.write_training_store`.

    Raises
    ------
    StoreError
        If a part cannot be opened, or with every fault: parts of another kind, hours that some
        variables lack or that two parts share, other attributes, cells or projection, a gap within
        a day.
    """
    given = [(kind, url) for kind, of in (("coarse", coarse), ("fine", fine)) for url in _urls(of)]
    given.append(("static", static))
    parts = [(kind, str(url), _opened(kind, url, storage_options)) for kind, url in given]
    faults = [
        f"{url} is a {part.attrs['xldm_part']} part, expected a {kind} one"
        for kind, url, part in parts
        if part.attrs["xldm_part"] != kind
    ]
    faults += [f"no {k} part is given" for k in ("coarse", "fine") if k not in dict(given)]
    _refuse(faults)
    sides = {
        side: [(url, plain(side, part)) for kind, url, part in parts if kind == side]
        for side in ("coarse", "fine")
    }
    records = {side: _records(of) for side, of in sides.items()}
    for side, of in sides.items():
        faults += _faults(side, of, records[side])
    _refuse([*faults, *_other_projections(parts)])
    joined = {side: [(_these(of), _joined(n, of)) for n, of in records[side]] for side in sides}
    hours = _hours([one for of in joined.values() for one in of], common_hours)
    merged = {side: _merged([ds.sel(time=hours) for _, ds in joined[side]]) for side in sides}
    return merged | {"static": parts[-1][2], "attrs": _attrs(parts)}


def _urls(given: str | PathLike | Sequence[str | PathLike]) -> Sequence[str | PathLike]:
    return [given] if isinstance(given, (str, PathLike)) else given


def _opened(
    kind: str, url: str | PathLike, storage_options: Mapping[str, Any] | None
) -> xr.Dataset:
    if kind == "static" and str(url) == EMBEDDED:
        return embedded().assign_attrs(xldm_part="static", crs=ITALY.crs)
    return open_part(url, storage_options)


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise StoreError(f"the parts make no store: {'; '.join(faults)}.")


def _records(side: Sequence[Part]) -> list[Record]:
    """Group the variables of a side by their parts, ordered by first hour."""
    holders: dict[str, list[int]] = {}
    # A list, since a part may have no hours.
    for at in sorted(range(len(side)), key=lambda at: list(side[at][1]["time"].values[:1])):
        for name in side[at][1]:
            holders.setdefault(str(name), []).append(at)
    names: dict[tuple[int, ...], list[str]] = {}
    for name, of in holders.items():
        names.setdefault(tuple(of), []).append(name)
    return [(held, [side[at] for at in of]) for of, held in names.items()]


def _faults(side: str, of: Sequence[Part], records: Sequence[Record]) -> Iterator[str]:
    for url, part in of:
        yield from (f"{url}: {fault}" for fault in bad_fields(side, part))
    yield from _other_cells(side, of)
    for record in records:
        yield from _held_twice(*record)
        yield from _other_attributes(*record)


def _these(of: Sequence[Part]) -> str:
    urls = [url for url, _ in of]
    return " and ".join(urls) if len(urls) < 3 else f"{urls[0]} to {urls[-1]} ({len(urls)} parts)"


def _other_cells(kind: str, side: Sequence[Part]) -> Iterator[str]:
    (first, wanted), *others = side
    for url, ds in others:
        if not all(np.array_equal(ds[axis], wanted[axis]) for axis in ("y", "x")):
            yield f"{url} has other {kind} cells than {first}"


def _held_twice(names: Sequence[str], of: Sequence[Part]) -> Iterator[str]:
    for (one, mine), (other, theirs) in combinations(of, 2):
        both = np.intersect1d(mine["time"], theirs["time"])
        if both.size:
            yield (
                f"{', '.join(names)} of {both.size} hours, {_span(both)}, is in {one} and in "
                f"{other}: an hour comes from one part, leave one out or make it of other hours"
            )


def _other_attributes(names: Sequence[str], of: Sequence[Part]) -> Iterator[str]:
    (first, wanted), *others = of
    for url, ds in others:
        for name in names:
            mine, theirs = ds[name].attrs, wanted[name].attrs
            for attr in dict.fromkeys([*theirs, *mine]):
                if not np.array_equal(np.asarray(mine.get(attr)), np.asarray(theirs.get(attr))):
                    yield (
                        f"{name} of {url} has {attr} {mine.get(attr)!r}, that of {first} "
                        f"{theirs.get(attr)!r}: they are not one record"
                    )
            summed = not mine.get("cell_methods", "").startswith("time: point")
            if summed and (BOUNDS in ds.coords) != (BOUNDS in wanted.coords):
                yield f"only one of {first} and {url} has bounds of time, which {name} needs"


def _joined(names: Sequence[str], of: Sequence[Part]) -> xr.Dataset:
    """Join parts to one record of some variables, with bounds of time if every part has them."""
    kept = [*names, *([BOUNDS] if all(BOUNDS in ds.coords for _, ds in of) else [])]
    pieces = [ds[kept] for _, ds in of]
    if len(pieces) == 1:
        return pieces[0]
    # Cells are known to be the same.
    return xr.concat(
        pieces, "time", data_vars="minimal", coords="minimal", compat="override", join="override",
        combine_attrs="drop_conflicts",
    )  # fmt: skip


def _other_projections(parts: Sequence[tuple[str, str, xr.Dataset]]) -> Iterator[str]:
    stated = {part.attrs.get("crs") for _, _, part in parts}
    if len(stated) > 1:
        each = (f"{url} {part.attrs.get('crs')}" for _, url, part in parts)
        yield f"they have several projections ({', '.join(each)})"


def _hours(every: Sequence[Part], common_hours: bool) -> np.ndarray:
    """Return the hours of a store made of records, each named by its URLs."""
    if not common_hours:
        _refuse([*_missing_hours(every)])
    hours = reduce(np.intersect1d, [ds["time"].values for _, ds in every])
    if not hours.size:
        these = ", ".join(urls for urls, _ in every)
        raise StoreError(f"no hour is in all of {these}: there is nothing to store.")
    _refuse([*bad_hours(hours)])
    return hours


def _missing_hours(every: Sequence[Part]) -> Iterator[str]:
    union = np.unique(np.concatenate([ds["time"].values for _, ds in every]))
    for urls, ds in every:
        lost = np.setdiff1d(union, ds["time"])
        if lost.size:
            yield (
                f"{urls} lacks {lost.size} of {union.size} hours, {_span(lost)}: complete "
                "it, or keep the hours that all have by common_hours=True (--common-hours)"
            )


def _span(hours: np.ndarray) -> str:
    return "from {} to {}".format(*np.datetime_as_string(hours[[0, -1]], unit="h"))


def _merged(records: Sequence[xr.Dataset]) -> xr.Dataset:
    ds = xr.merge(records, join="exact", compat="equals", combine_attrs="drop_conflicts")
    # A part lists its variables in no particular order.
    known = [name for name in (*VOCABULARY, BOUNDS) if name in ds]
    return ds[known + sorted(str(name) for name in ds if name not in known)]


def _attrs(parts: Sequence[tuple[str, str, xr.Dataset]]) -> dict[str, str]:
    """Return the attributes of the parts, each statement once."""
    out = {name: "; ".join(_said(name, [p for *_, p in parts])) for name in REQUIRED}
    histories = _said("history", [part for *_, part in parts])
    made = [
        f"xldm store: {kind} from {url} ({part.attrs.get('xldm_complete', 'shipped with xldm')})"
        for kind, url, part in parts
    ]
    comments = dict.fromkeys(p.attrs["comment"] for *_, p in parts if "comment" in p.attrs)
    if comments:
        out["comment"] = "; ".join(comments)
    return out | {"history": "\n".join([*histories, *made])}


def _said(name: str, parts: Sequence[xr.Dataset]) -> list[str]:
    """Return the values of an attribute of the parts, or of their variables."""
    found = []
    for part in parts:
        of = [part.attrs] if name in part.attrs else [field.attrs for field in part.values()]
        found += [str(attrs[name]) for attrs in of if name in attrs]
    return list(dict.fromkeys(found))
