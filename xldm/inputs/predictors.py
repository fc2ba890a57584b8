"""Turn a dataset in any dialect of ERA5 into a model's predictors: first check, then apply.

:func:`check` reads names, attributes, coordinates and values, and reports the variable, conversion
and problems of each predictor. :func:`predictors` applies the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..config import GridConfig, ModelConfig, Variable
from ..errors import ArgumentError, InputError
from ..grids import regions
from ..nets.field_sizes import FieldSizes, field_sizes
from .decode import decode
from .derived import each, field_of, find, laid_out
from .horizontal import Horizontal, horizontal_axes
from .intervals import hour_problems, preliminary_hours
from .leftover import unused, with_likely_slips
from .matching import known
from .plausibility import SAMPLE, in_memory, judged
from .report import Found, Report
from .standardise import convert, labels, passed, roles
from .times import Time, time_axis

__all__ = ["InputError", "Report", "check", "examine", "predictors"]

_MISSING = ("raise", "climatology")
_ANY_SIZE = FieldSizes()
# Input of a coarser step than this, in degrees, gets a note.
_COARSE = 0.3
# A step of an axis longer than this many usual ones is a hole.
_HOLE = 2.5


def check(
    ds: xr.Dataset,
    config: ModelConfig,
    *,
    missing: str = "raise",
    region: str | tuple[float, float, float, float] | None = None,
) -> Report:
    """Check whether a dataset can feed a model, and report how.

    Values are checked within the domain only: all of them if they are in memory; of lazy data a
    sample of some 32 x 32 points at the first and last time, so a missing value elsewhere goes
    unseen.

    Parameters
    ----------
    ds : xarray.Dataset
        Hourly ERA5 fields on a regular latitude-longitude grid: netCDF of the Climate Data Store,
        old or new, ARCO-ERA5, or GRIB as opened by cfgrib.
    config : ModelConfig
        The model's configuration.
    missing : "raise" or "climatology"
        Whether absent predictors are a problem, or are set to their training mean.
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
    if missing not in _MISSING:
        raise ArgumentError(f"missing is one of {', '.join(_MISSING)}; got {missing!r}.")
    sizes = field_sizes(config.components, config.grid.factor)
    return examine(ds, config.predictors, config.grid, missing=missing, region=region, sizes=sizes)


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
        problems += _coverage(horizontal, grid)
    except ValueError as error:
        problems.append(str(error))

    found = [find(ds, variable) for variable in wanted]
    found = with_likely_slips(ds, found, wanted)
    found = judged(ds, found, wanted, time, horizontal)
    problems += [f.problem for f in found if f.problem and f.variable is not None]
    if time is not None:
        problems += hour_problems(ds, found, wanted, time, horizontal, preliminary=preliminary)
    problems += _absent(found, missing)
    beside = {}
    if time is not None and horizontal is not None:
        names = [f.variable for f, _ in each(found, wanted) if f.variable in ds.data_vars]
        beside = passed(ds[names], time, horizontal)
    if series and beside:
        dim = next(iter(beside))
        problems.append(
            f"The input has {ds.sizes[dim]} members or simulations along {dim!r}, but a series is "
            f"of one: ds.isel({dim}=0)."
        )
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
            *_notes(ds, found, wanted, time, horizontal, missing),
            *unused(ds, found, wanted, horizontal),
        ),
        beside=beside,
        roles=roles(ds, beside),
        given=labels(ds, beside),
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

    def read(found: Found) -> xr.DataArray:
        return convert(laid_out(ds, found, time, horizontal), found)

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


def _coverage(horizontal: Horizontal, grid: GridConfig) -> list[str]:
    problems = []
    sides = regions.uncovered(grid, horizontal.lon, horizontal.lat)
    if sides:
        ends = "; ".join(
            f"{side}: needs {need:.2f}, ends at {have:.2f}" for side, (need, have) in sides.items()
        )
        problems.append(
            f"The input does not cover the domain ({ends}; degrees). Give a larger input; to "
            "downscale the part that it covers, region='covered'."
        )
    for name in ("latitude", "longitude"):
        axis, spacing = getattr(horizontal, name), horizontal.spacing[name == "longitude"]
        wide = np.abs(np.diff(axis)) > _HOLE * spacing
        if wide.any():
            at = int(wide.argmax())
            problems.append(
                f"The input has a hole in {name} between {axis[at]:g} and {axis[at + 1]:g} "
                f"degrees, where its step is {spacing:g}."
            )
    return problems


def _absent(found: list[Found], missing: str) -> list[str]:
    absent = [f for f in found if f.variable is None]
    if len(absent) == len(found):
        names = ", ".join(f.name for f in absent)
        return [f"None of the predictors is in the input: {names}. Is it ERA5?"]
    if not absent or missing != "raise":
        return []
    names = "; ".join(f.name + f.becomes.removeprefix("absent") for f in absent)
    return [
        f"Missing predictors: {names}. Add them, or pass missing='climatology' to set them to "
        "their training mean."
    ]


def _notes(
    ds: xr.Dataset,
    found: list[Found],
    wanted: Sequence[Variable],
    time: Time | None,
    horizontal: Horizontal | None,
    missing: str,
) -> list[str]:
    """Return the assumptions, and the steps beside plain conversion."""
    notes = []
    present = [
        (f, known(v), ds[f.variable]) for f, v in each(found, wanted) if f.variable in ds.data_vars
    ]
    sums = [f.name for f, k, _ in present if k.accumulated]
    absent = [f.name for f in found if f.variable is None]
    if sums:
        notes.append(
            f"{', '.join(sums)}: taken as sums (or mean rates) over the hour that ends at each "
            "time, as ERA5 has them; values cannot tell."
        )
    if any(k.name == "sd" and field.attrs.get("units") == "m" for _, k, field in present):
        notes.append("sd: taken as the depth of liquid water, as in ERA5, not of snow.")
    if made := [f"{f.name} from {f.variable}" for f in found if f.parts]:
        notes.append(f"Derived: {'; '.join(made)}.")
    if absent and missing == "climatology":
        notes.append(f"Absent, so set to their training mean: {', '.join(absent)}.")
    if any("expver" in field.dims and field.sizes["expver"] > 1 for _, _, field in present):
        notes.append("expver: final ERA5 where it is there, else preliminary ERA5T.")
    elif time is not None and (late := preliminary_hours(ds, time)).any():
        notes.append(
            f"{late.sum()} of {late.size} hours are preliminary ERA5T (expver 5), which is revised "
            "later."
        )
    if time is not None and np.issubdtype(ds[time.name].dtype, np.number):
        notes.append(f"Times decoded from the numbers in {time.name!r}.")
    if horizontal is not None and max(horizontal.spacing) > _COARSE:
        notes.append(
            f"The input's step of {max(horizontal.spacing):g} degrees is coarser than ERA5's 0.25: "
            "expect smoother fields."
        )
    if not all(in_memory(field) for _, _, field in present):
        notes.append(
            f"Lazy data: values were looked at in a sample ({SAMPLE} x {SAMPLE} points of the "
            "first and last time)."
        )
    return notes
