"""The hours that values are summed or averaged over, relative to their time stamps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from .axes.times import Time

__all__ = [
    "HOUR",
    "Over",
    "base",
    "differences",
    "hours_between",
    "in_words",
    "origins",
    "spaced",
    "steps",
    "widths",
]

HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True, eq=False)
class Over:
    """What each value of an accumulated field is over.

    Parameters
    ----------
    method : "sum" or "mean"
        Whether a value is an amount, or a mean rate.
    running : "", "start" or "day"
        Whether it is a running total since the start of the forecast or since 00 UTC. Each value
        minus the previous one is the sum between both.
    begin, end : ndarray
        Hours from a window's begin to the stamp, and from the stamp to its end. For running totals,
        they are those of the differences. With the shape of the valid times, or of one value for
        all.
    source : str
        What tells so.
    refused : str
        Why the values cannot be brought to the model's hours; empty if they can.
    wanted : float
        The model's hours, which end at the stamp.
    by_sun : bool
        Whether longer windows are shared out by the height of the sun instead of evenly.
    """

    method: str = "sum"
    running: str = ""
    begin: np.ndarray = field(default_factory=lambda: np.ones(1))
    end: np.ndarray = field(default_factory=lambda: np.zeros(1))
    source: str = ""
    refused: str = ""
    wanted: float = 1.0
    by_sun: bool = False

    @property
    def hours(self) -> np.ndarray:
        """Length of each window."""
        return self.begin + self.end

    def is_exactly(self, hours: float) -> bool:
        """Tell whether values are over so many hours that end at the stamp."""
        ends = np.allclose(self.end, 0) and np.allclose(self.begin, hours)
        return bool(ends and not self.running)

    def __str__(self) -> str:
        if self.running:
            return "running total since " + ("00 UTC" if self.running == "day" else "the start")
        widths = np.unique(np.round(self.hours, 4))
        length = " and ".join(f"{w:g}" for w in widths[:3])
        return f"{length}-hour {self.method}s"


def in_words(hours: float) -> str:
    """Return a length of time as a reader says it.

    Examples
    --------
    >>> in_words(1.0), in_words(3.0), in_words(0.5)
    ('1 hour', '3 hours', '30 minutes')
    """
    if 0 < hours < 1:
        return f"{hours * 60:g} minutes"
    return f"{hours:g} hour" + ("" if hours == 1 else "s")


def hours_between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the hours from some times to others."""
    return (last - first) / HOUR


def steps(time: Time) -> np.ndarray | None:
    """Return the hours from each stamp back to the previous one; None of a single time.

    Along a lead, the first value counts from the start. Elsewhere it is taken to have the step of
    the next.
    """
    values = time.values
    if time.lead_dim is not None and time.lead is not None:
        leads = time.lead / HOUR
        return np.diff(leads, axis=-1, prepend=0)
    if values.shape[-1] < 2:
        return None
    between = np.diff(values, axis=-1) / HOUR
    return np.concatenate([between[..., :1], between], axis=-1)


def spaced(time: Time) -> float | None:
    """Return the hours between stamps if they are the same throughout; None else."""
    values = time.values
    if values.shape[-1] < 2:
        return None
    between = np.diff(values, axis=-1) / HOUR
    return float(between.flat[0]) if np.ptp(between) < 1e-6 else None


def base(time: Time) -> float | None:
    """Return the longest step, in hours, that all stamps are whole numbers of apart.

    Examples
    --------
    Stamps 7 and 8 hours apart belong to an hourly record:

    >>> stamps = np.array(["2020-01-01T00", "2020-01-01T07", "2020-01-01T15"], "datetime64[ns]")
    >>> base(Time("time", ("time",), stamps))
    1.0
    """
    if time.values.shape[-1] < 2:
        return None
    seconds = np.diff(time.values, axis=-1).astype("timedelta64[s]").astype("int64")
    return float(np.gcd.reduce(np.abs(seconds), axis=None)) / 3600


def origins(time: Time, running: str) -> np.ndarray:
    """Return since when each value of a running total counts, with the shape of the valid times."""
    if running == "start" and time.start is not None:
        return time.start
    # 00 UTC belongs to the day that it ends.
    return (time.values - np.timedelta64(1, "s")).astype("datetime64[D]").astype(time.values.dtype)


def differences(field: xr.DataArray, time: Time, running: str) -> xr.DataArray:
    """Return what a running total grew by since the previous stamp; lazy stays lazy.

    The first value since an origin is taken as it is. Falls, which packing makes, become 0.
    """
    dim = time.out[-1]
    since = origins(time, running)
    follows = np.zeros(since.shape, bool)
    follows[..., 1:] = since[..., 1:] == since[..., :-1]
    before = field.shift({dim: 1})
    grown = xr.where(xr.DataArray(follows, dims=time.out), field - before, field).clip(min=0)
    grown = grown.transpose(*field.dims)
    return grown.chunk(field.chunksizes) if field.chunks else grown


def widths(time: Time, running: str) -> np.ndarray:
    """Return the hours that each difference of a running total is over."""
    since = origins(time, running)
    before = since.copy()
    same = since[..., 1:] == since[..., :-1]
    before[..., 1:] = np.where(same, time.values[..., :-1], since[..., 1:])
    return hours_between(before, time.values)
