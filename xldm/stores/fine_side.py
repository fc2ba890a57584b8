"""Regrid COSMO's output to earth-relative fields on a projected fine grid.

COSMO computes on longitudes and latitudes about a rotated pole, and its wind components point along
them. Stored winds must point east and north.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import InputError
from ..grids.projected import coordinates, lon_lat
from ..grids.rotated_grib import with_rotated_axes
from ..grids.rotated_pole import (
    Pole,
    earth_winds,
    find_pole,
    geographic,
    point_east_and_north,
    refuse_other_positions,
    rotated,
)
from ..inputs.axes.times import time_axis
from ..inputs.decode import decode
from ..inputs.units import conversion
from ..vocabulary import VOCABULARY, units_of, winds

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["to_grid"]

# Names of COSMO, of VHR-REA_IT, of CORDEX, and of cfgrib.
_FIELDS = {
    **dict.fromkeys(("T_2M", "2MT", "tas", "t2m"), "t2m"),
    **dict.fromkeys(("TD_2M", "d2m"), "d2m"),
    **dict.fromkeys(("U_10M", "10U", "uas", "u10"), "u10"),
    **dict.fromkeys(("V_10M", "10V", "vas", "v10"), "v10"),
    **dict.fromkeys(("TOT_PREC", "TOT_PRECIP", "tp"), "tp"),
}
# Attributes that no longer hold on another grid or in other units.
_STALE = ("grid_mapping", "coordinates", "valid_range", "valid_min", "valid_max", "actual_range")
# Degrees by which cells may lie beyond the source's ends.
_TOUCH = 1e-5
# Steps of an axis may differ by this share, which admits single precision and no missing row.
_EVEN = 0.01


def to_grid(ds: xr.Dataset, grid: GridConfig, pole: tuple[float, ...] | None = None) -> xr.Dataset:
    """Interpolate COSMO output to the fine cells of a projected grid, with earth-relative winds.

    Interpolation is bilinear between the four surrounding points in rotated coordinates, where the
    source is regular, in double precision, and time by time. A cell is missing if a point with
    weight in it is missing. Precipitation is that of the nearest point, and stays summed over the
    source's window: between points it would rain too often, and too weakly (of real rain on points
    2.4 km apart, the 99.9 % quantile falls by 5 %, and power at 5 to 10 km by 2.8 dB).

    Winds are turned from the grid's directions to east and north, except components (as ``uas`` and
    ``vas`` of CORDEX) whose attributes say that they are eastward and northward.

    Parameters
    ----------
    ds : Dataset (time, rlat, rlon)
        Any of ``T_2M`` (``2MT``, ``tas``), ``TD_2M``, ``U_10M`` (``10U``, ``uas``) with ``V_10M``
        (``10V``, ``vas``), ``TOT_PREC`` (``TOT_PRECIP``), each with units; others are dropped. Of
        GRIB on a rotated grid, as cfgrib opens it, keys tell the axes and the pole. A height of one
        level is dropped. Two-dimensional longitude and latitude are checked against
        the pole. ``10U`` is ECMWF's name of an eastward wind and COSMO-REA6's of one along the
        grid: it needs a standard name, see :func:`xldm.grids.rotated_pole.earth_winds`.
    grid : GridConfig
        The grid; its fine cells are filled.
    pole : (latitude, longitude), optional
        The rotated north pole in degrees, if ``ds`` has no grid mapping.

    Returns
    -------
    Dataset (time, y, x)
        ``t2m``, ``d2m`` [K], ``u10``, ``v10`` [m s-1], ``tp`` [mm], those there are, float32; lazy
        where ``ds`` is.

    Raises
    ------
    InputError
        If the pole, an axis, units or half of a wind is missing, if positions contradict the pole,
        if winds do not say that they are along the grid, or if the grid is not covered.
    """
    ds = with_rotated_axes(decode(ds)[0])
    pole = find_pole(ds, pole)
    ds = _with_time(ds)
    for name, standard_name in (("rlat", "grid_latitude"), ("rlon", "grid_longitude")):
        ds = _with_axis(ds, name, standard_name)
    refuse_other_positions(ds, pole)
    names = _known(ds)
    rows, columns, matrix = _weights(grid, pole, _key(ds["rlat"]), _key(ds["rlon"]))
    cut = ds.isel(rlat=rows, rlon=columns)
    fields = xr.Dataset({name: _laid_out(cut[name], ours) for name, ours in names.items()})
    source = {ours: name for name, ours in names.items()}
    components = [source[ours] for ours in winds(source)]
    if components and not point_east_and_north(*(fields[name] for name in components)):
        # Winds turn at their own points, then are interpolated. The other way round, each vector
        # would turn by the angle of its neighbour.
        at = geographic(*np.meshgrid(cut["rlon"], cut["rlat"]), pole)
        lon, lat = (xr.DataArray(degrees, dims=("rlat", "rlon")) for degrees in at)
        u, v = (fields[name] for name in components)
        turned = earth_winds(u, v, lon, lat, pole)
        fields = fields.assign(dict(zip(components, turned, strict=True)))
    states = fields.drop_vars(source["tp"]) if "tp" in source else fields
    out = _on_cells(states, matrix, grid)
    if "tp" in source:
        out[source["tp"]] = _on_cells(fields[[source["tp"]]], _nearest(matrix), grid)[source["tp"]]
    out = out[list(names)].rename(names)
    bounds = ds["time"].attrs.get("bounds")
    kept = {n: ds[n].reset_coords(drop=True) for n in ("time", bounds) if n}
    out = out.assign_coords(kept).assign_coords(coordinates(grid, fine=True))
    frame = {"wind_frame": "earth"} if components else {}
    return _described(out).assign_attrs(ds.attrs | {"Conventions": "CF-1.11"} | frame)


def _on_cells(fields: xr.Dataset, matrix: scipy.sparse.csr_array, grid: GridConfig) -> xr.Dataset:
    return xr.apply_ufunc(
        _interpolate,
        fields,
        kwargs={"matrix": matrix, "shape": grid.fine_shape},
        input_core_dims=[["rlat", "rlon"]],
        output_core_dims=[["y", "x"]],
        keep_attrs=True,
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={
            "output_sizes": dict(zip(("y", "x"), grid.fine_shape, strict=True)),
            "allow_rechunk": False,
        },
    )


def _nearest(matrix: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Return a matrix that gives each cell the value of its point with the largest weight."""
    points = matrix.argmax(axis=1)
    starts = np.arange(points.size + 1)
    return type(matrix)((np.ones(points.size), points, starts), shape=matrix.shape)


