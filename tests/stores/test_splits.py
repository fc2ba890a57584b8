"""Hours that train, validate and test."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xldm.stores.splits import by_blocks, check, random_hours

GAP, TRAIN, VAL, TEST = -1, 0, 1, 2


def hours(start: str, stop: str, step: int = 1) -> xr.DataArray:
    time = np.arange(start, stop, np.timedelta64(step, "h"), dtype="datetime64[h]")
    return xr.DataArray(time.astype("datetime64[ns]"), dims="time", name="time")


def nearest(split: xr.DataArray, one: int, other: int) -> np.timedelta64:
    """Shortest distance of hours of two splits, by comparing every pair."""
    time = split["time"].values
    pairs = time[split.values == one][:, None] - time[split.values == other][None]
    return np.abs(pairs).min() if pairs.size else np.timedelta64(10**6, "D")


YEARS = hours("2004-01-01", "2008-01-01")


def test_years_split_as_asked_with_ten_days_between():
    split = by_blocks(YEARS)
    assert split.dims == ("time",)
    assert split.dtype == np.int8
    test = split.sel(time="2006")
    assert (test == TEST).all()
    val = split.sel(time="2005")
    # The last ten days of validation, but for the hour ten days away, are too near to the test.
    np.testing.assert_array_equal(
        val, np.where(val["time"] <= np.datetime64("2005-12-22T00"), VAL, GAP)
    )
    before, after = split.sel(time="2004"), split.sel(time="2007")
    np.testing.assert_array_equal(before == TRAIN, before["time"] <= np.datetime64("2004-12-22T00"))
    np.testing.assert_array_equal(after == TRAIN, after["time"] >= np.datetime64("2007-01-10T23"))


def test_blocks_may_be_given_by_their_first_and_last_day():
    split = by_blocks(YEARS, val=(("2005-03", "2005-05-15"),), test=("2007",), gap="0h")
    inside = split["time"].values[split.values == VAL]
    assert inside[0] == np.datetime64("2005-03-01T00")
    assert inside[-1] == np.datetime64("2005-05-15T23")


def test_several_blocks_may_test():
    split = by_blocks(YEARS, val=(), test=("2004", "2006"))
    assert (split.sel(time="2004") == TEST).all()
    assert (split.sel(time="2006") == TEST).all()
    assert (split == VAL).sum() == 0


def test_flags_are_described():
    split = by_blocks(YEARS)
    meanings = dict(zip(split.attrs["flag_meanings"].split(), split.attrs["flag_values"],
                        strict=True))  # fmt: skip
    assert meanings == {"gap": GAP, "train": TRAIN, "val": VAL, "test": TEST}
    assert split.attrs["flag_values"].dtype == np.int8


def test_a_split_survives_a_netcdf_file(tmp_path):
    for split in (by_blocks(YEARS), random_hours(YEARS)):
        split.to_netcdf(tmp_path / "split.nc", engine="h5netcdf")
        with xr.open_dataarray(tmp_path / "split.nc", engine="h5netcdf") as read:
            xr.testing.assert_identical(read, split)


@st.composite
def two_blocks(draw):
    """First and last days of two blocks of 60 days that do not meet, in either order."""
    a, b, c, d = sorted(draw(st.lists(st.integers(0, 61), min_size=4, max_size=4, unique=True)))
    return draw(st.permutations([(a, b - 1), (c - 1, d - 2)]))


@settings(max_examples=40)
@given(
    two=two_blocks(),
    gap=st.integers(1, 400),
    step=st.sampled_from([3, 6]),
)
def test_no_two_hours_of_different_splits_are_nearer_than_the_gap(two, gap, step):
    val, test = two
    time = hours("2005-01-01", "2005-03-02", step)
    day = np.datetime64("2005-01-01") + np.arange(60)
    blocks = [tuple(str(day[d]) for d in ends) for ends in (val, test)]
    try:
        split = by_blocks(time, val=blocks[:1], test=blocks[1:], gap=f"{gap}h")
    except ValueError as error:
        assume("No hour is left" not in str(error))
        raise
    for one, other in ((TRAIN, VAL), (TRAIN, TEST), (VAL, TEST)):
        assert nearest(split, one, other) >= np.timedelta64(gap, "h")
    check(split)
    # One label each; the test is whole; and only what is too near is left out.
    assert split.size == time.size
    assert set(np.unique(split)) <= {GAP, TRAIN, VAL, TEST}
    labels = split.values
    of_day = (time.values - time.values[0]) // np.timedelta64(1, "D")
    in_val, in_test = ((of_day >= a) & (of_day <= b) for a, b in (val, test))
    np.testing.assert_array_equal(labels == TEST, in_test)
    near = np.abs(time.values[:, None] - time.values) < np.timedelta64(gap, "h")
    too_near = np.where(
        in_val, (near & in_test).any(axis=1), (near & (in_test | in_val)).any(axis=1)
    )
    np.testing.assert_array_equal(labels == GAP, too_near & ~in_test)


FIVE_DAYS = YEARS[(YEARS.dt.day <= 5).values]  # of each month


@settings(max_examples=30)
@given(
    val=st.tuples(st.integers(0, 47), st.integers(0, 47)).map(sorted),
    test=st.tuples(st.integers(0, 47), st.integers(0, 47)).map(sorted),
    gap=st.integers(1, 80),
)
def test_in_a_record_with_gaps_days_count_not_rows(val, test, gap):
    assume(val[1] < test[0] or test[1] < val[0])
    time = FIVE_DAYS[::6]
    month = np.datetime64("2004-01") + np.arange(48)
    blocks = [
        tuple(f"{month[m]}-0{d}" for m, d in zip(e, (1, 5), strict=True)) for e in (val, test)
    ]
    try:
        split = by_blocks(time, val=blocks[:1], test=blocks[1:], gap=f"{gap}D")
    except ValueError as error:
        assume("No hour is left" not in str(error))
        raise
    for one, other in ((TRAIN, VAL), (TRAIN, TEST), (VAL, TEST)):
        assert nearest(split, one, other) >= np.timedelta64(gap, "D")
    check(split)


def test_a_gap_of_the_record_that_is_wide_enough_costs_no_hours():
    split = by_blocks(FIVE_DAYS, val=(), test=("2006-06",), gap="10D")
    assert (split == GAP).sum() == 0 and (split == TEST).sum() == 5 * 24
    split = by_blocks(FIVE_DAYS, val=(), test=("2006-06",), gap="27D")
    out = split["time"].values[split.values == GAP].astype("datetime64[D]")
    # May has 31 days and June 30: from the last hour of 5 May are 26 days and an hour, and so on.
    assert sorted(set(out.astype(str))) == ["2006-05-05", "2006-07-01", "2006-07-02"]


def test_neighbours_across_a_gap_of_the_record_are_as_far_apart_as_it_is_long():
    label = np.where(FIVE_DAYS.dt.month.values % 2, TRAIN, TEST)
    split = xr.DataArray(label, {"time": FIVE_DAYS.values}, dims="time")
    check(split, gap="23D")  # February
    with pytest.raises(ValueError, match=r"2005-02-05 23:00:00 \(test\) and 2005-03-01 00:00:00"):
        check(split, gap="24D")


def test_a_block_in_a_gap_of_the_record_is_refused():
    gap = "2006-06-10 lies in a gap of the record, from 2006-06-05 23:00:00 to 2006-07-01 00:00:00"
    with pytest.raises(ValueError, match=gap):
        by_blocks(FIVE_DAYS, val=(), test=("2006-06", "2006-06-10"))


@pytest.mark.parametrize("block", ["2003", "2008", ("2007-06", "2008-01-01"), "1999-12-31"])
def test_a_block_beyond_the_record_is_refused(block):
    with pytest.raises(ValueError, match="not within the record, which runs from 2004-01-01"):
        by_blocks(YEARS, test=(block,))


def test_a_year_that_the_record_holds_only_half_of_is_refused():
    with pytest.raises(ValueError, match=r"block 2005 .* is not within the record"):
        by_blocks(hours("2004-01-01", "2005-07-01"), val=("2005",), test=())


def test_a_record_of_every_sixth_hour_holds_its_whole_last_year():
    split = by_blocks(hours("2004-01-01", "2006-01-01", 6), val=(), test=("2005",))
    assert (split.sel(time="2005") == TEST).all()


def test_blocks_that_overlap_are_refused():
    with pytest.raises(ValueError, match="2006 of test overlaps another"):
        by_blocks(YEARS, val=(("2005-06", "2006-01"),), test=("2006",))


def test_an_empty_train_is_refused():
    with pytest.raises(ValueError, match="No hour is left for train"):
        by_blocks(YEARS, val=("2004", "2005"), test=("2006", "2007"))
    with pytest.raises(ValueError, match="No hour is left for train"):
        by_blocks(YEARS, gap="800D")


def test_a_validation_that_the_gap_takes_is_refused():
    with pytest.raises(ValueError, match="No hour is left for val"):
        by_blocks(YEARS, val=("2005-12",), test=("2006",), gap="60D")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"val": "2005"}, TypeError, r"write \('2005',\)"),
        ({"val": (("2005", "2004"),)}, ValueError, "ends before it starts"),
        ({"gap": "-1D"}, ValueError, "a length of time"),
    ],
)
def test_arguments_that_are_none_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        by_blocks(YEARS, **options)


@pytest.mark.parametrize(
    ("time", "error"),
    [
        (YEARS[::-1], ValueError),
        (YEARS[:0], ValueError),
        (np.repeat(YEARS.values, 2), ValueError),
        (np.append(YEARS.values, np.datetime64("NaT")), ValueError),
        (np.arange(10), TypeError),
    ],
)
def test_times_that_are_none_are_refused(time, error):
    with pytest.raises(error, match="Times"):
        by_blocks(time)


def test_random_hours_have_the_shares_asked_for():
    split = random_hours(YEARS)
    shares = [float((split == label).mean()) for label in (TRAIN, VAL, TEST)]
    np.testing.assert_allclose(shares, [0.7, 0.15, 0.15], atol=1 / YEARS.size)
    assert (split != GAP).all()


def test_random_hours_are_those_of_their_seed():
    xr.testing.assert_identical(random_hours(YEARS), random_hours(YEARS))
    assert (random_hours(YEARS, seed=1) != random_hours(YEARS)).any()


def test_most_random_test_hours_have_an_hour_of_training_beside_them():
    split = random_hours(YEARS)
    labels = split.values
    beside = (labels[:-2] == TRAIN) | (labels[2:] == TRAIN)
    assert beside[labels[1:-1] == TEST].mean() > 0.9
    assert split.attrs["leaky"] == "true"


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.7, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_shares_that_do_not_sum_to_one_are_refused(fractions):
    with pytest.raises(ValueError, match="three shares that sum to 1"):
        random_hours(YEARS, fractions)


def test_random_hours_without_training_are_refused():
    with pytest.raises(ValueError, match="No hour is left for train"):
        random_hours(YEARS, (0.0, 0.5, 0.5))


def test_a_leaky_split_passes_only_where_that_is_said():
    split = random_hours(YEARS)
    with pytest.raises(ValueError, match=r"states no gap .*drawn at random.*allow_leaky"):
        check(split)
    check(split, allow_leaky=True)


def test_a_blocked_split_passes_its_own_gap_and_no_wider_one():
    split = by_blocks(YEARS)
    check(split)
    with pytest.raises(ValueError, match="are nearer than 11D"):
        check(split, gap="11D")


def test_a_gap_of_nothing_keeps_no_splits_apart():
    with pytest.raises(ValueError, match="a gap of 0h: hours of two splits are neighbours"):
        check(by_blocks(YEARS, gap="0h"))


def test_one_training_hour_too_near_is_found_and_named():
    split = by_blocks(YEARS)
    split.loc["2006-12-31T23:00"] = TRAIN
    with pytest.raises(ValueError, match=r"2006-12-31 22:00:00 \(test\) and .*23:00:00 \(train\)"):
        check(split)


def test_labels_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"split holds \[7\]"):
        check(by_blocks(YEARS).where(YEARS.values > YEARS.values[0], 7))
