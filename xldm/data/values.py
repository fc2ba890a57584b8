"""Whether values can be what their units say: attributes are checked, not believed."""

from __future__ import annotations

import numpy as np

from .era5 import Known
from .report import Found
from .units import conversion

__all__ = ["implausible"]


def implausible(values: np.ndarray, found: Found, entry: Known) -> str:
    """What is wrong with values of a predictor; empty if nothing is.

    Parameters
    ----------
    values : numpy.ndarray
        In the units that the file states, of any shape.
    found : Found
        Where they are from, with those units.
    entry : Known
        The predictor's plausible range.

    Examples
    --------
    >>> from xldm.data.era5 import ERA5
    >>> print(implausible(np.array([300.0]), Found("sd", "sd", units="m"), ERA5["sd"]))
    sd says m but holds 300 to 300, which looks like mm: if so, set ds['sd'].attrs['units'] = 'mm'.
    """
    finite = np.isfinite(values)
    count = int(values.size - np.count_nonzero(finite))
    if values.size == 0:
        return ""
    if count == values.size:
        return f"{found.variable} has no value in the domain: all {count} looked at are missing."
    if count and not entry.gaps:
        return (
            f"{found.variable} has {count} missing or infinite values among the {values.size} "
            "looked at in the domain; only sea surface temperature may. Fill or leave out those "
            "times."
        )
    low = float(np.min(values, where=finite, initial=np.inf))
    high = float(np.max(values, where=finite, initial=-np.inf))
    if _fits(low, high, found.units, entry):
        return ""
    text = f"{found.variable} says {found.units} but holds {low:.4g} to {high:.4g}, which "
    for units in (entry.units, *entry.mistaken):
        if units != found.units and _fits(low, high, units, entry):
            name = str(found.variable)
            return text + f"looks like {units}: if so, set ds[{name!r}].attrs['units'] = {units!r}."
    longer = ", or a sum over more than an hour" if entry.accumulated else ""
    return text + (
        f"cannot be {entry.long_name.replace('_', ' ')}: expected {entry.low:g} to {entry.high:g} "
        f"{entry.units}. Other units, a fill value{longer}?"
    )


def _fits(low: float, high: float, units: str, entry: Known) -> bool:
    to_known = conversion(units, entry.units, hourly=entry.accumulated, water=entry.water)
    if to_known is None:
        return False
    scale, offset = to_known
    return entry.low <= low * scale + offset and high * scale + offset <= entry.high
