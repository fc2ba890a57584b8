"""Make the coarse side of a training store from ERA5 in any dialect."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from ..config import GridConfig
from ..grids.projected import ITALY
from ..grids.regridding import on_cells
from ..inputs.lists import PAPER_PREDICTORS, predictor_variables
from ..inputs.predictors import examine, predictors
from ..vocabulary import VOCABULARY, winds

__all__ = ["coarse"]


def coarse(
    ds: xr.Dataset,
    grid: GridConfig = ITALY,
    *,
    names: Sequence[str] = PAPER_PREDICTORS,
    preliminary: bool = False,
) -> xr.Dataset:
    """Bring the predictors of a dataset to the coarse cells of a grid.

    The steps are those of :func:`xldm.downscale`, so a model is trained on the same fields that it
    is given later: found by meaning, converted, checked on a sample of the values, states
    interpolated bilinearly and sums over an hour conservatively (see
    :func:`xldm.grids.regridding.on_cells`). Missing values, as of sea surface temperature over
    land, are never interpolated across.

    Lazy fields without dask are read here. The check sees a sample of the values, and for forecasts
    in GRIB whether each hour holds any; the writer of the fields should check all of them.

    Parameters
    ----------
    ds : Dataset
        Hourly ERA5 on latitudes and longitudes around the grid: netCDF of the Climate Data Store,
        old or new; GRIB as cfgrib opens it, including forecasts along time and step, whose hours
        are sorted and absent ones left out; ARCO-ERA5. Longitudes in either convention. Of several
        levels, those of the predictors are taken.
    grid : GridConfig
        The grid; its coarse cells are filled.
    names : sequence of str
        Predictors to take, by name in :data:`xldm.vocabulary.VOCABULARY`.
    preliminary : bool
        Accept hours of ERA5T, which is revised when it becomes ERA5. ``expver`` or ARCO's
        ``valid_time_stop`` tells them; GRIB tells them if opened with
        ``backend_kwargs={"extra_coords": {"expver": "time"}}``.

    Returns
    -------
    Dataset (time, y, x)
        The predictors of ``names`` that ``ds`` holds, under the names and in the units of the
        vocabulary, float32, with CF attributes and the coordinates of the grid; lazy where ``ds``
        is. ``wind_frame`` is "earth" where it holds winds.

    Raises
    ------
    InputError
        If there is no predictor, if units, values, times, levels or the area are wrong, or if an
        hour is preliminary. The message lists every reason.

    Examples
    --------
    >>> import xldm
    >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
    >>> cells = coarse(era5)
    >>> dict(cells["tp"].sizes), cells["tp"].attrs["cell_methods"], cells.attrs
    ({'time': 1, 'y': 84, 'x': 72}, 'time: sum', {'wind_frame': 'earth'})
    """
    report = examine(ds, predictor_variables(names), grid, preliminary=preliminary, series=True)
    cells = on_cells(predictors(ds, report), grid)
    for name, field in cells.items():
        known = VOCABULARY[str(name)]
        field.attrs |= {
            "long_name": known.long_name.replace("_", " "),
            "paper_name": known.paper_name,
            "cell_methods": field.attrs.pop("cell_methods"),  # here in the order of attributes
            "grid_mapping": "spatial_ref",
        }
    cells["time"].attrs |= {"standard_name": "time", "axis": "T"}
    return cells.assign_attrs({"wind_frame": "earth"} if winds(map(str, cells)) else {})
