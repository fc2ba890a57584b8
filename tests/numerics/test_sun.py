"""The sun, against almanac values and the day's symmetry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xldm.numerics.sun import CHANNELS, channels, position

ROME = np.array([[41.9]]), np.array([[12.5]])


def at(time: str, lat: float = 41.9, lon: float = 12.5) -> dict[str, float]:
    found = channels(np.array([time], "datetime64[s]"), np.array([[lat]]), np.array([[lon]]))
    return dict(zip(CHANNELS, found[0, :, 0, 0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("time", "degrees"),
    # Apparent declination in the Astronomical Almanac of 2020.
    [("2020-06-21T00", 23.44), ("2020-12-21T12", -23.44), ("2020-01-01T00", -23.05)],
)
def test_declination_is_the_almanacs(time, degrees):
    declination, _, _ = position(np.array(time, "datetime64[s]"), np.array(0.0))
    np.testing.assert_allclose(np.degrees(declination), degrees, atol=0.02)


def test_the_sun_is_in_the_east_before_noon_and_in_the_west_after_it():
    assert at("2020-06-21T06")["west"] < 0 < at("2020-06-21T16")["west"]


def test_no_hour_has_a_higher_sun_than_noon():
    heights = [at(f"2020-04-10T{h:02d}")["height"] for h in range(24)]
    noon = at("2020-04-10T00")["noon"]
    assert noon - 0.01 < max(heights) <= noon + 1e-3


def test_the_season_does_not_depend_on_the_hour():
    assert at("2020-04-10T00")["season_sin"] == pytest.approx(
        at("2020-04-10T23")["season_sin"], abs=0.02
    )


@given(hour=st.integers(-(10**7), 10**7), lat=st.floats(-90, 90), lon=st.floats(-180, 360))
def test_every_channel_lies_between_minus_one_and_one(hour, lat, lon):
    time = str(np.datetime64(0, "h") + hour)
    assert all(abs(v) <= 1 + 1e-6 for v in at(time, lat, lon).values())
