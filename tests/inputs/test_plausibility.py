"""Values that belie the units that a file states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import cds, plain
from remedies import applied

from xldm.inputs.plausibility import implausible
from xldm.inputs.predictors import check
from xldm.inputs.report import Found
from xldm.vocabulary import PARTS, VOCABULARY

ALL = {**VOCABULARY, **PARTS}


def said(name, units, low, high):
    return implausible(np.array([low, high]), Found(name, name, units=units), ALL[name])


# (field, units stated, its values, units they look like)
@pytest.mark.parametrize(
    ("name", "units", "low", "high", "like"),
    [
        ("q850", "kg kg-1", 1.0, 12.0, "g kg-1"),
        ("q850", "g kg-1", 0.001, 0.012, "kg kg-1"),
        ("q2m", "g kg-1", 0.001, 0.012, "kg kg-1"),
        ("r2", "%", 0.2, 1.0, "1"),
        ("r2", "1", 20.0, 100.0, "%"),
        ("r850", "%", 0.0, 1.1, "1"),
        ("wdir10", "degree", 0.1, 6.2, "rad"),
        ("lsm", "%", 0.0, 1.0, "1"),
        ("lsm", "1", 0.0, 100.0, "%"),
        ("sp", "Pa", 700.0, 1020.0, "hPa"),
        ("skt", "K", -5.0, 40.0, "degC"),
        ("sde", "m", 0.0, 150.0, "cm"),
    ],
)
def test_values_of_other_units_are_named(name, units, low, high, like):
    assert f"looks like {like}: if so, set ds['{name}'].attrs['units'] = '{like}'" in said(
        name, units, low, high
    )


def test_a_domain_at_sea_has_no_land():
    assert said("lsm", "%", 0.0, 0.0) == ""


@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "u8", "f2", "f4", "f8", "O"])
def test_numbers_of_any_type_are_checked(dtype):
    found = Found("t2m", "t2m", units="K")
    assert implausible(np.array([280, 300]).astype(dtype), found, ALL["t2m"]) == ""
    assert "looks like degC" in implausible(np.array([0, 30]).astype(dtype), found, ALL["t2m"])


@pytest.mark.parametrize("values", [[np.inf, 280.0], [-np.inf, 280.0], [np.nan, 280.0]])
def test_values_that_are_not_finite_are_counted(values):
    found = Found("t2m", "t2m", units="K")
    assert "1 missing or infinite" in implausible(np.array(values), found, ALL["t2m"])


@pytest.mark.parametrize("values", [np.array(["a", "b"], dtype=object), np.array([1j, 2])])
def test_what_is_no_real_number_is_refused(values):
    assert "expected" in implausible(values, Found("t2m", "t2m", units="K"), ALL["t2m"])


def test_a_fill_value_that_was_not_decoded_is_refused():
    assert "a fill value" in said("t2m", "K", 280.0, 1e15)


@given(st.sampled_from(sorted(ALL)), st.data())
def test_values_within_the_bounds_are_accepted(name, data):
    entry = ALL[name]
    high = data.draw(st.floats(max(entry.low, entry.least), entry.high))
    low = data.draw(st.floats(entry.low, high))
    assert said(name, entry.units, low, high) == ""


# ---- sunshine and the sun, dew point and air


def by_day(hours=24):
    return cds(plain(hours))


def problems(ds, config14):
    return " ".join(check(ds, config14).problems)


@pytest.mark.parametrize(("units", "factor"), [("W m-2", 3600), ("kJ m-2", 1e3), ("MJ m-2", 1e6)])
def test_sunshine_of_other_units_is_too_weak_for_the_sun(units, factor, config14):
    ds = by_day()
    ds["ssrd"] = (ds["ssrd"] / factor).assign_attrs(ds["ssrd"].attrs)
    refused = problems(ds, config14)
    assert f"looks like {units}" in refused
    assert check(applied(refused, ds), config14).ok


def test_lazy_sunshine_is_looked_at_by_day(config14):
    ds = by_day()
    ds["ssrd"] = (ds["ssrd"] / 3600).assign_attrs(ds["ssrd"].attrs)
    assert "looks like W m-2" in problems(ds.chunk(valid_time=1), config14)


def test_no_sunshine_at_all_by_day_is_refused(config14):
    ds = by_day()
    ds["ssrd"] = (ds["ssrd"] * 0).assign_attrs(ds["ssrd"].attrs)
    assert "too little under any cloud" in problems(ds, config14)


def test_no_sunshine_by_night_is_fine(config14):
    ds = by_day(3)
    ds["ssrd"] = (ds["ssrd"] * 0).assign_attrs(ds["ssrd"].attrs)
    assert check(ds, config14).ok


def test_sunshine_under_thick_cloud_is_fine(config14):
    ds = by_day()
    ds["ssrd"] = (ds["ssrd"] * 0.02).assign_attrs(ds["ssrd"].attrs)
    assert check(ds, config14).ok


def test_a_dew_point_above_the_temperature_is_refused(config14):
    ds = by_day(2)
    air, dew = ds["t2m"], ds["d2m"]
    ds = ds.assign(t2m=dew.assign_attrs(air.attrs), d2m=air.assign_attrs(dew.attrs))
    assert "are the two exchanged" in problems(ds, config14)


def test_air_that_is_saturated_is_fine(config14):
    ds = by_day(2)
    ds["d2m"] = (ds["t2m"] + 0.5).assign_attrs(ds["d2m"].attrs)
    assert check(ds, config14).ok


def test_holes_on_a_level_come_with_the_way_to_fill_them(config14):
    ds = by_day(2)
    ds["t"] = ds["t"].where(ds.latitude < 45)
    assert "ds['t'].interpolate_na" in problems(ds, config14)
