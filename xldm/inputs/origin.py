"""What a dataset says about where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

import xarray as xr

__all__ = ["is_era5", "said_of_origin"]

_KEYS = ("history", "title", "source", "id", "dataset_id", "name", "summary", "frequency")
# Other products have ERA5 in their names: on another grid, or computed by another model.
_ERA5 = re.compile(r"(?<![a-z])era-?5t?(?![a-z0-9])(?![ _-]?(?:land|like|driven|forced|grid))")
_TWIN = re.compile(r"xldm\.twin")


def said_of_origin(ds: xr.Dataset) -> str:
    """Return what attributes and names of files say about a dataset's origin, in lower case."""
    return " ".join([*_texts(ds), *_files(ds)]).lower()


def _texts(ds: xr.Dataset) -> list[str]:
    return [str(ds.attrs.get(key, "")) for key in _KEYS]


def _files(ds: xr.Dataset) -> list[str]:
    return sorted({str(v.encoding.get("source", "")) for v in (ds, *ds.data_vars.values())})


def is_era5(ds: xr.Dataset) -> bool:
    """Tell whether a dataset says that it is ERA5, or the twin that imitates it.

    It does by its attributes, by the names of its files, by GRIB keys of an analysis of ECMWF, by
    the experiment version of the Climate Data Store, or by the attributes of the ARCO store.

    Examples
    --------
    >>> is_era5(xr.Dataset(attrs={"title": "ERA5 hourly data on single levels"}))
    True
    >>> is_era5(xr.Dataset(attrs={"title": "ERA5-Land hourly data"}))
    False
    """
    names = [Path(file).name for file in _files(ds)]
    said = " ".join([*_texts(ds), *names]).lower()
    keys = [v.attrs for v in ds.data_vars.values()]
    analysis = any(a.get("GRIB_centre") == "ecmf" and a.get("GRIB_dataType") == "an" for a in keys)
    if _ERA5.search(said) or _TWIN.search(said):
        return True
    return analysis or "expver" in ds.variables or "valid_time_start" in ds.attrs
