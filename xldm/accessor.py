"""The ``ds.ldm`` accessor; every method delegates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from .downscale import downscale
from .inputs.predictors import Report, check
from .interpolation import interpolate
from .packages.registry import load_model

if TYPE_CHECKING:
    from .alignment import DriftReport
    from .batches.generator import Batches
    from .models.model import Model

__all__ = ["LDM", "StoreLDM"]


@xr.register_dataset_accessor("ldm")
class LDM:
    """Latent diffusion downscaling of a dataset, as ``ds.ldm``."""

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def check(
        self, model: str | Model = "italy-2km", *, missing: str = "raise", region: Any = None
    ) -> Report:
        """Report how each predictor is found, its units and its problems.

        See :func:`xldm.inputs.predictors.check`.

        Examples
        --------
        >>> import xldm
        >>> era5 = xldm.open_catalog().era5_sample.read()
        >>> era5.ldm.check("italy-2km", missing="climatology").ok
        True
        """
        return check(self._ds, load_model(model).config, missing=missing, region=region)

    def downscale(self, model: str | Model = "italy-2km", **options: Any) -> xr.Dataset:
        """Downscale to the model's fine grid; options as for :func:`xldm.downscale`.

        Examples
        --------
        >>> import xldm
        >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
        >>> era5.ldm.downscale(members=None, missing="climatology", steps=2)["t2m"].dims
        ('time', 'y', 'x')
        """
        return downscale(self._ds, model, **options)

    def interpolate(self, model: str | Model = "italy-2km", **options: Any) -> xr.Dataset:
        """Interpolate to the model's fine grid, without networks: :func:`xldm.interpolate`.

        Examples
        --------
        >>> import xldm
        >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
        >>> era5.ldm.interpolate(lapse_rate=0.0065)["t2m"].dims
        ('time', 'y', 'x')
        """
        return interpolate(self._ds, model, **options)

    def drift(self, model: str | Model = "italy-2km", **options: Any) -> DriftReport:
        """Report how far predictors lie from their distribution in training: :func:`xldm.drift`.

        Examples
        --------
        >>> from xldm.twin import Twin
        >>> Twin(0).era5("2008-01-15T06").ldm.drift().ok
        True
        """
        from .distribution import drift

        return drift(self._ds, model, **options)


@xr.register_datatree_accessor("ldm")
class StoreLDM:
    """Batches of a training store, as ``store.ldm``."""

    def __init__(self, store: xr.DataTree) -> None:
        self._store = store

    def batches(self, **options: Any) -> Batches:
        """Return the batches of normalised windows of the store.

        A loop gives arrays, an index a labelled batch. See :func:`xldm.batches.generator.batches`
        for the options.

        Examples
        --------
        >>> xr.DataTree().ldm.batches(split="all")
        Traceback (most recent call last):
        xldm.errors.ArgumentError: split must be one of train, val, test; got 'all'
        """
        from .batches.generator import batches

        return batches(self._store, **options)
