"""Units: convert those of a file to those of a model."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from . import dialects

__all__ = ["conversion"]

_HOUR = "3600 s"
_WATER = "1000 kg m-3"


@functools.lru_cache(maxsize=256)
def conversion(
    found: str, wanted: str, *, hourly: bool = False, water: bool = False
) -> tuple[float, float] | None:
    """Return the scale and offset from ``found`` to ``wanted`` units; None if there are none.

    Parameters
    ----------
    found, wanted : str
        Units in any spelling of UDUNITS or ECMWF.
    hourly : bool
        Whether to convert between a sum over an hour and the mean rate over that hour.
    water : bool
        Whether to convert between a mass of water per area and its depth.

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
    >>> conversion("m s-1", "K") is None
    True
    """
    # Importing the registry takes a third of a second, so it is imported on first use.
    from cf_xarray.units import units

    try:
        plain = [dialects.spelled(u) for u in (found, wanted)]
        source, target = map(units.Unit, plain)
    except Exception:  # the parser raises anything from AssertionError to TokenError
        return None
    quantity: Any = units.Quantity
    hour, density, one = quantity(_HOUR), quantity(_WATER), quantity("1")
    for rate in (one, hour, 1 / hour) if hourly else (one,):
        for mass in (one, density, 1 / density) if water else (one,):
            if (source * rate.units * mass.units).dimensionality != target.dimensionality:
                continue
            if rate is one and mass is one:
                at_0, at_1 = quantity(np.array([0.0, 1.0]), source).to(target).magnitude
            else:
                at_0, at_1 = 0.0, (quantity(1.0, source) * rate * mass).to(target).magnitude
            # Twelve digits: further ones are rounding, and dialects would differ in the last bit.
            return float(f"{at_1 - at_0:.12g}"), float(f"{at_0:.12g}")
    return None