def _with_time(ds: xr.Dataset) -> xr.Dataset:
    """Return the dataset along a checked ``time``, with its bounds if it names any."""
    time = time_axis(ds, series=True)
    attrs = dict(ds[time.name].attrs)
    if attrs.get("standard_name") != "time":
        attrs.pop("long_name", None)  # that of the initialisation
    attrs |= {"standard_name": "time"}
    if attrs.get("bounds") not in ds:
        attrs.pop("bounds", None)
    if len(time.dims) > 1:
        flat = ds.stack({"valid time": time.dims}, create_index=False)
        ds, dim = flat.isel({"valid time": time.order}), "valid time"
    elif time.dims:
        ds, dim = ds.isel(time.select), time.dims[0]
    else:
        dim = "valid time"
    # In GRIB, time is that of the initialisation, and valid_time is beside it.
    ds = ds.drop_vars([n for n in (time.name, dim, "time") if n in ds.variables])
    if not time.dims:
        ds = ds.expand_dims(dim)
    if dim != "time":
        ds = ds.rename({dim: "time"})
    return ds.assign_coords(time=("time", time.values, attrs))


def _with_axis(ds: xr.Dataset, name: str, standard_name: str) -> xr.Dataset:
    """Return the dataset with an even, ascending axis of rotated degrees under our name."""
    by_meaning = [n for n, c in ds.coords.items() if c.attrs.get("standard_name") == standard_name]
    found = next((n for n in (*by_meaning, name) if n in ds.coords and ds[n].dims == (n,)), None)
    if found is None:
        raise InputError(
            f"No {standard_name}: expected a coordinate {name!r} of that one dim, in degrees of "
            f"the rotated system; there are {', '.join(map(str, ds.coords)) or 'none'}."
        )
    if found != name:
        ds = ds.rename({found: name})
    axis = ds[name].values.astype("float64")
    steps = np.diff(axis)
    if axis.size < 2 or not (np.abs(steps / np.median(steps) - 1) < _EVEN).all():
        raise InputError(
            f"{found} is not evenly spaced: {axis.size} values from {axis[0]:g} to {axis[-1]:g}. "
            "Rotated coordinates of COSMO are: is a row missing, or are files joined out of order?"
        )
    ds = ds.assign_coords({name: (name, axis, ds[name].attrs)})
    return ds if steps[0] > 0 else ds.isel({name: slice(None, None, -1)})


def _known(ds: xr.Dataset) -> dict[str, str]:
    """Map the known variables of a dataset to our names."""
    names = {str(n): _FIELDS[n] for n in ds.data_vars if n in _FIELDS}
    if not names:
        raise InputError(
            f"None of COSMO's variables {', '.join(_FIELDS)} is in the dataset, which has "
            f"{', '.join(map(str, ds.data_vars)) or 'none'}: rename those that are."
        )
    if len(set(names.values())) < len(names):
        raise InputError(f"{', '.join(names)} hold a quantity twice: leave one of them out.")
    for here, other in (("u10", "v10"), ("v10", "u10")):
        if here in names.values() and other not in names.values():
            raise InputError(f"{here} cannot be turned without {other}, which is absent: add it.")
    return names


