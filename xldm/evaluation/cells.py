"""Compare the cells of arranged datasets, and take those that all have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from .arrange import GRID

__all__ = ["same_cells", "unfit"]

#: Coordinates apart by less than this part of a cell are the same.
NEAR = 1e-3


def same_cells(
    forecasts: dict[str, xr.Dataset], truth: xr.Dataset, how: str, faults: list[str]
) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Return datasets on the same cells, with the truth's coordinates.

    Parameters
    ----------
    forecasts : dict of str to Dataset
        Arranged.
    truth : Dataset
    how : {"exact", "common"}
        Require the same cells, or take the window that all have.
    faults : list of str
        Gets what does not fit.
    """
    for dim in GRID:
        axis = truth[dim].values
        places = {name: _places(axis, f[dim].values) for name, f in forecasts.items()}
        before = len(faults)
        for name, at in places.items():
            faults += _faults(name, dim, axis, forecasts[name][dim].values, at, how)
        if len(faults) > before:
            continue
        inside = np.logical_and.reduce([at >= 0 for at in places.values()])
        if not inside.any():
            faults.append(f"no {dim} is common to all datasets")
            continue
        truth = truth.isel({dim: _run(np.flatnonzero(inside))})
        forecasts = {
            name: f.isel({dim: _run(places[name][inside])}).assign_coords({dim: truth[dim]})
            for name, f in forecasts.items()
        }
    return forecasts, truth


def _run(at: np.ndarray) -> slice:
    return slice(int(at[0]), int(at[-1]) + 1)


def _near(axis: np.ndarray) -> float:
    return NEAR * float(np.median(np.abs(np.diff(axis)))) if axis.size > 1 else NEAR


def _places(axis: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return the place in ``mine`` of every coordinate of ``axis``, -1 where it is absent."""
    if not mine.size:
        return np.full(axis.size, -1)
    return pd.Index(mine.astype(float)).get_indexer(
        axis.astype(float), method="nearest", tolerance=_near(axis)
    )


def _faults(
    name: str, dim: str, axis: np.ndarray, mine: np.ndarray, at: np.ndarray, how: str
) -> Iterator[str]:
    if np.array_equal(at, np.arange(mine.size)):
        return
    window = at[at >= 0]
    apart = mine.size and axis.size and (mine.max() < axis.min() or axis.max() < mine.min())
    # A window of both: cells between common ones would be of another size, or elsewhere.
    common = window.size and np.ptp(np.flatnonzero(at >= 0)) == np.ptp(window) == window.size - 1
    if common and how == "common":
        return
    said = f"{name}: its {dim} is not the truth's: {_ends(mine)} against {_ends(axis)}"
    code = f"forecasts[{name!r}]"
    if common:
        yield f"{said}; use align='common' for the {window.size} in both"
    elif apart:
        yield f"{said}; no place is in both"
    else:
        yield (
            f"{said}, and {window.size} of these are common, but for others between them: the "
            f"cells interleave; regrid it, e.g. use {code}.interp(y=truth['y'], x=truth['x'])"
        )


def _ends(axis: np.ndarray) -> str:
    return (
        f"{axis.size} cells from {axis[0]:.10g} to {axis[-1]:.10g} m" if axis.size else "no cells"
    )


def unfit(truth: xr.Dataset) -> Iterator[str]:
    """Yield a fault unless cells are squares of one size, which spectra need."""
    steps = [np.abs(np.diff(truth[d].values.astype(float))) for d in GRID]
    if any(s.size == 0 for s in steps):
        yield "truth: expected at least 2 x 2 cells"
    elif any(not np.allclose(s, s[0], rtol=NEAR) for s in steps) or not np.isclose(
        steps[0][0], steps[1][0], rtol=NEAR
    ):
        yield (
            "truth: its cells are not squares of one size in order of x (spacings "
            f"{steps[0].min():g} to {steps[0].max():g} m in y, {steps[1].min():g} to "
            f"{steps[1].max():g} m in x); spectra need a regular projected grid"
        )
