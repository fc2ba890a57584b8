"""Check sizes of fields against those that are usual, and fields against one another.

Units that a field's bounds do not tell show in a wide domain: rain that is nowhere more than
0.01 mm, or wind at 10 m that is stronger than at 850 hPa.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..vocabulary import Known
from .axes.horizontal import Horizontal
from .report import Found
from .units import conversion

__all__ = ["Looked", "apart", "is_wide", "unusual"]

# Weather is never of one kind everywhere over so many degrees, points and times.
_WIDE, _POINTS, _TIMES = 6.0, 100, 6
# What is less than this share of the largest value says nothing about the size.
_SMALL = 0.01
# Air is seldom more humid than saturated; a dew point that is higher by so much is none.
_ABOVE, _MOSTLY = 1.0, 0.5
# Mean temperature at 2 m less that at 850 hPa, and that of the open sea less that of the air above,
# in K; under an ice-free sea only, since air over ice is far colder.
_OVER_850, _SEA_OVER_AIR, _OPEN = (-20.0, 25.0), (-18.0, 18.0), 275.0
# Speed of wind at 10 m, as a share of that at 850 hPa.
_SLOWER = (0.12, 1.5)


@dataclass(frozen=True, eq=False)
class Looked:
    """A field that was looked at: its record, what it should be, its values, and their times."""

    found: Found
    entry: Known
    values: np.ndarray
    times: int

    def in_units(self, units: str = "") -> np.ndarray:
        """Return the values in the vocabulary's units, if they are in those given or the file's."""
        to_known = _to_known(units or self.found.units, self.entry)
        values = self.values.astype("float64")
        return values * np.nan if to_known is None else values * to_known[0] + to_known[1]


def is_wide(horizontal: Horizontal) -> bool:
    """Tell whether a domain is so wide that weather in it is not of one kind."""
    axes = horizontal.latitude, horizontal.longitude
    return all(axis.size > 1 and np.ptp(axis) >= _WIDE for axis in axes)


def unusual(looked: Looked) -> str:
    """Return the problem of a field of a wide domain whose size is not that of its quantity.

    Examples
    --------
    >>> from xldm.vocabulary import VOCABULARY
    >>> rain = np.full((24, 9, 9), 1e-3)  # m
    >>> found = Found("tp", "tp", units="mm")
    >>> unusual(Looked(found, VOCABULARY["tp"], rain, 24)).partition(", as")[0]
    'tp says mm but its values are about 0.001 over the domain'
    >>> unusual(Looked(Found("tp", "tp", units="m"), VOCABULARY["tp"], rain, 24))
    ''
    """
    found, entry, values = looked.found, looked.entry, looked.values
    if entry.usual is None or values.dtype.kind not in "iuf" or values.size < _POINTS:
        return ""
    size = _size(values.astype("float64"))
    low, high = entry.usual
    now = _converted(size, found.units, entry)
    if not now or low <= now <= high:
        return ""
    # Of one dry hour, or of the last snow, little is plausible.
    if now < low and entry.water and looked.times < _TIMES:
        return ""
    name = str(found.variable)
    text = (
        f"{name} says {found.units} but its values are about {size:.2g} over the domain, as "
        f"{entry.quantity} is not: expected {low:g} to {high:g} {entry.units}."
    )
    # "mm s-1" is what rates are in that files call "mm".
    for units in (entry.units, *entry.mistaken):
        if units != found.units and low <= _converted(size, units, entry) <= high:
            text += f" It looks like {units}: if so, set ds[{name!r}].attrs['units'] = {units!r}."
            break
    if now < low and entry.water:
        text += f" If there is next to none, ds[{name!r}] = xr.zeros_like(ds[{name!r}])."
    return text


def apart(looked: Mapping[str, Looked], *, wide: bool) -> Iterator[tuple[str, str]]:
    """Yield the name and the problem of fields that cannot be true beside others.

    Parameters
    ----------
    looked : mapping of str to Looked
        By the name of the predictor; without those that have problems.
    wide : bool
        Whether the domain is wide; in a small one, only dew points are compared.
    """
    values = {name: one.in_units() for name, one in looked.items()}

    def both(*names: str) -> bool:
        return values.keys() >= {*names} and len({values[n].shape for n in names}) == 1

    if both("t2m", "d2m") and (text := _swapped(looked, values)):
        yield "d2m", text
    if not wide:
        return
    if both("t2m", "t850"):
        difference = _mean(values["t2m"]) - _mean(values["t850"])
        yield from _differ(looked, "t2m", "t850", difference, _OVER_850)
    if both("sst", "t2m"):
        sea = values["sst"] > _OPEN
        if sea.sum() >= _POINTS:
            difference = _mean((values["sst"] - values["t2m"])[sea])
            yield from _differ(looked, "sst", "t2m", difference, _SEA_OVER_AIR)
    if both("u10", "v10", "u850", "v850"):
        yield from _winds(looked, values)


def _swapped(looked: Mapping[str, Looked], values: Mapping[str, np.ndarray]) -> str:
    """Return the problem of dew points that are mostly above the temperature of the air."""
    with np.errstate(invalid="ignore"):
        above = values["d2m"] - values["t2m"] > _ABOVE
    share = float(np.mean(above)) if above.size else 0.0
    if share < _MOSTLY:
        return ""
    return (
        f"{looked['d2m'].found.variable} is above {looked['t2m'].found.variable} at {share:.0%} of "
        "the points, and air holds no more water than saturated: are the two exchanged, or of "
        "other times or units?"
    )


def _differ(
    looked: Mapping[str, Looked],
    one: str,
    other: str,
    difference: float,
    usual: tuple[float, float],
) -> Iterator[tuple[str, str]]:
    if usual[0] <= difference <= usual[1] or np.isnan(difference):
        return
    first, second = looked[one], looked[other]
    text = (
        f"{first.found.variable} ({first.found.units}) is {abs(difference):.3g} K "
        f"{'warmer' if difference > 0 else 'colder'} than {second.found.variable} "
        f"({second.found.units}) on average, expected {usual[0]:g} to {usual[1]:g} K: the units of "
        "one may be wrong."
    )
    for which, sign in ((first, 1), (second, -1)):
        for units in (which.entry.units, *which.entry.mistaken):
            moved = _mean(which.in_units(units)) - _mean(which.in_units())
            if units != which.found.units and usual[0] <= difference + sign * moved <= usual[1]:
                name = str(which.found.variable)
                text += f" If {name} is in {units}, set ds[{name!r}].attrs['units'] = {units!r}."
    yield one, text


def _winds(
    looked: Mapping[str, Looked], values: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, str]]:
    low, high = (
        np.sqrt(_mean(values[f"u{at}"] ** 2) + _mean(values[f"v{at}"] ** 2)) for at in (10, 850)
    )
    if not high or not low or _SLOWER[0] <= low / high <= _SLOWER[1]:
        return
    names = [str(looked[n].found.variable) for n in ("u10", "v10", "u850", "v850")]
    text = (
        f"The wind at 10 m ({names[0]}, {names[1]}) is {low / high:.2g} times as strong as that "
        f"at 850 hPa ({names[2]}, {names[3]}) on average, expected {_SLOWER[0]:g} to "
        f"{_SLOWER[1]:g}: the units of one may be wrong, such as m s-1 for km/h. If so, set both "
        f"components', e.g. ds[{names[0]!r}].attrs['units'] = 'km/h'."
    )
    yield "u10", text


def _to_known(units: str, entry: Known) -> tuple[float, float] | None:
    return conversion(units, entry.units, hourly=entry.accumulated, water=entry.water)


def _converted(size: float, units: str, entry: Known) -> float:
    to_known = _to_known(units, entry)
    return 0.0 if to_known is None else size * to_known[0] + to_known[1]


def _size(values: np.ndarray) -> float:
    magnitude = np.abs(values[np.isfinite(values)])
    magnitude = magnitude[magnitude > _SMALL * magnitude.max(initial=0)]
    return float(np.sqrt(np.mean(magnitude**2))) if magnitude.size else 0.0


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
