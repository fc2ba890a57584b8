"""Interpolate fields of any grid with known positions to a regular grid of degrees."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import xarray as xr

from ..arguments import BOX, number, refuse
from ..errors import ArgumentError, InputError
from ..grids.projected import stated_crs
from ..grids.rotated_pole import find_pole, geographic
from .axes.positions import find_position
from .decode import decode

__all__ = ["to_regular_grid"]

# Degrees around the box whose cells are used, in steps of the source at least.
_AROUND = 1.0
_FINEST, _MOST_CELLS = 1e-4, 10**8
_ALONG_GRID = ("x_wind", "y_wind", "grid_eastward_wind", "grid_northward_wind")
_EARTH = {"u": "eastward_wind", "v": "northward_wind"}
# Names of wind components, without the height or level that may follow.
_WINDS = {
    "u": ("u", "ua", "uas", "u10", "u10m", "10u", "u_10m", "10m_u_component_of_wind"),
    "v": ("v", "va", "vas", "v10", "v10m", "10v", "v_10m", "10m_v_component_of_wind"),
}


def to_regular_grid(
    ds: xr.Dataset, box: tuple[float, float, float, float], step: float = 0.25
) -> xr.Dataset:
    """Interpolate fields of a curvilinear, reduced or unstructured grid to a regular one.

    Positions are triangulated by SciPy, and values are interpolated linearly in each triangle. A
    cell is missing if a corner of its triangle is. Sums are interpolated alike, so they are not
    conserved exactly.

    Parameters
    ----------
    ds : xarray.Dataset
        With the latitude and longitude of every cell as coordinates.
    box : (lon_min, lat_min, lon_max, lat_max)
        What the regular grid covers, in degrees.
    step : float
        Its step in degrees. Take that of the source, or a little less.

    Returns
    -------
    xarray.Dataset
        Fields on (latitude, longitude), with latitude descending; variables that do not lie on the
        cells are kept. Dask stays dask.

    Raises
    ------
    InputError
        If cells have no position; if winds point along a grid and not to the east and north.
    ArgumentError
        If the box is empty, or too far from the source.

    Examples
    --------
    >>> lat, lon = np.array([44.0, 46.0, 44.0, 46.0]), np.array([9.0, 9.5, 11.0, 11.5])
    >>> ds = xr.Dataset({"t2m": ("cell", lat + lon)}, {"lat": ("cell", lat), "lon": ("cell", lon)})
    >>> to_regular_grid(ds, (10.0, 44.5, 10.5, 45.0), 0.5)["t2m"].values
    array([[55. , 55.5],
           [54.5, 55. ]])
    """
    refuse(box=(box, BOX), step=(step, number(_FINEST, 90, "a number of degrees, as 0.25")))
    west, south, east, north = box
    if (count := (east - west) * (north - south) / step**2) > _MOST_CELLS:
        raise ArgumentError(
            f"step: {step:g} degree over the box makes {count:.2g} cells, more than "
            f"{_MOST_CELLS:.0e}: take a wider step, that of the source, or a smaller box."
        )
    ds = _with_positions(decode(ds)[0])
    cells, positions = _cells(ds, (west + east) / 2)
    lat = np.arange(round((north - south) / step) + 1)[::-1] * step + south
    lon = np.arange(round((east - west) / step) + 1) * step + west
    near, corners, weights = _weights(positions, lon, lat)

    def interpolated(block: np.ndarray) -> np.ndarray:
        flat = block.reshape(*block.shape[: -len(cells)], -1)[..., near]
        values = (flat[..., corners] * weights).sum(-1)
        return values.reshape(*values.shape[:-1], lat.size, lon.size)

    fields = {n: f for n, f in ds.data_vars.items() if {*cells} <= {*f.dims}}
    if len(cells) > 1:
        for name, field in fields.items():
            _refuse_along_grid(name, field)
    rest = ds.drop_dims([d for d in cells if d in ds.dims]).drop_vars(
        ("latitude", "longitude"), errors="ignore"
    )
    sizes = {"latitude": lat.size, "longitude": lon.size}
    out = rest.assign({n: _applied(interpolated, f, cells, sizes) for n, f in fields.items()})
    return out.assign_coords(
        latitude=("latitude", lat, {"standard_name": "latitude", "units": "degrees_north"}),
        longitude=("longitude", lon, {"standard_name": "longitude", "units": "degrees_east"}),
    )


def _applied(
    function: Callable[[np.ndarray], np.ndarray],
    field: xr.DataArray,
    cells: tuple[Hashable, ...],
    sizes: dict[str, int],
) -> xr.DataArray:
    """Return a field after a function of its values on the cells."""
    field = field.drop_vars([n for n, c in field.coords.items() if {*c.dims} & {*cells}])
    if field.chunks is not None:
        field = field.chunk(dict.fromkeys(cells, -1))
    out = xr.apply_ufunc(
        function,
        field.astype("float64"),
        input_core_dims=[list(cells)],
        output_core_dims=[list(sizes)],
        dask="parallelized",
        output_dtypes=["float64"],
        dask_gufunc_kwargs={"output_sizes": sizes},
    )
    kept = {k: v for k, v in field.attrs.items() if k not in ("grid_mapping", "coordinates")}
    return out.drop_vars(("latitude", "longitude"), errors="ignore").assign_attrs(kept)


def _with_positions(ds: xr.Dataset) -> xr.Dataset:
    """Return the dataset with the positions that follow from its grid mapping, if it has none."""
    if all(find_position(ds, what) is not None for what in ("latitude", "longitude")):
        return ds
    for variable in ds.variables.values():
        mapping = variable.attrs.get("grid_mapping_name", "latitude_longitude")
        if mapping != "latitude_longitude":
            break
    else:
        raise InputError(
            "Cells have no positions: expected latitude and longitude as coordinates along the "
            "dims of the fields, or a grid mapping that they follow from."
        )
    rotated = mapping == "rotated_latitude_longitude"
    meant = ("grid_longitude", "grid_latitude") if rotated else (
        "projection_x_coordinate", "projection_y_coordinate",
    )  # fmt: skip
    x, y = (_axis(ds, name, short) for name, short in zip(meant, ("x", "y"), strict=True))
    along, up = np.meshgrid(x.values, y.values)
    if rotated:
        lon, lat = geographic(along, up, find_pole(ds))
    else:
        from pyproj import Transformer

        crs = stated_crs(variable.attrs)
        metres = 1000.0 if str(x.attrs.get("units")) == "km" else 1.0
        turn = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        lon, lat = turn.transform(along * metres, up * metres)
    dims = (*y.dims, *x.dims)
    attrs = {"latitude": {"units": "degrees_north"}, "longitude": {"units": "degrees_east"}}
    return ds.assign_coords(
        latitude=(dims, lat, attrs["latitude"]), longitude=(dims, lon, attrs["longitude"])
    )


def _axis(ds: xr.Dataset, standard_name: str, short: str) -> xr.DataArray:
    names = [n for n, c in ds.coords.items() if c.attrs.get("standard_name") == standard_name]
    names += [n for n in (short, f"r{'lon' if short == 'x' else 'lat'}") if n in ds.coords]
    if not names:
        raise InputError(
            f"No {standard_name}: expected a coordinate of that standard name, which the grid "
            "mapping needs."
        )
    return ds[names[0]]


def _cells(ds: xr.Dataset, centre: float) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """Return the dims of cells, and longitude and latitude of each, (n, 2)."""
    lat, lon = (find_position(ds, what) for what in ("latitude", "longitude"))
    if lat is None or lon is None:
        raise InputError("No field lies on the cells that positions are given for: nothing to do.")
    lat, lon = xr.broadcast(lat, lon)
    times = [d for d in lat.dims if d in ds.indexes and ds[d].dtype.kind == "M"]
    lat, lon = (c.isel(dict.fromkeys(times, 0)) for c in (lat, lon))
    lon = (lon - centre + 180) % 360 + centre - 180
    return lat.dims, np.stack([lon.values.ravel(), lat.values.ravel()], axis=1).astype("float64")


def _weights(
    positions: np.ndarray, lon: np.ndarray, lat: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indices of cells near the box, and corners in them with weights of each point."""
    from scipy.spatial import Delaunay

    low = np.array([lon.min(), lat.min()]) - _AROUND
    high = np.array([lon.max(), lat.max()]) + _AROUND
    held = np.isfinite(positions).all(axis=1)
    near = np.flatnonzero(held & ((positions >= low) & (positions <= high)).all(axis=1))
    if near.size < 3:
        raise ArgumentError(
            f"{near.size} of {len(positions)} cells lie within {_AROUND:g} degree of the box: "
            "expected a source that covers it. Choose another box, or a finer source."
        )
    mesh = Delaunay(positions[near])
    points = np.stack([a.ravel() for a in np.meshgrid(lon, lat)], axis=1)
    triangle = mesh.find_simplex(points)
    transform = mesh.transform[triangle]
    shares = np.einsum("nij,nj->ni", transform[:, :2], points - transform[:, 2])
    weights = np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True)], axis=1)
    weights[triangle < 0] = np.nan  # beyond the outermost cells
    return near, mesh.simplices[triangle], weights


def _refuse_along_grid(name: Hashable, field: xr.DataArray) -> None:
    """Refuse a wind component of a grid with directions of its own that may point along them."""
    says, stem = field.attrs.get("standard_name"), str(name).lower()
    stems = {stem, stem.rstrip("0123456789")}
    of = next((k for k, names in _WINDS.items() if stems & {*names}), None)
    earth = field.attrs.get("wind_frame") == "earth" or (of and says == _EARTH[of])
    along = says in _ALONG_GRID or field.attrs.get("GRIB_uvRelativeToGrid") == 1
    if along or (of is not None and not earth):
        wanted = _EARTH.get(of or "", "eastward_wind")
        raise InputError(
            f"{name} may point along the grid, expected winds to the east and north. Rotate it "
            f"first, or leave it out: ds.drop_vars({name!r}). If it points to the earth's "
            f"directions, use ds.assign({{{name!r}: ds[{name!r}].assign_attrs("
            f"standard_name={wanted!r}, GRIB_uvRelativeToGrid=0)}})."
        )
