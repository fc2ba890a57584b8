"""Calendars: extremes, spells and correlations of days, which add up in order of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["WET_DAY", "Calendar", "Run", "Year", "correlation", "joined", "of_day"]

#: Least sum of a wet day in mm, of the ETCCDI and of CORDEX-ML-Bench.
WET_DAY = 1.0

# Below this share of the mean square, a variance is rounding error.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Run:
    """Hold the longest run of days of one kind, and the runs at both ends (member, point)."""

    head: np.ndarray
    tail: np.ndarray
    longest: np.ndarray


@dataclass(frozen=True, eq=False)
class Year:
    """Hold the extremes of the days of one calendar year.

    Attributes
    ----------
    span : (int, int)
        First and last day since 1970.
    rx1h, rx1day : ndarray (member, point)
        Largest sums of an hour and of a day; NaN without one.
    dry, wet : Run
        Of days below and from `WET_DAY`.
    """

    span: tuple[int, int]
    rx1h: np.ndarray
    rx1day: np.ndarray
    dry: Run
    wet: Run


@dataclass(frozen=True, eq=False)
class Calendar:
    """Hold what is known of the days of a stretch.

    Attributes
    ----------
    years : dict of int to Year
    days : ndarray (member, point)
        Number of days with a sum.
    rain_days, rain : ndarray (member, point)
        Number of wet days, and their sum.
    ends : ((int, ndarray), (int, ndarray))
        Number and sum (member, point) of the first and of the last day.
    pairs : ndarray (6, member, point)
        Over pairs of a day and the next: number, sums of a, b, a^2, b^2 and a b.
    crossed : ndarray (6, member, variable, point)
        The same over days, of the sum of rain and the mean of another variable.
    """

    years: dict[int, Year]
    days: np.ndarray
    rain_days: np.ndarray
    rain: np.ndarray
    ends: tuple[tuple[int, np.ndarray], tuple[int, np.ndarray]]
    pairs: np.ndarray
    crossed: np.ndarray


def of_day(number: int, rain: np.ndarray, most: np.ndarray, others: np.ndarray) -> Calendar:
    """Return the calendar of one day.

    Parameters
    ----------
    number : int
        Days since 1970.
    rain, most : ndarray (member, point)
        Sum of the day, NaN if it is not known, and its largest hourly sum.
    others : ndarray (member, variable, point)
        Means of the day.

    Examples
    --------
    >>> day = of_day(0, np.array([[3.0]]), np.array([[2.0]]), np.zeros((1, 0, 1)))
    >>> list(day.years), day.years[1970].wet.longest.item()
    ([1970], 1)
    """
    wet, dry = rain >= WET_DAY, rain < WET_DAY
    runs = [Run(*([kind.astype(np.int32)] * 3)) for kind in (dry, wet)]
    year = np.datetime64(number, "D").astype("datetime64[Y]").astype(int) + 1970
    return Calendar(
        {int(year): Year((number, number), most, rain, *runs)},
        np.isfinite(rain).astype(float),
        wet.astype(float),
        np.where(wet, rain, 0.0),
        ((number, rain), (number, rain)),
        np.zeros((6, *rain.shape)),
        _products(rain[:, None], others),
    )


def joined(earlier: Calendar | None, later: Calendar | None) -> Calendar | None:
    """Return the calendar of two successive stretches; None if there is no day.

    Examples
    --------
    >>> days = [of_day(n, np.array([[3.0]]), np.zeros((1, 1)), np.zeros((1, 0, 1))) for n in (0, 1)]
    >>> joined(*days).years[1970].wet.longest.item()
    2
    """
    if earlier is None or later is None:
        return later if earlier is None else earlier
    (before, a), (after, b) = earlier.ends[1], later.ends[0]
    across = _products(a, b) if after == before + 1 else 0.0
    years = dict(earlier.years)
    for number, year in later.years.items():
        years[number] = _longer(years[number], year) if number in years else year
    return Calendar(
        years,
        earlier.days + later.days,
        earlier.rain_days + later.rain_days,
        earlier.rain + later.rain,
        (earlier.ends[0], later.ends[1]),
        earlier.pairs + later.pairs + across,
        earlier.crossed + later.crossed,
    )


def _longer(earlier: Year, later: Year) -> Year:
    """Return two parts of one year as one."""
    lengths = [part.span[1] - part.span[0] + 1 for part in (earlier, later)]
    close = later.span[0] == earlier.span[1] + 1

    def run(one: Run, other: Run) -> Run:
        longest = np.maximum(one.longest, other.longest)
        if not close:
            return Run(one.head, other.tail, longest)
        return Run(
            np.where(one.head == lengths[0], one.head + other.head, one.head),
            np.where(other.tail == lengths[1], one.tail + other.tail, other.tail),
            np.maximum(longest, one.tail + other.head),
        )

    return Year(
        (earlier.span[0], later.span[1]),
        np.fmax(earlier.rx1h, later.rx1h),
        np.fmax(earlier.rx1day, later.rx1day),
        run(earlier.dry, later.dry),
        run(earlier.wet, later.wet),
    )


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return number, a, b, a^2, b^2 and a b, all 0 where either is missing."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(known, a, 0.0), np.where(known, b, 0.0)
    return np.stack([known.astype(float), a, b, a * a, b * b, a * b])


def correlation(sums: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of pairs.

    Parameters
    ----------
    sums : ndarray (6, ...)
        Number of pairs, sums of a, b, a^2, b^2 and a b.

    Returns
    -------
    ndarray (...)
        NaN where either does not vary.

    Examples
    --------
    >>> a, b = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 4.0])
    >>> sums = np.array([3, a.sum(), b.sum(), a @ a, b @ b, a @ b])
    >>> bool(np.isclose(correlation(sums), np.corrcoef(a, b)[0, 1]))
    True
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b, aa, bb, ab = sums[1:] / sums[0]
        of_a, of_b = aa - a**2, bb - b**2
        varies = (of_a > _ROUNDING * aa) & (of_b > _ROUNDING * bb)
        return np.where(varies, (ab - a * b) / np.sqrt(of_a * of_b), np.nan)
