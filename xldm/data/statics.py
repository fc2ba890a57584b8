"""Static fields of a fine grid: terrain height, northing, land mask and land cover.

Rasters on latitude and longitude come in, fields that nest in the projected grid go out. The land
mask rules: terrain and land cover are made to agree with it, see `build`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from os import PathLike
from typing import BinaryIO

import numpy as np
import xarray as xr
from scipy import ndimage

from ..config import GridConfig
from .grid import ITALY, axes, coordinates, lon_lat

__all__ = ["IGBP", "average", "build", "channels", "embedded", "read"]

#: Names of the IGBP land-cover classes of MODIS collection 6, in the order of their codes 0 to 16.
IGBP = (
    "water",
    "evergreen_needleleaf_forest",
    "evergreen_broadleaf_forest",
    "deciduous_needleleaf_forest",
    "deciduous_broadleaf_forest",
    "mixed_forest",
    "closed_shrubland",
    "open_shrubland",
    "woody_savanna",
    "savanna",
    "grassland",
    "permanent_wetland",
    "cropland",
    "urban",
    "cropland_natural_mosaic",
    "snow_and_ice",
    "barren",
)

_WATER = IGBP.index("water")
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
    ValueError
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
            raise ValueError(
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

    - A cell is land where the mask's land covers at least half of it. Lakes are land.
    - Sea cells have height 0; elsewhere height is the mean over the cell.
    - Land cover is the class with the largest share of the cell, one-hot; classes that occur
      nowhere have no band. Water is split: ``sea`` wherever the mask says so, ``inland_water``
      where land is classed as water. Land classed as water that touches the sea is the land-cover
      map's coarser coast, not a lake, and takes the class of the nearest dry land.

    Parameters
    ----------
    terrain : DataArray (latitude, longitude)
        Height above sea level [m].
    cover : DataArray (latitude, longitude)
        IGBP codes, see `IGBP`.
    mask : DataArray (latitude, longitude)
        True on land.
    grid : GridConfig
        The grid; its fine cells are filled.

    Returns
    -------
    Dataset
        ``orog`` [m], ``northing`` [m], ``land_mask`` (y, x) and ``land_cover`` (land_cover_class,
        y, x). The attributes ``source``, ``license``, ``references`` and ``comment`` of the rasters
        go along.

    Raises
    ------
    ValueError
        If a raster does not cover the grid or ``cover`` holds a code that is not IGBP's.
    """
    land = average(mask, grid) >= 0.5
    names, one_hot = _one_hot(_land_cover(cover, land, grid))
    northing = np.broadcast_to(axes(grid, fine=True)[0][:, None], land.shape)
    static = xr.Dataset(
        {
            "orog": (("y", "x"), np.where(land, average(terrain, grid), 0).astype("float32")),
            "northing": (("y", "x"), northing.astype("float32")),
            "land_mask": (("y", "x"), land.astype("int8")),
            "land_cover": (_ONE_HOT, one_hot),
        },
        coords={"land_cover_class": names},
    ).assign_coords(coordinates(grid, fine=True))
    return _described(static, {"orog": terrain, "land_mask": mask, "land_cover": cover})


def _land_cover(cover: xr.DataArray, land: np.ndarray, grid: GridConfig) -> np.ndarray:
    """IGBP code of every fine cell; sea is -1 and code 0 is left for inland water."""
    codes = np.unique(cover)
    if codes.min() < 0 or codes.max() >= len(IGBP):
        raise ValueError(
            f"land-cover codes run from {codes.min()} to {codes.max()}, IGBP's from 0 to "
            f"{len(IGBP) - 1}: recode the raster, with 0 for water"
        )
    shares = np.stack([average(cover == code, grid) for code in codes])
    found = codes.astype(int)[shares.argmax(axis=0)]
    water = found == _WATER
    dry = land & ~water
    bodies, _ = ndimage.label(water | ~land)
    coast = land & water & np.isin(bodies, np.unique(bodies[~land]))
    if coast.any() and dry.any():
        nearest = ndimage.distance_transform_edt(~dry, return_distances=False, return_indices=True)
        found[coast] = found[tuple(nearest)][coast]
    return np.where(land, found, -1)


def _one_hot(codes: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names and int8 bands (class, y, x) of the codes that occur: dry land, inland water, sea."""
    order = sorted(set(np.unique(codes).tolist()) - {_WATER, -1})
    names = [IGBP[code] for code in order]
    for code, name in ((_WATER, "inland_water"), (-1, "sea")):
        if (codes == code).any():
            order.append(code)
            names.append(name)
    return names, np.stack([codes == code for code in order]).astype("int8")


def _described(static: xr.Dataset, rasters: dict[str, xr.DataArray]) -> xr.Dataset:
    """Add CF attributes, and to each field the provenance of the raster it was made from."""
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
    ValueError
        If a field is missing or the fields are on another grid.
    """
    with xr.open_dataset(file, engine="h5netcdf") as opened:
        static = opened.load()
    missing = {"orog", "northing", "land_mask", "land_cover"} - set(static)
    if missing:
        raise ValueError(
            f"the static file lacks {', '.join(sorted(missing))}: "
            "build it anew with xldm.data.statics.build"
        )
    for name, wanted in zip("yx", axes(grid, fine=True), strict=True):
        if not np.array_equal(static[name], wanted):
            raise ValueError(
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
        Height scaled by its mean and sample standard deviation over the whole tile, the land-cover
        bands as they are, and the northing scaled like height.

    Examples
    --------
    >>> channels(embedded()).shape
    (18, 672, 576)
    """
    bands = static["land_cover"].transpose(*_ONE_HOT).to_numpy()
    height, northing = (
        _standardised(static[name].transpose("y", "x").to_numpy()) for name in ("orog", "northing")
    )
    return np.concatenate([height[None], bands, northing[None]]).astype("float32")


def _standardised(field: np.ndarray) -> np.ndarray:
    field = field.astype("float64")
    return (field - field.mean()) / field.std(ddof=1)
