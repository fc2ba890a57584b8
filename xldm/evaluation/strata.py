"""Strata and periods: group cells by land, height and coast, and hours by season and time."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyproj
import xarray as xr
from scipy import ndimage

from ..errors import InputError
from ..grids.projected import stated_crs, turn

__all__ = ["EXPOSURES", "SEASONS", "Ground", "by_period", "by_stratum", "periods"]

HEIGHTS = (200.0, 500.0, 1000.0, 1500.0, 2000.0)  # m, limits of the bands of land
COAST = 20e3  # m
SURROUNDINGS = 22e3  # m, side of the square around a cell whose mean height is its level
EXPOSURES = {
    "deep valley": (-np.inf, -150.0),
    "valley": (-150.0, -30.0),
    "level": (-30.0, 30.0),
    "slope top": (30.0, 150.0),
    "ridge": (150.0, np.inf),
}
SEASONS = ("DJF", "MAM", "JJA", "SON")


@dataclass(frozen=True, eq=False)
class Ground:
    """Hold what strata depend on, for each cell of a grid, row after row.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns; N is their product.
    spacing : float
        Cell width in metres.
    label : ndarray (N,) of int
        Number of the class of each cell; classes are disjoint.
    strata : dict of str to list of int
        Classes of each stratum.
    land : ndarray (N,) of bool, or None
        None without static fields.
    height : ndarray (N,), or None
        Terrain height in metres.
    coast : ndarray (N,) of int, or None
        1 on land and 2 at sea within 20 km of the coast, 0 elsewhere.
    exposure : ndarray (N,) of int, or None
        Index of `EXPOSURES` on land, -1 at sea.
    turn : tuple of ndarray (y, x), or None
        Cosine and sine of the angle from east to the grid's x axis, anticlockwise.
    """

    shape: tuple[int, int]
    spacing: float
    label: np.ndarray
    strata: dict[str, list[int]]
    land: np.ndarray | None = None
    height: np.ndarray | None = None
    coast: np.ndarray | None = None
    exposure: np.ndarray | None = None
    turn: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, grid: xr.Dataset, static: xr.Dataset | None) -> Ground:
        """Make the ground of a dataset's cells.

        Parameters
        ----------
        grid : Dataset
            With coordinates y and x in metres.
        static : Dataset (y, x), optional
            ``orog`` [m], ``land_mask`` and a grid mapping, on these cells or more.

        Raises
        ------
        InputError
            If the static fields lack a variable or do not hold these cells.

        Examples
        --------
        >>> from xldm.statics import fields
        >>> ground = Ground.of(fields.embedded(), fields.embedded())
        >>> list(ground.strata)[:4]
        ['all', 'land', 'sea', 'below 200 m']
        """
        shape = grid.sizes["y"], grid.sizes["x"]
        spacing = abs(float(grid["x"][1] - grid["x"][0]))
        if static is None:
            return cls(shape, spacing, np.zeros(np.prod(shape), int), {"all": [0]})
        static = _on(grid, static)
        land, height = static["land_mask"].values > 0.5, static["orog"].values.astype(float)
        band = np.searchsorted(HEIGHTS, height, side="right")
        return cls(
            shape,
            spacing,
            np.where(land, band + 1, 0).ravel(),
            _strata(),
            land.ravel(),
            height.ravel(),
            _coast(land, spacing).ravel(),
            _exposure(land, height, spacing).ravel(),
            _turn(static),
        )

    @property
    def classes(self) -> int:
        """Number of disjoint classes."""
        return max(i for parts in self.strata.values() for i in parts) + 1

    @functools.cached_property
    def membership(self) -> np.ndarray:
        """1 where a cell belongs to a class and 0 elsewhere (N, classes)."""
        return np.equal.outer(self.label, np.arange(self.classes)).astype(float)


def periods(times: np.ndarray) -> dict[str, np.ndarray]:
    """Return the hours of every period, bool (time,), by name; periods without hours are left out.

    Examples
    --------
    >>> list(periods(np.array(["2008-01-01T00", "2008-07-01T06"], "datetime64[h]")))
    ['all', 'DJF', 'JJA', '00 UTC', '06 UTC']
    """
    index = pd.DatetimeIndex(times)
    season = index.month % 12 // 3
    named = {"all": np.ones(len(index), bool)}
    named |= {name: season == i for i, name in enumerate(SEASONS)}
    named |= {f"{h:02d} UTC": index.hour == h for h in range(24)}
    return {name: hours for name, hours in named.items() if hours.any()}


def by_period(sums: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Add sums (time, ...) up over each period, along a new first axis."""
    return np.stack([sums[hours].sum(0) for hours in periods(times).values()])


def by_stratum(ground: Ground, sums: np.ndarray, axis: int = -2) -> np.ndarray:
    """Add sums of disjoint classes up over each stratum, along the same axis."""
    parts = [sums.take(classes, axis).sum(axis) for classes in ground.strata.values()]
    return np.stack(parts, axis)


def _on(grid: xr.Dataset, static: xr.Dataset) -> xr.Dataset:
    missing = [v for v in ("orog", "land_mask") if v not in static]
    if missing:
        raise InputError(
            f"static: lacks {', '.join(missing)}; it has {', '.join(map(str, static))}"
        )
    try:
        return static.sel(y=grid["y"], x=grid["x"], method="nearest", tolerance=0.5)
    except KeyError:
        raise InputError(
            "static: does not hold every cell of the truth; give the static fields of its grid, "
            "e.g. load_model(name).static"
        ) from None


def _strata() -> dict[str, list[int]]:
    bounds = [f"{h:g}" for h in HEIGHTS]
    between = [f"{a}-{b} m" for a, b in itertools.pairwise(bounds)]
    bands = [f"below {bounds[0]} m", *between, f"above {bounds[-1]} m"]
    every = list(range(len(bands) + 1))
    return {"all": every, "land": every[1:], "sea": [0]} | {b: [i + 1] for i, b in enumerate(bands)}


def _coast(land: np.ndarray, spacing: float) -> np.ndarray:
    # Without a coast, the transform would count from the edge of the grid.
    if land.all() or not land.any():
        return np.zeros(land.shape, int)
    reach = COAST / spacing
    inland, offshore = (ndimage.distance_transform_edt(m) for m in (land, ~land))
    return np.where(land & (inland <= reach), 1, np.where(~land & (offshore <= reach), 2, 0))


def _exposure(land: np.ndarray, height: np.ndarray, spacing: float) -> np.ndarray:
    relief = height - ndimage.uniform_filter(height, round(SURROUNDINGS / spacing), mode="nearest")
    upper = [high for _, high in EXPOSURES.values()][:-1]
    return np.where(land, np.searchsorted(upper, relief, side="right"), -1)


def _turn(static: xr.Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    mapping = static.coords.get("spatial_ref", static.get("spatial_ref"))
    if mapping is None:
        return None
    crs = stated_crs(mapping.attrs)
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(static["x"].values, static["y"].values))
    angle = turn(crs, lon, lat)
    return np.cos(angle), np.sin(angle)
