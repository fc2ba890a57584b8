"""Take fields at stations, or at the points of another grid, with temperature at their height."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import xarray as xr

from .arguments import LAPSE_RATE, brief, instance, refuse
from .errors import ArgumentError
from .grids.projected import stated_crs
from .packages.registry import load_model

if TYPE_CHECKING:
    from .models.model import Model

__all__ = ["at"]


def at(
    out: xr.Dataset,
    lon: Any,
    lat: Any,
    *,
    height: Any = None,
    model: str | Model | None = None,
    lapse_rate: float = 0.0065,
) -> xr.Dataset:
    """Interpolate downscaled fields to points: stations, or a grid of longitude and latitude.

    Values are bilinear between cell centres, and missing beyond the outermost ones. With the height
    of the points, air temperature is brought from the model's terrain to that height.

    Parameters
    ----------
    out : Dataset
        The result of :func:`xldm.downscale` or :func:`xldm.interpolate`, or a part of it; lazy or
        not.
    lon, lat : number, array, pandas.Series or DataArray
        Degrees east and north. Arrays give a dim ``station``, and a Series that of its index.
        DataArrays are broadcast: along two dims they give a grid.
    height : number, array, pandas.Series or DataArray, optional
        Height of the points above sea level, in m.
    model : str or Model, optional
        Whose terrain the heights are compared with; by default the model that ``out`` names.
    lapse_rate : float
        Decrease of air temperature with height, in K/m.

    Returns
    -------
    Dataset
        Fields with the dims of the points instead of y and x, lazy if ``out`` is. With ``height``,
        the coordinate ``model_height`` has the height of the model's terrain.

    Raises
    ------
    ArgumentError
        If the points or the grid cannot be used, or if all points lie outside of it.

    Examples
    --------
    >>> import xldm
    >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
    >>> out = era5.ldm.interpolate("italy-2km")
    >>> stations = pd.DataFrame(
    ...     {"lon": [6.9, 12.6], "lat": [45.9, 41.8], "height": [3466.0, 129.0]},
    ...     index=pd.Index(["Mont Blanc", "Ciampino"], name="name"),
    ... )
    >>> there = xldm.at(out, stations.lon, stations.lat, height=stations.height)
    >>> dict(there["t2m"].sizes), bool(there["t2m"][0, 0] < there["t2m"][0, 1])
    ({'time': 1, 'name': 2}, True)

    A grid of longitude and latitude:

    >>> grid = xr.Dataset(coords={"lat": np.linspace(45, 46, 51), "lon": np.linspace(9, 11, 101)})
    >>> dict(xldm.at(out, grid.lon, grid.lat)["t2m"].sizes)
    {'time': 1, 'lat': 51, 'lon': 101}
    """
    refuse(
        out=(out, instance(xr.Dataset, "an xarray.Dataset, as xldm.downscale gives")),
        lapse_rate=(lapse_rate, LAPSE_RATE),
    )
    points = _points(lon, lat, height)
    x, y = _on_grid(out, points)
    fields = out[[n for n, v in out.data_vars.items() if {"x", "y"} <= {*v.dims}]]
    kept = {
        n: c.variable
        for n, c in out.coords.items()
        if not {"x", "y"} & {*c.dims} and "grid_mapping_name" not in c.attrs
    }
    there = _bilinear(fields, x, y).assign_coords(kept | dict(points.variables))
    if height is None:
        return there
    terrain = _bilinear(_terrain(out, model), x, y)["orog"]
    return _raised(there, points["height"], terrain, float(lapse_rate))


def _terrain(out: xr.Dataset, model: str | Model | None) -> xr.Dataset:
    """Return the terrain of a model, or of the model that a dataset names."""
    if model is None:
        # Without the words that follow the name, as of tiles.
        model = str(out.attrs.get("model", "")).partition(" (")[0]
    if not model:
        raise ArgumentError(
            "height: the dataset has no attribute 'model' that names its terrain; pass model="
        )
    terrain = load_model(model).static[["orog"]]
    for axis in ("x", "y"):
        given, known = out[axis], terrain[axis]
        if given.min() < known.min() or given.max() > known.max():
            raise ArgumentError(
                f"model: its terrain ends before the fields do, along {axis} at "
                f"{float(known.min()):g} to {float(known.max()):g} m; pass the model that drew them"
            )
    return terrain


def _points(lon: Any, lat: Any, height: Any) -> xr.Dataset:
    """Return the coordinates of the points, with the same dims unless they span a grid."""
    about = {
        "lon": (lon, {"standard_name": "longitude", "units": "degrees_east"}),
        "lat": (lat, {"standard_name": "latitude", "units": "degrees_north"}),
        "height": (height, {"standard_name": "altitude", "units": "m", "positive": "up"}),
    }
    arrays = {
        n: _array(n, values).assign_attrs(attrs)
        for n, (values, attrs) in about.items()
        if values is not None or n != "height"
    }
    try:
        aligned = xr.align(*arrays.values(), join="exact")
        points = xr.Dataset(coords=dict(zip(arrays, aligned, strict=True)))
        xr.broadcast(*aligned)
    except ValueError as error:
        sizes = {n: dict(a.sizes) for n, a in arrays.items()}
        raise ArgumentError(
            f"lon, lat and height: expected the same points in the same order, got {sizes}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    if points["lon"].isnull().any():
        raise ArgumentError("lon: expected a number for each point; got NaN. Drop these points.")
    if not (np.abs(points["lat"]) <= 90).all():
        raise ArgumentError(
            f"lat: expected degrees from -90 to 90, got {float(points['lat'].min()):g} to "
            f"{float(points['lat'].max()):g}; lon comes first, then lat"
        )
    return points


def _array(name: str, values: Any) -> xr.DataArray:
    given = values
    if isinstance(values, pd.Series):
        values = values.rename_axis(str(values.index.name or "station")).to_xarray()
    array: xr.DataArray | np.ndarray
    array = values if isinstance(values, xr.DataArray) else _plain(values)
    if array.dtype.kind not in "iuf" or not array.size or np.isinf(array).any():
        raise ArgumentError(
            f"{name}: expected finite numbers, as of a table's column; got {brief(given)}"
        )
    if isinstance(array, xr.DataArray):
        return array.astype("float64").reset_coords(drop=True)
    array = array.astype("float64")
    if array.ndim > 1:
        raise ArgumentError(
            f"{name}: expected a number or one dim, got the shape {array.shape}; give DataArrays, "
            "whose dims have names"
        )
    return xr.DataArray(array, dims=("station",)[: array.ndim])


def _plain(values: Any) -> np.ndarray:
    """Return numbers as an array; what makes none becomes objects."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError):  # of lists of different lengths
        return np.empty((), object)


