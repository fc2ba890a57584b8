"""Static fields of another domain, for networks that were trained on the one that they know."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import ArgumentError
from ..grids.projected import axes, coordinates, nested
from ..nets.field_sizes import FieldSizes

__all__ = ["moments", "transfer"]

# Degrees, some 10 m, to which positions agree that are of the same projection.
_NEAR = 1e-4


def transfer(
    static: xr.Dataset, known: xr.Dataset, grid: GridConfig, sizes: FieldSizes
) -> tuple[xr.Dataset, GridConfig]:
    """Static fields of another domain as networks take them that were trained on a known one.

    Terrain height and northing are scaled by the moments of the known domain, so that a metre is
    the same number to the networks as it was in training. Classes of land cover that the domain
    lacks are nowhere in it.

    Parameters
    ----------
    static : Dataset
        ``orog``, ``northing``, ``land_mask``, ``land_cover`` and ``lat`` and ``lon`` on axes ``y``
        and ``x`` in metres, as `build` or the ``/static`` of a training store have them.
    known : Dataset
        Static fields of the known domain.
    grid : GridConfig
        Of the known domain.
    sizes : FieldSizes
        Sizes that the networks can work on.

    Returns
    -------
    static : Dataset
        With the coordinates of its grid and the classes of the known domain.
    grid : GridConfig
        The grid that it is on.

    Raises
    ------
    ArgumentError
        If fields are missing, or have another spacing, direction or projection, a class of land
        cover that the networks do not know, or sides that they cannot halve.

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
    needed = {"orog", "northing", "land_mask", "land_cover", "lat", "lon"}
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
    """Mean and standard deviation that a static field is scaled by: its own unless it says so."""
    if "scaled_by" in field.attrs:
        return np.asarray(field.attrs["scaled_by"])
    values = field.transpose("y", "x").to_numpy().astype("float64")
    return np.array([values.mean(), values.std(ddof=1)])


def _grid(static: xr.Dataset, known: GridConfig, sizes: FieldSizes) -> GridConfig:
    """The grid that the fields are on, if networks of the known one can work on it."""
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
    there = nested(*(xr.Dataset(coords=side) for side in (coarse, fine)), known.crs)
    spacings = {name: np.diff(axis[:2])[0] for name, axis in fine.items()}
    for name, wanted in zip(("y", "x"), axes(known, fine=True), strict=True):
        found, wanted = spacings[name], np.diff(wanted[:2])[0]
        if not math.isclose(found, wanted, abs_tol=1e-3):
            raise ArgumentError(
                f"along {name} the static fields go by {found:g} m from cell to cell, the model by "
                f"{wanted:g} m: make them for the model's spacing and direction"
            )
    lat, lon = (coordinates(there, fine=True)[name].values for name in ("lat", "lon"))
    for name, wanted in (("lat", lat), ("lon", lon)):
        off = np.abs(static[name].transpose("y", "x").to_numpy() - wanted).max()
        if not off < _NEAR:
            raise ArgumentError(
                f"{name} of the static fields is off by up to {off:.3g} degrees from what y and x "
                f"mean in {known.crs}: the model needs static fields in that projection"
            )
    return there
