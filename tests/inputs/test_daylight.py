"""Sunshine tells the times of its fields: it follows the sun."""

from __future__ import annotations

import numpy as np
import pytest
from layouts import HOUR, cds, plain
from remedies import applied, codes

from xldm.inputs.predictors import check


def sunny(hours=24):
    """Hours of ERA5 whose sunshine is three quarters of what the sun gives, by a plain formula."""
    ds = cds(plain(hours))
    stamps = ds.valid_time.values
    noon = (stamps - stamps.astype("datetime64[D]")) / HOUR
    lat, lon = np.radians(ds.latitude.values)[:, None], ds.longitude.values
    tilt = np.radians(21.5)  # the middle of July
    total = np.zeros((hours, lat.size, lon.size))
    for part in np.arange(0.05, 1, 0.1):
        # The sun is six minutes late then.
        angle = np.radians((noon[:, None, None] - part - 0.1 - 12) * 15 + lon)
        height = np.sin(lat) * np.sin(tilt) + np.cos(lat) * np.cos(tilt) * np.cos(angle)
        total += np.clip(height, 0, None) / 10
    ds["ssrd"] = ds["ssrd"].copy(data=0.75 * 1361 * 3600 * total)
    return ds


def problems(ds, config14):
    return check(ds, config14, missing="climatology").problems


def test_sunshine_at_its_times_is_taken(config14):
    assert problems(sunny(), config14) == ()


@pytest.mark.parametrize(
    ("hours", "lazy"), [(-6, False), (-1, False), (1, False), (2, False), (2, True)]
)
def test_stamps_of_another_zone_are_refused_and_the_remedy_works(hours, lazy, config14):
    ds = sunny()
    local = ds.assign_coords(valid_time=ds.valid_time + hours * HOUR)
    local = local.chunk(valid_time=1) if lazy else local
    (problem,) = problems(local, config14)
    assert "local time" in problem
    assert f"np.timedelta64({-hours}, 'h')" in codes(problem)[0]
    assert problems(applied(problem, local), config14) == ()


def test_sunshine_that_follows_no_sun_tells_no_time(config14):
    assert problems(cds(plain(24)), config14) == ()


def test_a_few_hours_about_noon_tell_no_time(config14):
    ds = sunny().isel(valid_time=slice(10, 13))
    later = ds.assign_coords(valid_time=ds.valid_time + HOUR)
    assert problems(later, config14) == ()
