"""Formulas against published tables and closed forms of other authors."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from xldm.inputs.fields import formulas

# Saturation pressure over water in hPa by temperature in degC: Smithsonian Meteorological Tables
# (6th edition, Goff and Gratch).
OVER_WATER = {-10: 2.8627, 0: 6.1078, 10: 12.272, 20: 23.373, 30: 42.430}
# Over ice.
OVER_ICE = {-30: 0.3798, -40: 0.1283}
# The ICAO standard atmosphere, Doc 7488: height in m, temperature in K, pressure in Pa.
STANDARD = [(500, 284.900, 95460.8), (1000, 281.651, 89874.6), (2000, 275.154, 79495.2),
            (3000, 268.659, 70108.5)]  # fmt: skip


@pytest.mark.parametrize("celsius", OVER_WATER)
def test_saturation_is_that_of_the_tables(celsius):
    found = formulas.saturation_pressure(celsius + 273.15) / 100
    assert found == pytest.approx(OVER_WATER[celsius], rel=4e-3)


@pytest.mark.parametrize("celsius", OVER_WATER)
@pytest.mark.parametrize("pressure", [101325.0, 80000.0])
def test_dew_point_from_specific_humidity_inverts_the_tables(celsius, pressure):
    vapour = 100 * OVER_WATER[celsius]
    ratio = 0.62198 * vapour / (pressure - vapour)
    found = formulas.dew_point_from_specific_humidity(ratio / (1 + ratio), pressure)
    assert found == pytest.approx(celsius + 273.15, abs=0.06)


# Dew points in degC by temperature in degC and relative humidity in %, as Lawrence (2005), BAMS 86,
# computes them with Magnus' formula (his eq. 8: 17.625, 243.04 degC).
@pytest.mark.parametrize(("celsius", "percent"), [(25, 50), (30, 60), (10, 90), (5, 20)])
def test_dew_point_from_relative_humidity_is_lawrence_s(celsius, percent):
    log = np.log(percent / 100) + 17.625 * celsius / (243.04 + celsius)
    expected = 243.04 * log / (17.625 - log) + 273.15
    found = formulas.dew_point_from_relative_humidity(percent, celsius + 273.15)
    assert found == pytest.approx(expected, abs=0.05)


def test_air_without_vapour_has_a_finite_dew_point():
    assert 150 < formulas.dew_point_from_specific_humidity(-1e-6, 1e5) < 230


@pytest.mark.parametrize(("height", "temperature", "pressure"), STANDARD)
def test_surface_pressure_is_that_of_the_standard_atmosphere(height, temperature, pressure):
    found = formulas.surface_pressure_from_sea_level(101325.0, temperature, height)
    assert found == pytest.approx(pressure, rel=1e-3)


def test_dew_point_over_mountains_is_not_that_at_the_pressure_of_the_sea():
    at_sea = formulas.dew_point_from_sea_level(0.004, 101325.0, 268.65, 0.0)
    aloft = formulas.dew_point_from_sea_level(0.004, 101325.0, 268.65, 3000.0)
    expected = formulas.dew_point_from_specific_humidity(0.004, 70108.5)
    assert aloft == pytest.approx(expected, abs=0.02)
    assert at_sea - aloft > 4


@pytest.mark.parametrize("percent", [20.0, 60.0, 100.0])
@pytest.mark.parametrize("celsius", [0, 10, 20, 30])
def test_specific_humidity_above_freezing_is_that_of_the_tables(percent, celsius):
    vapour = percent * OVER_WATER[celsius]
    ratio = 0.62198 * vapour / (85000.0 - vapour)
    found = formulas.specific_humidity_from_relative(percent, celsius + 273.15, pressure=85000.0)
    assert found == pytest.approx(ratio / (1 + ratio), rel=4e-3)


@pytest.mark.parametrize("celsius", OVER_ICE)
def test_specific_humidity_far_below_freezing_is_over_ice(celsius):
    vapour = 100 * OVER_ICE[celsius]
    found = formulas.specific_humidity_from_relative(100.0, celsius + 273.15, pressure=85000.0)
    assert found == pytest.approx(0.62198 * vapour / (85000.0 - 0.378 * vapour), rel=1e-2)


def test_omega_is_minus_weight_of_air_times_velocity():
    # Dry air of 273.15 K at 850 hPa weighs 1.0841 kg m-3 (287.05 J kg-1 K-1).
    found = formulas.omega_from_vertical_velocity(0.2, 273.15, 0.0, pressure=85000.0)
    assert found == pytest.approx(-1.0841 * 9.80665 * 0.2, rel=1e-4)


def test_moist_air_is_lighter():
    dry, moist = (
        formulas.omega_from_vertical_velocity(1.0, 290.0, q, pressure=85000.0) for q in (0, 0.01)
    )
    assert moist / dry == pytest.approx(1 / 1.00608, rel=1e-5)


@pytest.mark.parametrize(
    ("comes_from", "u", "v"),
    [(0, 0, -3), (90, -3, 0), (180, 0, 3), (270, 3, 0), (225, 2.1213, 2.1213)],
)  # fmt: skip
def test_wind_blows_away_from_its_direction(comes_from, u, v):
    assert formulas.eastward_from_direction(3.0, comes_from) == pytest.approx(u, abs=1e-4)
    assert formulas.northward_from_direction(3.0, comes_from) == pytest.approx(v, abs=1e-4)


@given(st.floats(0.1, 60), st.floats(0, 359.99))
def test_components_keep_speed_and_direction(speed, direction):
    u = formulas.eastward_from_direction(speed, direction)
    v = formulas.northward_from_direction(speed, direction)
    assert np.hypot(u, v) == pytest.approx(speed)
    apart = np.rad2deg(np.arctan2(-u, -v)) - direction
    assert (apart + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_sea_surface_has_no_value_on_land_and_nothing_colder_than_freezing_water():
    skin = xr.DataArray([295.0, 300.0, 240.0, 310.0])
    sea = formulas.sea_surface_from_skin(skin, xr.DataArray([0.0, 0.5, 0.2, 0.51]))
    np.testing.assert_array_equal(sea, [295.0, 300.0, 271.46, np.nan])
