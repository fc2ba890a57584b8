"""Fit an alignment of two datasets: both sides pass the door of inputs, to the coarse cells."""

from __future__ import annotations

import importlib.util
from typing import Any

import xarray as xr

from ..arguments import instance, number, refuse
from ..config import ModelConfig
from ..errors import AlignmentError, MissingPackageError
from ..grids import regridding
from ..inputs.predictors import examine, predictors
from ..nets.field_sizes import field_sizes
from .quantiles import fit_cells
from .tables import Alignment

__all__ = ["cells", "fit"]


def fit(
    hist: xr.Dataset,
    ref: xr.Dataset | xr.DataTree,
    config: ModelConfig,
    *,
    window: float = 15,
    region: Any = None,
) -> Alignment:
    """Fit an alignment for the predictors and grid of a model.

    Parameters, result and errors are those of :func:`xldm.fit_alignment`.
    """
    refuse(window=(window, number(0, 366, "days on either side of a month, as 15")))
    if not isinstance(ref, xr.Dataset | xr.DataTree):
        expected = "an xarray.Dataset, or a training store as xldm.open_training_store gives"
        refuse(ref=(ref, instance((xr.Dataset, xr.DataTree), expected)))
    if importlib.util.find_spec("xsdba") is None:
        raise MissingPackageError("Alignment needs xsdba: pip install 'xldm[align]'.")
    provider = cells(hist, config, region, "hist")
    return fit_cells(provider, _reference(ref, provider, config, region), config, window=window)


def cells(ds: xr.Dataset, config: ModelConfig, region: Any, side: str) -> xr.Dataset:
    """Bring one side to the coarse cells, lazily; absent predictors are left out."""
    sizes = field_sizes(config.components, config.grid.factor)
    report = examine(ds, config.predictors, config.grid, region=region, sizes=sizes)
    if not report.ok:
        raise AlignmentError(f"{side}: " + "\n".join(report.problems))
    return regridding.on_cells(predictors(ds, report), report.grid)


def _reference(
    ref: xr.Dataset | xr.DataTree, like: xr.Dataset, config: ModelConfig, region: Any
) -> xr.Dataset:
    """Return the reference on the cells of the provider."""
    if isinstance(ref, xr.DataTree):
        if "coarse" not in ref.children:
            raise AlignmentError("ref is a DataTree without /coarse: give a training store.")
        found = ref["coarse"].to_dataset()
        names = [v.name for v in config.predictors if v.name in found]
        found = found[names]
    else:
        found = cells(ref, config, region, "ref")
    try:
        return found.sel(y=like["y"].values, x=like["x"].values)
    except KeyError:
        raise AlignmentError(
            "ref does not lie on the cells of hist: give a reference that covers the same part of "
            "the model's grid, or region=."
        ) from None
