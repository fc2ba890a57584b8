"""Check values against the units that a file states."""

from __future__ import annotations

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
from .fields.derived import each, laid_out
from .fields.matching import known
from .number_types import type_problem
from .report import Found
from .sums.sharing import per_hour, sunlit
from .units import conversion

__all__ = ["SAMPLE", "implausible", "in_memory", "judged", "looked_at"]

# Of so many values, no number fills so large a share but one that stands for none.
_MANY, _REPEATED = 100, 0.2
# With so many gaps, a field of the sea has none of its land filled.
_GAPS = 0.02
# Under a high sun, the thickest cloud over a whole domain lets through more than this share of what
# reaches the atmosphere.
_DARK, _HIGH_SUN, _SUN = 0.005, 0.1, 1361 * 3600.0
# Air is seldom more humid than saturated; a dew point that is higher by so much is none.
_ABOVE, _MOSTLY = 1.0, 0.5
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

    samples, result, heights = [], list(found), {}
    fields = [(i, *pair) for i, f in enumerate(found) for pair in each([f], [wanted[i]])]
    for i, f, variable in fields:
        if f.variable not in ds.data_vars or not f.becomes:
            continue
        try:
            field = ds[f.variable]
            if problem := type_problem(field):
                raise InputError(problem)
            if time is not None and horizontal is not None:
                field = per_hour(laid_out(ds, f, time, horizontal), f.over, time)
            strides = _strides(field)
            if f.name == "ssrd" and time is not None and horizontal is not None:
                strides = _at_noon(strides, field, time)
                if f.over is not None and not f.over.refused:
                    heights[i] = sunlit(f.over, time, horizontal, strides)
            samples.append((i, f, known(variable), field.isel(strides).data))
        except InputError as error:
            result[i] = _with(result[i], str(error))
    # One pass: predictors that share a file or a task read it once.
    computed = dask.compute(*(data for *_, data in samples))
    for (i, f, entry, _), values in zip(samples, computed, strict=True):
        problem = implausible(np.asarray(values), f, entry)
        if not problem and i in heights:
            problem = _too_dark(np.asarray(values), heights[i], f, entry)
        result[i] = _with(result[i], problem)
    whole = {f.name: (i, f, np.asarray(v)) for (i, f, *_), v in zip(samples, computed, strict=True)}
    air, dew = whole.get("t2m"), whole.get("d2m")
    if air and dew and not (result[air[0]].problem or result[dew[0]].problem):
        result[dew[0]] = _with(result[dew[0]], _swapped(air, dew))
    return result


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


def _too_dark(values: np.ndarray, height: float, found: Found, entry: Known) -> str:
    """Return the problem of sunshine that is far too weak for the height of the sun."""
    to_known = conversion(found.units, entry.units, hourly=True)
    if to_known is None or height < _HIGH_SUN or not values.size:
        return ""

    def share(factor: float) -> float:
        return float(np.nanmean(values)) * factor / (height * _SUN)

    if share(to_known[0]) > _DARK:
        return ""
    units = next((u for u in ("W m-2", "kJ m-2", "MJ m-2") if u != found.units and _DARK < share(
        (conversion(u, entry.units, hourly=True) or (0.0, 0.0))[0]) < 1), "")  # fmt: skip
    text = (
        f"{found.variable} says {found.units} but holds {np.nanmean(values):.4g} on average, which "
        f"is {share(to_known[0]):.2g} of the sunshine above the air at these times"
    )
    if not units:
        return f"{text}: too little under any cloud. Other units, other times, or fields of zero?"
    return (
        f"{text}. It looks like {units}: if so, set ds[{str(found.variable)!r}].attrs['units'] = "
        f"{units!r}."
    )


def _swapped(air: tuple[int, Found, np.ndarray], dew: tuple[int, Found, np.ndarray]) -> str:
    """Return the problem of dew points that are mostly above the temperature of the air."""
    warm, moist = (_in_kelvin(f, values) for _, f, values in (air, dew))
    if warm is None or moist is None or warm.shape != moist.shape:
        return ""
    with np.errstate(invalid="ignore"):
        share = float(np.mean(moist - warm > _ABOVE)) if warm.size else 0.0
    if share < _MOSTLY:
        return ""
    names = f"{dew[1].variable} is above {air[1].variable}"
    return (
        f"{names} at {share:.0%} of the points, and air holds no more water than saturated: are "
        "the two exchanged, or of other times or units?"
    )


def _in_kelvin(found: Found, values: np.ndarray) -> np.ndarray | None:
    to_known = conversion(found.units, "K")
    if to_known is None or values.dtype.kind not in "iuf":
        return None
    return values.astype("float64") * to_known[0] + to_known[1]


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
