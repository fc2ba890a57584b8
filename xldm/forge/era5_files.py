"""Share between the recipes for ERA5: kinds of file, attributes, reading ARCO-ERA5."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from ..grids.projected import ITALY
from ..inputs.axes.horizontal import horizontal_axes
from ..inputs.lists import PAPER_PREDICTORS
from ..storage.location import locate, reaching
from ..vocabulary import VOCABULARY

__all__ = ["FIELDS", "LEVELS", "attributes", "open_arco", "which"]

#: The Climate Data Store serves fields at the surface and on pressure levels by two datasets: kind
#: of file -> the predictors in it.
FIELDS: dict[str, tuple[str, ...]] = {
    "surface": tuple(n for n in PAPER_PREDICTORS if VOCABULARY[n].level is None),
    "pressure": tuple(n for n in PAPER_PREDICTORS if VOCABULARY[n].level is not None),
}
#: Pressure levels in hPa of the fields on pressure levels.
LEVELS = sorted({VOCABULARY[name].level or 0.0 for name in FIELDS["pressure"]})


def attributes(source: str) -> dict[str, str]:
    """Return the root attributes of a coarse part made from ERA5."""
    return {
        "title": "ERA5 over Italy on 16 km cells",
        "source": f"ERA5 hourly data on single and pressure levels, {source}",
        "license": "Copernicus licence: contains modified Copernicus Climate Change Service "
        "information; credit it, and say that neither the Commission nor ECMWF is responsible",
        "references": "Hersbach et al. 2020, doi:10.1002/qj.3803",
    }


def which(folder: str, names: tuple[str, ...]) -> str:
    """Return the URL of the first file of some names that exists, or of the last if none does.

    Parameters
    ----------
    folder : str
        URL.
    names : tuple of str
        Names that the file may have there.
    """
    place = locate(folder)
    with reaching(place):
        there = [name for name in names if place.fs.exists(f"{place.root}/{name}")]
    return f"{folder}/{[*there, names[-1]][0]}"


def open_arco(url: str, folder: Path) -> list[xr.Dataset]:
    """Open the predictors of ARCO-ERA5 on their levels and around Italy, lazily.

    Only these are kept in memory, but reading them reads whole chunks: all levels of the globe for
    an hour. Hours of a day are read one after another.
    """
    known = {VOCABULARY[name].long_name for name in PAPER_PREDICTORS}
    place = locate(url)
    ds = xr.open_zarr(place.fs.get_mapper(place.root), chunks=None)
    ds = ds[[name for name in ds if name in known]].sel(level=LEVELS)
    around = horizontal_axes(ds, ITALY)
    return [ds.isel(dict(zip(around.dims, (around.rows, around.columns), strict=True)))]
