"""Intake drivers, which ``catalogs/catalog.yaml`` names by path.

Describing an entry opens nothing; only ``read`` and ``to_dask`` touch files or the network.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from intake.catalog import Catalog
from intake.catalog.local import LocalCatalogEntry
from intake_xarray import NetCDFSource

from ..errors import StoreError
from ..storage import shipped
from ..storage.location import locate, reaching
from ..storage.objects import content
from ..vocabulary import VOCABULARY
from .source import Chunks, Source

if TYPE_CHECKING:
    from ..models import model
    from ..models.components import ResidualDiffusion

__all__ = [
    "Arco",
    "Asset",
    "Model",
    "Models",
    "PaperDataset",
    "PaperWeights",
    "Part",
    "TrainingStore",
    "Twin",
]

Options = Mapping[str, Any] | None
Url = str | PathLike[str]


class Asset(Source):
    """A netCDF file that ships with the package."""

    name = "asset"

    def _open(self, chunks: Chunks, file: str) -> xr.Dataset:
        path, engine = str(shipped.assets() / file), {"engine": "h5netcdf"}
        source = NetCDFSource(path, xarray_kwargs=engine, chunks=chunks)
        return source.read() if chunks is None else source.to_dask()


class Arco(Source):
    """ERA5 as ARCO-ERA5 stores it, cut to the hours that hold final data."""

    name = "arco"

    def _open(
        self,
        chunks: Chunks,
        url: Url,
        variables: list[str] | None = None,
        storage_options: Options = None,
    ) -> xr.Dataset:
        # The store has one chunk for each hour; chunk only after the selection.
        ds = _zarr(url, storage_options, None)
        lacking = [name for name in variables or () if name not in ds]
        lacking += [n for n in ("valid_time_start", "valid_time_stop") if n not in ds.attrs]
        if lacking:
            raise StoreError(
                f"{url}: it has no {', '.join(lacking)}, so this is not ARCO-ERA5 as expected; "
                "choose other variables, or open it with xarray.open_zarr."
            )
        ds = ds[variables] if variables else ds
        ds = ds.sel(time=slice(ds.attrs["valid_time_start"], ds.attrs["valid_time_stop"]))
        return ds if chunks is None else ds.chunk(time=1)


class TrainingStore(Source):
    """A training store or one of its groups, always as dask arrays."""

    name = "training_store"

    def _open(
        self,
        chunks: Chunks,
        url: Url | None = None,
        group: str | None = None,
        storage_options: Options = None,
    ) -> xr.DataTree | xr.Dataset:
        from ..stores.open import open_training_store

        url = _required(self.name, url)
        _refuse_old_zarr(locate(url, storage_options).url)
        tree = open_training_store(url, storage_options)
        if group is None:
            return tree
        if group not in tree.children:
            raise StoreError(
                f"{url}: group must be one of {', '.join(tree.children)}; got {group!r}."
            )
        return tree[group].to_dataset()


class Part(Source):
    """A part of a training store, written by a recipe, always as dask arrays."""

    name = "part"

    def _open(
        self, chunks: Chunks, url: Url | None = None, storage_options: Options = None
    ) -> xr.Dataset:
        from ..stores.parts import open_part

        return open_part(_required(self.name, url), storage_options)


class Twin(Source):
    """One side of the synthetic twin: lazy hours, or a store that was written before."""

    name = "twin"

    def _open(
        self,
        chunks: Chunks,
        group: str = "fine",
        start: str = "2001-07-15T00",
        hours: int = 24,
        seed: int = 0,
        url: Url | None = None,
        storage_options: Options = None,
    ) -> xr.Dataset:
        from ..twin.hourly import whole_hours
        from ..twin.lazy_dataset import lazy

        if url:
            return _zarr(url, storage_options, chunks, group)
        times = whole_hours(start) + np.arange(hours)
        return lazy(times.astype("datetime64[h]"), group, seed)


class PaperDataset(Source):
    """One side of the paper's dataset in physical units, from downloaded files."""

    name = "paper_dataset"

    def _open(
        self,
        chunks: Chunks,
        folder: Url | None = None,
        group: str = "fine",
        wind_frame: str | None = None,
    ) -> xr.Dataset:
        sides = ("coarse", "fine")
        if not folder:
            raise StoreError(_how_to_fetch(self))
        if group not in sides:
            raise StoreError(f"{self.name}: group must be coarse or fine; got {group!r}.")
        from ..published.dataset import open_dataset

        return open_dataset(fspath(folder), wind_frame=wind_frame)[sides.index(group)]


