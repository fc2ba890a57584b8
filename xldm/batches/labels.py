"""Label the windows of a batch with the dims, coordinates and attributes of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..config import Variable

__all__ = ["cut", "fields", "labelled"]


def cut(ds: xr.Dataset, at: Sequence[Mapping[str, Any]], *, stack: bool) -> xr.Dataset:
    """Cut windows from a dataset.

    Parameters
    ----------
    ds : Dataset
        One side of a store.
    at : sequence of mapping
        Rows and cells of each window, as `xarray.Dataset.isel` takes them.
    stack : bool
        Stack the windows along ``sample``, with the names that xbatcher uses: dims ``y_input`` and
        ``x_input``, coordinates ``y`` (sample, y_input) and ``x`` (sample, x_input). Otherwise
        there is one window, with the dims of ``ds``.

    Examples
    --------
    >>> ds = xr.Dataset(coords={"y": [3.0, 2.0, 1.0], "x": [5.0, 6.0]})
    >>> cut(ds, [{"y": slice(1, 3)}], stack=False)["y"].values
    array([2., 1.])
    >>> cut(ds, [{"y": slice(0, 2)}, {"y": slice(1, 3)}], stack=True)["y"].values
    array([[3., 2.],
           [2., 1.]])
    """
    found = [ds.isel(cells) for cells in at]
    if not stack:
        return found[0]
    # Coordinates that differ from window to window cannot be the index of a dimension.
    plain = [w.drop_indexes(["y", "x"]).rename_dims(y="y_input", x="x_input") for w in found]
    varying = [name for name, v in ds.coords.items() if {"time", "y", "x"} & set(v.dims)]
    return xr.concat(
        plain, "sample", data_vars="all", coords=varying, compat="override", join="override"
    )


def labelled(values: np.ndarray, variables: Sequence[Variable], place: xr.Dataset) -> xr.DataArray:
    """Return normalised windows (sample, variable, y, x) with the coordinates of their place.

    Parameters
    ----------
    values : ndarray (B, C, h, w)
    variables : sequence of Variable, length C
    place : Dataset
        Coordinates, from `cut`.
    """
    several = "sample" in place.dims
    dims = ("sample", "y_input", "x_input") if several else ("time", "y", "x")
    return xr.DataArray(
        values,
        {**place.coords, "variable": [v.name for v in variables]},
        (dims[0], "variable", *dims[1:]),
    )


def fields(windows: xr.DataArray, side: xr.Dataset) -> xr.Dataset:
    """Return labelled windows as a dataset with the attributes of the store.

    Normalised values have units of 1; the attribute ``normalised_from`` keeps those of the store.
    """
    out = windows.to_dataset("variable").assign_attrs(side.attrs)
    for name, field in out.data_vars.items():
        attrs = side[name].attrs
        field.attrs = attrs | {"units": "1", "normalised_from": attrs.get("units", "1")}
    return out
