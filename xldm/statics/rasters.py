"""Static fields of a grid from the GeoTIFF tiles of terrain and land cover of any provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from ..config import GridConfig
from ..errors import InputError
from ..grids.projected import lon_lat
from .fields import assemble
from .landcover import Legend, refuse_unknown
from .raster_tiles import cell_means
from .terrain_sources import Terrain

__all__ = ["combine", "land_cover", "static", "terrain"]

_PROVENANCE = ("source", "license", "references")


def static(
    dem: str | PathLike | Sequence[str | PathLike],
    cover: str | PathLike | Sequence[str | PathLike],
    grid: GridConfig,
    source: Terrain,
    legend: Legend,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Make static fields of a grid from GeoTIFFs: `terrain`, `land_cover`, then `combine`.

    Parameters
    ----------
    dem, cover : str, path or sequence of these
        Tiles of height and of land-cover codes.
    grid, source, legend, storage_options
        As in `terrain` and `land_cover`.

    Returns
    -------
    Dataset
        As from `xldm.statics.assemble`.

    Raises
    ------
    InputError, StoreError, ImportError
        As in `terrain`, `land_cover` and `combine`.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> from xldm.statics.landcover import CGLS_LC100
    >>> from xldm.statics.terrain_sources import TERRAINS
    >>> static("dem/*.tif", "lc100.tif", ITALY, TERRAINS["etopo-2022"], CGLS_LC100)
    Traceback (most recent call last):
    xldm.errors.InputError: dem/*.tif: there is no such file. ...
    """
    height = terrain(dem, grid, source, storage_options=storage_options)
    shares = land_cover(cover, grid, legend, storage_options=storage_options)
    return combine(height, shares, legend, grid)


