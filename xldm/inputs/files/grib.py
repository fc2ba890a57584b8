"""Open a GRIB file as one dataset that holds every field of it.

cfgrib leaves out fields that do not fit one hypercube: other heights, other steps. Here it opens
variable by variable, and these are joined.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from ...errors import InputError, MissingPackageError

__all__ = ["open_grib"]

_PRESSURE = ("isobaricInhPa", "isobaricInPa")
_AXES = (
    "number", "time", "step", "valid_time", *_PRESSURE, "latitude", "longitude", "y", "x", "values",
)  # fmt: skip
# Beside cfgrib's own: keys that say which product a field belongs to.
_KEYS = ["class", "stream"]
# One block for each field: its values are one message.
_CHUNKS = {"number": 1, "time": 1, "step": 1, "valid_time": 1}


def open_grib(path: str, folder: Path) -> xr.Dataset:
    """Open a GRIB file as one dataset, lazily.

    Pressure is always a dim. Another level is dropped where a variable has one: its name and its id
    tell. The hourly forecasts of ERA5 lie along valid time, since no two share one; other
    forecasts lie along initialisation (``time``) and lead (``step``). A field that lacks a lead,
    as sums lack lead 0, is missing there.

    Parameters
    ----------
    path : str
        A local file.
    folder : Path
        Folder for cfgrib's index.

    Raises
    ------
    MissingPackageError
        If cfgrib is not installed.
    InputError
        If ecCodes cannot read the file, or if its fields lie on several grids.
    """
    try:
        from cfgrib.dataset import DatasetBuildError
        from cfgrib.xarray_store import open_variable_datasets
        from eccodes import CodesInternalError
    except ImportError as error:
        raise MissingPackageError(
            "reading GRIB needs cfgrib and ecCodes: pip install 'xldm[grib]'"
        ) from error
    keys: dict[str, Any] = {
        "indexpath": str(folder / "{short_hash}.idx"),
        "errors": "raise",
        "squeeze": False,
        "read_keys": _KEYS,
    }
    try:
        opened = open_variable_datasets(path, backend_kwargs=keys, chunks=_CHUNKS)
        if opened and all(f.attrs.get("GRIB_class") == "ea" for ds in opened for f in ds.values()):
            keys["time_dims"] = ("valid_time",)
            opened = open_variable_datasets(path, backend_kwargs=keys, chunks=_CHUNKS)
    except (CodesInternalError, DatasetBuildError, EOFError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as GRIB: {error}. Is it cut short? Fetch it again."
        ) from error
    fields: dict[str, xr.DataArray] = {}
    # Where a name is that of several levels, pressure has it.
    held = [field for ds in opened for field in ds.data_vars.values()]
    for field in sorted(held, key=lambda f: f.attrs.get("GRIB_typeOfLevel") not in _PRESSURE):
        fields[_free_name(field, fields)] = _prepared(field)
    if not fields:
        raise InputError(f"{path} holds no GRIB message: it is empty, or was cut short.")
    _refuse_several_grids(path, fields)
    return _joined(fields, dict(opened[0].attrs))


def _free_name(field: xr.DataArray, taken: dict[str, xr.DataArray]) -> str:
    """Return the name of a field, with its kind of level where another has taken the name."""
    name = str(field.name)
    if name in taken:
        name = f"{name}_{field.attrs.get('GRIB_typeOfLevel', 'other')}"
    number = sum(n == name or n.startswith(f"{name}_") for n in taken)
    return f"{name}_{number}" if name in taken else name


def _prepared(field: xr.DataArray) -> xr.DataArray:
    """Return a field with the dims that a dataset of all fields shares."""
    for dim in [d for d in field.dims if d not in _AXES and field.sizes[d] == 1]:
        level = field[dim].item() if dim in field.coords else None
        field = field.isel({dim: 0})
        if isinstance(level, float):
            field = field.assign_attrs(GRIB_level=level)
    keep = {*field.dims, "latitude", "longitude"}
    return field.drop_vars([n for n in field.coords if n not in keep])


def _refuse_several_grids(path: str, fields: dict[str, xr.DataArray]) -> None:
    grids: dict[tuple, str] = {}
    for name, field in fields.items():
        at = [field.coords.get(n) for n in ("latitude", "longitude")]
        key = tuple(None if c is None else (c.dims, c.shape, c.values.tobytes()) for c in at)
        grids.setdefault(key, name)
    if len(grids) > 1:
        raise InputError(
            f"{path} holds fields on {len(grids)} grids, as those of {', '.join(grids.values())}: "
            "expected one. Split it by grid first, e.g. by grib_copy."
        )


def _joined(fields: dict[str, xr.DataArray], attrs: dict) -> xr.Dataset:
    # The grid is the same, so only leads, members, times and levels are joined.
    ds = xr.merge(
        [f.to_dataset(name=n) for n, f in fields.items()],
        join="outer",
        compat="override",
        combine_attrs="override",
    )
    for dim in ("number", "time", "step"):
        if ds.sizes.get(dim) == 1:
            ds = ds.squeeze(dim)
    if "time" in ds.coords and "step" in ds.coords:
        valid = (ds["time"] + ds["step"]).drop_attrs()
        ds = ds.assign_coords(valid_time=valid.assign_attrs(standard_name="time"))
        ds["time"].attrs |= {"standard_name": "forecast_reference_time"}
        ds["step"].attrs |= {"standard_name": "forecast_period"}
    return ds.assign_attrs(attrs)
