"""ERA5 in the form of the Climate Data Store's netCDF since 2024, which cfgrib converts."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import xarray as xr

from ..coarse_view import ATTRS, LATITUDE, LONGITUDE
from .era5_names import SURFACE, UPPER_AIR, cf_name, known
from .file_span import FileSpan

__all__ = ["writer"]

_STREAMS = {
    "data_stream-oper_stepType-instant.nc": tuple(n for n in SURFACE if not known(n).accumulated),
    "data_stream-oper_stepType-accum.nc": tuple(n for n in SURFACE if known(n).accumulated),
}
_DIMS = ("valid_time", "latitude", "longitude")
_GRIB = {
    "GRIB_stepUnits": 1,
    "GRIB_gridType": "regular_ll",
    "GRIB_uvRelativeToGrid": 0,
    "GRIB_NV": 0,
    "GRIB_Nx": LONGITUDE.size,
    "GRIB_Ny": LATITUDE.size,
    "GRIB_numberOfPoints": LONGITUDE.size * LATITUDE.size,
    "GRIB_gridDefinitionDescription": "Latitude/Longitude Grid",
    "GRIB_iDirectionIncrementInDegrees": 0.25,
    "GRIB_jDirectionIncrementInDegrees": 0.25,
    "GRIB_iScansNegatively": 0,
    "GRIB_jScansPositively": 0,
    "GRIB_jPointsAreConsecutive": 0,
    "GRIB_latitudeOfFirstGridPointInDegrees": LATITUDE[0],
    "GRIB_latitudeOfLastGridPointInDegrees": LATITUDE[-1],
    "GRIB_longitudeOfFirstGridPointInDegrees": LONGITUDE[0],
    "GRIB_longitudeOfLastGridPointInDegrees": LONGITUDE[-1],
    "GRIB_missingValue": 3.4028234663852886e38,
    "GRIB_totalNumber": 0,
}


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """Write a zip of the surface's streams and a file of 850 hPa; yield their ``put``.

    ``put(hour, era5, fine)`` adds an hour.
    """
    archive, pressure = paths
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        streams = {Path(folder) / name: fields for name, fields in _STREAMS.items()}
        with ExitStack() as stack:
            files = [
                (stack.enter_context(_begun(path, names, span)), names)
                for path, names in {**streams, pressure: UPPER_AIR}.items()
            ]

            def put(hour: np.datetime64, era5: xr.Dataset, fine: xr.Dataset) -> None:
                for file, names in files:
                    for name in names:
                        file[name][span.row(hour)] = era5[name].values[0]

            yield put
        with zipfile.ZipFile(archive, "w") as zipped:
            for path in streams:
                zipped.write(path, path.name)


@contextmanager
def _begun(path: Path, names: tuple[str, ...], span: FileSpan) -> Iterator[h5netcdf.File]:
    """Create a file with coordinates and empty variables, and yield it."""
    with h5netcdf.File(path, "w") as file:
        file.attrs.update(
            span.attrs
            | {
                "GRIB_centre": "ecmf",
                "GRIB_subCentre": 0,
                "Conventions": "CF-1.7",
                "institution": "none: written by xldm in the form of the Climate Data Store",
            }
        )
        levels = names == UPPER_AIR
        _coordinates(file, span, levels=levels)
        dims = (_DIMS[0], "pressure_level", *_DIMS[1:]) if levels else _DIMS
        shape = [file.dimensions[dim].size for dim in dims]
        for name in names:
            variable = file.create_variable(
                name,
                dims,
                "float32",
                fillvalue=np.float32(np.nan),
                chunks=(24, *shape[1:]),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
            )
            variable.attrs.update(_attrs(name))
        yield file


def _coordinates(file: h5netcdf.File, span: FileSpan, *, levels: bool) -> None:
    seconds = span.hours.astype("datetime64[s]").astype("int64")
    about = {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian"}
    north = {"units": "degrees_north", "stored_direction": "decreasing"}
    axes = {
        "valid_time": (seconds, about | {"long_name": "time", "standard_name": "time"}),
        "latitude": (LATITUDE, north | _named("latitude")),
        "longitude": (LONGITUDE, {"units": "degrees_east"} | _named("longitude")),
    }
    if levels:
        down = {"units": "hPa", "positive": "down", "stored_direction": "decreasing"}
        air = {"long_name": "pressure", "standard_name": "air_pressure"}
        axes["pressure_level"] = np.array([850.0]), down | air
    file.dimensions = {name: values.size for name, (values, _) in axes.items()}
    for name, (values, attrs) in axes.items():
        file.create_variable(name, (name,), values.dtype, data=values).attrs.update(attrs)
    member = {"long_name": "ensemble member numerical id", "units": "1"}
    number = file.create_variable("number", (), "int64", data=np.int64(0))
    number.attrs.update(member | {"standard_name": "realization"})
    expver = file.create_variable("expver", ("valid_time",), h5py.string_dtype())
    expver[:] = span.expver.astype(object)


def _named(name: str) -> dict[str, str]:
    return {"standard_name": name, "long_name": name}


def _attrs(name: str) -> dict[str, object]:
    units, long_name, _ = ATTRS[name]
    summed = known(name).accumulated
    return {
        "GRIB_paramId": known(name).param,
        "GRIB_dataType": "fc" if summed else "an",
        "GRIB_typeOfLevel": "isobaricInhPa" if name in UPPER_AIR else "surface",
        "GRIB_stepType": "accum" if summed else "instant",
        **_GRIB,
        "GRIB_cfName": cf_name(name),
        "GRIB_cfVarName": name,
        "GRIB_name": long_name,
        "GRIB_shortName": known(name).short,
        "GRIB_units": units,
        "long_name": long_name,
        "units": units,
        "standard_name": cf_name(name),
        "coordinates": "number expver",
    }
