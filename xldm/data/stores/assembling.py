"""From parts to what a training store is written from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from ..era5 import ERA5
from ..grid import ITALY
from ..statics import embedded
from .groups import BOUNDS, plain
from .pairing import REQUIRED, bad_fields
from .parts import open_part
from .place import StoreError

__all__ = ["EMBEDDED", "assemble"]

#: Instead of a static part: the static fields that ship with the package.
EMBEDDED = "embedded"


def assemble(
    coarse: Sequence[str | PathLike],
    fine: str | PathLike,
    static: str | PathLike = EMBEDDED,
    *,
    common_hours: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Open parts and put them together, lazily.

    Parameters
    ----------
    coarse : sequence of str or path
        Parts with different predictors.
    fine, static : str or path
        A part each; for the latter also ``embedded``, the shipped fields of the Italian grid.
    common_hours : bool
        Keep only the hours that every part has, instead of refusing parts of other hours.
    storage_options : mapping, optional
        What fsspec needs to get to the parts; they appear in no message.

    Returns
    -------
    dict
        ``coarse``, ``fine``, ``static`` and ``attrs`` for `xldm.data.stores.storing.write`.

    Raises
    ------
    StoreError
        If a part cannot be opened, or with every fault: parts of another kind, hours that not all
        have, predictors that two have, another projection.
    """
    given = [("coarse", url) for url in coarse] + [("fine", fine), ("static", static)]
    parts = [(kind, str(url), _opened(kind, url, storage_options)) for kind, url in given]
    faults = [
        f"{url} is a {part.attrs['xldm_part']} part, a {kind} one is wanted"
        for kind, url, part in parts
        if part.attrs["xldm_part"] != kind
    ]
    _refuse(faults)
    timed = {url: plain(kind, part) for kind, url, part in parts if kind != "static"}
    for kind, url, _ in parts[:-1]:
        faults += [f"{url}: {fault}" for fault in bad_fields(kind, timed[url])]
    sides = [timed[str(url)] for url in coarse]
    faults += [*_shared(coarse, sides), *_other_projections(parts)]
    if not common_hours:
        faults += _missing_hours(timed)
    _refuse(faults)
    hours = _intersection(timed)
    if not hours.size:
        raise StoreError(f"no hour is in all of {', '.join(timed)}: there is nothing to store.")
    *sides, fine_side = (ds.sel(time=hours) for ds in timed.values())
    return {
        "coarse": _merged(sides),
        "fine": fine_side,
        "static": parts[-1][2],
        "attrs": _attrs(parts),
    }


def _opened(
    kind: str, url: str | PathLike, storage_options: Mapping[str, Any] | None
) -> xr.Dataset:
    if kind == "static" and str(url) == EMBEDDED:
        return embedded().assign_attrs(xldm_part="static", crs=ITALY.crs)
    return open_part(url, storage_options)


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise StoreError(f"the parts make no store: {'; '.join(faults)}.")


def _shared(urls: Sequence[str | PathLike], sides: Sequence[xr.Dataset]) -> Iterator[str]:
    holders: dict[str, list[str]] = {}
    for url, ds in zip(urls, sides, strict=True):
        for name in ds:
            holders.setdefault(str(name), []).append(str(url))
    for name, of in holders.items():
        if len(of) > 1:
            yield f"{name} is in {' and '.join(of)}: a predictor comes from one part, leave one out"
    for url, ds in zip(urls[1:], sides[1:], strict=True):
        if not all(np.array_equal(ds[axis], sides[0][axis]) for axis in ("y", "x")):
            yield f"{url} has other coarse cells than {urls[0]}"


def _other_projections(parts: Sequence[tuple[str, str, xr.Dataset]]) -> Iterator[str]:
    stated = {part.attrs.get("crs") for _, _, part in parts}
    if len(stated) > 1:
        each = (f"{url} {part.attrs.get('crs')}" for _, url, part in parts)
        yield f"they have several projections ({', '.join(each)})"


def _intersection(timed: Mapping[str, xr.Dataset]) -> np.ndarray:
    hours, *others = (ds["time"].values for ds in timed.values())
    for other in others:
        hours = np.intersect1d(hours, other)
    return hours


def _missing_hours(timed: Mapping[str, xr.Dataset]) -> Iterator[str]:
    union = np.unique(np.concatenate([ds["time"].values for ds in timed.values()]))
    for url, ds in timed.items():
        lost = np.setdiff1d(union, ds["time"])
        if lost.size:
            first, last = np.datetime_as_string(lost[[0, -1]], unit="h")
            yield (
                f"{url} lacks {lost.size} of {union.size} hours, from {first} to {last}: complete "
                "it, or keep the hours that all have by common_hours=True (--common-hours)"
            )


def _merged(sides: Sequence[xr.Dataset]) -> xr.Dataset:
    ds = xr.merge(sides, join="exact", compat="equals", combine_attrs="drop_conflicts")
    known = [name for name in (*ERA5, BOUNDS) if name in ds]
    return ds[known + [name for name in ds if name not in known]]


def _attrs(parts: Sequence[tuple[str, str, xr.Dataset]]) -> dict[str, str]:
    """What the parts say of themselves, each thing once."""
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
    """Values of an attribute of the parts, or of their variables where a part has none."""
    found = []
    for part in parts:
        of = [part.attrs] if name in part.attrs else [field.attrs for field in part.values()]
        found += [str(attrs[name]) for attrs in of if name in attrs]
    return list(dict.fromkeys(found))
