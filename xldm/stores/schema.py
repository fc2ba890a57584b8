"""Schema of training stores and parts: names, chunks, axes and CF attributes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..grids.projected import coordinates
from ..vocabulary import is_sum

__all__ = [
    "BOUNDS",
    "DAY",
    "SCHEMA",
    "UNITS",
    "accumulated",
    "gathered",
    "hour_ends",
    "laid_out",
    "plain",
]

#: Version of the schema of stores and parts.
SCHEMA = "1"
#: Hours in a shard of the fine fields and in a chunk of the coarse ones.
DAY = 24
#: Units of every time axis, which counts in int64.
UNITS = "hours since 1970-01-01"
#: Name of the variable (time, nv) with the first and last moment of each sum.
BOUNDS = "time_bnds"

# Attributes that xarray or this module writes itself.
_OWN = ("grid_mapping", "coordinates", "_FillValue", "scale_factor", "add_offset")
_TIME = {"standard_name": "time", "axis": "T", "long_name": "time (UTC)"}


def accumulated(group: str, name: str) -> bool:
    """Whether a variable is a sum over the hour that ends at its time.

    Examples
    --------
    >>> accumulated("coarse", "tp"), accumulated("coarse", "t2m"), accumulated("fine", "tp")
    (True, False, False)
    """
    return group == "coarse" and is_sum(name)


def gathered(
    coarse: xr.Dataset, fine: xr.Dataset, static: xr.Dataset, split: xr.DataArray
) -> dict[str, xr.Dataset]:
    """Return the inputs of a store by group, each `plain`; static fields and split in memory."""
    whole = {"static": static.compute(), "split": split.to_dataset(name="split").compute()}
    given = {"coarse": coarse, "fine": fine} | whole
    return {group: plain(group, ds) for group, ds in given.items()}


def plain(group: str, ds: xr.Dataset) -> xr.Dataset:
    """Reduce a dataset to what a group or part stores: fields, dims and their CF attributes.

    Parameters
    ----------
    group : str
        ``coarse``, ``fine``, ``static`` or ``split``.
    ds : Dataset
        Lazy or not.

    Returns
    -------
    Dataset
        Dimension coordinates stay, and the bounds of time, as ``time_bnds`` (time, nv); coarse sums
        get the bounds of the hour that ends at the stamp. Fields along time have ``cell_methods``,
        by default ``time: point``. The only attribute of the dataset that stays is ``wind_frame``.
    """
    bounds = _bounds(group, ds)
    stated = ds["time"].attrs.get("bounds") if "time" in ds.coords else None
    frame = {"wind_frame": ds.attrs["wind_frame"]} if "wind_frame" in ds.attrs else {}
    ds = ds.drop_vars(stated or [], errors="ignore").reset_coords(drop=True).copy()
    ds.attrs = frame
    for name, field in ds.variables.items():
        field.attrs = {n: v for n, v in field.attrs.items() if n not in _OWN}
        field.encoding = {}
        if group in ("coarse", "fine") and name not in ds.coords:
            how = "sum" if accumulated(group, str(name)) else "point"
            field.attrs.setdefault("cell_methods", f"time: {how}")
    if "time" in ds.coords:
        ds["time"].attrs = dict(_TIME)
    if bounds is not None:
        ds = ds.assign_coords({BOUNDS: (("time", "nv"), bounds)})
        ds["time"].attrs["bounds"] = BOUNDS
    return ds


def hour_ends(times: np.ndarray) -> np.ndarray:
    """Return the bounds (time, 2) of the hours that end at given times."""
    return np.stack([times - np.timedelta64(1, "h"), times], axis=1)


def _bounds(group: str, ds: xr.Dataset) -> np.ndarray | None:
    if "time" not in ds.coords or ds["time"].dtype.kind != "M":
        return None
    stated = ds["time"].attrs.get("bounds")
    if stated in ds:
        return ds[stated].values
    summed = any(accumulated(group, str(name)) for name in ds)
    return hour_ends(ds["time"].values) if summed else None


def laid_out(ds: xr.Dataset, grid: GridConfig, *, fine: bool) -> xr.Dataset:
    """Give a plain group the coordinates of its grid, and coordinates their encoding.

    Coordinates have no fill value; time and its bounds are int64 hours in one chunk.
    """
    ds = ds.copy()
    if "y" in ds.dims:
        # The grid's own axes, so that all groups of all stores have the same.
        ds = ds.drop_vars(("y", "x")).assign_coords(coordinates(grid, fine=fine))
    for name, field in ds.variables.items():
        if name in ds.coords and field.dtype.kind == "f":
            field.encoding = {"_FillValue": None}
        if "y" in field.dims and name not in ds.coords:
            field.attrs = field.attrs | {"grid_mapping": "spatial_ref"}
    for name in ("time", BOUNDS):
        if name in ds.coords:
            ds[name].encoding = {
                "units": UNITS,
                "calendar": "proleptic_gregorian",
                "dtype": "int64",
                "chunks": ds[name].shape,
            }
    return ds
