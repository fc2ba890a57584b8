"""Bring one dataset to the form in which it is compared: names of dims, order of cells, times."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..errors import ArgumentTypeError, InputError
from ..inputs import dialects
from ..inputs.axes.leads import stated_times
from ..inputs.decode import decode
from ..inputs.number_types import type_problem
from ..vocabulary import VOCABULARY

__all__ = ["GRID", "LEADS", "SERIES", "arranged"]

GRID = ("y", "x")
#: Dims of times in the form: of a series of valid times, and of forecasts by their lead.
SERIES = ("time",)
LEADS = ("start", "lead")
_DS = re.compile(r"\bds\b(?=[.\[)])")
_NAMES = {"time": "times", "start": "initialisations", "lead": "leads"}
_DEGREES = (dialects.LATITUDE, dialects.LONGITUDE)


def arranged(
    given: xr.Dataset | xr.DataArray, code: str, names: list | None, faults: list[str]
) -> xr.Dataset | None:
    """Return a dataset (member ..., time, y, x), y descending and x ascending, times in UTC.

    Forecasts by their lead become (member ..., start, lead, y, x), with a coordinate ``time``
    (start, lead) of valid times. Several dims of members stay several dims. Nothing is computed.

    Parameters
    ----------
    given : Dataset or DataArray
    code : str
        Python expression for it, such as ``forecasts['A']``, for messages.
    names : list of str, optional
        Variables to keep; None for all of the truth, which has no members.
    faults : list of str
        Gets the reasons why the dataset cannot be used, each with what to do.

    Returns
    -------
    Dataset or None
        None if it cannot be used.

    Examples
    --------
    >>> field = xr.DataArray(
    ...     np.zeros((2, 1, 2, 2)), dims=("number", "time", "y", "x"), name="t2m",
    ...     coords={"time": [np.datetime64("2008-01-01T00", "ns")], "y": [0, 2e3], "x": [0, 2e3]},
    ...     attrs={"units": "K"})
    >>> ds = arranged(field, "forecasts['A']", ["t2m"], faults := [])
    >>> dict(ds.sizes), ds["y"].values, faults
    ({'number': 2, 'time': 1, 'y': 2, 'x': 2}, array([2000.,    0.]), [])
    """
    before = len(faults)
    ds = _dataset(given, code, faults)
    if ds is None:
        return None
    truth = names is None
    wanted: list = _fields(ds) if names is None else names
    faults += _variables(ds, code, wanted)
    if len(faults) > before:
        return None
    try:
        ds = decode(ds)[0][wanted]
        faults += [f"{code}: {_of(code, p)}" for p in map(type_problem, ds.values()) if p]
        ds = _timed(ds)
    except (ArgumentTypeError, InputError) as error:
        faults.append(f"{code}: {_of(code, str(error))}")
        return None
    faults += _dims(ds, code, truth)
    if len(faults) > before:
        return None
    if empty := [str(d) for d in ds.dims if not ds.sizes[d]]:
        faults.append(f"{code}: it is empty: it holds nothing along {', '.join(empty)}")
        return None
    faults += _order(ds, code)
    return None if len(faults) > before else _bare(ds)


def _dataset(given: Any, code: str, faults: list[str]) -> xr.Dataset | None:
    if isinstance(given, xr.Dataset):
        return given
    if not isinstance(given, xr.DataArray):
        faults.append(f"{code}: expected a Dataset or a DataArray, got {type(given).__name__}")
    elif given.name is None:
        faults.append(
            f"{code}: the DataArray has no name, so its variable is unknown; name it, e.g. use "
            f"{code}.rename('t2m')"
        )
    else:
        return given.to_dataset()
    return None


def _of(code: str, advice: str) -> str:
    """Let the advice of the readers of inputs, which speak of ``ds``, speak of this dataset."""
    return re.sub(_DS, lambda _: code, advice)


def _fields(ds: xr.Dataset) -> list[Hashable]:
    """Return the variables, without bounds and grid mappings that others refer to.

    In the order of the vocabulary: some stores list theirs as their file system does.
    """
    order = {name: place for place, name in enumerate(VOCABULARY)}
    said = (v.attrs | v.encoding for v in ds.variables.values())
    aside = {a.get(key) for a in said for key in ("bounds", "grid_mapping")}
    found = (name for name in ds.data_vars if name not in aside)
    return sorted(found, key=lambda name: order.get(str(name), len(order)))


def _variables(ds: xr.Dataset, code: str, wanted: list) -> Iterator[str]:
    """Yield faults of variables, whatever their dims."""
    if not wanted:
        yield f"{code}: expected variables such as t2m; the dataset has none"
    if lacking := [str(name) for name in wanted if name not in ds]:
        both = [str(name) for name in wanted if name in ds]
        yield (
            f"{code}: {', '.join(lacking)} is in the truth but not here; it has "
            f"{', '.join(map(str, ds))}"
            + (f"; to compare the others, use truth[{both}]" if both else "")
        )
    for name in (n for n in wanted if n in ds):
        if not ds[name].attrs.get("units"):
            yield (
                f"{code}: {name} has no units, and xldm does not guess them; state them, e.g. use "
                f"{code}.assign({name}={code}[{str(name)!r}].assign_attrs(units='K'))"
            )


def _timed(ds: xr.Dataset) -> xr.Dataset:
    """Name the dims of times, and give valid times as the coordinate ``time``."""
    stated = stated_times(ds)
    valid, (_, lead) = stated.valid, stated.dims
    if valid.isnull().any():
        dim, name = valid.dims[0] if valid.dims else "", stated.name
        raise InputError(
            f"Its times ({name}) hold a missing value"
            + (f"; leave it out, use ds.isel({dim}=ds[{name!r}].notnull().values)" if dim else "")
        )
    dims = tuple(map(str, valid.dims))
    values, at = valid.values, tuple(map(str, valid.dims))
    if lead in dims and stated.lead is not None:
        leads = stated.lead.values
        if len(dims) == 1:
            ds, values, dims = ds.expand_dims("start"), values[None], ("start", lead)
        if len(dims) == 2:
            ds = ds.drop_vars([c for c in ds.coords if {*ds[c].dims} & {*at} or c in LEADS])
            ds = ds.rename_dims({d: n for d, n in zip(dims, LEADS, strict=True) if d != n})
            starts = (values - leads)[:, 0]
            was = [{"was": str(d)} for d in (stated.dims[0], lead)]
            return ds.assign_coords(
                start=("start", starts, was[0]),
                lead=("lead", leads, was[1]),
                time=(LEADS, values),
            )
    if len(dims) > 1:
        raise InputError(
            f"its times ({stated.name}) lie along {', '.join(dims)}; give the lead as a coordinate "
            "along one of these, with standard_name forecast_period"
        )
    if not dims:
        ds, values = ds.drop_vars("time", errors="ignore").expand_dims("time"), values[None]
    ds = ds.drop_vars([c for c in ds.coords if c == "time" or {*ds[c].dims} & {*dims}])
    ds = ds.rename_dims({d: "time" for d in dims if d != "time"})
    return ds.assign_coords(time=("time", values, {"was": "".join(dims) or "time"}))


def _members(ds: xr.Dataset) -> list[Hashable]:
    """Return the dims along which members of an ensemble lie."""

    def is_member(dim: Hashable) -> bool:
        said = ds[dim].attrs.get("standard_name") if dim in ds.coords else None
        return said == "realization" or str(dim).lower() in dialects.MEMBER

    return [dim for dim in ds.dims if is_member(dim)]


def _times(ds: xr.Dataset) -> tuple[str, ...]:
    return LEADS if "lead" in ds.dims else SERIES


def _dims(ds: xr.Dataset, code: str, truth: bool) -> Iterator[str]:
    """Yield faults of dims and of the coordinates of cells."""
    needed, members = (*_times(ds), *GRID), _members(ds)
    if truth and "lead" in ds.dims:
        was = ds["lead"].attrs["was"]
        yield f"{code}: a truth has no leads; choose one, e.g. use {code}.isel({was}=0)"
        return
    if lacking := [d for d in GRID if d not in ds.dims]:
        known = {d: new for new, names in zip(GRID, _DEGREES, strict=True)
                 for d in ds.dims if str(d).lower() in names}  # fmt: skip
        named = ", ".join(f"{d}={new!r}" for d, new in known.items())
        yield (
            f"{code}: has dims ({', '.join(map(str, ds.dims))}) and lacks {', '.join(lacking)}, "
            "metres on the projected grid of the model; regrid it"
            + (f", or, if they are such metres, use {code}.rename({named})" if named else "")
        )
        return
    for name in ds:
        dims = ds[name].dims
        others = [d for d in dims if d not in needed and (truth or d not in members)]
        if others:
            what = "time, y and x" + ("" if truth else " and members")
            one = ", ".join(f"{d}=0" for d in others)
            yield (
                f"{code}: {name} has dims ({', '.join(map(str, dims))}); expected {what}; choose "
                f"one along the others, e.g. use {code}.isel({one}, drop=True)"
            )
            return
        if lacking := [d for d in (*needed, *(() if truth else members)) if d not in dims]:
            yield (
                f"{code}: {name} has dims ({', '.join(map(str, dims))}) and lacks "
                f"{', '.join(map(str, lacking))}, which others have"
            )
    for dim in GRID:
        if dim not in ds.coords:
            yield f"{code}: has no coordinate {dim}, so the place of its values is unknown"
        elif ds[dim].dtype.kind not in "fiu" or not np.isfinite(ds[dim].values).all():
            yield f"{code}: its coordinate {dim} holds no finite numbers; expected metres"
        elif not ds.indexes[dim].is_unique:
            yield f"{code}: its {dim} repeats; use {code}.drop_duplicates({dim!r})"


def _order(ds: xr.Dataset, code: str) -> Iterator[str]:
    """Yield faults of the order of times, starts and leads."""
    for dim in _times(ds):
        index = pd.Index(ds[dim].values)
        if not index.is_unique:
            was = ds[dim].attrs["was"]
            yield f"{code}: its {_NAMES[dim]} repeat; use {code}.drop_duplicates({was!r})"


def _bare(ds: xr.Dataset) -> xr.Dataset:
    """Return the variables with the coordinates of their dims and valid time, in order."""
    for dim in (*_times(ds), *GRID):
        index = pd.Index(ds[dim].values)
        ascending = dim != "y"
        if not (index.is_monotonic_increasing if ascending else index.is_monotonic_decreasing):
            ds = ds.sortby(dim, ascending=ascending)
    order = *_members(ds), *_times(ds), *GRID
    ds = ds.drop_vars([c for c in ds.coords if c not in {*order, "time"}])
    return ds.transpose(*order)
