"""The bounds of time, decoded or not, referenced or not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from ...errors import InputError
from ..axes.leads import instants
from ..axes.times import Time
from ..windows import HOUR, origins

__all__ = ["Bounds", "read_bounds"]

_UNREFERENCED = re.compile(r"(?:valid_?)?time_?\d?_?(?:bnds|bounds|bound|bnd)|(?:bnds|bounds)_time")


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds of the stamps.

    Parameters
    ----------
    name : str
    begin, end : ndarray
        Hours from the begin to the stamp, and from the stamp to the end; with the shape of the
        valid times.
    running : "", "start" or "day"
        Whether the windows grow since the start of the forecast or since 00 UTC.
    absent : bool
        Whether they are named but not there.
    refused : str
        Why they cannot be used.
    """

    name: str
    begin: np.ndarray = field(default_factory=lambda: np.ones(1))
    end: np.ndarray = field(default_factory=lambda: np.zeros(1))
    running: str = ""
    absent: bool = False
    refused: str = ""


def read_bounds(ds: xr.Dataset, time: Time) -> Bounds | None:
    """Return the bounds of the times of a dataset; None if there are none.

    They are named by the attribute ``bounds``, which xarray may have moved to the encoding, or else
    found by their own name, such as ``time_bnds``.
    """
    coordinate = ds[time.name]
    for place in (coordinate.attrs, coordinate.encoding):
        if "climatology" in place:
            return Bounds(str(place["climatology"]), refused="statistics over many years")
    named = str(coordinate.attrs.get("bounds", coordinate.encoding.get("bounds", "")))
    if named and named not in ds.variables:
        return Bounds(named, absent=True)
    own = [
        str(n)
        for n, v in ds.variables.items()
        if _UNREFERENCED.fullmatch(str(n).lower()) and v.ndim and v.shape[-1] == 2
    ]
    name = named or next(iter(own), "")
    if not name:
        return None
    edges = _edges(ds, name, coordinate)
    if edges is None:
        return Bounds(name, refused="times that cannot be read")
    return _relative(name, edges, time)


def _edges(ds: xr.Dataset, name: str, coordinate: xr.DataArray) -> xr.DataArray | None:
    """Return the bounds as datetime64."""
    bounds = ds[name].reset_coords(drop=True).drop_vars(ds[name].coords, errors="ignore")
    # Undecoded bounds are in the units and the calendar of their times.
    places = (bounds.attrs, bounds.encoding, coordinate.attrs, coordinate.encoding)
    said = {
        key: next(str(p[key]) for p in places if key in p)
        for key in ("units", "calendar")
        if any(key in p for p in places)
    }
    edges = xr.Dataset(coords={name: bounds.drop_attrs().assign_attrs(said)})
    try:
        return instants(edges, name)
    except InputError:
        return None


def _relative(name: str, edges: xr.DataArray, time: Time) -> Bounds:
    """Return bounds relative to the stamps, in the order of the valid times."""
    # Members may have been given bounds of their own, which are the same.
    beside = [d for d in edges.dims[:-1] if d not in time.dims]
    if beside and bool((edges == edges.isel(dict.fromkeys(beside, 0))).all()):
        edges = edges.isel(dict.fromkeys(beside, 0))
    inner = [d for d in edges.dims if d not in time.dims]
    if len(inner) != 1 or edges.sizes[inner[0]] != 2:
        return Bounds(name, refused=f"dims {edges.dims}, which are not those of time and its ends")
    sides = []
    for side in range(2):
        one = edges.isel({inner[0]: side})
        selected = one.isel({d: s for d, s in time.select.items() if d in one.dims})
        shape = dict(zip(time.dims, time.values.shape, strict=False)) if time.order is None else {}
        for dim in (d for d in time.dims if d not in selected.dims):
            if dim not in shape:
                return Bounds(name, refused=f"dims {edges.dims}, which lack {dim!r}")
            selected = selected.expand_dims({dim: shape[dim]})
        values = selected.transpose(*time.dims).values
        if time.order is not None:
            values = values.reshape(-1)[time.order]
        sides.append(values.reshape(time.values.shape))
    first, last = np.minimum(*sides), np.maximum(*sides)
    if np.isnat(first).any() or np.isnat(last).any():
        return Bounds(name, refused="missing times")
    begin, end = (time.values - first) / HOUR, (last - time.values) / HOUR
    if first.shape[-1] > 1 and (first[..., 1:] == first[..., :-1]).any() and not end.any():
        for running in ("start", "day") if time.start is not None else ("day",):
            if (first == origins(time, running)).all():
                return Bounds(name, begin, end, running)
    if (begin + end <= 0).any():
        return Bounds(name, refused="windows of no length")
    return Bounds(name, begin, end)
