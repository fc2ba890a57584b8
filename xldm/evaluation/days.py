"""Days: sums of hours, their extremes, spells and correlations, of series at fixed points.

A block of hours keeps its first and its last day aside, of which neighbouring blocks may hold more
hours. :func:`merge` completes them. So each day counts once, wherever the record is cut.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from .spells import Calendar, joined, of_day

__all__ = ["HOURS", "Day", "Days", "days", "merge", "whole"]

HOURS = 24


@dataclass(frozen=True, eq=False)
class Day:
    """Hold the hours of one day that are known.

    Attributes
    ----------
    number : int
        Days since 1970.
    hours : int
        Number of hours.
    rain : ndarray (member, point)
        Sum over these hours.
    most : ndarray (member, point)
        Largest hourly sum.
    others : ndarray (member, variable, point)
        Sum of the other variables.
    """

    number: int
    hours: int
    rain: np.ndarray
    most: np.ndarray
    others: np.ndarray


@dataclass(frozen=True, eq=False)
class Days:
    """Hold what is known of a stretch of hours.

    Attributes
    ----------
    span : (int, int)
        First and last hour since 1970.
    first, last : Day
        The days at both ends; the same object if there is one day only.
    between : Calendar or None
        The days between these.
    """

    span: tuple[int, int]
    first: Day
    last: Day
    between: Calendar | None


def days(times: np.ndarray, rain: np.ndarray, others: np.ndarray) -> Days:
    """Gather the hours of one block by days.

    The sum at 00 UTC is over the last hour of the day before, since time is the end of the hour.

    Parameters
    ----------
    times : ndarray of datetime64 (time,)
        Whole hours, ascending; hours may be missing.
    rain : ndarray (time, member, point)
        Sums over the hours that end at ``times``, in mm.
    others : ndarray (time, member, variable, point)
        Other variables at these times.

    Returns
    -------
    Days

    Raises
    ------
    ArgumentError
        If there is no time, or times are not ascending.

    Examples
    --------
    >>> times = np.datetime64("2001-01-01T01") + np.arange(48)
    >>> block = days(times, np.ones((48, 1, 1)), np.zeros((48, 1, 0, 1)))
    >>> block.first.rain, block.first.hours, block.last.hours
    (array([[24.]]), 24, 24)
    """
    hours = np.asarray(times).astype("datetime64[h]").astype("int64")
    if hours.size == 0 or (np.diff(hours) <= 0).any():
        raise ArgumentError(
            "times of a block are one or more hours in ascending order, since days are made of "
            f"neighbouring hours; got {times}. Sort them, drop doubles, or leave an empty block out"
        )
    number = (hours - 1) // HOURS
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1), hours.size]
    made = [
        Day(
            int(number[a]),
            int(b - a),
            rain[a:b].sum(0, dtype=np.float64),
            np.fmax.reduce(rain[a:b], axis=0),
            others[a:b].sum(0, dtype=np.float64),
        )
        for a, b in itertools.pairwise(edges)
    ]
    between = None
    for day in made[1:-1]:
        between = joined(between, _finished(day))
    return Days((int(hours[0]), int(hours[-1])), made[0], made[-1], between)


def merge(earlier: Days, later: Days) -> Days:
    """Merge two successive stretches of the record.

    Parameters
    ----------
    earlier, later : Days
        Of the same members, variables and points. Hours may be missing between them.

    Returns
    -------
    Days

    Raises
    ------
    ArgumentError
        If ``later`` does not begin after the end of ``earlier``.

    Examples
    --------
    >>> times = np.datetime64("2001-01-01T01") + np.arange(72)
    >>> parts = [days(t, np.ones((36, 1, 1)), np.zeros((36, 1, 0, 1))) for t in np.split(times, 2)]
    >>> merge(*parts).between.rain_days
    array([[1.]])
    """
    if later.span[0] <= earlier.span[1]:
        raise ArgumentError(
            "stretches are merged in order of time and share no hour, or hours would be missed or "
            f"counted twice; got one that ends at {np.datetime64(earlier.span[1], 'h')} before one "
            f"that starts at {np.datetime64(later.span[0], 'h')}"
        )
    middle = _met(earlier.last, later.first)
    first = middle[0] if earlier.first is earlier.last else earlier.first
    last = middle[-1] if later.first is later.last else later.last
    between = earlier.between
    for day in middle:
        if day is not first and day is not last:
            between = joined(between, _finished(day))
    span = earlier.span[0], later.span[1]
    return Days(span, first, last, joined(between, later.between))


def _met(one: Day, other: Day) -> list[Day]:
    """Return two days, or the one that they make together."""
    if one.number != other.number:
        return [one, other]
    return [
        Day(
            one.number,
            one.hours + other.hours,
            one.rain + other.rain,
            np.fmax(one.most, other.most),
            one.others + other.others,
        )
    ]


def whole(stretch: Days) -> Calendar:
    """Return all days of a stretch to which no hour will be added."""
    ends = [stretch.first] if stretch.first is stretch.last else [stretch.first, stretch.last]
    calendar = joined(_finished(ends[0]), stretch.between)
    assert calendar is not None
    for day in ends[1:]:
        calendar = joined(calendar, _finished(day))
        assert calendar is not None
    return calendar


def _finished(day: Day) -> Calendar:
    """Return a day as a calendar; a day that lacks an hour has no sum."""
    missing = np.nan if day.hours < HOURS else 0.0
    return of_day(day.number, day.rain + missing, day.most, day.others / day.hours + missing)
