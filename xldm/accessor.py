"""The ``ds.ldm`` accessor; every method delegates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    from os import PathLike

    from .alignment import DriftReport
    from .alignment.tables import Alignment
    from .batches.generator import Batches
    from .inputs.report import Report
    from .models.model import Model
    from .storage.location import Place
    from .variable import Variable

__all__ = ["LDM", "StoreLDM"]


@xr.register_dataset_accessor("ldm")
class LDM:
    """Latent diffusion downscaling of a dataset, as ``ds.ldm``."""

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def check(
        self,
        model: str | Model = "italy-2km",
        *,
        missing: str = "raise",
        region: str | tuple[float, float, float, float] | None = None,
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
        from .inputs.predictors import check
        from .packages.registry import load_model

        return check(self._ds, load_model(model).config, missing=missing, region=region)

    def downscale(
        self,
        model: str | Model = "italy-2km",
        *,
        targets: str | Sequence[str] | None = None,
        members: int | Sequence[int] | None = 1,
        seed: int = 0,
        sampler: str | None = None,
        steps: int | None = None,
        correlation: float = 1.0,
        missing: str = "raise",
        align: Alignment | str | PathLike | None = None,
        conserve: bool | str | Sequence[str] | None = None,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        compile: bool = False,
        region: str | tuple[float, float, float, float] | None = None,
        progress: bool | None = None,
    ) -> xr.Dataset:
        """Downscale to the model's fine grid; :func:`xldm.downscale` describes the options.

        Examples
        --------
        >>> import xldm
        >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
        >>> era5.ldm.downscale(members=None, missing="climatology", steps=2)["t2m"].dims
        ('time', 'y', 'x')
        """
        from .downscaling import downscale

        return downscale(
            self._ds,
            model,
            targets=targets,
            members=members,
            seed=seed,
            sampler=sampler,
            steps=steps,
            correlation=correlation,
            missing=missing,
            align=align,
            conserve=conserve,
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            compile=compile,
            region=region,
            progress=progress,
        )

    def interpolate(
        self,
        model: str | Model = "italy-2km",
        *,
        lapse_rate: float | str | None = None,
        region: str | tuple[float, float, float, float] | None = None,
    ) -> xr.Dataset:
        """Interpolate to the model's fine grid, without networks: :func:`xldm.interpolate`.

        Examples
        --------
        >>> import xldm
        >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
        >>> era5.ldm.interpolate(lapse_rate=0.0065)["t2m"].dims
        ('time', 'y', 'x')
        """
        from .interpolation import interpolate

        return interpolate(self._ds, model, lapse_rate=lapse_rate, region=region)

    def drift(
        self,
        model: str | Model = "italy-2km",
        *,
        align: Alignment | str | PathLike | None = None,
        missing: str = "climatology",
        region: str | tuple[float, float, float, float] | None = None,
    ) -> DriftReport:
        """Report how far predictors lie from their distribution in training: :func:`xldm.drift`.

        Examples
        --------
        >>> from xldm.twin import Twin
        >>> Twin(0).era5("2008-01-15T06").ldm.drift().ok
        True
        """
        from .distribution import drift

        return drift(self._ds, model, align=align, missing=missing, region=region)


@xr.register_datatree_accessor("ldm")
class StoreLDM:
    """Batches of a training store, as ``store.ldm``."""

    def __init__(self, store: xr.DataTree) -> None:
        self._store = store

    def batches(
        self,
        *,
        split: str = "train",
        size: tuple[int, int] | None = None,
        batch_size: int = 1,
        windows: int | None = 1,
        shuffle: int = 512,
        dropout: float = 0.0,
        subsets: Sequence[Sequence[str]] = (),
        sun: bool = False,
        seed: int = 0,
        shard: tuple[int, int] = (0, 1),
        predictors: Sequence[Variable] | None = None,
        targets: Sequence[Variable] | None = None,
        ahead: int = 2,
        cache_bytes: int = 0,
        allow_leaky: bool = False,
        place: Place | None = None,
    ) -> Batches:
        """Return the batches of normalised windows of the store.

        A loop gives arrays, an index a labelled batch. See :func:`xldm.batches.generator.batches`
        for the options.

        Examples
        --------
        >>> xr.DataTree().ldm.batches(split="all")
        Traceback (most recent call last):
        xldm.errors.ArgumentError: split: expected 'train', 'val' or 'test'; got 'all' ...
        """
        from .batches.generator import batches

        return batches(
            self._store,
            split=split,
            size=size,
            batch_size=batch_size,
            windows=windows,
            shuffle=shuffle,
            dropout=dropout,
            subsets=subsets,
            sun=sun,
            seed=seed,
            shard=shard,
            predictors=predictors,
            targets=targets,
            ahead=ahead,
            cache_bytes=cache_bytes,
            allow_leaky=allow_leaky,
            place=place,
        )
