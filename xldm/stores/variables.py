"""The variables of a training store: their meaning from attributes, their scaling from /stats."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import ArgumentError
from ..vocabulary import VOCABULARY, is_sum
from .schema import BOUNDS

__all__ = ["SCALING", "described", "field_names", "scaled_variables"]

#: Attributes of a field that say how a model scales it, by their names in `Variable`.
SCALING = ("transform", "transform_scale", "lower", "upper", "dry_below")


def field_names(store: xr.DataTree) -> dict[str, tuple[str, ...]]:
    """Return the names of predictors (``coarse``) and targets (``fine``) of a store."""
    return {
        group: tuple(
            str(name)
            for name, field in store[group].to_dataset().data_vars.items()
            if field.dims == ("time", "y", "x")
        )
        for group in ("coarse", "fine")
    }


def scaled_variables(
    store: xr.DataTree, wanted: Mapping[str, Sequence[str]] | None = None
) -> dict[str, tuple[Variable, ...]]:
    """Return predictors (``coarse``) and targets (``fine``) of a store, with its statistics.

    Parameters
    ----------
    store : DataTree
        A training store.
    wanted : mapping of str to sequence of str, optional
        Their names on each side; all of them unless given. A field that nobody wants may hold
        anything.

    Raises
    ------
    ArgumentError
        If a field varies too little over the training hours to be scaled.
    """
    stats = store["stats"].to_dataset()[["mean", "std"]].load()
    found = {}
    for group, names in (field_names(store) if wanted is None else wanted).items():
        ds, moments = store[group].to_dataset(), stats.sel(group=group)
        found[group] = tuple(
            _scaled(described(ds, name), moments.sel(variable=name)) for name in names
        )
    return found


def _scaled(plain: Variable, moments: xr.Dataset) -> Variable:
    try:
        return replace(plain, mean=float(moments["mean"]), std=float(moments["std"]))
    except ArgumentError as error:
        raise ArgumentError(
            f"{error}. {plain.name} hardly varies over the training hours, as snow where none "
            "falls: leave it out of the preset's predictors, or train on hours in which it varies"
        ) from None


def described(ds: xr.Dataset, name: Hashable) -> Variable:
    """Return the variable that a field of a training store is, by its name and attributes.

    It is not scaled: its mean is 0, its standard deviation 1.

    Parameters
    ----------
    ds : Dataset
        A side of the store.
    name : hashable
        Name of the field. Its attributes in :data:`SCALING` are taken as they are. ``cell_methods``
        of ``time: sum`` or ``time: mean`` tell an interval, whose length is that of the bounds of
        time, or one hour.

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
        mean=0.0,
        std=1.0,
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
