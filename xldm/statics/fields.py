"""Static fields of a fine grid: terrain height, northing, land mask and land cover.

Rasters on latitude and longitude (`build`), or GeoTIFFs (`xldm.statics.rasters`), become
height, land and land cover of the fine cells, and `assemble` makes the static fields of these. The
land mask rules: terrain and land cover are made to agree with it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from os import PathLike
from typing import BinaryIO

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import ArgumentError
from ..grids.projected import ITALY, axes, coordinates, lon_lat
from .landcover import IGBP, Legend, one_hot, refuse_unknown
from .other_domain import moments

__all__ = ["assemble", "average", "build", "channels", "embedded", "read"]

_PROVENANCE = ("source", "license", "references", "comment")
_ONE_HOT = ("land_cover_class", "y", "x")


def average(raster: xr.DataArray, grid: GridConfig, points: int = 4) -> np.ndarray:
    """Mean of a raster over every fine cell of a grid.

    The raster is interpolated bilinearly to ``points`` x ``points`` evenly spaced points of each
    cell, which in an equal-area projection weigh the same.

    Parameters
    ----------
    raster : DataArray (latitude, longitude)
        Values at cell centres in degrees; a mask or indicator gives the fraction of the cell.
    grid : GridConfig
        The grid; its fine cells are filled.
    points : int
        Points along each side of a cell; take enough that none of the raster's cells is skipped.

    Returns
    -------
    ndarray (y, x) float64
        In the units of the raster.

    Raises
    ------
    ArgumentError
        If the raster does not cover the grid.

    Examples
    --------
    >>> lat, lon = np.arange(50.0, 32.0, -0.5), np.arange(3.0, 22.0, 0.5)
    >>> plane = xr.DataArray(np.add.outer(lat, 0 * lon), {"latitude": lat, "longitude": lon})
    >>> bool(abs(average(plane, ITALY, points=1) - lon_lat(ITALY, fine=True)[1]).max() < 1e-9)
    True
    """
    lon, lat = lon_lat(dataclasses.replace(grid, factor=grid.factor * points), fine=True)
    for name, wanted in (("latitude", lat), ("longitude", lon)):
        low, high = float(raster[name].min()), float(raster[name].max())
        if wanted.min() < low or wanted.max() > high:
            raise ArgumentError(
                f"the raster spans {name} {low:.2f} to {high:.2f}, the grid needs "
                f"{wanted.min():.2f} to {wanted.max():.2f}: give a raster that covers the grid"
            )
    fine = raster.astype("float64").interp(
        latitude=xr.DataArray(lat, dims=("y", "x")), longitude=xr.DataArray(lon, dims=("y", "x"))
    )
    return fine.coarsen(y=points, x=points).mean().to_numpy()


def build(
    terrain: xr.DataArray, cover: xr.DataArray, mask: xr.DataArray, grid: GridConfig
) -> xr.Dataset:
    """Static fields of a fine grid from three rasters on latitude and longitude.

    A cell is land where the mask's land covers at least half of it, its height is the mean over the
    cell, its land cover the class with the largest share of it. Then as `assemble` has it.

    Parameters
    ----------
    terrain : DataArray (latitude, longitude)
        Height above sea level [m].
    cover : DataArray (latitude, longitude)
        IGBP codes, see `xldm.statics.landcover.IGBP`.
    mask : DataArray (latitude, longitude)
        True on land.
    grid : GridConfig
        The grid; its fine cells are filled.

    Returns
    -------
    Dataset
        As of `assemble`.

    Raises
    ------
    ArgumentError
        If a raster does not cover the grid or ``cover`` holds a code that is not IGBP's.
    """
    codes = np.unique(cover)
    refuse_unknown(codes, IGBP)
    shares = np.stack([average(cover == code, grid) for code in codes])
    return assemble(
        xr.DataArray(average(terrain, grid), dims=("y", "x"), attrs=terrain.attrs),
        xr.DataArray(average(mask, grid) >= 0.5, dims=("y", "x"), attrs=mask.attrs),
        xr.DataArray(codes[shares.argmax(axis=0)], dims=("y", "x"), attrs=cover.attrs),
        IGBP,
        grid,
    )


def assemble(
    height: xr.DataArray,
    land: xr.DataArray,
    cover: xr.DataArray,
    legend: Legend,
    grid: GridConfig,
) -> xr.Dataset:
    """Static fields from height, land and land cover of the fine cells of a grid.

    - Sea cells have height 0. Lakes are land.
    - Land cover is one-hot, by `.landcover.one_hot`: ``sea`` is where ``land`` says so.

    Parameters
    ----------
    height : DataArray (y, x)
        Height above sea level [m], mean over each cell; NaN where nothing is known.
    land : DataArray (y, x) bool
    cover : DataArray (y, x)
        Code of the class that each cell is in.
    legend : Legend
        What the codes stand for.
    grid : GridConfig
        The grid whose fine cells these are.

    Returns
    -------
    Dataset
        ``orog`` [m], ``northing`` [m], ``land_mask`` (y, x) and ``land_cover`` (land_cover_class,
        y, x). The attributes ``source``, ``license``, ``references`` and ``comment`` of the fields
        go along.

    Raises
    ------
    ArgumentError
        If a field is not on the grid, if land has no height, or if it has no class of the legend.

    Examples
    --------
    >>> from xldm.statics.landcover import CGLS_LC100
    >>> north = xr.DataArray(np.arange(672)[:, None] < np.full(576, 300), dims=("y", "x"))
    >>> static = assemble(400.0 * north, north, xr.where(north, 40, 200), CGLS_LC100, ITALY)
    >>> static["land_cover_class"].values.tolist(), float(static["orog"].max())
    (['cropland', 'sea'], 400.0)
    """
    fields = [field.transpose("y", "x").to_numpy() for field in (height, land, cover)]
    for name, field in zip(("height", "land", "cover"), fields, strict=True):
        if field.shape != grid.fine_shape:
            raise ArgumentError(f"{name} has {field.shape} cells, the grid has {grid.fine_shape}")
    orog, is_land, codes = fields
    _refuse_unknown_height(is_land & np.isnan(orog), grid)
    names, bands = one_hot(codes, is_land, legend)
    northing = np.broadcast_to(axes(grid, fine=True)[0][:, None], is_land.shape)
    static = xr.Dataset(
        {
            "orog": (("y", "x"), np.where(is_land, orog, 0).astype("float32")),
            "northing": (("y", "x"), northing.astype("float32")),
            "land_mask": (("y", "x"), is_land.astype("int8")),
            "land_cover": (_ONE_HOT, bands),
        },
        coords={"land_cover_class": names},
    ).assign_coords(coordinates(grid, fine=True))
    return _described(static, {"orog": height, "land_mask": land, "land_cover": cover})


def _refuse_unknown_height(unknown: np.ndarray, grid: GridConfig) -> None:
    """Name the squares of one degree, as terrain is tiled, in which land has no height."""
    if not unknown.any():
        return
    corners = (np.floor(degrees[unknown]).astype(int) for degrees in lon_lat(grid, fine=True))
    squares = sorted(
        {
            f"{'S' if lat < 0 else 'N'}{abs(lat):02d} {'W' if lon < 0 else 'E'}{abs(lon):03d}"
            for lon, lat in zip(*corners, strict=True)
        }
    )
    raise ArgumentError(
        f"{unknown.sum()} cells are land by land cover but have no terrain, in the squares of one "
        f"degree with the south-west corners {', '.join(squares)}: give the tiles that are missing "
        "there. Only the open sea may do without"
    )


def _described(static: xr.Dataset, rasters: dict[str, xr.DataArray]) -> xr.Dataset:
    """Add CF attributes, and to each field the provenance of what it was made from."""
    described = {
        "orog": {"standard_name": "surface_altitude", "units": "m", "long_name": "terrain height"},
        "northing": {
            "standard_name": "projection_y_coordinate",
            "units": "m",
            "long_name": "northing of the cell centre",
        },
        "land_mask": {
            "standard_name": "land_binary_mask",
            "units": "1",
            "long_name": "land, lakes included",
            "flag_values": np.array([0, 1], "int8"),
            "flag_meanings": "sea land",
        },
        "land_cover": {"units": "1", "long_name": "dominant land cover, one-hot"},
    }
    for name, attrs in described.items():
        origin = rasters[name].attrs if name in rasters else {}
        origin = {key: origin[key] for key in _PROVENANCE if key in origin}
        static[name].attrs = attrs | origin | {"grid_mapping": "spatial_ref"}
    static["land_cover_class"].attrs = {"standard_name": "area_type", "long_name": "land cover"}
    static.attrs = {"Conventions": "CF-1.11", "title": "Static fields of the fine grid"}
    return static


def read(file: str | PathLike | BinaryIO, grid: GridConfig) -> xr.Dataset:
    """Static fields from a netCDF file, in memory, with the coordinates of their grid.

    Parameters
    ----------
    file : path or binary file
        A netCDF 4 file as `build` makes it; ``lat`` and ``lon`` need not be in it.
    grid : GridConfig
        The grid that the fields must be on.

    Raises
    ------
    ArgumentError
        If a field is missing or the fields are on another grid.
    """
    with xr.open_dataset(file, engine="h5netcdf") as opened:
        static = opened.load()
    missing = {"orog", "northing", "land_mask", "land_cover"} - set(static)
    if missing:
        raise ArgumentError(
            f"the static file lacks {', '.join(sorted(missing))}: "
            "build it anew with xldm.statics.build"
        )
    for name, wanted in zip("yx", axes(grid, fine=True), strict=True):
        if not np.array_equal(static[name], wanted):
            raise ArgumentError(
                f"static fields have {static.sizes[name]} cells along {name}, from "
                f"{float(static[name][0])} to {float(static[name][-1])} m; the grid has "
                f"{wanted.size}, from {wanted[0]} to {wanted[-1]} m: they belong to another grid"
            )
    return static.assign_coords(coordinates(grid, fine=True))


def embedded() -> xr.Dataset:
    """Static fields of the Italian grid that ship with the package.

    Returns
    -------
    Dataset
        ``orog`` [m], ``northing`` [m], ``land_mask`` (y, x), ``land_cover`` (land_cover_class, y,
        x); each names its source and licence.

    Examples
    --------
    >>> static = embedded()
    >>> static["land_cover"].shape
    (16, 672, 576)
    >>> round(float(static["orog"].mean()))
    292
    """
    return _embedded().copy()


@functools.lru_cache(maxsize=1)
def _embedded() -> xr.Dataset:
    asset = importlib.resources.files("xldm").joinpath("assets", "italy-2km", "static.nc")
    with asset.open("rb") as file:
        return read(file, ITALY)


def channels(static: xr.Dataset) -> np.ndarray:
    """Static fields as the networks take them, in the order of arXiv 2406.13627.

    Returns
    -------
    ndarray (S, y, x) float32
        Height scaled by its mean and sample standard deviation over the whole grid (or those of
        another domain, see `xldm.statics.other_domain`), the land-cover bands as they are, and the
        northing scaled like height.

    Examples
    --------
    >>> channels(embedded()).shape
    (18, 672, 576)
    """
    bands = static["land_cover"].transpose(*_ONE_HOT).to_numpy()
    height, northing = (_standardised(static[name]) for name in ("orog", "northing"))
    return np.concatenate([height[None], bands, northing[None]], dtype="float32")


def _standardised(field: xr.DataArray) -> np.ndarray:
    mean, std = moments(field)
    return (field.transpose("y", "x").to_numpy().astype("float64") - mean) / std
