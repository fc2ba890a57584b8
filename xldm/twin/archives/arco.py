"""ERA5 as ARCO-ERA5 has it: one Zarr store with all levels, cut to the twin's area."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
#: Hours at both ends of the axis that hold no data, as years of the real one do.
EMPTY_BEFORE, EMPTY_AFTER = 72, 24
# Only 850 hPa is the twin's; the others are what it has times these, so that no level passes for
# another.
_FACTORS = (1 + (np.array(LEVELS) - 850) / 3500).astype("float32")


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """The store; yields ``put(hour, era5, fine)``. Hours not put have no chunks."""
    (path,) = paths
    template = _template(span)
    lead = {"time": 1}
    encoding = {
        name: {
            "chunks": tuple(lead.get(dim, size) for dim, size in field.sizes.items()),
            "_FillValue": np.float32(np.nan),
            "dtype": "float32",
        }
        for name, field in template.items()
    }
    encoding["time"] = {"units": "hours since 1900-01-01", "dtype": "int64"}
    template.to_zarr(path, compute=False, zarr_format=2, consolidated=True, encoding=encoding)
    store = zarr.open_group(str(path), mode="r+")
    arrays = {name: store[known(name).long_name] for name in ATTRS}

    def put(hour: np.datetime64, era5: xr.Dataset, fine: xr.Dataset) -> None:
        i = EMPTY_BEFORE + span.row(hour)
        for name in SURFACE:
            arrays[name][i] = era5[name].values[0]
        for name in UPPER_AIR:
            arrays[name][i] = era5[name].values[0, 0] * _FACTORS[:, None, None]

    yield put


def _template(span: FileSpan) -> xr.Dataset:
    """The store's metadata and coordinates, with fields that are not computed."""
    times = np.arange(span.hours[0] - EMPTY_BEFORE, span.hours[-1] + EMPTY_AFTER + 1)
    coords = {
        "time": times.astype("datetime64[ns]"),
        "level": ("level", np.array(LEVELS, "int64")),
        "latitude": ("latitude", LATITUDE.astype("float32"), {"units": "degrees_north"}),
        "longitude": ("longitude", LONGITUDE.astype("float32"), {"units": "degrees_east"}),
    }
    fields = {}
    for name, (units, long_name, _) in ATTRS.items():
        dims = ("time", "latitude", "longitude")
        if name in UPPER_AIR:
            dims = ("time", "level", *dims[1:])
        shape = [len(coords[d]) if d == "time" else len(coords[d][1]) for d in dims]
        about = {"long_name": long_name, "short_name": name, "units": units}
        empty = dask.array.full(shape, np.nan, "float32", chunks=(1, *shape[1:]))
        fields[known(name).long_name] = dims, empty, about | {"standard_name": cf_name(name)}
    return xr.Dataset(fields, coords, span.attrs | _valid(span))


def _valid(span: FileSpan) -> dict[str, str]:
    """The days between which the axis holds data, final and preliminary."""
    final = span.hours[span.expver == "0001"]
    first = span.hours[0]
    return {
        "valid_time_start": str(first.astype("datetime64[D]")),
        "valid_time_stop": str((final[-1] if final.size else first - 1).astype("datetime64[D]")),
        "valid_time_stop_era5t": str(span.hours[-1].astype("datetime64[D]")),
    }
