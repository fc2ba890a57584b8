"""Means and other statistics are not taken for values of a moment."""

from __future__ import annotations

import numpy as np
import pytest
from layouts import plain
from remedies import applied

from xldm.inputs.predictors import check


def bounded(ds, hours):
    span = np.array([-hours, 0]) * np.timedelta64(1, "h")
    out = ds.assign(time_bnds=(("valid_time", "bnds"), ds.valid_time.values[:, None] + span))
    out.valid_time.attrs["bounds"] = "time_bnds"
    return out


@pytest.fixture
def states(era5):
    """Two fields of a moment, hourly."""
    return era5[["t2m", "msl"]]


def problems(ds, config14):
    return check(ds, config14, missing="climatology").problems


@pytest.mark.parametrize("hours", [3, 24])
def test_bounds_of_hours_make_a_state_ambiguous_and_the_remedy_works(hours, states, config14):
    ds = bounded(states, hours)
    first = problems(ds, config14)
    assert [f"bounds of {hours} hours" in p for p in first] == [True, True]
    for problem in first:
        ds = applied(problem, ds)
    assert problems(ds, config14) == ()


def test_bounds_of_an_hour_are_those_of_the_sums(states, config14):
    assert problems(bounded(states, 1), config14) == ()


@pytest.mark.parametrize(
    "attrs", [{"cell_methods": "area: mean time: point"}, {"GRIB_stepType": "instant"}]
)
def test_a_field_that_says_that_it_is_of_a_moment_may_have_bounds(attrs, states, config14):
    ds = bounded(states, 24)
    for field in ds.data_vars.values():
        field.attrs |= attrs
    assert problems(ds, config14) == ()


def test_statistics_over_years_are_refused(states, config14):
    states.valid_time.attrs["climatology"] = "climatology_bounds"
    assert all("many years" in p for p in problems(states, config14))
    assert len(problems(states, config14)) == 2


@pytest.mark.parametrize(
    "attrs",
    [
        {"step_type": "avg"},
        {"stepType": "max"},
        {"GRIB_stepType": "accum"},
        {"comment": "Average since the previous forecast step."},
        {"description": "Mean over 24 hours"},
        {"cell_methods": "area: time: mean"},
    ],
)
def test_a_statement_of_a_statistic_is_refused_and_the_remedy_works(attrs, states, config14):
    states["t2m"].attrs |= attrs
    (problem,) = problems(states, config14)
    assert problems(applied(problem, states), config14) == ()


@pytest.mark.parametrize(
    "attrs",
    [
        {"step_type": "instant"},
        {"comment": "Mean sea level pressure is reduced from surface pressure."},
        {"cell_methods": "area: mean"},
        {"cell_methods": "time:"},
    ],
)
def test_other_statements_are_not_taken_for_statistics(attrs, states, config14):
    states["msl"].attrs |= attrs
    assert problems(states, config14) == ()


def test_a_title_that_tells_of_averages_makes_a_state_ambiguous(states, config14):
    title = "MERRA-2 tavg1_2d_slv_Nx: 2d,1-Hourly,Time-Averaged,Single-Level"
    ds = states.assign_attrs(Title=title)
    first = problems(ds, config14)
    assert ["averages over hours by its title" in p for p in first] == [True, True]
    for problem in first:
        ds = applied(problem, ds)
    assert problems(ds, config14) == ()


@pytest.fixture
def firsts():
    """Two hours of the first day of two months, and no word about them."""
    times = np.array(["2020-01-01T00", "2020-01-01T12", "2020-02-01T00", "2020-02-01T12"], "M8[ns]")
    return plain()[["t2m", "msl"]].assign_coords(time=times)


def test_hours_of_the_first_of_months_may_be_monthly_means(firsts, config14):
    assert "monthly means by the hour of the day" in " ".join(problems(firsts, config14))


def test_hours_of_the_first_of_months_that_are_moments_are_taken(firsts, config14):
    for name in firsts.data_vars:
        firsts[name].attrs["cell_methods"] = "time: point"
    assert problems(firsts, config14) == ()


def every(states, hours, first):
    """The fields at stamps so many hours apart, without a word of what they are."""
    stamps = np.datetime64("2020-07-15", "ns") + np.timedelta64(int(60 * first), "m")
    stamps = stamps + np.arange(3) * np.timedelta64(hours, "h")
    bare = states.drop_vars(["expver", "number"], errors="ignore").isel(valid_time=[0, 1, 2])
    bare = bare.drop_attrs().assign_coords(valid_time=stamps)
    bare["t2m"].attrs["units"], bare["msl"].attrs["units"] = "K", "Pa"
    bare.latitude.attrs["units"] = "degrees_north"
    return bare


@pytest.mark.parametrize(
    ("hours", "first"), [(24, 0), (24, 12), (168, 0), (6, 3), (3, 1.5), (1, 0.5)]
)
def test_stamps_of_means_make_a_bare_state_ambiguous_and_the_remedy_works(
    hours, first, states, config14
):
    ds = every(states, hours, first)
    problems_ = [p for p in problems(ds, config14) if "it may be a mean" in p]
    assert len(problems_) == 2
    for problem in problems_:
        ds = applied(problem, ds)
    assert not any("it may be a mean" in p for p in problems(ds, config14))


@pytest.mark.parametrize(("hours", "first"), [(1, 0), (3, 0), (6, 0), (6, 6), (12, 0)])
def test_stamps_of_moments_are_taken(hours, first, states, config14):
    assert not any("a mean" in p for p in problems(every(states, hours, first), config14))


def test_hours_of_era5_that_were_picked_are_of_a_moment(states, config14):
    ds = every(states, 24, 12).assign_attrs(title="ERA5 hourly data on single levels")
    assert not any("a mean" in p for p in problems(ds, config14))