def _on_grid(out: xr.Dataset, points: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the points in the projection of a dataset."""
    mappings = [v.attrs for v in out.variables.values() if "grid_mapping_name" in v.attrs]
    if len(mappings) != 1 or "x" not in out.indexes or "y" not in out.indexes:
        raise ArgumentError(
            "out: expected coordinates x, y and spatial_ref, as downscale gives; got "
            f"{', '.join(map(str, out.coords))}. Open a store with decode_coords='all'."
        )
    to_metres = pyproj.Transformer.from_crs("EPSG:4326", stated_crs(mappings[0]), always_xy=True)
    lat, lon = xr.broadcast(points["lat"], points["lon"])
    x, y = (
        xr.DataArray(metres, dims=lat.dims)
        for metres in to_metres.transform(lon.values, lat.values)
    )
    along_x, along_y = (
        (axis >= float(centres.min())) & (axis <= float(centres.max()))
        for axis, centres in ((x, out["x"]), (y, out["y"]))
    )
    if not (along_x & along_y).any():
        raise ArgumentError(
            f"lon, lat: none of the {lon.size} points, at {float(lon.min()):g} to "
            f"{float(lon.max()):g} E and {float(lat.min()):g} to {float(lat.max()):g} N, lies on "
            "the grid; lon comes first, then lat"
        )
    return x, y


def _bilinear(fields: xr.Dataset, x: xr.DataArray, y: xr.DataArray) -> xr.Dataset:
    """Return fields between the cell centres, without any coordinates but those of dims."""
    if fields.chunks:
        fields = fields.chunk(x=-1, y=-1)
    bare = fields.drop_vars([n for n in fields.coords if n not in ("x", "y")])
    there = bare.interp(x=x, y=y).drop_vars(["x", "y"])
    for name, field in fields.data_vars.items():
        attrs = {k: v for k, v in field.attrs.items() if k != "grid_mapping"}
        there[name] = there[name].astype(field.dtype).drop_attrs().assign_attrs(attrs)
    return there


def _raised(
    there: xr.Dataset, height: xr.DataArray, terrain: xr.DataArray, lapse_rate: float
) -> xr.Dataset:
    """Return fields with air temperature at the height of the points."""
    about = {"standard_name": "surface_altitude", "units": "m"}
    there = there.assign_coords(model_height=terrain.drop_attrs().assign_attrs(about))
    rise = height.variable - terrain.variable
    told = {"comment": f"at the height of the point, by {lapse_rate:g} K/m from model_height"}
    return there.assign(
        {
            n: (v - lapse_rate * rise).astype(v.dtype).assign_attrs(v.attrs | told)
            for n, v in there.data_vars.items()
            if v.attrs.get("standard_name") == "air_temperature"
        }
    )
