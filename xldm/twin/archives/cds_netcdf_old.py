"""ERA5 in the form of the Climate Data Store's netCDF until 2024: classic, packed integers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import scipy.io
import xarray as xr

from ..coarse_view import ATTRS, LATITUDE, LONGITUDE
from .era5_names import SURFACE, UPPER_AIR, cf_name
from .file_span import FileSpan

__all__ = ["writer"]

_FILL = np.int16(-32767)
_EPOCH = np.datetime64("1900-01-01T00", "h")
# Values of the dimension expver: final, preliminary.
_VERSIONS = (1, 5)


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """Write the files of the surface and of 850 hPa; yield ``put(hour, era5, fine)``.

    The packing depends on the extremes of the whole file, so values wait in a temporary file.
    """
    names = (*SURFACE, *UPPER_AIR)
    shape = (len(names), span.hours.size, LATITUDE.size, LONGITUDE.size)
    with tempfile.TemporaryFile(dir=paths[0].parent) as scratch:
        held = np.memmap(scratch, "float32", "w+", shape=shape)

        def put(hour: np.datetime64, era5: xr.Dataset, fine: xr.Dataset) -> None:
            for place, name in zip(held[:, span.row(hour)], names, strict=True):
                place[:] = era5[name].values.reshape(place.shape)

        yield put
        _pack(paths[0], dict(zip(names, held, strict=True)), SURFACE, span)
        _pack(paths[1], dict(zip(names, held, strict=True)), UPPER_AIR, span)


def _pack(
    path: Path, fields: dict[str, np.ndarray], names: tuple[str, ...], span: FileSpan
) -> None:
    # Version 2 is the classic format with 64-bit offsets.
    with scipy.io.netcdf_file(path, "w", version=2) as file:
        for key, value in (span.attrs | {"Conventions": "CF-1.6"}).items():
            setattr(file, key, value)
        file.history = "written by xldm in the form of grib_to_netcdf"
        dims = _coordinates(file, span, levels=names == UPPER_AIR)
        for name in names:
            _variable(file, name, dims, fields[name], span)


def _coordinates(file: scipy.io.netcdf_file, span: FileSpan, *, levels: bool) -> tuple[str, ...]:
    axes = {
        "longitude": (LONGITUDE.astype("float32"), {"units": "degrees_east"}),
        "latitude": (LATITUDE.astype("float32"), {"units": "degrees_north"}),
    }
    if levels:
        about = {"units": "millibars", "long_name": "pressure_level"}
        axes["level"] = np.array([850], "int32"), about
    if (span.expver != "0001").any():
        axes["expver"] = np.array(_VERSIONS, "int32"), {}
    since = {"units": "hours since 1900-01-01 00:00:00.0", "calendar": "gregorian"}
    axes["time"] = (span.hours - _EPOCH).astype("int32"), since
    for name, (values, attrs) in axes.items():
        file.createDimension(name, values.size)
        variable = file.createVariable(name, values.dtype, (name,))
        variable[:] = values
        for key, value in ({"long_name": name} | attrs).items():
            setattr(variable, key, value)
    return tuple(reversed(axes))


def _variable(
    file: scipy.io.netcdf_file, name: str, dims: tuple[str, ...], values: np.ndarray, span: FileSpan
) -> None:
    """Pack values as grib_to_netcdf does: the minimum becomes -32766, the maximum 32767."""
    # NumPy doubles, since scipy would store a Python float in single precision.
    low, high = np.float64(np.nanmin(values)), np.float64(np.nanmax(values))
    scale = (high - low) / 65533 or np.float64(1)
    offset = (high + low - scale) / 2
    variable = file.createVariable(name, np.int16, dims)
    units, long_name, _ = ATTRS[name]
    attrs: dict[str, object] = {"scale_factor": scale, "add_offset": offset, "_FillValue": _FILL}
    attrs |= {"missing_value": _FILL, "units": units, "long_name": long_name}
    if cf_name(name) != "unknown":
        attrs["standard_name"] = cf_name(name)
    for key, value in attrs.items():
        setattr(variable, key, value)
    variable[:] = _FILL
    for i, hour in enumerate(values):
        packed = np.rint((hour.astype("float64") - offset) / scale)
        version = (_VERSIONS.index(int(span.expver[i])),) if "expver" in dims else ()
        variable[(i, *version)] = np.where(np.isnan(packed), _FILL, packed)
