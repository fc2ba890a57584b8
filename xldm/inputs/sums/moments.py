"""Whether fields that a model takes at a moment are of a moment, by bounds of times and titles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from ...config import Variable
from ..axes.times import Time
from ..fields.derived import each
from ..fields.identity import says_moment
from ..fields.levels import text_of
from ..fields.matching import known
from ..origin import is_era5
from ..report import Found
from ..windows import HOUR, in_words, spaced, steps
from .bounds import read_bounds

__all__ = ["of_moments"]

# The hours of ERA5's own sums: their bounds say nothing of the fields beside them.
_ONE_HOUR = 1 + 1e-6
# Of so few stamps, the distance says nothing.
_SERIES, _DAY = 3, 24.0


def of_moments(
    ds: xr.Dataset, found: Sequence[Found], wanted: Sequence[Variable], time: Time
) -> list[Found]:
    """Add to the record of each predictor why it cannot be taken for values of a moment.

    Times with bounds of more than an hour make a field without ``cell_methods`` ambiguous, and so
    do a title that tells of time averages, as those of MERRA-2 do, and stamps as means have them:
    a day or more apart, or in the middle of hours or of longer windows.

    Parameters
    ----------
    ds : xarray.Dataset
    found, wanted : sequence of Found, of Variable
        Its predictors, in the same order.
    time : Time
        Its times.
    """
    said = _by_title(ds) or _by_bounds(ds, time) or _by_stamps(ds, time)
    if not said:
        return list(found)
    result = []
    for f, variable in zip(found, wanted, strict=True):
        doubtful = [
            str(part.variable)
            for part, entry in ((p, known(v)) for p, v in each([f], [variable]))
            if part.variable in ds.data_vars and not entry.accumulated and not entry.static
            and not part.problem and not _of_a_moment(ds[part.variable])
        ]  # fmt: skip
        problems = [
            f"{name} {said}, so it may be a mean over them, but the model wants hourly "
            "instantaneous values. If its values are of the stamps, set "
            f"ds[{name!r}].attrs['cell_methods'] = 'time: point'."
            for name in doubtful
        ]
        result.append(replace(f, problem=" ".join(filter(None, (f.problem, *problems)))))
    return result


def _by_title(ds: xr.Dataset) -> str:
    title = next((str(v) for k, v in ds.attrs.items() if str(k).lower() == "title"), "")
    if not re.search(r"time[- ]averaged", title.lower()):
        return ""
    return f"is of a file with averages over hours by its title ({title[:60]!r})"


def _by_bounds(ds: xr.Dataset, time: Time) -> str:
    bounds = read_bounds(ds, time) if time.name in ds.coords else None
    if bounds is None:
        return ""
    # Bounds that are named but not there are those of windows that follow on one another.
    absent = steps(time) if bounds.absent else None
    begin, end = (bounds.begin, bounds.end) if absent is None else (absent, np.zeros(1))
    if "many years" in bounds.refused:
        return f"has times with {bounds.refused} ({bounds.name})"
    if not bounds.refused and (span := float(np.max(begin + end))) > _ONE_HOUR:
        return f"has times with bounds of {span:g} hours ({bounds.name})"
    return ""


def _of_a_moment(field: xr.DataArray) -> bool:
    """Tell whether a field says that it is of a moment, or GRIB keys say that it is an analysis."""
    return says_moment(field) or text_of(field.attrs.get("GRIB_dataType")) == "an"


def _by_stamps(ds: xr.Dataset, time: Time) -> str:
    """Tell stamps that are those of means, of a series that does not say whose it is."""
    if time.values.size < _SERIES or time.lead is not None or is_era5(ds):
        return ""
    step = spaced(time)
    if step is None:
        days = np.diff(time.values) / HOUR / _DAY
        return "has one value a year" if np.isin(days, (365, 366)).all() else ""
    if step >= _DAY:
        return f"has one value in {step / _DAY:g} days"
    since = (time.values - time.values.astype("datetime64[D]")) / HOUR
    if np.allclose(since % step, step / 2):
        return f"has stamps in the middle of {in_words(step)}"
    return ""
