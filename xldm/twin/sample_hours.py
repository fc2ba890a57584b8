"""Hours spread over a year, and both sides of the twin at these hours."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..arguments import refuse, whole
from ..errors import ArgumentError
from .lazy_dataset import lazy

__all__ = ["both_sides", "hours_over_year"]


def hours_over_year(year: int, count: int) -> np.ndarray:
    """Return ``count`` hours spread over a year, in all seasons and at all hours of the day.

    Examples
    --------
    >>> hours_over_year(2008, 3)
    array(['2008-01-01T00', '2008-05-02T07', '2008-09-01T14'], dtype='datetime64[h]')
    """
    refuse(year=(year, whole(1678, 2261)), count=(count, whole(1)))
    every = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]")
    if not 1 <= count <= every.size:
        raise ArgumentError(
            f"hours must be from 1 to {every.size}, the hours of {year}; got {count}"
        )
    # Days advance evenly; the hour of the day advances in steps of seven.
    i = np.arange(count)
    return every[np.sort(i * (every.size // 24) // count * 24 + 7 * i % 24)]


def both_sides(
    times: np.ndarray, seed: int = 0, *, rain: bool = False
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both sides of the twin at given hours.

    Parameters
    ----------
    times : ndarray (T,) of datetime64
        Whole hours, in order.
    seed : int
        Which twin.
    rain : bool
        Whether the fine side has ``tp`` too, the sum over the hour that ends at the time.

    Returns
    -------
    era5 : Dataset (valid_time, latitude, longitude)
        In memory.
    fine : Dataset (time, y, x)
        Lazy dask arrays, one hour a chunk.

    Examples
    --------
    >>> era5, fine = both_sides(hours_over_year(2008, 2))
    >>> dict(fine.sizes), fine["t2m"].chunks[0]
    ({'time': 2, 'y': 672, 'x': 576}, (1, 1))
    """
    return lazy(times, "era5", seed).load(), lazy(times, "fine", seed, rain=rain)
