"""Say in CF and ACDD what a dataset holds, whatever a user made of it, before it is written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from ..storage.marks import COMPLETE, CONTENT

__all__ = ["BLOCK", "as_cf", "map_dims"]

#: Attribute of the root: how many times are in an object, or lengths along several dims.
BLOCK = "xldm_block"
# What a dataset that was read from a store no longer says when it is written again: it may be cut.
_OF_A_STORE = (
    BLOCK, COMPLETE, CONTENT, "coordinates",
    *(f"geospatial_{name}_{what}" for name in ("lat", "lon") for what in ("min", "max", "units")),
    *(f"time_coverage_{what}" for what in ("start", "end", "duration", "resolution")),
)  # fmt: skip

_SPACE = {
    "projection_x_coordinate", "projection_y_coordinate", "grid_longitude", "grid_latitude",
    "longitude", "latitude",
}  # fmt: skip
_NAMES = {"y", "x", "lat", "lon", "latitude", "longitude", "rlat", "rlon"}


def map_dims(out: xr.Dataset) -> tuple[str, ...]:
    """Return the dims of a map, in any order: by their coordinates' meaning, or by name.

    Examples
    --------
    >>> fields = xr.Dataset({"t2m": (("y", "x", "time"), np.zeros((2, 3, 4)))})
    >>> map_dims(fields)
    ('y', 'x')
    """

    def is_space(dim: str) -> bool:
        attrs = out[dim].attrs if dim in out.coords else {}
        return (
            dim in _NAMES or attrs.get("axis") in ("X", "Y") or attrs.get("standard_name") in _SPACE
        )

    return tuple(str(dim) for dim in out.sizes if is_space(str(dim)))


def as_cf(out: xr.Dataset) -> xr.Dataset:
    """Return a dataset whose file is clean CF, and that says where and when its fields lie.

    Every map names the grid mapping, derived ones too. Coordinates that belong to no field are
    listed for the whole file, so that xarray reads them as coordinates.
    """
    out = out.drop_encoding()
    space, mapping = map_dims(out), _grid_mapping(out)
    attrs = {k: v for k, v in out.attrs.items() if k not in _OF_A_STORE and v is not None}
    variables = {}
    for name, v in out.variables.items():
        v = v.copy(deep=False)
        v.attrs = {k: a for k, a in v.attrs.items() if k not in ("grid_mapping", "coordinates")}
        if mapping is not None and name not in out.coords and space and {*space} <= {*v.dims}:
            v.encoding["grid_mapping"] = mapping
        if name in out.coords and v.dtype.kind == "f":
            v.encoding["_FillValue"] = None
        variables[name] = v
    described = xr.Dataset(variables).set_coords(list(out.coords))
    fields = [{*v.dims} for v in out.data_vars.values()]
    apart = [
        str(n)
        for n, c in out.coords.items()
        if n not in out.dims and (n == mapping or not any({*c.dims} <= dims for dims in fields))
    ]
    if apart:
        attrs["coordinates"] = " ".join(sorted(apart))
    described.attrs = attrs | _extent(out)
    return described


def _grid_mapping(out: xr.Dataset) -> str | None:
    """Return the name of the only grid mapping, if there is one."""
    found = [str(n) for n, v in out.variables.items() if "grid_mapping_name" in v.attrs]
    return found[0] if len(found) == 1 else None


def _extent(out: xr.Dataset) -> dict[str, object]:
    """Return the ACDD attributes of where and when fields lie."""
    told: dict[str, object] = {}
    for name, role in (("lat", "latitude"), ("lon", "longitude")):
        values = next((c for c in out.coords.values() if _means(c, role) and c.size), None)
        if values is not None:
            ends = float(values.min()), float(values.max())
            told |= dict(
                zip((f"geospatial_{name}_min", f"geospatial_{name}_max"), ends, strict=True)
            )
            told[f"geospatial_{name}_units"] = f"degrees_{'north' if name == 'lat' else 'east'}"
    times = next((c for c in out.coords.values() if _means(c, "time") and c.size), None)
    if times is not None and times.dtype.kind == "M":
        first, last = (pd.Timestamp(end) for end in (times.values.min(), times.values.max()))
        told |= {"time_coverage_start": _iso(first), "time_coverage_end": _iso(last)}
        told["time_coverage_duration"] = (last - first).isoformat()
        if times.ndim == 1 and times.size > 1 and np.unique(np.diff(times.values)).size == 1:
            told["time_coverage_resolution"] = pd.Timedelta(np.diff(times.values)[0]).isoformat()
    return told


def _means(coord: xr.DataArray, role: str) -> bool:
    return coord.attrs.get("standard_name") == role


def _iso(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
