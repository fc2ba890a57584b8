"""Whether coarse fields, fine fields, static fields and a split make one training store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from ..config import GridConfig
from .grid import axes
from .place import StoreError

__all__ = ["accepted"]

_REQUIRED = ("title", "source", "license", "references", "crs")
_STATIC = ("orog", "northing", "land_mask", "land_cover")


def accepted(
    url: str,
    coarse: xr.Dataset,
    fine: xr.Dataset,
    static: xr.Dataset,
    split: xr.DataArray,
    attrs: Mapping[str, str],
) -> GridConfig:
    """The grids of inputs that go together.

    Parameters
    ----------
    url : str
        Of the store, for messages.
    coarse, fine, static, split, attrs
        As of `xldm.data.storing.write`.

    Raises
    ------
    StoreError
        With every fault: attributes, units, dims, hours or cells that are missing or do not match.
    """
    faults = [f"attrs lack {name!r}" for name in _REQUIRED if not attrs.get(name)]
    faults += [f"attrs hold {name!r}, which is set here" for name in attrs if _reserved(str(name))]
    for group, ds in (("coarse", coarse), ("fine", fine)):
        faults += _bad_fields(group, ds)
    faults += [f"static lacks {name}" for name in _STATIC if name not in static]
    if split.name != "split" or split.dims != ("time",):
        faults.append(f"split is {split.name!r} {split.dims}, not 'split' ('time',)")
    elif not (split == 0).any():
        faults.append("no hour of split trains (0)")
    grid = None
    if all("time" in obj.coords for obj in (coarse, fine, split)):
        faults += _bad_times(coarse["time"].values, fine["time"].values, split["time"].values)
    try:
        grid = _nested(coarse, fine, static, str(attrs.get("crs")))
    except (ValueError, KeyError) as error:
        faults.append(f"grids do not nest: {error}")
    if faults:
        raise StoreError(f"{url}: nothing was written, since {'; '.join(faults)}.")
    return grid


def _reserved(attr: str) -> bool:
    return attr in ("Conventions", "ratio") or attr.startswith("xldm_")


def _bad_fields(group: str, ds: xr.Dataset) -> Iterator[str]:
    if not ds.data_vars:
        yield f"{group} has no variables"
    for name, field in ds.items():
        if field.dims != ("time", "y", "x") or field.dtype.kind not in "fiu":
            yield f"{group} {name} is {field.dtype} {field.dims}, not numbers along time, y, x"
        if not str(field.attrs.get("units", "")).strip():
            yield f"{group} {name} has no units"
    for name in ("time", "y", "x"):
        if name not in ds.coords:
            yield f"{group} has no coordinate {name}"


def _bad_times(coarse: np.ndarray, fine: np.ndarray, split: np.ndarray) -> Iterator[str]:
    for name, times in (("fine", fine), ("split", split)):
        if not np.array_equal(times, coarse):
            yield (
                f"times of {name} ({times.size} from {times[:1]}) are not those of coarse "
                f"({coarse.size} from {coarse[:1]})"
            )
    if coarse.dtype.kind != "M" or not coarse.size or np.isnat(coarse).any():
        yield f"times are {coarse.size} {coarse.dtype}, not datetime64, each there"
        return
    if (coarse != coarse.astype("datetime64[h]")).any():
        yield "times are not whole hours"
    steps = np.diff(coarse)
    if (other := np.flatnonzero(steps != np.timedelta64(1, "h"))).size:
        at = other[0]
        yield (
            f"times do not go on hour by hour at {other.size} places, first from "
            f"{np.datetime_as_string(coarse[at], unit='s')} to "
            f"{np.datetime_as_string(coarse[at + 1], unit='s')}"
        )


def _nested(coarse: xr.Dataset, fine: xr.Dataset, static: xr.Dataset, crs: str) -> GridConfig:
    y, x = (coarse[name].values.astype("float64") for name in ("y", "x"))
    factor = fine.sizes["y"] // y.size
    grid = GridConfig(crs, (x[0], x[-1]), (y[0], y[-1]), abs(float(x[1] - x[0])), factor)
    for title, ds, is_fine in (("coarse", coarse, False), ("fine", fine, True)):
        for name, wanted in zip(("y", "x"), axes(grid, fine=is_fine), strict=True):
            values = ds[name].values
            if values.shape != wanted.shape or np.abs(values - wanted).max() > 1e-3:
                raise ValueError(
                    f"{title} {name} runs from {values[0]} to {values[-1]} m in {values.size}, the "
                    f"coarse cells imply {wanted[0]} to {wanted[-1]} m in {wanted.size}"
                )
    for name in ("y", "x"):
        if not np.array_equal(static[name], fine[name]):
            raise ValueError(f"{name} of static is not that of fine")
    return grid
