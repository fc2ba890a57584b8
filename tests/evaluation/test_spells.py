"""Days of hourly precipitation against loops by hand, however the record was cut."""

from __future__ import annotations

from functools import reduce
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.evaluation.days import days, merge, whole

START = np.datetime64("2006-12-29T01", "h")
MEMBERS, POINTS = 2, 3


def record(hours):
    """Times that are there, showers in some spells, and another variable."""
    rng = np.random.default_rng(0)
    rain = rng.exponential(0.3, (240, MEMBERS, POINTS)) * (rng.random((240, MEMBERS, POINTS)) < 0.2)
    rain *= (np.arange(240) // 24 % 3 > 0)[:, None, None]
    rain[rng.random(rain.shape) < 0.002] = np.nan
    other = rng.normal(size=(240, MEMBERS, 1, POINTS))
    return START + np.asarray(hours), rain[hours], other[hours]


def cut(times, rain, other, cuts):
    parts = zip(*(np.split(a, cuts) for a in (times, rain, other)), strict=True)
    return [days(*part) for part in parts if part[0].size]


def by_hand(times, rain):
    """Sums of whole days by date, of one member and point; NaN where an hour is missing."""
    sums: dict[np.datetime64, list[float]] = {}
    for time, amount in zip(times, rain, strict=True):
        sums.setdefault((time - 1).astype("datetime64[D]"), []).append(amount)
    return {day: sum(a) if len(a) == 24 else np.nan for day, a in sums.items()}


def longest(sums, is_kind):
    """Longest run of one kind over days one after another, day by day of the calendar."""
    if not sums:
        return 0
    calendar = np.arange(min(sums), max(sums) + 1)
    kinds = [bool(is_kind(sums.get(day, np.nan))) for day in calendar]
    return max((len(list(run)) for kind, run in groupby(kinds) if kind), default=0)


subsets = st.lists(st.integers(0, 239), max_size=20, unique=True).map(
    lambda absent: [h for h in range(240) if h not in absent]
)
spots = st.lists(st.integers(0, 239), max_size=12).map(sorted)


@settings(max_examples=25)
@given(hours=subsets, cuts=spots)
def test_spells_and_extremes_of_a_year_are_those_counted_by_hand(hours, cuts):
    times, rain, other = record(hours)
    found = whole(reduce(merge, cut(times, rain, other, cuts)))
    for number, year in found.years.items():
        inside = (times - 1).astype("datetime64[Y]").astype(int) + 1970 == number
        for m, p in np.ndindex(MEMBERS, POINTS):
            sums = by_hand(times[inside], rain[inside, m, p])
            assert year.wet.longest[m, p] == longest(sums, lambda s: s >= 1)
            assert year.dry.longest[m, p] == longest(sums, lambda s: s < 1)
            known = [s for s in sums.values() if np.isfinite(s)]
            assert year.rx1day[m, p] == pytest.approx(max(known, default=np.nan), nan_ok=True)
            assert year.rx1h[m, p] == np.nanmax(rain[inside, m, p])


@settings(max_examples=25)
@given(hours=subsets, cuts=spots)
def test_cuts_do_not_change_the_calendar(hours, cuts):
    one = whole(days(*record(hours)))
    other = whole(reduce(merge, cut(*record(hours), cuts)))
    for name in ("days", "rain_days", "rain", "pairs", "crossed"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-9)


def test_the_sum_at_midnight_belongs_to_the_day_before():
    times, rain, other = record(range(24))
    assert times[-1] == np.datetime64("2006-12-30T00")
    assert whole(days(times, rain, other)).ends[0][0] == np.datetime64("2006-12-29", "D").astype(
        int
    )


def test_stretches_out_of_order_are_refused():
    parts = cut(*record(range(48)), [20])
    with pytest.raises(ValueError, match="in order of time"):
        merge(*parts[::-1])
