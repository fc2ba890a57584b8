"""Colours of precipitation: classes in mm, white where it is dry."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ...inputs.units import conversion

__all__ = ["LEVELS", "in_mm", "rain_colours"]

#: Limits of the classes, in mm.
LEVELS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


def rain_colours() -> dict[str, Any]:
    """Return the keyword arguments of a map: from yellow to blue, darker where it rains more."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap

    shades = colormaps["YlGnBu"](np.linspace(0.08, 1.0, len(LEVELS)))
    colours = ListedColormap(shades[:-1]).with_extremes(under="white", over="#2b0a3d")
    return {"cmap": colours, "norm": BoundaryNorm(LEVELS, len(LEVELS) - 1)}


def in_mm(field: xr.DataArray) -> xr.DataArray:
    """Return hourly precipitation in mm, or as it is if its units are of no such amount.

    Examples
    --------
    >>> in_mm(xr.DataArray(0.002, attrs={"units": "m"})).item()
    2.0
    """
    scale = conversion(field.attrs.get("units", "mm"), "mm", hourly=True, water=True)
    return field if scale is None else field * scale[0]
