"""Times and leads of predictors on coarse cells, and their places in the tables of an alignment."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..errors import AlignmentError

__all__ = ["MONTHS", "days_from", "hours", "lead_of", "places", "valid_times"]

#: Days of the middle of each month after the start of the year.
MONTHS = np.array([15.5, 45.0, 74.5, 105.0, 135.5, 166.0, 196.5, 227.5, 258.0, 288.5, 319.0, 349.5])
YEAR = 365.2425


def valid_times(cells: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """Return the valid time of each field, along its dims of time or initialisation and lead.

    Examples
    --------
    >>> day = np.array(["2001-07-15"], "datetime64[ns]")
    >>> valid_times(xr.Dataset(coords={"time": day})).dims
    ('time',)
    """
    name = "valid_time" if "valid_time" in cells.coords else "time"
    if name not in cells.coords or not np.issubdtype(cells[name].dtype, np.datetime64):
        raise AlignmentError(
            "Predictors on coarse cells need their valid times, datetime64, in the coordinate time "
            f"or valid_time; got {', '.join(map(str, cells.coords))}."
        )
    return cells[name].reset_coords(drop=True)


def lead_of(cells: xr.DataArray | xr.Dataset) -> xr.DataArray | None:
    """Return the lead of forecasts in hours, along its dim or scalar; None if there is none.

    Examples
    --------
    >>> six = np.array([6], "timedelta64[h]").astype("timedelta64[ns]")
    >>> lead_of(xr.Dataset(coords={"lead_time": six})).values
    array([6.])
    """
    for name, coordinate in cells.coords.items():
        if np.issubdtype(coordinate.dtype, np.timedelta64):
            if coordinate.ndim > 1:
                raise AlignmentError(
                    f"The lead {name!r} varies along {', '.join(map(str, coordinate.dims))}: "
                    "expected one lead along one dim."
                )
            return (coordinate / np.timedelta64(1, "h")).reset_coords(drop=True)
    return None


def hours(times: np.ndarray) -> np.ndarray:
    """Return the hour of the day of each time, with its fraction.

    Examples
    --------
    >>> hours(np.array(["2001-07-15T06:30"], "datetime64[ns]"))
    array([6.5])
    """
    return (times - times.astype("datetime64[D]")) / np.timedelta64(1, "h")


def _days(times: np.ndarray) -> np.ndarray:
    """Return the days since the start of the year."""
    return (times - times.astype("datetime64[Y]")) / np.timedelta64(1, "D")


def days_from(times: np.ndarray, month: int) -> np.ndarray:
    """Return the days between each time and the middle of a month, around the year.

    Examples
    --------
    >>> days_from(np.array(["2001-12-31T12", "2001-01-16T12"], "datetime64[ns]"), 0)
    array([16.2425,  0.    ])
    """
    apart = np.abs(_days(times) - MONTHS[month])
    return np.minimum(apart, YEAR - apart)


def _between(at: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indices (2, ...) of the knots around each place, and their weights."""
    if knots.size == 1:
        return np.zeros((2, *at.shape), int), np.stack([np.ones(at.shape), np.zeros(at.shape)])
    left = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, knots.size - 2)
    share = np.clip((at - knots[left]) / (knots[left + 1] - knots[left]), 0, 1)
    return np.stack([left, left + 1]), np.stack([1 - share, share])


def places(
    times: np.ndarray, leads: np.ndarray | None, tables: xr.Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tables that each field is mapped by, and their weights.

    Parameters
    ----------
    times : ndarray of datetime64
        Valid times.
    leads : ndarray, optional
        Lead of each in hours, of the shape of ``times``.
    tables : Dataset
        Of an alignment.

    Returns
    -------
    index, weight : ndarray (..., 4)
        Lead and month as one index, ``12 * lead + month``; weights sum to one.

    Raises
    ------
    AlignmentError
        If no table was fitted for a month, an hour or a lead.
    """
    fitted = tables["fitted"].values  # (lead, month)
    _refuse_other_hours(times, tables)
    knots = tables["lead"].values
    if leads is None:
        leads = np.zeros(times.shape)
    else:
        _refuse_other_leads(leads, tables)
    lead, lead_weight = _between(leads, knots)
    around = np.concatenate([[MONTHS[-1] - YEAR], MONTHS, [MONTHS[0] + YEAR]])
    month, month_weight = _between(_days(times), around)
    month = (month - 1) % 12
    index = 12 * lead[:, None] + month[None]
    weight = lead_weight[:, None] * month_weight[None] * fitted[lead[:, None], month[None]]
    index, weight = (np.moveaxis(a.reshape(4, *times.shape), 0, -1) for a in (index, weight))
    own = times.astype("datetime64[M]").astype(int) % 12
    nearest = lead_weight.argmax(0)
    chosen = np.take_along_axis(lead, nearest[None], 0)[0]
    lacking = ~fitted[chosen, own].astype(bool) | (weight.sum(-1) == 0)
    if lacking.any():
        raise AlignmentError(
            f"The alignment was not fitted for month {own[lacking][0] + 1} at this lead: it has "
            f"months {', '.join(str(m + 1) for m in np.flatnonzero(fitted.any(0)))}. Fit it on a "
            "reference period that has these months."
        )
    return index, weight / weight.sum(-1, keepdims=True)


def _refuse_other_hours(times: np.ndarray, tables: xr.Dataset) -> None:
    known = tables["hour"].values
    other = ~np.isin(hours(times), known)
    if other.any():
        raise AlignmentError(
            f"The alignment was fitted at {_listed(known)} UTC, but the input has "
            f"{_listed(np.unique(hours(times)[other]))} UTC. Fit it on these hours too, or select "
            "those that it has."
        )


def _refuse_other_leads(leads: np.ndarray, tables: xr.Dataset) -> None:
    low, high = tables.attrs["lead_hours"]
    beyond = (leads < low) | (leads > high)
    if beyond.any():
        raise AlignmentError(
            f"The alignment was fitted for leads of {low:g} to {high:g} hours, but the input has "
            f"{leads[beyond].flat[0]:g}. Fit it on these leads too, or select those that it has."
        )


def _listed(values: np.ndarray) -> str:
    text = ", ".join(f"{v:g}" for v in values[:8])
    return text + (" ..." if values.size > 8 else "") + " h"
