"""Bring predictors to the distribution of a model's training, and tell how far they are from it."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import TYPE_CHECKING

import xarray as xr

from .alignment.drift_report import DriftReport, report_drift
from .alignment.fit import fit
from .alignment.tables import Alignment
from .errors import OutOfDistributionWarning
from .packages.registry import load_model

if TYPE_CHECKING:
    from .models.model import Model

__all__ = ["drift", "fit_alignment"]


def fit_alignment(
    hist: xr.Dataset,
    ref: xr.Dataset | xr.DataTree,
    model: str | Model = "italy-2km",
    *,
    window: float = 15,
    region: str | tuple[float, float, float, float] | None = None,
) -> Alignment:
    """Fit a map from a provider's predictors to the distribution of ERA5, on a reference period.

    Each predictor is mapped by itself: for each month and lead, the mean and spread of each cell
    become those of the reference, and then the quantiles of each block of cells. Needs xsdba
    (``pip install 'xldm[align]'``).

    Parameters
    ----------
    hist : Dataset
        The provider's fields on the reference period, in any layout that ``downscale`` takes: a
        climate model's history, or past forecasts with their leads. Members are pooled.
    ref : Dataset or DataTree
        ERA5 on the reference period, or a training store, whose ``/coarse`` is taken. It needs
        neither the grid nor the times of ``hist``, but its hours of the day.
    model : str or Model
        The model whose predictors and grid are used.
    window : float
        Days on either side of a month whose fields count as of the month.
    region : optional
        As in ``downscale``: the part of the domain to fit.

    Returns
    -------
    Alignment
        Give it to ``downscale`` as ``align``, or write it with ``to_netcdf``.

    Raises
    ------
    AlignmentError
        If a side cannot be used, no predictor is in both, or no month has fields enough.
    MissingPackageError
        If xsdba is not installed.
    """
    return fit(hist, ref, load_model(model).config, window=window, region=region)


def drift(
    ds: xr.Dataset,
    model: str | Model = "italy-2km",
    *,
    align: Alignment | str | PathLike | None = None,
    missing: str = "climatology",
    region: str | tuple[float, float, float, float] | None = None,
) -> DriftReport:
    """Report how far the predictors of a dataset lie from their distribution in training.

    At most 96 fields are read, spread over the whole dataset, so lazy data stay cheap. Bounds are
    narrow for a year and wide for a day: a day in July is warm without fault. Give a year or more
    to find errors of a few tenths of a standard deviation.

    Parameters
    ----------
    ds : Dataset
        As for ``downscale``.
    model : str or Model
        The model whose training is meant.
    align : Alignment, path or URL, optional
        Align the predictors first.
    missing, region : optional
        As in ``downscale``. Absent predictors are left out of the report.

    Returns
    -------
    DriftReport
        A table for terminals and notebooks; ``ok`` and ``outside`` for programs.

    Warns
    -----
    OutOfDistributionWarning
        If something lies beyond its bounds.

    Raises
    ------
    InputError
        If the dataset cannot be used.

    Examples
    --------
    >>> import xldm
    >>> from xldm.twin import Twin
    >>> xldm.drift(Twin(0).era5("2008-07-15T12")).ok
    True
    """
    loaded = load_model(model)
    found = report_drift(
        ds, loaded.config, loaded.static, align=align, missing=missing, region=region
    )
    if not found.ok:
        warnings.warn(found.verdict, OutOfDistributionWarning, stacklevel=2)
    return found
