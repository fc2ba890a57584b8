"""Values that belie the units that a file states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xldm.inputs.plausibility import implausible
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
