"""What a dataset says about its making: statistics over days or months."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from ..axes.times import Time
from ..fields.identity import says_moment
from ..origin import said_of_origin
from ..windows import HOUR, spaced

__all__ = ["statistic"]


_DAILY = re.compile(
    r"daily[ _-]?(?:mean|sum|max|min|stat|aggreg|total|average)|daily-statistics|"
    r"\bday(?:mean|sum|avg|max|min)\b|derived-era5-[a-z-]*daily"
)
_MONTHLY = re.compile(
    r"monthly[ _-]?(?:mean|sum|average|aggreg|total)|\bmon(?:mean|sum|avg)\b|\bmoda\b|"
    r"\bmnth\b|monthly-means|\by?mon(?:mean|avg)\b|stream-mo"
)


def statistic(ds: xr.Dataset, time: Time) -> str:
    """Return what statistic over days the dataset holds, and what says so; empty if none."""
    said = said_of_origin(ds)
    frequency = str(ds.attrs.get("frequency", ds.attrs.get("time_frequency", ""))).lower()
    for pattern, words in ((_DAILY, "daily statistics"), (_MONTHLY, "monthly means")):
        if found := pattern.search(said):
            return f"{words} (the history or the name of the file says {found[0]!r})"
    if frequency in ("day", "mon", "month", "monthly", "daily", "yr", "fx"):
        return f"statistics of a {frequency} (the attribute frequency)"
    step = spaced(time)
    days = np.diff(time.values, axis=-1) / (24 * HOUR)
    months = days.size > 0 and bool(((days >= 28) & (days <= 31)).all())
    arco = "valid_time_start" in ds.attrs
    if months and not arco and (step is None or step != 672) and time.lead is None:
        return "monthly means (its times are months apart)"
    if _first_of_months(time) and not any(says_moment(f) for f in ds.data_vars.values()):
        return (
            "monthly means by the hour of the day (all its times are on the first of months; if "
            "they are hours, set the attribute cell_methods of its variables to 'time: point')"
        )
    return ""


def _first_of_months(time: Time) -> bool:
    """Tell whether times are the same hours, two or more, of the first day of several months."""
    if time.lead is not None or time.values.ndim > 1:
        return False
    days = time.values.astype("datetime64[D]")
    months, counts = np.unique(days.astype("datetime64[M]"), return_counts=True)
    if months.size < 2 or (days != days.astype("datetime64[M]")).any() or np.ptp(counts):
        return False
    hours = (time.values - days).reshape(months.size, -1)
    return hours.shape[1] > 1 and bool((hours == hours[0]).all())
