"""Transfer: static fields of another domain, scaled for networks trained on a known domain."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import xarray as xr

from ..config import GridConfig
from ..errors import ArgumentError
from ..grids.projected import axes, coordinates, nested, stated_crs
from ..nets.field_sizes import FieldSizes

__all__ = ["moments", "transfer"]

# Positions in the same projection agree to so many degrees, some 10 m.
_NEAR = 1e-4


def transfer(
    static: xr.Dataset, known: xr.Dataset, grid: GridConfig, sizes: FieldSizes
) -> tuple[xr.Dataset, GridConfig]:
    """Adapt static fields of another domain to networks that were trained on a known domain.

    Terrain height and northing are scaled by the moments of the known domain, so a metre is the
    same number for the networks as in training. Land-cover classes that the other domain lacks
    become bands of zeros.

    Parameters
    ----------
    static : Dataset
        ``orog``, ``northing``, ``land_mask`` and ``land_cover`` on axes ``y`` and ``x`` in metres,
        with ``lat`` and ``lon`` or a ``spatial_ref``: from `xldm.statics.build`, ``/static`` of a
        training store, or the catalog's ``italy_static``.
    known : Dataset
        Static fields of the known domain.
    grid : GridConfig
        Grid of the known domain.
    sizes : FieldSizes
        Sizes that the networks can work on.

    Returns
    -------
    static : Dataset
        With the coordinates of its grid and the land-cover classes of the known domain.
    grid : GridConfig
        Its grid.

    Raises
    ------
    ArgumentError
        If fields are missing; if spacing, direction or projection differ; if the networks do not
        know a land-cover class, or cannot halve the sides.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> from xldm.nets.field_sizes import FieldSizes
    >>> from xldm.statics import embedded
    >>> known = embedded()
    >>> part = known.isel(y=slice(256), x=slice(128))
    >>> moved, grid = transfer(part, known, ITALY, FieldSizes(multiple=4, least=8))
    >>> grid.shape, moved["orog"].attrs["scaled_by"].round(1).tolist()
    ((32, 16), [292.0, 520.8])
    """
    needed = {"orog", "northing", "land_mask", "land_cover"}
    if "spatial_ref" not in static.variables or {"lat", "lon"} & {*static.variables}:
        needed |= {"lat", "lon"}
    if missing := needed - {*static.variables}:
        raise ArgumentError(
            f"the static fields lack {', '.join(sorted(missing))}; make them with "
            "xldm.statics, or take /static of a training store"
        )
    there = _grid(static, grid, sizes)
    names = [str(n) for n in known["land_cover_class"].values]
    foreign = [str(n) for n in static["land_cover_class"].values if str(n) not in names]
    if foreign:
        raise ArgumentError(
            f"the networks do not know the land cover {', '.join(foreign)}; they know "
            f"{', '.join(names)}: make the static fields with the same legend"
        )
    fields = static[["orog", "northing", "land_mask", "land_cover"]].load()
    bands = fields["land_cover"].reindex(land_cover_class=names, fill_value=0)
    moved = fields.drop_vars(["land_cover", "land_cover_class"]).reset_coords(drop=True)
    moved = moved.assign(land_cover=bands.reset_coords(drop=True))
    moved = moved.assign_coords(coordinates(there, fine=True)).assign_attrs(static.attrs)
    for name in ("orog", "northing"):
        moved[name].attrs["scaled_by"] = moments(known[name])
    return moved, there


def moments(field: xr.DataArray) -> np.ndarray:
    """Return mean and standard deviation for scaling a field: from ``scaled_by``, or its own."""
    if "scaled_by" in field.attrs:
        return np.asarray(field.attrs["scaled_by"])
    values = field.transpose("y", "x").to_numpy().astype("float64")
    return np.array([values.mean(), values.std(ddof=1)])


def _grid(static: xr.Dataset, known: GridConfig, sizes: FieldSizes) -> GridConfig:
    """Return the grid of the fields, or refuse it if the networks cannot work on it."""
    factor = known.factor
    for name in ("y", "x"):
        cells = static.sizes[name]
        if cells % factor or not sizes.fit(cells // factor):
            raise ArgumentError(
                f"the static fields have {cells} cells along {name}; the networks need a multiple "
                f"of {factor * sizes.multiple}, and {factor * sizes.least} at least: cut them with "
                "isel, or make them for a larger domain"
            )
    fine = {name: static[name].to_numpy().astype("float64") for name in ("y", "x")}
    coarse = {name: axis.reshape(-1, factor).mean(1) for name, axis in fine.items()}
    there = nested(xr.Dataset(coords=coarse), xr.Dataset(coords=fine), known.crs)
    spacings = {name: np.diff(axis[:2])[0] for name, axis in fine.items()}
    for name, wanted in zip(("y", "x"), axes(known, fine=True), strict=True):
        found, wanted = spacings[name], np.diff(wanted[:2])[0]
        if not math.isclose(found, wanted, abs_tol=1e-3):
            raise ArgumentError(
                f"along {name} the static fields step by {found:g} m from cell to cell, the model "
                f"by {wanted:g} m: make them for the model's spacing and direction"
            )
    _refuse_other_projection(static, there)
    return there


def _refuse_other_projection(static: xr.Dataset, grid: GridConfig) -> None:
    """Refuse static fields in another projection, by their positions or by their grid mapping."""
    here = static if "lat" in static.variables else _positions(static)
    right = coordinates(grid, fine=True)
    for name in ("lat", "lon"):
        off = np.abs(here[name].transpose("y", "x").to_numpy() - right[name].values).max()
        if not off < _NEAR:
            raise ArgumentError(
                f"{name} of the static fields is off by up to {off:.3g} degrees from y and x in "
                f"{grid.crs}: the model needs static fields in that projection"
            )


def _positions(static: xr.Dataset) -> xr.Dataset:
    """Return lat and lon (y, x) by the projection that the fields state."""
    try:
        crs = stated_crs(static["spatial_ref"].attrs)
    except (KeyError, ArgumentError) as error:
        raise ArgumentError(
            "spatial_ref of the static fields states no projection; add lat and lon, or make the "
            "fields with xldm.statics"
        ) from error
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(static["x"].values, static["y"].values))
    return xr.Dataset({"lat": (("y", "x"), lat), "lon": (("y", "x"), lon)})
