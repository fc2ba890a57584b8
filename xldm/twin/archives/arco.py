"""ERA5 in the form of ARCO-ERA5: one Zarr store with all levels, cut to the twin's area."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask.array
import numpy as np
import xarray as xr
import zarr

from ..coarse_view import ATTRS, LATITUDE, LONGITUDE
from .era5_names import SURFACE, UPPER_AIR, cf_name, known
from .file_span import FileSpan

__all__ = ["EMPTY_AFTER", "EMPTY_BEFORE", "LEVELS", "writer"]

LEVELS = (500, 700, 850, 1000)  # hPa
#: Hours without data at both ends of the time axis, as the real store has years of them.
EMPTY_BEFORE, EMPTY_AFTER = 72, 24
# The twin has only 850 hPa. Other levels are its values times these factors, so that all differ.
_FACTORS = (1 + (np.array(LEVELS) - 850) / 3500).astype("float32")


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """Create the store and yield ``put(hour, era5, fine)``; hours not put have no chunks."""
    (path,) = paths
    template = _template(span)
    encoding: dict[Hashable, dict[str, object]] = {
        name: {
            "chunks": tuple(1 if dim == "time" else size for dim, size in field.sizes.items()),
            "_FillValue": np.float32(np.nan),
            "dtype": "float32",
        }
        for name, field in template.items()
    }
    encoding["time"] = {"units": "hours since 1900-01-01", "dtype": "int64"}
    template.to_zarr(path, compute=False, zarr_format=2, consolidated=True, encoding=encoding)
    arrays = {
        name: zarr.open_array(str(path), path=known(name).long_name, mode="r+") for name in ATTRS
    }

    def put(hour: np.datetime64, era5: xr.Dataset, fine: xr.Dataset) -> None:
        i = EMPTY_BEFORE + span.row(hour)
        for name in SURFACE:
            arrays[name][i] = era5[name].values[0]
        for name in UPPER_AIR:
            arrays[name][i] = era5[name].values[0, 0] * _FACTORS[:, None, None]

    yield put


def _template(span: FileSpan) -> xr.Dataset:
    """Return the store's metadata and coordinates, with lazy fields."""
    times = np.arange(span.hours[0] - EMPTY_BEFORE, span.hours[-1] + EMPTY_AFTER + 1)
    coords = {
        "time": ("time", times.astype("datetime64[ns]")),
        "level": ("level", np.array(LEVELS, "int64")),
        "latitude": ("latitude", LATITUDE.astype("float32"), {"units": "degrees_north"}),
        "longitude": ("longitude", LONGITUDE.astype("float32"), {"units": "degrees_east"}),
    }
    empty_store = xr.Dataset(coords=coords, attrs=span.attrs | _valid(span))
    fields = {}
    for name, (units, long_name, _) in ATTRS.items():
        level = ("level",) if name in UPPER_AIR else ()
        dims = ("time", *level, "latitude", "longitude")
        shape = [empty_store.sizes[dim] for dim in dims]
        about = {"long_name": long_name, "short_name": name, "units": units}
        empty = dask.array.full(shape, np.nan, "float32", chunks=(1, *shape[1:]))
        fields[known(name).long_name] = dims, empty, about | {"standard_name": cf_name(name)}
    return empty_store.assign(fields)


def _valid(span: FileSpan) -> dict[str, str]:
    """Return the attributes that state the days with data, final and preliminary."""
    final = span.hours[span.expver == "0001"]
    first = span.hours[0]
    return {
        "valid_time_start": str(first.astype("datetime64[D]")),
        "valid_time_stop": str((final[-1] if final.size else first - 1).astype("datetime64[D]")),
        "valid_time_stop_era5t": str(span.hours[-1].astype("datetime64[D]")),
    }
