"""The variables of a training store: their meaning from attributes, their scaling from /stats."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from ..config import Variable
from ..vocabulary import VOCABULARY, is_sum
from .schema import BOUNDS

__all__ = ["SCALING", "described", "scaled_variables"]

#: Attributes of a field that say how a model scales it, by their names in `Variable`.
SCALING = ("transform", "transform_scale", "lower", "upper", "dry_below")


def scaled_variables(store: xr.DataTree) -> dict[str, tuple[Variable, ...]]:
    """Return predictors (``coarse``) and targets (``fine``) of a store, with its statistics."""
    stats = store["stats"].to_dataset().load()
    found = {}
    for group in ("coarse", "fine"):
        ds = store[group].to_dataset()
        moments = stats[["mean", "std"]].sel(group=group)
        found[group] = tuple(
            described(ds, name, *(float(moments[m].sel(variable=name)) for m in ("mean", "std")))
            for name, field in ds.data_vars.items()
            if field.dims == ("time", "y", "x")
        )
    return found


def described(ds: xr.Dataset, name: Hashable, mean: float = 0.0, std: float = 1.0) -> Variable:
    """Return the variable that a field of a training store is, by its name and attributes.

    Parameters
    ----------
    ds : Dataset
        A side of the store.
    name : hashable
        Name of the field. Its attributes in :data:`SCALING` are taken as they are. ``cell_methods``
        of ``time: sum`` or ``time: mean`` tell an interval, whose length is that of the bounds of
        time, or one hour.
    mean, std : float
        Of transformed values.

    Examples
    --------
    >>> attrs = {"units": "m", "transform": "log1p", "transform_scale": 1e-4, "lower": 0.0}
    >>> rain = described(xr.Dataset({"tp": ("time", [0.0], attrs)}), "tp")
    >>> rain.transform, rain.lower, rain.over_time
    ('log1p', 0.0, 'sum')
    """
    attrs, known = ds[name].attrs, VOCABULARY.get(str(name))
    return Variable(
        name=str(name),
        standard_name=attrs.get("standard_name", ""),
        units=attrs.get("units", ""),
        mean=mean,
        std=std,
        level=known.level if known else attrs.get("level"),
        paper_name=attrs.get("paper_name", ""),
        long_name=attrs.get("long_name", ""),
        **{key: attrs[key] for key in SCALING if key in attrs},
        **_over_time(ds, str(name)),
    )


def _over_time(ds: xr.Dataset, name: str) -> dict[str, Any]:
    """Return the method and interval that a field states, where they are not the vocabulary's."""
    _, _, method = str(ds[name].attrs.get("cell_methods", "")).partition("time:")
    method = method.strip().split(" ")[0]
    if method not in ("sum", "mean"):
        return {}
    stated: dict[str, Any] = {}
    if (method == "sum") != is_sum(name):
        stated["time_method"] = method
    if BOUNDS in ds.coords and ds[BOUNDS].size:
        start, end = ds[BOUNDS].values[0]
        stated["interval"] = float((end - start) / np.timedelta64(1, "h"))
    return stated
