"""The static fields of a package, refused before they are read if they are not what they must be.

A netCDF file may state fields of any size in a few bytes, link to other files of the disk, or hold
values that are no terrain.
"""

from __future__ import annotations

import io
import math

import h5py
import numpy as np
import xarray as xr

from .. import statics
from ..config import GridConfig
from ..errors import PackageError
from ..statics.other_domain import moments
from .containers import reading
from .package_files import PackageFiles

__all__ = ["read_static"]

# Bytes in memory for one in the file, as deflate reaches, and for small files.
_MOST_GROWTH, _SMALL = 1100, 2**26
_MOST_VARIABLES = 100
#: Fine cells of a grid: 16,000 km at 2 km along both axes.
_MOST_CELLS = 2**26
#: Metres below and above the sea: more than the deepest and the highest place.
_HEIGHTS = (-12_000.0, 10_000.0)
#: Standard deviations that a field may be away from its mean.
_MOST_SCALED = 1e6
_FIELDS = ("orog", "northing", "land_mask", "land_cover")


def read_static(files: PackageFiles) -> xr.Dataset:
    """Read the static fields of an open package.

    Raises
    ------
    PackageError
        If the file is missing, altered or damaged, if it refers to other files, states fields of
        another size than the grid, or holds values that are not finite or no terrain.
    """
    config, where = files.config, f"{files.location}: static.nc"
    data = files.read("static.nc")
    with reading(files.location, "static.nc"):
        _refuse_odd(data, config.grid)
        static = statics.read(io.BytesIO(data), config.grid)
        _refuse_values(static)
        bands = tuple(str(n) for n in static["land_cover_class"].values)
        if bands != config.land_cover:
            raise PackageError(
                f"{where} has land cover {', '.join(bands)}; model.yaml says "
                f"{', '.join(config.land_cover)}; the two come from different models"
            )
    return static


def _refuse_odd(data: bytes, grid: GridConfig) -> None:
    """Refuse links, groups and sizes, from what the file states and before a value is read."""
    if math.prod(grid.fine_shape) > _MOST_CELLS:
        raise PackageError(
            f"the grid has {grid.fine_shape} cells, expected {_MOST_CELLS:,} at most"
        )
    with h5py.File(io.BytesIO(data), "r") as file:
        if len(file) > _MOST_VARIABLES:
            raise PackageError(
                f"it holds {len(file)} variables, expected {_MOST_VARIABLES} at most"
            )
        size = 0
        for name in file:
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise PackageError(f"{name} is a link; put the field itself there")
            field = file[name]
            if not isinstance(field, h5py.Dataset) or field.external or field.is_virtual:
                raise PackageError(f"{name} is no field, or lies in another file; expected fields")
            shape = field.shape or ()
            size += field.dtype.itemsize * max(math.prod(shape), math.prod(field.chunks or ()))
            if name in _FIELDS and shape[-2:] != grid.fine_shape:
                raise PackageError(
                    f"{name} has {shape} cells, the grid {grid.fine_shape}: the fields belong to "
                    "another grid"
                )
        if size > _MOST_GROWTH * len(data) + _SMALL:
            raise PackageError(
                f"it states fields of {size:,} bytes in a file of {len(data):,}, more than any "
                "packing saves; do not use it and tell whoever gave it to you"
            )


def _refuse_values(static: xr.Dataset) -> None:
    """Refuse fields from which the networks would draw values that are not finite."""
    bounds = {"orog": _HEIGHTS, "northing": (-1e8, 1e8), "land_mask": (0, 1), "land_cover": (0, 1)}
    bounds |= {"lat": (-90, 90), "lon": (-360, 360)}  # where the projection puts the cells
    for name, (low, high) in bounds.items():
        field = static[name]
        if field.dtype.kind not in "iufb" or not field.size:
            raise PackageError(f"{name} holds {field.dtype}, expected numbers")
        least, most = field.to_numpy().min(), field.to_numpy().max()
        if not (low <= least and most <= high):  # NaN, too
            raise PackageError(
                f"{name} runs from {least:g} to {most:g}, expected values from {low:g} to {high:g} "
                "and none missing; make the static fields again with xldm.statics"
            )
    for name in ("orog", "northing"):
        scale = np.asarray(moments(static[name]), dtype="float64").ravel()
        values = np.abs(static[name].to_numpy()).max()
        far = abs(scale[0]) + values
        if scale.size != 2 or not far < _MOST_SCALED * (scale[1] or 1.0):
            raise PackageError(
                f"{name} cannot be scaled by the mean and standard deviation {scale.tolist()}; it "
                "has to, and scaled_by to hold its mean and standard deviation in training"
            )
