"""Interpolate a dataset from its own points: the simplest methods that a model has to beat."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from . import conserving
from .arguments import LAPSE_RATE, choice, refuse
from .drawing import not_finite
from .grids.conservation import Constraint, means, nearest
from .grids.projected import METRES_PER_DEGREE
from .grids.splines import splines
from .inputs.predictors import examine, predictors
from .inputs.units import in_units
from .nets.field_sizes import field_sizes
from .output import about, laid_on_grid
from .packages.registry import load_model

if TYPE_CHECKING:
    from .inputs.report import Report
    from .models.model import Model

__all__ = ["STANDARD", "interpolate", "local_lapse_rate"]

#: Lapse rate of the standard atmosphere, K m-1.
STANDARD = 6.5e-3
# Standard deviation of the Gaussian by which points count for a local lapse rate.
_REACH = 80e3  # m
# Where heights vary less than this, it tends to the standard one.
_PRIOR = 200.0  # m
# It stays between an inversion and a dry adiabat.
_LIMITS = -5e-3, 9.8e-3  # K m-1


def interpolate(
    ds: xr.Dataset,
    model: str | Model,
    *,
    lapse_rate: float | str | None = None,
    region: str | tuple[float, float, float, float] | None = None,
) -> xr.Dataset:
    """Interpolate coarse fields to the fine grid of a model, from their own points.

    Quadratic splines run along latitude and longitude. With a lapse rate, temperature is brought
    to the height of the fine terrain. No network is used: a downscaler should beat this.

    Parameters
    ----------
    ds : xarray.Dataset
        As for :func:`xldm.downscale`. Only fields of the model's targets are needed.
    model : str or Model
        Its targets, grid and terrain are used.
    lapse_rate : float or "local", optional
        Decrease of air temperature with height in K/m, as 0.0065; or that of the coarse values
        around each point, by regression on their heights. The coarse height is the mean of the
        model's terrain over the footprint of each value.
    region : "covered" or (lon_min, lat_min, lon_max, lat_max), optional
        As for :func:`xldm.downscale`.

    Returns
    -------
    xarray.Dataset
        Targets with dims (time, y, x) and the coordinates and attributes of
        :func:`xldm.downscale` without members; lazy if the input is. Targets that the input lacks
        are left out.

    Raises
    ------
    InputError
        If the dataset cannot be used, or has no target.
    ArgumentError
        If the lapse rate is none.

    Examples
    --------
    >>> import xldm
    >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
    >>> smooth = xldm.interpolate(era5, "italy-2km")
    >>> sorted(smooth.data_vars), dict(smooth["t2m"].sizes)
    (['t2m', 'tp', 'u10', 'v10'], {'time': 1, 'y': 672, 'x': 576})
    >>> with_terrain = xldm.interpolate(era5, "italy-2km", lapse_rate=0.0065)
    >>> bool(with_terrain["t2m"].std() > smooth["t2m"].std())
    True
    """
    refuse(lapse_rate=(lapse_rate, choice("local") | LAPSE_RATE.or_none))
    model = load_model(model)
    config = model.config
    units = {v.name: v.units for v in config.targets}
    own = [in_units(v, units[v.name]) for v in config.predictors if v.name in config.own]
    sizes = field_sizes(config.components, config.grid.factor)
    report = examine(ds, own, config.grid, region=region, sizes=sizes)
    report.raise_for_problems()
    fields, when = predictors(ds, report), report.time
    assert when is not None  # else the report has problems
    at = conserving.constraint(report, config.footprint)
    fine = {}
    for target in (v for v in config.targets if v.name in fields):
        field = fields[target.name]
        times = None if target.only_at_sea else xr.DataArray(when.values, dims=when.out)
        smooth = _by_points(
            _on_fine, field, ("y", "x"), at.grid.fine_shape, times, name=target.name, at=at
        )
        if lapse_rate is not None and target.standard_name == "air_temperature":
            smooth = smooth - _cooling(field, lapse_rate, model, report, at)
        fine[target.name] = smooth.astype("float32").clip(target.lower, target.upper)
    terrain = "" if lapse_rate is None else f"; temperature by lapse rate ({lapse_rate})"
    method = f"quadratic interpolation from the points of the input{terrain}"
    told = about(config, method) | {
        "summary": f"Coarse fields on the grid of {config.name}, by {method}.",
        "source": f"xldm {version('xldm')}: {method}",
        "history": f"xldm {version('xldm')}: {method}",
        "model": f"{config.name} (its grid{' and terrain' if terrain else ''})",
        "model_sha256": model.sha256,
        "input_notes": " ".join(report.changes),
    }
    return laid_on_grid(fine, fields, config, report, told)


def _by_points(
    function: Callable[..., np.ndarray],
    field: xr.DataArray,
    dims: tuple[str, str],
    shape: tuple[int, int],
    times: xr.DataArray | None = None,
    name: str = "",
    **options: Any,
) -> xr.DataArray:
    """Apply a function to each (latitude, longitude) of a field, block by block if it is lazy.

    With its times, a field with holes is refused.
    """
    if field.chunks is not None:
        field = field.chunk(latitude=-1, longitude=-1)
    return xr.apply_ufunc(
        _each,
        field.drop_vars(field.coords),
        *(() if times is None else (times,)),
        kwargs={"function": functools.partial(function, **options), "shape": shape, "name": name},
        input_core_dims=[["latitude", "longitude"], *([] if times is None else [[]])],
        output_core_dims=[list(dims)],
        exclude_dims={"latitude", "longitude"},
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={"output_sizes": dict(zip(dims, shape, strict=True))},
    )


def _each(
    block: np.ndarray,
    times: np.ndarray | None = None,
    *,
    function: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, int],
    name: str,
) -> np.ndarray:
    bad = ~np.isfinite(block).all(axis=(-2, -1))
    if times is not None and bad.any():
        raise not_finite(name, np.broadcast_to(times, bad.shape)[bad][0])
    out = np.empty((*block.shape[:-2], *shape), "float32")
    for lead in np.ndindex(block.shape[:-2]):
        out[lead] = function(block[lead].astype("float64"))
    return out


def _on_fine(values: np.ndarray, *, at: Constraint) -> np.ndarray:
    spline = splines(at.grid, at.latitude, at.longitude)
    return (spline.basis @ spline.coefficients(values)).reshape(at.grid.fine_shape)


def _cooling(
    field: xr.DataArray, lapse_rate: Any, model: Model, report: Report, at: Constraint
) -> xr.DataArray:
    """Return by how much the fine terrain is colder than that of the coarse values."""
    # Beyond a region the terrain is known, too.
    around = at._replace(grid=model.config.grid)
    orog = model.static["orog"].values
    known = np.isfinite(means(orog, around))
    heights, land = (
        means(model.static[n].values, around)[nearest(known)] for n in ("orog", "land_mask")
    )
    factor = model.config.grid.factor
    window = tuple(
        slice(s.start and s.start * factor, s.stop and s.stop * factor)
        for s in (report.rows, report.columns)
    )
    rise = xr.DataArray(orog[window] - _on_fine(heights, at=at), dims=("y", "x"))
    if lapse_rate != "local":
        return float(lapse_rate) * rise
    rates = _by_points(
        local_lapse_rate, field, ("lat", "lon"), heights.shape,
        heights=heights, land=land, latitude=at.latitude, longitude=at.longitude,
    )  # fmt: skip
    rates = rates.rename(lat="latitude", lon="longitude")
    return _by_points(_on_fine, rates, ("y", "x"), at.grid.fine_shape, at=at) * rise


def local_lapse_rate(
    values: np.ndarray,
    *,
    heights: np.ndarray,
    land: np.ndarray,
    latitude: Sequence[float],
    longitude: Sequence[float],
) -> np.ndarray:
    """Return the decrease of temperature with height around each point in K/m, by regression.

    Points around count by a Gaussian of their distance and by their share of land. Where heights
    vary by less than 200 m, the rate tends to 6.5 K/km. It is limited to -5 to 9.8 K/km.

    Parameters
    ----------
    values, heights, land : numpy.ndarray (latitude, longitude)
        Temperature, height in m, share of land.
    latitude, longitude : sequence of float
        In degrees.
    """
    from scipy.ndimage import gaussian_filter

    steps = (np.abs(np.median(np.diff(a))) for a in (latitude, longitude))
    narrow = 1.0, np.cos(np.radians(np.mean(latitude)))
    reach = [_REACH / (s * n * METRES_PER_DEGREE) for s, n in zip(steps, narrow, strict=True)]

    def around(field: np.ndarray) -> np.ndarray:
        return gaussian_filter(field, reach, mode="nearest")

    weight = land + 1e-6
    total = around(weight)
    centre_t, centre_z = (around(weight * f) / total for f in (values, heights))
    covariance = around(weight * values * heights) / total - centre_t * centre_z
    variance = around(weight * heights**2) / total - centre_z**2
    rate = (STANDARD * _PRIOR**2 - covariance) / (np.maximum(variance, 0) + _PRIOR**2)
    return np.clip(rate, *_LIMITS)
