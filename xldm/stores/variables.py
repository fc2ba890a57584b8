"""The variables of a training store, with the scaling that its training hours give."""

from __future__ import annotations

import xarray as xr

from ..config import Variable
from ..vocabulary import VOCABULARY

__all__ = ["scaled_variables"]


def scaled_variables(store: xr.DataTree) -> dict[str, tuple[Variable, ...]]:
    """Predictors (``coarse``) and targets (``fine``) of a store, with its training statistics."""
    stats = store["stats"].to_dataset().load()
    return {
        group: tuple(
            Variable(
                name=str(name),
                standard_name=field.attrs.get("standard_name", ""),
                units=field.attrs["units"],
                mean=float(stats["mean"].sel(group=group, variable=name)),
                std=float(stats["std"].sel(group=group, variable=name)),
                level=VOCABULARY[str(name)].level if name in VOCABULARY else None,
                paper_name=field.attrs.get("paper_name", ""),
                long_name=field.attrs.get("long_name", ""),
            )
            for name, field in store[group].to_dataset().data_vars.items()
            if field.dims == ("time", "y", "x")
        )
        for group in ("coarse", "fine")
    }