class PaperWeights(Source):
    """One component of the paper's model, from downloaded checkpoints."""

    name = "paper_weights"
    container = "python"

    def _open(
        self, chunks: Chunks, folder: Url | None = None, component: str = "2mT"
    ) -> ResidualDiffusion:
        if not folder:
            raise StoreError(_how_to_fetch(self))
        from ..published import read_component

        return read_component(fspath(folder), component)


class Model(Source):
    """A model by name; refuses a model that must be imported first, and says how to import it."""

    name = "model"
    container = "python"

    def _open(self, chunks: Chunks, model: str) -> model.Model:
        from ..packages.registry import load_model

        return load_model(model)


class Models(Catalog):
    """The models of :func:`xldm.list_models`, including imported ones."""

    name = "models"

    def _load(self) -> None:
        from ..packages.registry import entries, list_models

        known = entries()

        def entry(name: str, row: Mapping[Hashable, str]) -> LocalCatalogEntry:
            given = known.get(name, {})
            return LocalCatalogEntry(
                name,
                given.get("title", "an imported model"),
                Model,
                args={"model": name},
                metadata=_about_model(row, given),
                catalog=self,
            )

        rows = list_models().to_dict("index")
        self._entries = {str(name): entry(str(name), row) for name, row in rows.items()}


def _about_model(row: Mapping[Hashable, str], entry: Mapping[str, Any]) -> dict[str, Any]:
    targets = row["targets"].split(", ")
    return {
        "license": row["licence"] or "not stated",
        "citation": entry.get("citation", "see its card: xldm models info"),
        "grid": row["domain"],
        "standard_names": {t: VOCABULARY[t].standard_names[0] for t in targets if t in VOCABULARY},
        "size": row["size"],
        "source": row["source"],
        "sha256": row["sha256"] or "known after the import",
    }


def _how_to_fetch(source: Source) -> str:
    about = source.metadata
    return (
        f"{source.name} does not ship with xldm, and no folder was given.\n{about['how_to']}\n"
        f"Size: {about['size']}.\nLicence: {about['license']}.\n"
        + "\n".join(f"    {url}" for url in about["records"])
    )


def _required(name: str, url: Url | None) -> Url:
    if not url:
        raise StoreError(
            f"{name}: no url was given. Give a path or URL, and storage_options if it needs them: "
            f'{name}(url="s3://my-bucket/name.zarr", storage_options={{...}}).'
        )
    return url


def _refuse_old_zarr(url: str) -> None:
    import zarr

    if int(zarr.__version__.partition(".")[0]) < 3:
        raise StoreError(
            f"{url}: this is a Zarr 3 store, which zarr {zarr.__version__} cannot read; open it "
            "in an environment with zarr>=3."
        )


def _zarr(url: Url, options: Options, chunks: Chunks, group: str | None = None) -> xr.Dataset:
    """Open a Zarr group of format 2 or 3."""
    place = locate(url, options)
    inside = f"{group}/" if group else ""
    with reaching(place):
        if content(place, f"{inside}.zgroup") is None:
            if content(place, f"{inside}zarr.json") is None:
                what = f"Zarr group {group!r}" if group else "Zarr store"
                raise StoreError(f"{place.url}: there is no {what}; check the path or URL.")
            _refuse_old_zarr(place.url)
        return xr.open_zarr(
            str(url),
            group=group,
            chunks=None if chunks is None else dict(chunks),
            consolidated=content(place, f"{inside}.zmetadata") is not None,
            storage_options=dict(place.options) or None,
        )
