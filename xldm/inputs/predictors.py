"""Turn a dataset in any dialect of ERA5 into a model's predictors: first check, then apply.

:func:`check` reads names, attributes, coordinates and values, and reports the variable, conversion
and problems of each predictor. :func:`predictors` applies the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import xarray as xr

from ..arguments import choice, refuse
from ..config import GridConfig, ModelConfig, Variable
from ..errors import ArgumentTypeError, InputError
from ..grids import regions
from ..nets.field_sizes import FieldSizes, field_sizes
from .axes.horizontal import horizontal_axes
from .axes.times import time_axis
from .decode import decode
from .fields.derived import each, field_of, find, laid_out
from .fields.leftover import unused, with_likely_slips
from .intervals import hour_problems
from .origin import is_era5
from .plausibility import judged, looked_at
from .remarks import absent_problems, coverage, no_series, notes_on, skill_without, undrawable
from .report import Found, Report
from .standardise import convert, labels, passed, roles
from .sums.moments import of_moments
from .sums.sharing import bring
from .sums.weighing import is_hourly, sum_notes, weighed, without_start

__all__ = ["InputError", "Report", "check", "examine", "predictors"]

_ANY_SIZE = FieldSizes()


def check(
    ds: xr.Dataset,
    config: ModelConfig,
    *,
    missing: str = "raise",
    region: str | tuple[float, float, float, float] | None = None,
) -> Report:
    """Check whether a dataset can feed a model, and report how.

    Values are checked within the domain only: all of them if they are in memory; of lazy data a
    sample of some 32 x 32 points at the first and last time (sunshine also about noon), so a
    missing value elsewhere goes unseen.

    Parameters
    ----------
    ds : xarray.Dataset
        Fields of a reanalysis, forecast or climate model as their provider lays them out, on
        latitudes and longitudes; docs/reference/inputs.md lists layouts that are tested.
    config : ModelConfig
        The model's configuration.
    missing : "raise" or "climatology"
        Whether absent predictors are a problem, or are set to their training mean. A target whose
        own coarse field is absent is not drawn then.
    region : None, "covered" or (lon_min, lat_min, lon_max, lat_max)
        The whole domain, the part of it that the input covers, or the part around a box in degrees.

    Returns
    -------
    Report
        It lists problems and raises none; see :meth:`Report.raise_for_problems`.

    Raises
    ------
    ArgumentTypeError, ArgumentError
        If ``ds`` is no dataset or ``missing`` is neither of the two.
    """
    refuse(missing=(missing, choice("raise", "climatology")))
    report = examine(
        ds,
        config.predictors,
        config.grid,
        missing=missing,
        region=region,
        sizes=field_sizes(config.components, config.grid.factor),
    )
    if missing == "raise" or not report.absent or len(report.absent) == len(config.predictors):
        return report
    return replace(
        report,
        undrawn=tuple(name for name in config.own if name in report.absent),
        problems=tuple(dict.fromkeys((*report.problems, *undrawable(config, report.absent)))),
        notes=(*report.notes, *skill_without(config, report.absent)),
    )


def examine(
    ds: xr.Dataset,
    wanted: Sequence[Variable],
    grid: GridConfig,
    *,
    missing: str = "leave out",
    region: str | tuple[float, float, float, float] | None = None,
    sizes: FieldSizes = _ANY_SIZE,
    preliminary: bool = True,
    series: bool = False,
) -> Report:
    """Check whether a dataset can give variables on a grid, and report how.

    :func:`check` does this for the predictors and the grid of a model.

    Parameters
    ----------
    ds : xarray.Dataset
    wanted : sequence of Variable
        The variables, in their units.
    grid : GridConfig
    missing : "raise", "climatology" or "leave out"
        As in :func:`check`. With "leave out", absent variables are neither a problem nor noted. It
        is always a problem if all are absent.
    region : None, "covered" or (lon_min, lat_min, lon_max, lat_max)
    sizes : FieldSizes
        Sizes that the networks can work on; any unless given.
    preliminary : bool
        Whether hours of ERA5T are noted or refused.
    series : bool
        Whether forecasts are put in order of valid time, and members refused.

    Returns
    -------
    Report

    Raises
    ------
    ArgumentTypeError
        If ``ds`` is no dataset.
    """
    problems: list[str] = []
    decoding: list[str] = []
    time = horizontal = None
    try:
        ds, decoding = decode(ds)
    except InputError as error:
        problems.append(str(error))
    try:
        time = time_axis(ds, series=series)
    except InputError as error:
        problems.append(str(error))
    rows, columns = map(slice, grid.shape)
    try:
        horizontal = horizontal_axes(ds, grid)
        rows, columns = regions.window(grid, region, horizontal.lon, horizontal.lat, sizes)
        grid = regions.crop(grid, rows, columns)
        problems += coverage(horizontal, grid)
    except (ArgumentTypeError, ValueError) as error:
        problems.append(str(error))

    found = [find(ds, variable) for variable in wanted]
    found = with_likely_slips(ds, found, wanted)
    if time is not None and horizontal is not None:
        time, left_out = without_start(time, found, wanted)
        decoding += left_out
        found = of_moments(ds, found, wanted, time)
        found = weighed(ds, found, wanted, time, horizontal, absent=missing == "climatology")
    found = judged(ds, found, wanted, time, horizontal)
    problems += [f.problem for f in found if f.problem and f.variable is not None]
    if time is not None:
        problems += hour_problems(ds, found, wanted, time, horizontal, preliminary=preliminary)
    problems += absent_problems(found, missing)
    beside = {}
    if time is not None and horizontal is not None:
        names = [f.variable for f, _ in each(found, wanted) if f.variable in ds.data_vars]
        beside = passed(ds[names], time, horizontal)
    problems += no_series(ds, beside) if series else []
    return Report(
        predictors=tuple(found),
        time=time,
        horizontal=horizontal,
        grid=grid,
        rows=rows,
        columns=columns,
        problems=tuple(dict.fromkeys(problems)),
        notes=(
            *decoding,
            *notes_on(ds, found, wanted, time, horizontal, missing),
            *unused(ds, found, wanted, horizontal),
        ),
        seen=tuple(sum_notes([f for f, _ in each(found, wanted) if is_hourly(f)])),
        looked_at=looked_at(ds, found, wanted),
        beside=beside,
        roles=roles(ds, beside),
        given=labels(ds, beside),
        era5=is_era5(ds),
    )


def predictors(ds: xr.Dataset, report: Report) -> xr.Dataset:
    """Return the predictors of a checked dataset in the model's units, on the input's grid.

    Parameters
    ----------
    ds : xarray.Dataset
        The dataset that was checked.
    report : Report
        From :func:`check`.

    Returns
    -------
    xarray.Dataset
        Variables by predictor name in the model's units, float32, dims (time, latitude, longitude),
        cut to the surroundings of the domain; latitude descends, longitude ascends. Forecasts have
        their dims of initialisation and lead in the place of time, and ``valid_time``; members and
        simulations of the input follow. Absent predictors are left out. Dask stays dask; nothing is
        computed.

    Raises
    ------
    InputError
        If the report has problems.
    """
    report.raise_for_problems()
    time, horizontal = report.time, report.horizontal
    assert time is not None and horizontal is not None  # else the report has problems
    ds, _ = decode(ds)

    def read(found: Found, dtype: str) -> xr.DataArray:
        field = laid_out(ds, found, time, horizontal)
        if found.over is not None:
            field = bring(field, found.over, time, horizontal)
        return convert(field, found, dtype)

    fields = {f.name: field_of(f, read) for f in report.predictors if f.variable is not None}
    numbered = {
        new: (new, ds[old].values) for old, new in report.beside.items() if old in ds.coords
    }
    coords: dict[str, Any] = {
        **{name: (new, values, report.roles[name]) for name, (new, values) in numbered.items()},
        **time.coordinates(),
        "latitude": ("latitude", horizontal.latitude, {"units": "degrees_north"}),
        "longitude": ("longitude", horizontal.longitude, {"units": "degrees_east"}),
    }
    return xr.Dataset(fields, coords=coords)
