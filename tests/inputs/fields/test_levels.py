"""Pressure levels under any name; heights, model levels and wrong units are refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from xldm.errors import InputError
from xldm.inputs.fields.levels import heights, index_of, pressure_levels


def on(name, values, **attrs):
    return xr.DataArray(
        np.zeros(len(values)), dims=name, coords={name: (name, values, attrs)}, name="t"
    )


# (name, levels, attributes): 850 hPa is the second of each
FORMS = {
    "new CDS": ("pressure_level", [1000.0, 850.0], {"units": "hPa"}),
    "old CDS": ("level", [1000, 850], {"units": "millibars"}),
    "ARCO": ("level", [500, 850], {}),
    "cfgrib": ("isobaricInhPa", [1000.0, 850.0], {"units": "hPa", "positive": "down"}),
    "cfgrib of WMO tables": ("isobaricInPa", [100000.0, 85000.0], {"units": "Pa"}),
    "THREDDS": ("isobaric", [1e5, 85e3], {"units": "Pa", "positive": "down"}),
    "THREDDS, numbered": ("isobaric3", [1e5, 85e3], {}),
    "NCL": ("lv_ISBL0", [1000.0, 850.0], {"units": "hPa"}),
    "CMIP6": ("plev", [1e5, 85e3], {"units": "Pa", "standard_name": "air_pressure"}),
    "CMIP6 in float32": ("plev", np.array([92500, 84999.99], "f4"), {"units": "Pa"}),
    "WRF": ("p_l", [1000.0, 850.0], {"units": "mb"}),
    "text": ("level", ["1000", "850"], {}),
    "text with units": ("level", ["1000hPa", "850 hPa"], {}),
    "a name that says nothing": ("z", [1e5, 85e3], {"units": "Pa"}),
    "kilopascals": ("p", [100.0, 85.0], {"units": "kPa"}),
    "a standard name alone": ("k", [1e5, 85e3], {"standard_name": "air_pressure"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_850_hpa_is_found_under_any_name(form):
    name, values, attrs = FORMS[form]
    field = on(name, values, **attrs)
    levels = pressure_levels(field)
    assert levels.dim == name
    assert index_of(field, levels, 850.0) == 1


@pytest.mark.parametrize(
    ("name", "values", "attrs", "words"),
    [
        ("lev", [0.99, 0.85], {"standard_name": "atmosphere_hybrid_sigma_pressure_coordinate",
                               "units": "1"}, "no pressures"),
        ("lev", [1, 850], {"formula_terms": "a: a b: b ps: ps"}, "no pressures"),
        ("level", [84, 850], {"long_name": "model_level_number"}, "no pressures"),
        ("level", [500.0, 850.0], {"units": "m"}, "no pressures"),
        ("lev", [995.0, 850.0], {"units": "sigma_level"}, "no pressures"),
        ("z", [10.0, 850.0], {"positive": "up", "units": "m"}, "no pressures"),
        ("level", [100000.0, 85000.0], {"units": "hPa"}, "run to 100000 hPa"),
        ("isobaricInPa", [1000.0, 850.0], {"units": "hPa"}, "contradicts its name"),
        ("level", ["low", "high"], {}, "expected numbers"),
    ],
)  # fmt: skip
def test_levels_that_are_no_pressures_are_refused_for_their_reason(name, values, attrs, words):
    with pytest.raises(InputError, match=words):
        pressure_levels(on(name, values, **attrs))


def test_the_printed_remedy_for_wrong_units_works():
    field = on("level", [100000.0, 85000.0], units="hPa")
    ds = field.to_dataset()
    with pytest.raises(InputError) as error:
        pressure_levels(ds["t"])
    (code,) = [t for t in str(error.value).split("set ")[1:]]
    exec(code.rstrip("."), {"ds": ds})
    assert pressure_levels(ds["t"]).hectopascals.tolist() == [1000, 850]


def test_a_level_that_occurs_twice_is_refused_with_a_remedy_that_works():
    ds = on("level", [1000, 850, 850], units="hPa").to_dataset()
    with pytest.raises(InputError, match="occurs 2 times") as error:
        index_of(ds["t"], pressure_levels(ds["t"]), 850)
    ds = eval(str(error.value).split("use ")[1].rstrip("."), {"ds": ds})
    assert index_of(ds["t"], pressure_levels(ds["t"]), 850) == 1


def test_a_dim_of_levels_outdoes_a_scalar_level():
    field = on("isobaric", [1e5, 85e3, 7e4], units="Pa").assign_coords(pressure_level=850.0)
    assert pressure_levels(field).dim == "isobaric"


def test_a_scalar_level_puts_a_field_there():
    field = xr.DataArray(0.0, coords={"isobaricInhPa": 850.0}, name="t")
    assert index_of(field, pressure_levels(field), 850.0) == 0


def test_time_latitude_and_members_are_no_levels():
    axes = {"time": [0, 1], "latitude": [45.0, 44.0], "number": [0, 1]}
    field = xr.DataArray(np.zeros((2, 2, 2)), coords=axes, dims=list(axes))
    assert pressure_levels(field) is None


def test_two_dims_of_levels_are_refused():
    coords = {
        "plev": ("plev", [1e5, 85e3], {"units": "Pa"}),
        "level": ("level", [1000, 850], {"units": "hPa"}),
    }
    field = xr.DataArray(np.zeros((2, 2)), coords=coords, dims=("plev", "level"), name="t")
    with pytest.raises(InputError, match="along two dims"):
        pressure_levels(field)


@given(
    st.lists(st.integers(1, 1050), min_size=2, unique=True),
    st.sampled_from(["hPa", "Pa", "mbar", "kPa"]),
    st.sampled_from(["level", "plev", "isobaric", "foo"]),
)
def test_only_850_hpa_is_ever_taken_for_850_hpa(levels, units, name):
    factor = {"hPa": 1, "mbar": 1, "Pa": 100, "kPa": 0.1}[units]
    field = on(name, np.array(levels) * factor, units=units)
    at = index_of(field, pressure_levels(field), 850.0)
    assert (at is None) == (850 not in levels)
    assert at is None or levels[at] == 850


def test_heights_along_a_dim_come_before_scalars():
    field = xr.DataArray(
        np.zeros(2), coords={"heightAboveGround": [10.0, 100.0], "height": 2.0},
        dims="heightAboveGround",
    )  # fmt: skip
    stated, dim = heights(field)
    assert (stated.tolist(), dim) == ([10, 100], "heightAboveGround")


def test_a_lead_named_like_a_pressure_is_no_level():
    attrs = {"units": "h", "standard_name": "forecast_period"}
    field = xr.DataArray([0.0, 1.0], dims="p", coords={"p": ("p", [1, 2], attrs)})
    assert pressure_levels(field) is None
