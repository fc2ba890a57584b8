"""Check values against the units that a file states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import InputError
from ..vocabulary import Known
from .axes.horizontal import Horizontal
from .axes.times import Time
from .daylight import hours_to_check, off_the_sun, too_dark
from .fields.derived import each, laid_out
from .fields.matching import known
from .geostrophy import off_the_pressure
from .number_types import type_problem
from .report import Found
from .sums.sharing import per_hour, sunlit
from .units import conversion
from .usual import Looked, apart, is_wide, unusual
from .windows import Over

__all__ = ["SAMPLE", "implausible", "in_memory", "judged", "looked_at"]

# Of so many values, no number fills so large a share but one that stands for none.
_MANY, _REPEATED = 100, 0.2
# With so many gaps, a field of the sea has none of its land filled.
_GAPS = 0.02
# So many times of lazy rain and snow are looked at.
_RAINY = 6
_HORIZONTAL = ("latitude", "longitude")
#: Points per axis that are checked of lazy data, at the first and the last time.
SAMPLE = 32


def judged(
    ds: xr.Dataset,
    found: Sequence[Found],
    wanted: Sequence[Variable],
    time: Time | None,
    horizontal: Horizontal | None,
) -> list[Found]:
    """Add the problems of each predictor's values to its record.

    Values in memory are all checked within the domain, others in a sample.

    Parameters
    ----------
    ds : xarray.Dataset
    found, wanted : sequence of Found, of Variable
        Its predictors, in the same order.
    time, horizontal : Time, Horizontal, optional
        Its axes; without them, whole fields are checked.
    """
    import dask

    result, looked = list(found), []
    fields = [(i, *pair) for i, one in enumerate(found) for pair in each([one], [wanted[i]])]
    for i, f, variable in fields:
        if f.variable not in ds.data_vars or not f.becomes:
            continue
        try:
            if problem := type_problem(ds[f.variable]):
                raise InputError(problem)
            looked.append((i, _Sample(ds, f, known(variable), time, horizontal)))
        except InputError as error:
            result[i] = _with(result[i], str(error))
    # One pass: predictors that share a file or a task read it once.
    computed = dask.compute(*(one.fields for _, one in looked))
    sound: dict[str, tuple[int, Looked]] = {}
    for (i, one), (values, low) in zip(looked, computed, strict=True):
        problem = one.problem(np.asarray(values), None if low is None else np.asarray(low))
        result[i] = _with(result[i], problem)
        if not result[i].problem:
            sound[one.found.name] = i, Looked(one.found, one.entry, np.asarray(values), one.times)
    wide = horizontal is not None and is_wide(horizontal)
    beside = {name: one for name, (_, one) in sound.items()}
    problems = list(apart(beside, wide=wide))
    if wide and time is not None and horizontal is not None and "msl" in beside:
        problems += off_the_pressure(beside, *_points(horizontal, beside["msl"].values.shape))
    for name, text in problems:
        result[sound[name][0]] = _with(result[sound[name][0]], text)
    return result


class _Sample:
    """The values of a field that are checked, and what they are checked against."""

    def __init__(
        self,
        ds: xr.Dataset,
        found: Found,
        entry: Known,
        time: Time | None,
        horizontal: Horizontal | None,
    ) -> None:
        self.found, self.entry, self.time, self.horizontal = found, entry, time, horizontal
        self.sun: tuple[Over, dict[Any, Any], float] | None = None
        self.times, low, over = 1, None, found.over
        field = ds[found.variable]
        lazy = not in_memory(field)
        if time is None or horizontal is None:
            self.fields = field.isel(_strides(field)).data, None
            return
        field = per_hour(laid_out(ds, found, time, horizontal), over, time)
        strides = _strides(field)
        if lazy and entry.water:
            strides = _more_times(strides, field, time)
        if found.name == "ssrd":
            strides = _at_noon(strides, field, time)
            if over is not None and not over.refused:
                height = sunlit(over, time, horizontal, _of_time(strides)).mean()
                self.sun = over, hours_to_check(over, time, horizontal, lazy=lazy), float(height)
                others = {d: 0 for d in field.dims if d not in (*time.out, *_HORIZONTAL)}
                low = field.isel({**self.sun[1], **others}).data
        picked = field.isel(strides)
        self.times = math.prod(picked.sizes[d] for d in time.out)
        self.fields = picked.data, low

    def problem(self, values: np.ndarray, low: np.ndarray | None) -> str:
        """Return the problem of computed values; empty if there is none."""
        found, entry, time, horizontal = self.found, self.entry, self.time, self.horizontal
        text = implausible(values, found, entry)
        if text or found.problem or time is None or horizontal is None:
            return text
        if is_wide(horizontal) and (text := unusual(Looked(found, entry, values, self.times))):
            return text
        if self.sun is None or low is None:
            return ""
        over, at, height = self.sun
        return too_dark(values, height, found, entry) or off_the_sun(
            low, over, time, horizontal, at, found, entry
        )


def _of_time(strides: dict[Any, Any]) -> dict[Any, Any]:
    return {d: i for d, i in strides.items() if d not in _HORIZONTAL}


def _more_times(strides: dict[Any, Any], field: xr.DataArray, time: Time) -> dict[Any, Any]:
    """Add times to those that are checked: rain of one hour tells little about its units."""
    dim = time.out[-1]
    steps = np.linspace(0, field.sizes[dim] - 1, _RAINY)
    return strides | {dim: np.unique(steps.round().astype(int))}


def _with(found: Found, problem: str) -> Found:
    return replace(found, problem=" ".join(filter(None, (found.problem, problem))))


def _strides(field: xr.DataArray) -> dict[Any, Any]:
    if in_memory(field):
        return {}
    strides: dict[Any, Any] = {
        d: slice(None, None, max(1, n // SAMPLE)) for d, n in field.sizes.items()
    }
    if "time" in field.dims:
        strides["time"] = sorted({0, field.sizes["time"] - 1})
    return strides


def _at_noon(strides: dict[Any, Any], field: xr.DataArray, time: Time) -> dict[Any, Any]:
    """Add a time about noon to those that are checked: sunshine tells nothing by night."""
    if "time" not in strides or field.sizes["time"] != time.values.size:
        return strides
    since = (time.values - time.values.astype("datetime64[D]")) / np.timedelta64(1, "h")
    noon = int(np.abs(since - 12).argmin())
    return strides | {"time": sorted({*strides["time"], noon})}


def _points(horizontal: Horizontal, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return latitudes and longitudes of the values that were looked at."""
    axes = zip((horizontal.latitude, horizontal.longitude), shape[-2:], strict=True)
    return [a if a.size == n else a[:: max(1, a.size // SAMPLE)] for a, n in axes]


def looked_at(ds: xr.Dataset, found: Sequence[Found], wanted: Sequence[Variable]) -> str:
    """Return which values are checked, in words."""
    fields = [ds[f.variable] for f, _ in each(found, wanted) if f.variable in ds.data_vars]
    if all(in_memory(field) for field in fields):
        return "all in the domain are checked"
    return f"lazy: a sample is checked, {SAMPLE} x {SAMPLE} points of the first and last time"


def in_memory(field: xr.DataArray) -> bool:
    """Tell whether the values of a field are in memory: no file to read, no graph to compute."""
    # xarray has no public way to ask this of a file that was opened without dask.
    return field.variable._in_memory


def implausible(values: np.ndarray, found: Found, entry: Known) -> str:
    """Return the problem of a predictor's values; empty if there is none.

    Parameters
    ----------
    values : numpy.ndarray
        In the units that the file states, of any shape.
    found : Found
        Their variable, with those units.
    entry : Known
        The predictor's plausible range.

    Examples
    --------
    >>> from xldm.vocabulary import VOCABULARY
    >>> print(implausible(np.array([300.0]), Found("sd", "sd", units="m"), VOCABULARY["sd"]))
    sd says m but holds 300 to 300, which looks like mm: if so, set ds['sd'].attrs['units'] = 'mm'.
    """
    if values.dtype.kind in "iuO":
        try:
            values = values.astype("float64")
        except (TypeError, ValueError):
            return f"{found.variable} holds {type(values.flat[0]).__name__}, expected numbers."
    if values.dtype.kind != "f":
        return f"{found.variable} holds {values.dtype}, expected real numbers."
    finite = np.isfinite(values)
    count = int(values.size - np.count_nonzero(finite))
    if values.size == 0:
        return ""
    if count == values.size:
        return (
            f"{found.variable} has no value in the domain: all {count} values checked are missing "
            "or infinite."
        )
    if count and not entry.gaps:
        under = "" if entry.level is None else (
            " Values that are missing under mountains can be filled from those beside them, with "
            f"ds[{str(found.variable)!r}].interpolate_na along longitude."
        )  # fmt: skip
        return (
            f"{found.variable} has {count} missing or infinite values among the {values.size} "
            "checked in the domain; only fields of the sea may. Fill or leave out those times."
            + under
        )
    low = float(np.min(values, where=finite, initial=np.inf))
    high = float(np.max(values, where=finite, initial=-np.inf))
    if _fits(low, high, found.units, entry):
        return "" if count > _GAPS * values.size else _filled(values[finite], found, entry)
    text = f"{found.variable} says {found.units} but holds {low:.4g} to {high:.4g}, which "
    for units in (entry.units, *entry.mistaken):
        # What is only too low, as negative rain, is no matter of units.
        if (
            units != found.units
            and not _fits(max(low, 0.0), high, found.units, entry)
            and _fits(low, high, units, entry)
        ):
            name = str(found.variable)
            return text + f"looks like {units}: if so, set ds[{name!r}].attrs['units'] = {units!r}."
    longer = ", or a sum over more than an hour" if entry.accumulated else ""
    return text + (
        f"cannot be {entry.long_name.replace('_', ' ')}: expected {entry.low:g} to {entry.high:g} "
        f"{entry.units}. Other units, a fill value{longer}?"
    )


def _filled(values: np.ndarray, found: Found, entry: Known) -> str:
    """Return the problem of a field of the sea whose land holds one number."""
    if not entry.gaps or values.size < _MANY:
        return ""
    each, counts = np.unique(values, return_counts=True)
    most = each[counts.argmax()]
    to_known = conversion(found.units, entry.units)
    kelvin = None if to_known is None else most * to_known[0] + to_known[1]
    share = counts.max() / values.size
    # Under sea ice, the sea is at its freezing point.
    if share < _REPEATED or each.size == 1 or (kelvin is not None and 271 < kelvin < 271.8):
        return ""
    name = str(found.variable)
    field = f"ds[{name!r}]"
    kept = f"{field}.where(abs({field} - {float(most)!r}) > 1e-3)"
    return (
        f"{name} is {most:g} at {share:.0%} of the points, which looks like a number for land: if "
        f"so, use ds.assign({{{name!r}: {kept}}})."
    )


def _fits(low: float, high: float, units: str, entry: Known) -> bool:
    to_known = conversion(units, entry.units, hourly=entry.accumulated, water=entry.water)
    if to_known is None:
        return False
    scale, offset = to_known
    low, high = low * scale + offset, high * scale + offset
    return entry.low <= low and high <= entry.high and not 0 < high < entry.least
