"""ERA5 in the form of the Climate Data Store's GRIB: edition 1, as ECMWF archives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import numpy as np
import xarray as xr

from ...errors import MissingPackageError
from ..coarse_view import LATITUDE, LONGITUDE
from .era5_names import SURFACE, UPPER_AIR, known
from .file_span import FileSpan

__all__ = ["BITS", "codes", "writer"]

#: Bits of a packed value; they span the range from a message's minimum to its maximum.
BITS = 16
_MISSING = 9999.0
# Section 1 with ECMWF's local span, which holds the MARS keys, then the grid.
_COMMON = {
    "centre": 98,
    "generatingProcessIdentifier": 145,
    "setLocalDefinition": 1,
    "localDefinitionNumber": 1,
    "class": "ea",
    "stream": "oper",
    "Ni": LONGITUDE.size,
    "Nj": LATITUDE.size,
    "latitudeOfFirstGridPointInDegrees": LATITUDE[0],
    "latitudeOfLastGridPointInDegrees": LATITUDE[-1],
    "longitudeOfFirstGridPointInDegrees": LONGITUDE[0],
    "longitudeOfLastGridPointInDegrees": LONGITUDE[-1],
    "iDirectionIncrementInDegrees": 0.25,
    "jDirectionIncrementInDegrees": 0.25,
    "packingType": "grid_simple",
    "bitsPerValue": BITS,
}


@contextmanager
def writer(paths: list[Path], span: FileSpan) -> Iterator[Callable]:
    """Open the files of the surface and of 850 hPa, and yield ``put(hour, era5, fine)``."""
    with paths[0].open("wb") as surface, paths[1].open("wb") as pressure:

        def put(hour: np.datetime64, era5: xr.Dataset, fine: xr.Dataset) -> None:
            expver = {"experimentVersionNumber": span.expver[span.row(hour)]}
            for name in SURFACE:
                keys = {"paramId": known(name).param, **expver, **_times(hour, name)}
                _add(surface, "regular_ll_sfc_grib1", keys, era5[name].values.ravel())
            for name in UPPER_AIR:
                keys = {"paramId": known(name).param, "level": 850, **expver, **_times(hour, name)}
                _add(pressure, "regular_ll_pl_grib1", keys, era5[name].values.ravel())

        yield put


def codes() -> ModuleType:
    """Return the ecCodes library, or raise an error that says how to install it."""
    try:
        import eccodes
    except ImportError as error:
        raise MissingPackageError(
            "writing GRIB needs ecCodes: pip install 'xldm[grib]', or leave out cds-grib"
        ) from error
    return eccodes


def _times(hour: np.datetime64, name: str) -> dict[str, object]:
    """Return the time keys of an analysis, or of a forecast for a sum over the hour.

    Sums come from the short forecasts of 06 and 18 UTC, hours 1 to 12 of each. So the sum that ends
    at 00 UTC belongs to a forecast of the previous day.
    """
    if known(name).accumulated:
        step = (int(hour.astype("int64")) - 7) % 12 + 1
        base = hour - step
        keys = {"type": "fc", "stepType": "accum", "stepRange": f"{step - 1}-{step}"}
    else:
        base, keys = hour, {"type": "an", "stepRange": "0"}
    date, time = str(base).split("T")
    return {"dataDate": int(date.replace("-", "")), "dataTime": int(time) * 100, **keys}


def _add(file: BinaryIO, sample: str, keys: dict[str, object], values: np.ndarray) -> None:
    """Append a message; a bitmap marks missing values, such as the sea's temperature on land."""
    eccodes = codes()
    values, gaps = values.astype("float64"), np.isnan(values)
    if gaps.any():
        keys = keys | {"bitmapPresent": 1, "missingValue": _MISSING}
    handle = eccodes.codes_grib_new_from_samples(sample)
    try:
        for key, value in (_COMMON | keys).items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.where(gaps, _MISSING, values))
        eccodes.codes_write(handle, file)
    finally:
        eccodes.codes_release(handle)
