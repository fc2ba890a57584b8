"""The period of a part: its days and hours, before any file is opened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError

__all__ = ["Period", "shown"]


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, the first and the last included.

    Parameters
    ----------
    first, last : str
        ISO dates, as ``2001-07-01``.

    Raises
    ------
    ArgumentError
        If either is no day, or if the last comes before the first.

    Examples
    --------
    >>> period = Period("2001-07-30", "2001-08-02")
    >>> period.months, period.days[:2], period.hours.size
    (['2001-07', '2001-08'], ['2001-07-30', '2001-07-31'], 96)
    >>> period.within("2001-08")[[0, -1]]
    array(['2001-08-01T00:00:00.000000000', '2001-08-02T23:00:00.000000000'],
          dtype='datetime64[ns]')
    """

    first: str
    last: str

    def __post_init__(self) -> None:
        if _day(self.last) < _day(self.first):
            raise ArgumentError(f"the period {self} ends before it begins: give FIRST/LAST.")

    @classmethod
    def parse(cls, text: str) -> Period:
        """Return the period of ``FIRST/LAST``, or of a single day."""
        first, _, last = text.partition("/")
        return cls(first, last or first)

    def __str__(self) -> str:
        return f"{self.first}/{self.last}"

    @property
    def hours(self) -> np.ndarray:
        """Every hour, datetime64[ns]."""
        end = _day(self.last) + 1
        return np.arange(_day(self.first), end, dtype="datetime64[h]").astype("datetime64[ns]")

    @property
    def days(self) -> list[str]:
        """Every day, as ``2001-07-15``."""
        return np.unique(self.hours.astype("datetime64[D]")).astype(str).tolist()

    @property
    def months(self) -> list[str]:
        """Every month, as ``2001-07``."""
        return np.unique(self.hours.astype("datetime64[M]")).astype(str).tolist()

    def rows(self, day: str | np.datetime64) -> slice:
        """Return the rows of a day along `hours`."""
        first = 24 * int((np.datetime64(day) - _day(self.first)) // np.timedelta64(1, "D"))
        return slice(first, first + 24)

    def within(self, key: str) -> np.ndarray:
        """Return the hours in a month (``2001-07``) or a day (``2001-07-15``)."""
        span = np.datetime64(key)
        return self.hours[self.hours.astype(span.dtype) == span]


def shown(hour: np.datetime64) -> str:
    """Return an hour, or another time, as messages have it.

    Examples
    --------
    >>> shown(np.datetime64("2001-07-01T05", "ns"))
    '2001-07-01T05:00Z'
    """
    return f"{np.datetime_as_string(hour, unit='m')}Z"


def _day(text: str) -> np.datetime64:
    try:
        day = np.datetime64(text)
    except ValueError:
        day = np.datetime64("NaT")
    if np.isnat(day) or day.dtype != "datetime64[D]":
        raise ArgumentError(
            f"{text!r} is no day: a period is FIRST/LAST, as 2001-07-01/2001-07-31."
        )
    return day
