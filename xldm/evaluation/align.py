"""Refuse forecasts and truth that differ in cells, times or units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from ..errors import InputError
from ..inputs.units import conversion

__all__ = ["MEAN", "comparable"]

DIMS = ("time", "y", "x")
#: Ending of the name under which the mean of an ensemble is listed.
MEAN = " mean"


def comparable(
    forecasts: Mapping[str, xr.Dataset], truth: xr.Dataset, how: str = "exact"
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Return forecasts (member, time, y, x) and truth (time, y, x) that can be compared.

    Nothing is computed, converted or filled. Datasets that do not match are refused; on demand,
    times and cells that are not in all of them are left out.

    Parameters
    ----------
    forecasts : mapping of str to Dataset (time, y, x) or (member, time, y, x)
        By the name to list each under.
    truth : Dataset (time, y, x)
        Every variable in it is compared; each forecast must hold it in the same units.
    how : {"exact", "common"}
        Require the same times and cells, or take those that all datasets have.

    Returns
    -------
    forecasts : dict of str to Dataset (member, time, y, x)
        A forecast without members gets one.
    truth : Dataset (time, y, x)

    Raises
    ------
    InputError
        With every reason at once.

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
    if how not in ("exact", "common"):
        raise InputError(f"align must be 'exact' or 'common', got {how!r}")
    faults = [*_names(forecasts), *_structure("truth", truth, list(truth.data_vars))]
    for name, forecast in forecasts.items():
        faults += _structure(name, forecast, list(truth.data_vars))
    _refuse(faults)
    for name, forecast in forecasts.items():
        faults += [*_units(name, forecast, truth), *_calendar(name, forecast, truth)]
    _refuse(faults)
    names = list(truth.data_vars)
    truth = _bare(truth, names)
    shared = {name: _bare(forecast, names) for name, forecast in forecasts.items()}
    if how == "common":
        shared, truth = _common(shared, truth)
    else:
        for name, forecast in shared.items():
            for dim in DIMS:
                faults += _same(name, dim, forecast[dim].values, truth[dim].values)
    faults += _spacing(truth)
    _refuse(faults)
    # Coordinates may differ by a rounding error: take the truth's.
    shared = {
        name: _with_member(forecast.assign_coords({d: truth[d] for d in DIMS}))
        for name, forecast in shared.items()
    }
    return shared, truth


def _refuse(faults: list[str]) -> None:
    if faults:
        raise InputError("\n- ".join(["nothing was evaluated:", *faults]))


def _names(forecasts: Mapping[str, xr.Dataset]) -> Iterator[str]:
    if not forecasts:
        yield "forecasts: expected at least one, by name; got none"
    for name in forecasts:
        if name == "truth" or name.endswith(MEAN):
            yield (
                f"forecasts: {name!r} is reserved for the truth or the mean of an ensemble; "
                "give it another name"
            )


def _structure(name: str, ds: xr.Dataset, wanted: list) -> Iterator[str]:
    """Yield faults of variables, dims and the time axis."""
    if not wanted:
        yield f"{name}: expected variables such as t2m; the dataset has none"
    for variable in wanted:
        if variable not in ds:
            held = ", ".join(map(str, ds))
            yield f"{name}: {variable} is in the truth but not here; it has {held}"
            continue
        dims = set(ds[variable].dims)
        allowed = set(DIMS) if name == "truth" else {*DIMS, "member"}
        if not set(DIMS) <= dims or dims - allowed:
            yield (
                f"{name}: {variable} has dims ({', '.join(map(str, ds[variable].dims))}); expected "
                f"time, y and x{'' if name == 'truth' else ' and perhaps member'}, "
                "so select or reduce the others"
            )
        if not ds[variable].attrs.get("units"):
            yield f"{name}: {variable} has no units; set the attribute, xldm does not guess"
    for dim in DIMS:
        if dim not in ds.coords:
            yield f"{name}: has no coordinate {dim}, so the place or time of its values is unknown"
    if "time" in ds.coords:
        times = ds["time"].to_index()
        if times.hasnans:
            yield f"{name}: its times hold a missing value"
        elif not times.is_monotonic_increasing or not times.is_unique:
            yield f"{name}: its times are not in order, each once; use sortby and drop_duplicates"


def _units(name: str, forecast: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    for variable in truth.data_vars:
        mine, theirs = (ds[variable].attrs["units"] for ds in (forecast, truth))
        if mine != theirs and conversion(mine, theirs) != (1.0, 0.0):
            yield f"{name}: {variable} is in {mine}, in the truth in {theirs}; convert one of them"


def _calendar(name: str, forecast: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    mine, theirs = (
        ds["time"].dt.calendar if ds["time"].dtype == object or ds["time"].dtype.kind == "M" else ""
        for ds in (forecast, truth)
    )
    if (mine, forecast["time"].dtype.kind) != (theirs, truth["time"].dtype.kind) or not mine:
        yield (
            f"{name}: its times are {mine or 'no dates'} ({forecast['time'].dtype}), the truth's "
            f"{theirs or 'no dates'} ({truth['time'].dtype}); bring both to one calendar with "
            "Dataset.convert_calendar, which says what it does with days that exist in one only"
        )
    elif theirs not in ("standard", "gregorian", "proleptic_gregorian") or not np.issubdtype(
        truth["time"].dtype, np.datetime64
    ):
        yield (
            f"{name}: the calendar {theirs} of both is not the proleptic Gregorian one of "
            "datetime64; use Dataset.convert_calendar on both"
        )


def _bare(ds: xr.Dataset, names: list) -> xr.Dataset:
    """Return the variables with their dimension coordinates only."""
    bare = ds[names].reset_coords(drop=True)
    return bare.transpose(*(d for d in ("member", *DIMS) if d in bare.dims))


def _with_member(ds: xr.Dataset) -> xr.Dataset:
    variables = {
        name: v if "member" in v.dims else v.expand_dims("member") for name, v in ds.items()
    }
    return ds.assign(variables).transpose("member", *DIMS)


def _same(name: str, dim: str, mine: np.ndarray, theirs: np.ndarray) -> Iterator[str]:
    if dim == "time":
        if not np.array_equal(mine, theirs):
            alone = [np.setdiff1d(a, b) for a, b in ((mine, theirs), (theirs, mine))]
            first = "; ".join(
                f"first {who} {a[0]}"
                for who, a in zip(("of the forecast", "of the truth"), alone, strict=True)
                if a.size
            )
            yield (
                f"{name}: its times are not the truth's: {len(mine)} against {len(theirs)}, "
                f"{alone[0].size} of them only in the forecast and {alone[1].size} only in the "
                f"truth ({first}); select the same ones, or use align='common' to leave them out"
            )
    elif mine.shape != theirs.shape or not np.allclose(mine, theirs, rtol=0, atol=0.5):
        turned = mine.shape == theirs.shape and np.allclose(mine[::-1], theirs, rtol=0, atol=0.5)
        yield (
            f"{name}: its {dim} is not the truth's: {_ends(mine)} against {_ends(theirs)}; "
            + (
                f"turn it with sortby({dim!r})"
                if turned
                else "regrid one to the other's cells, or use align='common' for the cells in both"
            )
        )


def _ends(axis: np.ndarray) -> str:
    return f"{axis.size} cells from {axis[0]:g} to {axis[-1]:g} m" if axis.size else "no cells"


def _common(
    forecasts: dict[str, xr.Dataset], truth: xr.Dataset
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    # Ensembles may have different numbers of members.
    datasets = xr.align(truth, *forecasts.values(), join="inner", copy=False, exclude=["member"])
    empty = [d for d in DIMS if not datasets[0].sizes[d]]
    _refuse([f"no {d} is common to all datasets" for d in empty])
    return dict(zip(forecasts, datasets[1:], strict=True)), datasets[0]


def _spacing(truth: xr.Dataset) -> Iterator[str]:
    """Yield a fault unless cells are squares of one size, which spectra need."""
    steps = [np.diff(truth[d].values) for d in ("y", "x")]
    if any(s.size == 0 for s in steps):
        yield "truth: expected at least 2 x 2 cells"
    elif any(not np.allclose(s, s[0], rtol=1e-6) for s in steps) or not np.isclose(
        abs(steps[0][0]), steps[1][0], rtol=1e-6
    ):
        yield (
            "truth: its cells are not squares of one size in order of x (spacings "
            f"{steps[0].min():g} to {steps[0].max():g} m in y, {steps[1].min():g} to "
            f"{steps[1].max():g} m in x); spectra need a regular projected grid"
        )
    elif steps[0][0] > 0:
        yield "truth: its y ascends; the grids here descend, so turn every dataset with sortby"