def terrain(
    urls: str | PathLike | Sequence[str | PathLike],
    grid: GridConfig,
    source: Terrain,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Average the height over each fine cell of a grid.

    Parameters
    ----------
    urls : str, path or sequence of these
        Tiles of heights in metres: URLs, or patterns like ``s3://bucket/dem/*.tif``; see
        `xldm.statics.raster_tiles.cell_means`.
    grid : GridConfig
        The grid; its fine cells are filled.
    source : Terrain
        Their source, from `xldm.statics.terrain_sources.TERRAINS`. Tags ``source``, ``license``
        and ``references`` of a tile take precedence over its attributes.
    storage_options : mapping, optional
        Options of fsspec, credentials for instance.

    Returns
    -------
    DataArray (y, x)
        Height [m], the mean over the part of a cell that tiles with data cover; NaN without data.

    Raises
    ------
    InputError
        If there is no tile; if a tile cannot be read, has no projection, has pixels coarser than
        the cells, or holds heights that do not occur.
    StoreError, ImportError
        If a place cannot be reached, or rasterio is not installed.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> from xldm.statics.terrain_sources import TERRAINS
    >>> terrain("nowhere/*.tif", ITALY, TERRAINS["globe"])
    Traceback (most recent call last):
    xldm.errors.InputError: nowhere/*.tif: there is no such file. ...
    """

    def heights(pixels: np.ma.MaskedArray) -> dict[str, np.ndarray]:
        found = np.ma.filled(pixels.astype("float32"), np.nan)
        strange = found[(found < source.lowest) | (found > source.highest)]
        if strange.size:
            raise InputError(
                f"{strange.size} pixels hold values like {strange[0]:g}, which is no height in "
                f"metres ({source.lowest:g} to {source.highest:g}): if it stands for missing data, "
                "declare it as nodata with gdal_edit -a_nodata."
            )
        return {"height": np.maximum(found, 0) if source.sea_bed else found}

    means, tags = cell_means(urls, grid, heights, storage_options)
    attrs = _provenance(source.attrs, tags)
    attrs["source"] += "; averaged over the cell, 0 where land_mask is 0"
    return xr.DataArray(means["height"], dims=("y", "x"), attrs=attrs)


def land_cover(
    urls: str | PathLike | Sequence[str | PathLike],
    grid: GridConfig,
    legend: Legend,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Compute the share of each land-cover class in each fine cell of a grid.

    Parameters
    ----------
    urls, grid, storage_options
        As in `terrain`; the tiles hold codes.
    legend : Legend
        Meanings of the codes. Tags of a tile take precedence over its attributes, as in `terrain`.

    Returns
    -------
    DataArray (code, y, x)
        Share of the classified pixels, 0 to 1, with sum 1 over codes; NaN without such pixels.

    Raises
    ------
    InputError, StoreError, ImportError
        As in `terrain`, and if a code is not in the legend.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> from xldm.statics.landcover import CGLS_LC100
    >>> land_cover([], ITALY, CGLS_LC100)
    Traceback (most recent call last):
    xldm.errors.InputError: no tile is given: name the files that cover the grid.
    """

    def indicators(pixels: np.ma.MaskedArray) -> dict[int, np.ndarray]:
        codes = np.unique(pixels.compressed())
        try:
            refuse_unknown(codes, legend)
        except ValueError as error:
            raise InputError(str(error)) from None
        none = np.ma.getmaskarray(pixels) | np.isin(pixels.data, [*legend.unknown])
        return {
            int(code): np.where(none, np.nan, pixels.data == code).astype("float32")
            for code in codes
            if code not in legend.unknown
        }

    shares, tags = cell_means(urls, grid, indicators, storage_options)
    codes = sorted(shares)
    return xr.DataArray(
        np.stack([shares[code] for code in codes]),
        {"code": codes},
        ("code", "y", "x"),
        attrs=_provenance(legend.attrs, tags),
    )


def _provenance(attrs: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    return {**attrs, **{key: tags[key] for key in _PROVENANCE if key in tags}}


def combine(
    height: xr.DataArray, shares: xr.DataArray, legend: Legend, grid: GridConfig
) -> xr.Dataset:
    """Combine terrain and land cover of the cells to static fields.

    - A cell is land if land, lakes included, covers at least half of it. If the legend has one code
      for lakes and sea, a water body is sea if one of its cells has no terrain above 0 m.
    - Land cover is the class of land with the largest share of the cell, the mode.
    - Only sea may lack terrain. Tiles of terrain leave out the open sea; land cover shows whether a
      cell is open sea or its tile is missing.

    Parameters
    ----------
    height : DataArray (y, x)
        From `terrain`.
    shares : DataArray (code, y, x)
        From `land_cover`.
    legend : Legend
        Legend of ``shares``.
    grid : GridConfig
        Grid of both.

    Returns
    -------
    Dataset
        As from `xldm.statics.assemble`.

    Raises
    ------
    InputError
        If a cell has no land cover, or if land has no terrain.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> from xldm.statics.landcover import CGLS_LC100
    >>> height = xr.DataArray(np.full((672, 576), 200.0), dims=("y", "x"))
    >>> crops = xr.concat([height * 0 + 0.7, height * 0 + 0.3], xr.Variable("code", [40, 200]))
    >>> combine(height, crops, CGLS_LC100, ITALY)["land_cover_class"].values.tolist()
    ['cropland']
    """
    _refuse_uncovered(shares, grid)
    codes = shares["code"].values
    sea = shares.isel(code=np.isin(codes, [*legend.sea])).sum("code").to_numpy() > 0.5
    if not legend.tells_sea:
        bodies, _ = ndimage.label(sea)
        sea &= np.isin(bodies, np.unique(bodies[sea & ~(height.to_numpy() > 0)]))
    is_class = xr.DataArray(np.isin(codes, [*legend.classes]), dims="code")
    largest = shares.where(is_class, -1).argmax("code").to_numpy()
    source = shares.attrs.get("source", legend.title)
    mask, cover = (
        shares.attrs | {"source": f"{source}; {how}"}
        for how in (
            "land where at least half of the cell is, lakes included",
            "the class of land with the largest share of the cell",
        )
    )
    try:
        return assemble(
            height,
            xr.DataArray(~sea, dims=("y", "x"), attrs=mask),
            xr.DataArray(codes[largest], dims=("y", "x"), attrs=cover),
            legend,
            grid,
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def _refuse_uncovered(shares: xr.DataArray, grid: GridConfig) -> None:
    bare = shares.isnull().all("code").to_numpy()
    if bare.any():
        lon, lat = (degrees[bare] for degrees in lon_lat(grid, fine=True))
        raise InputError(
            f"{bare.sum()} of {bare.size} cells have no land cover, within {lon.min():.2f} to "
            f"{lon.max():.2f} E, {lat.min():.2f} to {lat.max():.2f} N: the rasters do not reach "
            "there, or hold no class there; give tiles that cover the whole grid, sea included."
        )
