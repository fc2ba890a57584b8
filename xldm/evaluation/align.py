"""Refuse forecasts and truth that differ in cells, times or units."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..arguments import choice, refuse
from ..errors import ArgumentTypeError, InputError
from ..inputs.units import conversion
from .arrange import GRID, LEADS, SERIES, arranged
from .cells import same_cells, unfit
from .hours import between_hours, same_times

__all__ = ["MEAN", "comparable", "count"]

#: Ending of the name under which the mean of an ensemble is listed.
MEAN = " mean"
_TIMES = (*SERIES, *LEADS)


def comparable(
    forecasts: Mapping[str, xr.Dataset | xr.DataArray],
    truth: xr.Dataset | xr.DataArray,
    how: str = "exact",
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Return forecasts (member, time, y, x) and truth (time, y, x) that can be compared.

    Nothing is computed, converted or filled; axes are put in order. Datasets that do not match are
    refused; on demand, times and cells that are not in all of them are left out, with a warning.

    Parameters
    ----------
    forecasts : mapping of str to Dataset or DataArray
        By the name to list each under: dims (time, y, x), or initialisation and lead in place of
        time, in any order. Members of an ensemble lie along dims of any usual name.
    truth : Dataset or DataArray (time, y, x)
        Every variable in it is compared; each forecast must hold it in the same units.
    how : {"exact", "common"}
        Require the same times and cells, or take those that all datasets have.

    Returns
    -------
    forecasts : dict of str to Dataset (member ..., time, y, x) or (member ..., start, lead, y, x)
        A forecast without members gets one. Forecasts by lead have a coordinate time (start, lead).
    truth : Dataset (time, y, x)
        With forecasts by lead: at the valid times that all have.

    Raises
    ------
    InputError
        With every reason at once.

    Warns
    -----
    UserWarning
        If times or cells are left out.

    Examples
    --------
    >>> truth = xr.Dataset(
    ...     {"t2m": (("time", "y", "x"), np.zeros((2, 2, 2)), {"units": "K"})},
    ...     {"time": np.array(["2008-01-01T00", "2008-01-01T01"], "datetime64[ns]"),
    ...      "y": [2000.0, 0.0], "x": [0.0, 2000.0]})
    >>> forecasts, truth = comparable({"A": truth}, truth)
    >>> dict(forecasts["A"].sizes)
    {'member': 1, 'time': 2, 'y': 2, 'x': 2}
    >>> comparable({"A": truth.isel(time=[0])}, truth)
    Traceback (most recent call last):
    xldm.errors.InputError: nothing was evaluated:
    - A: its times are not the truth's: 1 against 2, 0 of them only in the forecast and 1 only ...
    """
    refuse(align=(how, choice("exact", "common")))
    left: list[str] = []
    faults = list(_names(forecasts))
    _refuse(faults)
    observed = arranged(truth, "truth", None, faults)
    names = list(observed or [])
    given = {
        name: arranged(f, f"forecasts[{name!r}]", names, faults) if names else None
        for name, f in forecasts.items()
    }
    _refuse(faults)
    assert observed is not None
    shared = {name: f for name, f in given.items() if f is not None}
    for name, forecast in shared.items():
        faults += _units(name, forecast, observed)
    _refuse(faults)
    before = {"truth": observed, **shared}
    shared, observed = same_cells(shared, observed, how, faults)
    timed: list[str] = []
    shared, observed = same_times(shared, observed, how, timed, left)
    faults += timed or ([] if faults else [*unfit(observed), *between_hours(shared, observed)])
    _refuse(faults)
    if how == "common":
        left += _left_out(before, {"truth": observed, **shared})
    if left:
        warnings.warn("left out of the evaluation: " + "; ".join(left), UserWarning, stacklevel=3)
    return {name: _with_member(forecast) for name, forecast in shared.items()}, observed


def _refuse(faults: list[str]) -> None:
    if faults:
        raise InputError("\n- ".join(["nothing was evaluated:", *faults]))


def _names(forecasts: Any) -> Iterator[str]:
    if isinstance(forecasts, (xr.Dataset, xr.DataArray)) or not isinstance(forecasts, Mapping):
        one = isinstance(forecasts, (xr.Dataset, xr.DataArray))
        raise ArgumentTypeError(
            f"forecasts: expected datasets by name, got {type(forecasts).__name__}; use "
            + ("{'forecast': forecasts}" if one else "{str(i): f for i, f in enumerate(forecasts)}")
        )
    if not forecasts:
        yield "forecasts: expected at least one, by name; got none"
    for name in forecasts:
        if not isinstance(name, str):
            yield (
                f"forecasts: expected text as name, got {name!r}; use "
                "{str(name): f for name, f in forecasts.items()}"
            )
        elif name == "truth" or name.endswith(MEAN):
            yield (
                f"forecasts: {name!r} is reserved for the truth or the mean of an ensemble; "
                "give it another name"
            )


def _units(name: str, forecast: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    for variable in truth.data_vars:
        mine, theirs = (ds[variable].attrs["units"] for ds in (forecast, truth))
        known = conversion(mine, theirs)
        if mine == theirs or known == (1.0, 0.0):
            continue
        said = f"{name}: {variable} is in {mine}, in the truth in {theirs}"
        if known is None:
            yield f"{said}, which cannot be converted; compare the same quantity"
        else:
            code, scale, offset = f"forecasts[{name!r}]", *known
            field = f"{code}[{variable!r}] * {scale!r} + {offset!r}"
            yield (
                f"{said}; convert it, use {code}.assign({variable}=({field})"
                f".assign_attrs(units={theirs!r}))"
            )


def _with_member(ds: xr.Dataset) -> xr.Dataset:
    return ds if {*ds.dims} - {*_TIMES, *GRID} else ds.expand_dims("member")


def count(forecast: xr.Dataset) -> int:
    """Return the number of members of a comparable forecast, along all dims of members."""
    return int(np.prod([forecast.sizes[d] for d in forecast.dims if d not in (*_TIMES, *GRID)]))


def _left_out(before: dict[str, xr.Dataset], after: dict[str, xr.Dataset]) -> Iterator[str]:
    """Say what part of each dataset is compared, where it is not all."""
    for name, was in before.items():
        said = [
            f"{was.sizes[d] - after[name].sizes[d]} of {was.sizes[d]} along {d}"
            for d in was.dims
            if d in after[name].sizes
            and after[name].sizes[d] < was.sizes[d]
            # Of a truth, leads need some hours only.
            and not (d == "time" and any("lead" in f.dims for f in after.values()))
        ]
        if said:
            yield f"{name}: {', '.join(said)}"
