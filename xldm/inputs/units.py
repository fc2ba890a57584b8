"""Units: convert those of a file to those of a model, and tell sums from rates."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..unit_text import computable
from ..variable import Variable
from ..vocabulary import VOCABULARY
from . import dialects

__all__ = ["conversion", "hours_of", "in_units", "is_rate", "stated_hours"]

_WATER = "1000 kg m-3"
_HOURS = {
    "s": 1 / 3600, "sec": 1 / 3600, "second": 1 / 3600, "min": 1 / 60, "minute": 1 / 60,
    "h": 1.0, "hr": 1.0, "hour": 1.0, "d": 24.0, "day": 24.0, "week": 168.0, "mon": 730.5,
    "month": 730.5, "yr": 8766.0, "year": 8766.0,
}  # fmt: skip
_UNIT = "(?P<unit>" + "|".join(sorted(_HOURS, key=len, reverse=True)) + ")s?"
_COUNT = r"(?:(?<![\w.-])(?P<count>\d+(?:\.\d+)?)\s*)?"
# "mm/3h", "mm per day"; "mm (3h)-1", "m of water equivalent day**-1"; "mm (3h)".
_PER = (
    re.compile(rf"(?P<amount>.+?)\s*(?:/|\bper\b)\s*\(?{_COUNT}{_UNIT}\)?"),
    re.compile(rf"(?P<amount>.+?)[\s*.]*(?<![\w-])\(?{_COUNT}{_UNIT}\)?\s*(?:\*\*|\^)?-1"),
    re.compile(rf"(?P<amount>.+?)\s*\({_COUNT}{_UNIT}\)"),
)


def hours_of(text: str) -> float | None:
    """Return the hours in a length of time such as "3 hours", "1hr" or "PT3H".

    Examples
    --------
    >>> hours_of("3 hours"), hours_of("30 min"), hours_of("1 day"), hours_of("long")
    (3.0, 0.5, 24.0, None)
    """
    found = re.fullmatch(rf"(?:pt)?{_COUNT}{_UNIT}", text.strip().lower())
    return float(found["count"] or 1) * _HOURS[found["unit"]] if found else None


def stated_hours(units: str) -> float | None:
    """Return the hours that units of a sum name, as in "mm/3h"; None for rates and plain sums.

    Examples
    --------
    >>> stated_hours("mm/3h"), stated_hours("kg m-2 (6 hours)-1"), stated_hours("kg m-2 s-1")
    (3.0, 6.0, None)
    """
    found = _per(units)
    return None if found is None or not found["count"] else _length(found)


def is_rate(units: str, amount: str, *, water: bool = False) -> bool:
    """Tell whether units are those of an amount per time.

    Examples
    --------
    >>> is_rate("W m-2", "J m**-2"), is_rate("mm", "m"), is_rate("kg m-2 s-1", "m", water=True)
    (True, False, True)
    """
    plain = conversion(units, amount, water=water)
    return plain is None and conversion(f"({_pint(units)}) * s", amount, water=water) is not None


@functools.lru_cache(maxsize=256)
def conversion(
    found: str, wanted: str, *, hourly: bool = False, water: bool = False, hours: float = 1.0
) -> tuple[float, float] | None:
    """Return the scale and offset from ``found`` to ``wanted`` units; None if there are none.

    Parameters
    ----------
    found, wanted : str
        Units in any spelling of UDUNITS or ECMWF.
    hourly : bool
        Whether to convert between a sum over ``hours`` and the mean rate over them.
    water : bool
        Whether to convert between a mass of water per area and its depth.
    hours : float
        One hour unless given.

    Examples
    --------
    >>> conversion("hPa", "Pa")
    (100.0, 0.0)
    >>> conversion("degC", "K")
    (1.0, 273.15)
    >>> conversion("W m-2", "J m**-2", hourly=True)
    (3600.0, 0.0)
    >>> conversion("kg m-2 s-1", "m", hourly=True, water=True)
    (3.6, 0.0)
    >>> conversion("m s-1", "K") is None, conversion("m**10**10**10", "m") is None
    (True, True)
    """
    if not (computable(found) and computable(wanted)):
        return None
    # Importing the registry takes a third of a second, so it is imported on first use.
    from cf_xarray.units import units

    try:
        source, target = (units.Unit(_pint(u)) for u in (found, wanted))
    except Exception:  # the parser raises anything from AssertionError to TokenError
        return None
    quantity: Any = units.Quantity
    period, density, one = quantity(3600 * hours, "s"), quantity(_WATER), quantity("1")
    for rate in (one, period, 1 / period) if hourly else (one,):
        for mass in (one, density, 1 / density) if water else (one,):
            if (source * rate.units * mass.units).dimensionality != target.dimensionality:
                continue
            if rate is one and mass is one:
                at_0, at_1 = quantity(np.array([0.0, 1.0]), source).to(target).magnitude
            else:
                at_0, at_1 = 0.0, (quantity(1.0, source) * rate * mass).to(target).magnitude
            # Twelve digits: further ones are rounding, and dialects would differ in the last bit.
            scale, offset = float(f"{at_1 - at_0:.12g}"), float(f"{at_0:.12g}")
            return (scale, offset) if math.isfinite(scale) and math.isfinite(offset) else None
    return None


def in_units(variable: Variable, units: str) -> Variable:
    """Return a variable in other units: the same physical value is the same normalised number.

    Parameters
    ----------
    variable : Variable
    units : str
        An amount of water converts between its depth and its mass.

    Raises
    ------
    ArgumentError
        If the units are not of the same quantity.

    Examples
    --------
    >>> tp = Variable("tp", "lwe_thickness_of_precipitation_amount", "m", 0.001, 0.003)
    >>> in_units(tp, "mm").std, in_units(tp, "kg m-2").std
    (3.0, 3.0)
    """
    if variable.units == units:
        return variable
    known = VOCABULARY.get(variable.name)
    found = conversion(variable.units, units, water=bool(known and known.water))
    if found is None or (found[1] and variable.transform != "linear"):
        raise ArgumentError(
            f"{variable.name} is in {variable.units!r} as a predictor and in {units!r} as a "
            "target, which do not convert; state units of the same quantity in the store"
        )
    scale, offset = found
    ends = {"lower": variable.lower, "upper": variable.upper, "dry_below": variable.dry_below}
    changed: dict[str, Any] = {
        name: scale * end + offset for name, end in ends.items() if end is not None
    }
    if variable.transform == "linear":
        changed |= {"mean": scale * variable.mean + offset, "std": scale * variable.std}
    else:
        changed["transform_scale"] = scale * variable.transform_scale
    return replace(variable, units=units, **changed)


def _pint(units: str) -> str:
    """Return units as the registry knows them; a stated length of time is left out."""
    found = _per(units)
    if found is None:
        return dialects.spelled(units)
    amount = dialects.spelled(found["amount"])
    if found["count"]:
        return amount
    return units.strip() if amount == found["amount"] else f"{amount} / {found['unit']}"


def _per(units: str) -> re.Match[str] | None:
    for pattern in _PER if computable(units) else ():
        if found := pattern.fullmatch(units.strip()):
            return found
    return None


def _length(found: re.Match[str]) -> float:
    return float(found["count"] or 1) * _HOURS[found["unit"]]
