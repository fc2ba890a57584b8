"""Prepare and open parts: each is one side of a training store, written by a recipe.

A part is a Zarr 2 group: ``coarse`` or ``fine`` (time, y, x) in physical units, or ``static``
(y, x). The root attribute ``xldm_part`` names its kind; the mark ``xldm_complete`` says that it is
whole and verified, and readers refuse it before. This module runs with Zarr 2 and with Zarr 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import StoreError
from ..grids.projected import axes
from ..storage.location import locate, reaching
from ..storage.marks import complete_attrs
from .compatibility import REQUIRED, bad_fields, bad_hours, bad_static
from .schema import BOUNDS, DAY, SCHEMA, hour_ends, laid_out, plain

__all__ = ["KINDS", "open_part", "prepared", "template"]

KINDS = ("coarse", "fine", "static")


def template(
    kind: str,
    variables: Mapping[str, Mapping[str, Any]],
    times: np.ndarray,
    grid: GridConfig,
    attrs: Mapping[str, str],
) -> xr.Dataset:
    """Return a coarse or fine part without the values of its fields.

    ``template(...).to_zarr(target, mode="w-", compute=False, consolidated=False, zarr_format=2)``
    writes metadata and coordinates; fields then follow, a day at a time, into its Zarr arrays.

    Parameters
    ----------
    kind : str
        ``coarse`` or ``fine``.
    variables : mapping of str to mapping
        Attributes of each variable by name, ``units`` among them. One with ``cell_methods`` of
        ``time: sum`` is summed over the hour that ends at its time.
    times : array (time) of datetime64
        Consecutive hours; `xldm.stores.compatibility.bad_hours` says where gaps may be.
    grid : GridConfig
    attrs : mapping of str
        As for `prepared`; ``wind_frame`` if there are winds.

    Returns
    -------
    Dataset (time, y, x)
        Lazy float32 fields without values.

    Raises
    ------
    StoreError
        As of `prepared`.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> times = np.arange("2001-07-01", "2001-07-03", dtype="datetime64[h]")
    >>> said = dict.fromkeys(("title", "source", "license", "references"), "a test")
    >>> part = template("coarse", {"tp": {"units": "m"}}, times, ITALY, said)
    >>> dict(part.sizes), part["tp"].attrs["cell_methods"], part["time"].attrs["bounds"]
    ({'time': 48, 'y': 84, 'x': 72, 'nv': 2}, 'time: sum', 'time_bnds')
    """
    y, x = axes(grid, fine=kind == "fine")
    empty = da.zeros((len(times), y.size, x.size), dtype="float32", chunks=(DAY, y.size, x.size))
    fields = {name: (("time", "y", "x"), empty, dict(said)) for name, said in variables.items()}
    stamps = np.asarray(times, "datetime64[ns]")
    ds = xr.Dataset(fields, {"time": stamps, "y": y, "x": x}, attrs)
    if any(
        str(said.get("cell_methods", "")).startswith("time: sum") for said in variables.values()
    ):
        ds = ds.assign_coords({BOUNDS: (("time", "nv"), hour_ends(stamps))})
        ds["time"].attrs["bounds"] = BOUNDS
    return prepared(kind, ds, grid, attrs)


def prepared(kind: str, ds: xr.Dataset, grid: GridConfig, attrs: Mapping[str, str]) -> xr.Dataset:
    """Return a part ready to be written: coordinates, attributes and encoding, without the mark.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    ds : Dataset
        The fields, on the cells of ``grid``; winds need the attribute ``wind_frame="earth"``.
    grid : GridConfig
    attrs : mapping of str
        ``title``, ``source``, ``license`` and ``references``, and any others for the root.

    Returns
    -------
    Dataset
        Write it by ``.to_zarr(target, consolidated=False, zarr_format=2)``.

    Raises
    ------
    StoreError
        If the kind is unknown, or with every fault of attributes, units, hours or cells.
    """
    if kind not in KINDS:
        raise StoreError(f"a part is one of {', '.join(KINDS)}, not {kind!r}.")
    ds, attrs = plain(kind, ds), {**attrs, "crs": grid.crs}
    faults = [f"attrs lack {name!r}" for name in REQUIRED if not attrs.get(name)]
    faults += bad_static(ds) if kind == "static" else bad_fields(kind, ds)
    if "time" in ds.coords:
        faults += bad_hours(ds["time"].values)
    for name, wanted in zip(("y", "x"), axes(grid, fine=kind != "coarse"), strict=True):
        if name not in ds or not np.array_equal(ds[name], wanted):
            faults.append(f"{name} differs from the grid's")
    if faults:
        raise StoreError(f"no {kind} part can be made, since {'; '.join(faults)}.")
    out = laid_out(ds, grid, fine=kind != "coarse")
    for field in out.data_vars.values():
        if "time" in field.dims:
            hours = 1 if kind == "fine" else DAY
            field.encoding = {
                "chunks": (hours, *field.shape[1:]),
                "dtype": "float32",
                "_FillValue": np.float32(np.nan),
            }
    return out.assign_attrs(
        {
            "Conventions": "CF-1.11",
            **attrs,
            "xldm_schema": SCHEMA,
            "xldm_part": kind,
        }
    )


def open_part(url: str | PathLike, storage_options: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Open a complete part.

    Parameters
    ----------
    url : str or path
        A local path or any fsspec URL.
    storage_options : mapping, optional
        Options for fsspec, such as credentials; they appear in no message.

    Returns
    -------
    Dataset
        Fields in physical units; dask arrays with a day in each block.

    Raises
    ------
    StoreError
        If the part cannot be reached, is no part, has another schema, or is not complete.

    Examples
    --------
    >>> open_part("memory://nowhere/coarse.zarr")
    Traceback (most recent call last):
    xldm.errors.StoreError: memory://nowhere/coarse.zarr: there is no Zarr 2 store; ...
    """
    place = locate(url, storage_options)
    with reaching(place):
        what, again = "part of a training store", "run the recipe again"
        complete_attrs(place, what, "xldm_part", SCHEMA, again, zarr_format=2)
        store = place.fs.get_mapper(place.root)
        part = xr.open_zarr(store, chunks=None, consolidated=False, zarr_format=2)
    # Blocks of one hour would make half a million tasks for a record of twenty years.
    return part.chunk(time=DAY) if "time" in part.dims else part.chunk()