def _laid_out(field: xr.DataArray, ours: str) -> xr.DataArray:
    """Return a field with dims (time, rlat, rlon) in our units."""
    dims = ("time", "rlat", "rlon")
    levels = [d for d in field.dims if d not in dims]
    if not {*dims} <= {*field.dims} or any(field.sizes[d] > 1 for d in levels):
        raise InputError(
            f"{field.name} has dims {dict(field.sizes)}: expected {', '.join(dims)} and at most a "
            "height of one level."
        )
    units, wanted = field.attrs.get("units"), units_of(ours, "fine")
    if units is None:
        raise InputError(f"{field.name} states no units: set its attribute; expected {wanted}.")
    linear = conversion(units, wanted, water=VOCABULARY[ours].water)
    if linear is None:
        raise InputError(f"{field.name} is in {units!r}, which cannot become {wanted!r}.")
    attrs = {key: value for key, value in field.attrs.items() if key not in _STALE}
    field = field.isel(dict.fromkeys(levels, 0)).transpose(*dims)
    field = field.drop_vars([c for c in field.coords if c != "time"])
    if linear != (1.0, 0.0):
        field = field.astype("float64") * linear[0] + linear[1]
    if field.chunks is not None:
        field = field.chunk(rlat=-1, rlon=-1)
    return field.drop_attrs().assign_attrs(attrs)


def _described(out: xr.Dataset) -> xr.Dataset:
    for name, field in out.items():
        known = VOCABULARY[str(name)]
        field.attrs |= {
            "standard_name": known.standard_names[0],
            "long_name": known.long_name.replace("_", " "),
            "units": units_of(str(name), "fine"),
            "grid_mapping": "spatial_ref",
        }
    if "tp" in out:
        out["tp"].attrs["comment"] = "summed over the window that the source has it for"
    return out


def _interpolate(
    block: np.ndarray, *, matrix: scipy.sparse.csr_array, shape: tuple[int, int]
) -> np.ndarray:
    """Interpolate (..., rlat, rlon) to (..., y, x)."""
    out = np.empty((*block.shape[:-2], *shape), "float32")
    for lead in np.ndindex(block.shape[:-2]):
        out[lead] = (matrix @ block[lead].ravel().astype("float64")).reshape(shape)
    return out


def _key(axis: xr.DataArray) -> tuple[float, ...]:
    return tuple(axis.values.tolist())


@functools.lru_cache(maxsize=8)
def _weights(
    grid: GridConfig, pole: Pole, rlat: tuple[float, ...], rlon: tuple[float, ...]
) -> tuple[slice, slice, scipy.sparse.csr_array]:
    """Return rows and columns around the grid, and a matrix (fine cells, their points)."""
    import scipy.sparse  # here, since it takes a quarter of the package's import time

    lat, lon = np.array(rlat), np.array(rlon)
    need_lon, need_lat = (a.ravel() for a in rotated(*lon_lat(grid, fine=True), pole))
    need_lon = (need_lon - lon.mean() + 180) % 360 + lon.mean() - 180
    _refuse_uncovered(lat, lon, need_lat, need_lon)
    rows, row, row_weight = _neighbours(lat, need_lat)
    columns, column, column_weight = _neighbours(lon, need_lon)
    width, cells = columns.stop - columns.start, need_lat.size
    weights = row_weight[:, :, None] * column_weight[:, None, :]
    indices = row[:, :, None] * width + column[:, None, :]
    starts = np.arange(0, 4 * cells + 1, 4, dtype="int32")
    matrix = scipy.sparse.csr_array(
        (weights.ravel(), indices.ravel().astype("int32"), starts),
        shape=(cells, (rows.stop - rows.start) * width),
    )
    # Otherwise a missing point without weight would make a cell missing, as 0 x NaN is NaN.
    matrix.eliminate_zeros()
    return rows, columns, matrix


def _neighbours(axis: np.ndarray, need: np.ndarray) -> tuple[slice, np.ndarray, np.ndarray]:
    """Return the needed slice of an ascending axis, and neighbours (n, 2) in it with weights."""
    left = np.clip(np.searchsorted(axis, need, side="right") - 1, 0, axis.size - 2)
    share = np.clip((need - axis[left]) / (axis[left + 1] - axis[left]), 0.0, 1.0)
    part = slice(int(left.min()), int(left.max()) + 2)
    pair = np.stack([left, left + 1], axis=1) - part.start
    return part, pair, np.stack([1 - share, share], axis=1)


def _refuse_uncovered(
    lat: np.ndarray, lon: np.ndarray, need_lat: np.ndarray, need_lon: np.ndarray
) -> None:
    beyond = {
        "north": need_lat - lat[-1],
        "south": lat[0] - need_lat,
        "west": lon[0] - need_lon,
        "east": need_lon - lon[-1],
    }
    sides = [
        f"{(by > _TOUCH).sum()} in the {side}, by up to {by.max():.2f} degrees"
        for side, by in beyond.items()
        if by.max() > _TOUCH
    ]
    if sides:
        raise InputError(
            f"Of {need_lat.size} fine cells, some lie beyond the source, which spans rotated "
            f"latitudes {lat[0]:g} to {lat[-1]:g} and longitudes {lon[0]:g} to {lon[-1]:g}: "
            f"{'; '.join(sides)} (sides of the rotated system). Give a larger source or a smaller "
            "grid."
        )
