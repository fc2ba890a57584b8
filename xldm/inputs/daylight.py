"""Check sunshine against the sun: its strength, and its times."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from ..vocabulary import Known
from .axes.horizontal import Horizontal
from .axes.times import Time
from .report import Found
from .sums.sharing import sunlit
from .units import conversion
from .windows import HOUR, Over, in_words

__all__ = ["hours_to_check", "off_the_sun", "too_dark"]

# Under a high sun, the thickest cloud over a whole domain lets through more than this share of what
# reaches the atmosphere.
_DARK, _HIGH_SUN, _SUN = 0.005, 0.1, 1361 * 3600.0
# Hours of one day that are looked at, points per axis, and those of lazy data where the sun rises
# or sinks the most.
_HOURS, _POINTS, _LAZY = 24, 16, 6
# No more than this share of sunshine is where the sun has not that much to give; another time fits
# so much better.
_TOO_MUCH, _BETTER = 0.01, 0.3
_SHIFTS = range(-12, 13)
# Sunshine of a day follows the sun: so much of it is told by its height.
_CORRELATED = 0.8


def too_dark(values: np.ndarray, height: float, found: Found, entry: Known) -> str:
    """Return the problem of sunshine that is far too weak for the height of the sun.

    Parameters
    ----------
    values : numpy.ndarray
        In the units that the file states.
    height : float
        Mean cosine of the sun's zenith angle over their times.
    found : Found
    entry : Known
    """
    if height < _HIGH_SUN or not values.size:
        return ""
    mean = float(np.nanmean(values))

    def share(units: str) -> float | None:
        to_known = conversion(units, entry.units, hourly=True)
        return None if to_known is None else mean * to_known[0] / (height * _SUN)

    now = share(found.units)
    if now is None or now > _DARK:
        return ""
    text = (
        f"{found.variable} says {found.units} but holds {mean:.4g} on average, which is {now:.2g} "
        "of the sunshine above the air at these times"
    )
    for units in ("W m-2", "kJ m-2", "MJ m-2"):
        if units != found.units and _DARK < (share(units) or 0.0) < 1:
            name = str(found.variable)
            return (
                f"{text}. It looks like {units}: if so, set ds[{name!r}].attrs['units'] = "
                f"{units!r}."
            )
    return f"{text}: too little under any cloud. Other units, other times, or fields of zero?"


def hours_to_check(
    over: Over, time: Time, horizontal: Horizontal, *, lazy: bool
) -> dict[Hashable, Any]:
    """Return which values tell whether their times are right: hours of one day, and some points.

    Parameters
    ----------
    over : Over
        What values are over.
    time : Time
    horizontal : Horizontal
    lazy : bool
        Whether values cost something: then only hours are taken in which the sun rises or sinks.
    """
    outer: dict[Hashable, Any] = {d: slice(0, 1) for d in time.out[:-1]}
    stamps = time.values.reshape(-1, time.values.shape[-1])[0]
    rows = np.flatnonzero(stamps - stamps[0] < _HOURS * HOUR)
    if lazy and rows.size > _LAZY:
        heights = sunlit(over, time, horizontal, {**outer, time.out[-1]: rows}).mean(axis=(-2, -1))
        steep = np.abs(np.gradient(heights.ravel()))
        rows = np.sort(rows[np.argsort(steep)[-_LAZY:]])
    strides: dict[Hashable, Any] = {
        d: slice(None, None, max(1, n.size // _POINTS))
        for d, n in (("latitude", horizontal.latitude), ("longitude", horizontal.longitude))
    }
    return {**outer, time.out[-1]: rows, **strides}


def off_the_sun(
    field: np.ndarray,
    over: Over,
    time: Time,
    horizontal: Horizontal,
    picked: Mapping[Hashable, Any],
    found: Found,
    entry: Known,
) -> str:
    """Return the problem of sunshine at times at which the sun does not give as much.

    Parameters
    ----------
    field : numpy.ndarray (..., latitude, longitude)
        Values of these indices, in the units that the file states; times first, then others.
    over, time, horizontal
        What they are over, and their axes.
    picked : mapping
        Indices from :func:`hours_to_check`.
    found : Found
    entry : Known
    """
    to_known = conversion(found.units, entry.units, hourly=True)
    if to_known is None or field.dtype.kind not in "iuf" or not field.size:
        return ""
    shares = np.maximum(field.astype("float64") * to_known[0] / _SUN, 0)
    total = float(np.nansum(shares))
    if not total:
        return ""

    def sun(shift: int) -> np.ndarray:
        return sunlit(over, time, horizontal, picked, shift)

    def too_much(shift: int) -> float:
        given = sun(shift)
        return float(np.nansum(np.maximum(shares.reshape(given.shape) - given, 0))) / total

    if (now := too_much(0)) < _TOO_MUCH:
        return ""
    # Of several times that fit, the one at which sunshine follows the sun best.
    least = min(_TOO_MUCH, _BETTER * now)
    each = {s: _follows(shares, sun(s)) for s in _SHIFTS if too_much(s) < least}
    best = max(each, key=lambda shift: each[shift], default=0)
    # Of what follows no sun, as fields that were made up, nothing can be said.
    if each.get(best, 0.0) < _CORRELATED:
        return ""
    name = str(found.variable)
    text = f"{now:.0%} of {name} is at times and places at which the sun does not give as much"
    return (
        f"{text}, but would do so {in_words(abs(best))} {'later' if best > 0 else 'earlier'}: "
        "stamps may be local time, or the begin of their hours. The model wants UTC, and sums over "
        "the hour that ends at the stamp. If all fields are at these times, use ds = "
        f"ds.assign_coords({{{time.name!r}: ds[{time.name!r}] + np.timedelta64({best}, 'h')}}); if "
        f"only sums begin at their stamps, state bounds of time for {name}."
    )


def _follows(shares: np.ndarray, sun: np.ndarray) -> float:
    """Return how well sunshine rises and sinks with the sun; 0 without a night or a day."""
    here = np.isfinite(shares.ravel())
    one, other = shares.ravel()[here], sun.ravel()[here]
    if one.size < 2 or not np.ptp(one) or not np.ptp(other) or other.min() > 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
