"""Static fields of a fine grid: terrain height, northing, land mask and land cover.

`build` averages rasters on latitude and longitude over the fine cells, `xldm.statics.rasters` does
so with GeoTIFFs, and `assemble` makes static fields of the result. The land mask decides: terrain
and land cover are changed to agree with it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from os import PathLike
from typing import IO, Any

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
    """Average a raster over each fine cell of a grid.

    The raster is interpolated bilinearly to ``points`` x ``points`` evenly spaced points of each
    cell. All points weigh the same, which is exact in an equal-area projection.

    Parameters
    ----------
    raster : DataArray (latitude, longitude)
        Values at cell centres in degrees; the average of a mask is a fraction of the cell.
    grid : GridConfig
        The grid; its fine cells are filled.
    points : int
        Points along each side of a cell: enough to skip no cell of the raster.

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
    """Build the static fields of a fine grid from three rasters on latitude and longitude.

    A cell is land if at least half of it is land in the mask. Its height is the mean over the cell,
    its land cover the class with the largest share of it. `assemble` does the rest.

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
        As from `assemble`.

    Raises
    ------
    ArgumentError
        If a raster does not cover the grid, or if ``cover`` holds a code that IGBP lacks.
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
    """Assemble static fields from height, land and land cover of the fine cells of a grid.

    - Sea cells have height 0. Lakes are land.
    - Land cover is one-hot, see `xldm.statics.landcover.one_hot`; ``sea`` follows from ``land``.

    Parameters
    ----------
    height : DataArray (y, x)
        Height above sea level [m], mean over each cell; NaN where it is unknown.
    land : DataArray (y, x) bool
        True on land.
    cover : DataArray (y, x)
        Code of the land-cover class of each cell.
    legend : Legend
        Meanings of the codes.
    grid : GridConfig
        The grid of these fine cells.

    Returns
    -------
    Dataset
        ``orog`` [m], ``northing`` [m], ``land_mask`` (y, x) and ``land_cover`` (land_cover_class,
        y, x). The attributes ``source``, ``license``, ``references`` and ``comment`` of the inputs
        are kept.

    Raises
    ------
    ArgumentError
        If a field is not on the grid, or if land has no height or no class of the legend.

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
    """Refuse land without height, and name the tiles of one degree that are missing."""
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
        "there. Only the open sea may lack terrain"
    )


def _described(static: xr.Dataset, rasters: dict[str, xr.DataArray]) -> xr.Dataset:
    """Add CF attributes, and to each field the provenance of its raster."""
    described: dict[str, dict[str, Any]] = {
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
        given = rasters[name].attrs if name in rasters else {}
        origin = {key: given[key] for key in _PROVENANCE if key in given}
        static[name].attrs = {**attrs, **origin, "grid_mapping": "spatial_ref"}
    static["land_cover_class"].attrs = {"standard_name": "area_type", "long_name": "land cover"}
    static.attrs = {"Conventions": "CF-1.11", "title": "Static fields of the fine grid"}
    return static


def read(file: str | PathLike | IO[bytes], grid: GridConfig) -> xr.Dataset:
    """Read static fields from a netCDF file into memory, and add the coordinates of their grid.

    Parameters
    ----------
    file : path or binary file
        A netCDF 4 file of a dataset from `build`; ``lat`` and ``lon`` are optional.
    grid : GridConfig
        The fields must be on this grid.

    Raises
    ------
    ArgumentError
        If a field is missing or the fields are on another grid.
    """
    with xr.open_dataset(file, engine="h5netcdf", decode_times=False) as opened:
        static = opened.load()
    missing = {"orog", "northing", "land_mask", "land_cover"} - set(static)
    if missing:
        raise ArgumentError(
            f"the static file lacks {', '.join(sorted(missing))}: "
            "build it again with xldm.statics.build"
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
    """Return the static fields of the Italian grid, which ship with the package.

    Returns
    -------
    Dataset
        ``orog`` [m], ``northing`` [m], ``land_mask`` (y, x), ``land_cover`` (land_cover_class, y,
        x); each field states its source and licence.

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
    """Return static fields as channels for the networks, in the order of arXiv 2406.13627.

    Returns
    -------
    ndarray (S, y, x) float32
        Height, scaled by its mean and sample standard deviation over the whole grid (or over the
        training domain, see `xldm.statics.other_domain`); land-cover bands, unscaled; northing,
        scaled like height.

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
    # Open sea is flat: its height is 0 in every cell, and so is its channel.
    return (field.transpose("y", "x").to_numpy().astype("float64") - mean) / (std or 1.0)
