"""Hours of the twin spread over a year, and the record of them."""

import numpy as np
import pytest

from xldm.twin import Twin, both_sides, hours_over_year


@pytest.mark.parametrize("count", [24, 100, 351, 352, 366, 1000, 8784])
def test_hours_are_spread_over_the_year_and_the_day(count):
    hours = hours_over_year(2008, count)
    assert hours.size == np.unique(hours).size == count
    assert len(np.unique(hours.astype(int) % 24)) == 24
    assert (hours[-1] - np.datetime64("2008-01-01T00")).astype(int) >= 0.8 * 8784


@pytest.mark.parametrize(
    ("count", "message"), [(0, "an integer from 1; got 0"), (8785, "hours must be from 1 to 8784")]
)
def test_more_hours_than_the_year_has_are_refused(count, message):
    with pytest.raises(ValueError, match=message):
        hours_over_year(2008, count)


def test_both_sides_are_those_of_the_twin():
    hours = hours_over_year(2008, 2)
    era5, fine = both_sides(hours, seed=3)
    expected_era5, expected_fine = Twin(3).hour(hours[1])
    np.testing.assert_array_equal(
        era5["t"].isel(valid_time=1), expected_era5["t"].isel(valid_time=0)
    )
    for name in fine:
        assert fine[name].chunks
        np.testing.assert_allclose(fine[name].isel(time=1), expected_fine[name], rtol=1e-6)
