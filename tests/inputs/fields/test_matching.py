"""The right variable for a predictor, among others like it; contradictions are refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

from xldm.inputs.fields.matching import match
from xldm.inputs.lists import predictor_variables
from xldm.vocabulary import VOCABULARY

DIMS = ("time", "latitude", "longitude")


def field(units="K", dims=DIMS, **attrs) -> xr.DataArray:
    return xr.DataArray(np.zeros((1,) * len(dims)), dims=dims, attrs={"units": units, **attrs})


def found(name: str, **fields: xr.DataArray):
    return match(xr.Dataset(fields), *predictor_variables([name]))


def remedies(problem: str) -> list[str]:
    """Return the code in a message."""
    pattern = (
        r"(ds\[.*?\]\.attrs\.pop\('\w+'\)|ds\[.*?\]\.attrs\['\w+'\] = '.*?'|ds\.\w+\([^()]*\))"
    )
    return re.findall(pattern, problem)


def after(ds: xr.Dataset, code: str) -> xr.Dataset:
    """Return a dataset after a remedy: a statement about it, or an expression for a new one."""
    ds = ds.copy(deep=True)
    if " = " in code or ".pop(" in code:
        exec(code, {"ds": ds})
        return ds
    return eval(code, {"ds": ds})


# ---- how a variable is known


@pytest.mark.parametrize(
    "attrs",
    [
        {"GRIB_paramId": np.int64(167)},
        {"GRIB_paramId": "167"},
        {"paramId": 167},
        {"param": "167.128"},
        {"param": "2t"},
        {"code": 167, "table": 128},
        {"ecmwf_parameter": np.int32(167), "ecmwf_local_table": np.int32(128)},
        {"short_name": "2t"},
        {"short_name": "t2m"},
        {"shortNameECMWF": "2t"},
        {"GRIB_shortName": "2t"},
        {"GRIB_cfVarName": "t2m", "standard_name": "unknown"},
        {"long_name": "2 metre temperature"},
        {"long_name": "temperature at 2 m"},
    ],
)
def test_an_attribute_alone_tells_the_field(attrs):
    assert found("t2m", x=field(**attrs)).variable == "x"


def test_a_standard_name_without_height_does_not_tell_2_m_from_the_rest():
    assert found("t2m", x=field(standard_name="air_temperature")).variable is None


def test_a_standard_name_with_its_height_does():
    x = field(standard_name="air_temperature").assign_coords(height=2.0)
    assert found("t2m", x=x).variable == "x"


@pytest.mark.parametrize("height", [1.5, 10.0, 100.0])
def test_a_standard_name_at_another_height_does_not(height):
    x = field(standard_name="air_temperature").assign_coords(height=height)
    assert found("t2m", x=x).variable is None


def test_a_local_table_of_another_centre_says_nothing():
    assert found("t2m", t2m=field(GRIB_paramId=500011)).problem == ""


# ---- fields of another sort are never taken


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("t2m", "tasmax"), ("t2m", "temperature_2m_max"), ("t2m", "T10M"), ("t2m", "mx2t"),
        ("u10", "eastward_wind_at_100_metres"), ("u10", "u100"), ("tp", "tp_max"), ("tp", "lsp"),
        ("sst", "skt"), ("sd", "sde"),
    ],
)  # fmt: skip
def test_attributes_do_not_make_another_field_the_one_sought(name, variable):
    known = VOCABULARY[name]
    x = field(
        known.units, standard_name=known.standard_names[0], GRIB_paramId=known.param
    ).assign_coords(height=known.height or 2.0)
    assert found(name, **{variable: x}).variable is None


def test_a_maximum_by_its_long_name_is_not_taken_for_its_standard_name():
    x = field(standard_name="air_temperature", long_name="Daily maximum temperature")
    assert found("t2m", x=x.assign_coords(height=2.0)).variable is None


# ---- contradictions


@pytest.mark.parametrize(
    "attrs",
    [
        {"GRIB_paramId": 168},
        {"GRIB_paramId": 201},
        {"GRIB_shortName": "mx2t"},
        {"GRIB_shortName": "100u"},
        {"short_name": "2d"},
        {"long_name": "2 metre dewpoint temperature"},
        {"long_name": "Maximum temperature at 2 metres since previous post-processing"},
        {"standard_name": "dew_point_temperature"},
        {"standard_name": "surface_temperature"},
        {"cell_methods": "time: maximum"},
        {"cell_methods": "area: time: mean"},
        {"GRIB_stepType": "avg"},
    ],
)
def test_a_name_against_an_attribute_is_refused(attrs):
    (key,) = attrs
    problem = found("t2m", t2m=field(**attrs)).problem
    assert key in problem


@pytest.mark.parametrize(
    "attrs", [{"GRIB_paramId": 168}, {"short_name": "2d"}, {"standard_name": "surface_temperature"}]
)
def test_the_printed_remedy_for_a_stale_attribute_works(attrs):
    ds = xr.Dataset({"t2m": field(**attrs)})
    (code,) = remedies(match(ds, *predictor_variables(["t2m"])).problem)
    assert match(after(ds, code), *predictor_variables(["t2m"])).problem == ""


def test_an_id_of_water_in_kg_is_refused_in_metres_with_a_remedy_that_works():
    ds = xr.Dataset({"tp": field("m", GRIB_paramId=228228)})
    (code,) = remedies(match(ds, *predictor_variables(["tp"])).problem)
    fixed = match(after(ds, code), *predictor_variables(["tp"]))
    assert (fixed.problem, fixed.scale) == ("", 1e-3)


@pytest.mark.parametrize(("name", "number"), [("tp", 228228), ("sd", 228141)])
def test_ids_of_water_in_kg_are_converted(name, number):
    f = found(name, x=field("kg m**-2", GRIB_paramId=number))
    assert (f.variable, f.scale, f.problem) == ("x", 1e-3, "")


# ---- the right one of two


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("tp", "total_precipitation_hourly", "total_precipitation"),
        ("tp", "tp01", "tp06"),
        ("tp", "tp", "tp_run_total"),
        ("ssrd", "surface_solar_radiation_downwards_hourly", "surface_solar_radiation_downwards"),
        ("sd", "snow_depth_water_equivalent", "snow_depth"),
        ("sd", "sd", "sde"),
        ("u10", "u10", "u100"),
        ("u10", "eastward_wind_at_10_metres", "eastward_wind_at_100_metres"),
        ("t2m", "tas", "tasmax"),
    ],
)
def test_the_more_specific_of_two_is_taken_in_either_order(name, right, wrong, reverse):
    units = VOCABULARY[name].units
    both = {right: field(units), wrong: field(units)}
    if reverse:
        both = dict(reversed(both.items()))
    f = found(name, **both)
    assert (f.variable, f.problem) == (right, "")


def test_of_two_vertical_velocities_the_one_in_pascals_is_taken():
    fields = {
        "w": field("m s-1").assign_coords(plev=850.0),
        "omega": field("Pa s-1").assign_coords(plev=850.0),
    }
    assert found("w850", **fields).variable == "omega"


def test_a_sound_variable_outdoes_one_that_contradicts_itself():
    f = found("t2m", t2m=field(GRIB_paramId=168), tas=field())
    assert (f.variable, f.problem) == ("tas", "")


def test_two_equals_are_refused_and_either_remedy_leaves_one():
    ds = xr.Dataset({"t2m": field(long_name="2 metre temperature"), "tas": field()})
    problem = match(ds, *predictor_variables(["t2m"])).problem
    assert "2 metre temperature" in problem
    left = [match(after(ds, c), *predictor_variables(["t2m"])).variable for c in remedies(problem)]
    assert sorted(left) == ["t2m", "tas"]


# ---- snow


def test_snow_depth_that_says_water_is_its_water():
    assert found("sd", snow_depth=field("m of water equivalent")).problem == ""


def test_snow_depth_in_metres_alone_is_refused_and_the_remedy_works():
    ds = xr.Dataset({"snow_depth": field("m")})
    problem = match(ds, *predictor_variables(["sd"])).problem
    assert "thickness" in problem
    code = remedies(problem)[0]
    assert match(after(ds, code), *predictor_variables(["sd"])).problem == ""


@pytest.mark.parametrize(
    "attrs",
    [
        {"long_name": "Snow depth: thickness of the snow on the ground"},
        {"GRIB_paramId": 3066},
        {"standard_name": "surface_snow_thickness"},
        {"GRIB_shortName": "sde"},
    ],
)
def test_sd_that_says_thickness_is_refused(attrs):
    assert found("sd", sd=field("m", **attrs)).problem != ""


def test_thickness_by_name_and_id_is_not_water_for_its_standard_name():
    sde = field(
        "m", GRIB_paramId=3066, long_name="Snow depth",
        standard_name="lwe_thickness_of_surface_snow_amount",
    )  # fmt: skip
    assert found("sd", sde=sde).variable is None


# ---- levels


def test_a_surface_field_along_levels_is_refused():
    t2m = field(dims=("time", "level", "latitude", "longitude"))
    t2m = xr.concat([t2m] * 2, "level").assign_coords(level=[1000, 850])
    assert "has no levels" in found("t2m", t2m=t2m).problem


def test_the_wind_of_another_height_along_a_dim_is_refused_and_the_remedy_works():
    u10 = xr.concat([field("m s-1").expand_dims(height=[h]) for h in (10.0, 100.0)], "height")
    ds = xr.Dataset({"u10": u10.assign_attrs(units="m s-1")})
    (code,) = remedies(match(ds, *predictor_variables(["u10"])).problem)
    assert match(after(ds, code), *predictor_variables(["u10"])).problem == ""


def test_a_stem_without_level_is_absent_and_the_remedy_works():
    ds = xr.Dataset({"t": field()})
    absent = match(ds, *predictor_variables(["t850"]))
    assert absent.variable is None
    (code,) = remedies(absent.becomes)
    assert match(after(ds, code), *predictor_variables(["t850"])).variable == "t"


def test_a_dim_that_may_hold_levels_is_not_overridden_by_advice():
    t = field(dims=("time", "foo", "latitude", "longitude"))
    t = xr.concat([t, t], "foo").assign_coords(foo=[1000, 850]).assign_attrs(units="K")
    (code,) = remedies(found("t850", t=t).becomes)
    f = match(after(xr.Dataset({"t": t}), code), *predictor_variables(["t850"]))
    assert (f.level_dim, f.level_index, f.problem) == ("foo", 1, "")


def test_1000_hpa_is_not_taken_for_850():
    t = field().assign_coords(isobaric=((), 1e5, {"units": "Pa"}))
    f = found("t850", t=t)
    assert f.variable is None
    assert "at 1000 hPa only" in f.becomes


def test_a_field_at_850_hpa_is_not_taken_for_one_at_2_m_for_a_shared_height():
    t = field().assign_coords(isobaricInhPa=850.0, heightAboveGround=2.0)
    assert found("t2m", t=t).variable is None
    assert found("t850", t=t).variable == "t"


def test_a_field_with_both_a_height_and_a_level_is_at_neither_and_the_remedy_works():
    x = field(standard_name="air_temperature").assign_coords(plev=85000.0, height=2.0)
    assert found("t2m", x=x).variable is None
    absent = found("t850", x=x)
    assert absent.variable is None
    (code,) = remedies(absent.becomes)
    assert match(after(xr.Dataset({"x": x}), code), *predictor_variables(["t2m"])).variable == "x"


def test_of_two_sums_over_hours_the_shorter_is_taken():
    assert found("tp", tp24=field("m"), tp06=field("m")).variable == "tp06"


# ---- units


@pytest.mark.parametrize(
    ("units", "offset"),
    [
        ("Kelvin", 0), ("kelvin", 0), ("degK", 0), ("degrees K", 0), ("degree_K", 0), (b"K", 0),
        ("[degC]", 273.15), ("degrees_celsius", 273.15), ("degree_C", 273.15), ("deg C", 273.15),
        ("C", 273.15),
        ("°C", 273.15), ("degrees Celsius", 273.15), ("degree_Celsius", 273.15),
        ("Celsius", 273.15),
    ],
)  # fmt: skip
def test_spellings_of_temperatures_are_known(units, offset):
    f = found("t2m", t2m=field(units))
    assert (f.problem, f.scale, f.offset) == ("", 1.0, offset)


@pytest.mark.parametrize(
    ("name", "units", "scale"),
    [
        ("msl", "HPA", 100.0), ("msl", "mb", 100.0), ("msl", "millibars", 100.0),
        ("sd", "m w.e.", 1.0), ("sd", "mm w.e.", 1e-3), ("sd", "mm of water equivalent", 1e-3),
        ("sd", "m of water", 1.0), ("tp", "MM", 1e-3), ("u10", "m/s", 1.0),
        ("tp", "kg/m^2", 1e-3), ("tp", "[kg/m^2]", 1e-3), ("tp", "Kg/m**2", 1e-3),
        ("ssrd", "w/m^2", 3600.0), ("ssrd", "Ws/m2", 1.0), ("ssrd", "Watt m-2", 3600.0),
    ],
)  # fmt: skip
def test_other_spellings_are_known(name, units, scale):
    f = found(name, **{name: field(units)})
    assert (f.problem, f.scale, f.offset) == ("", scale, 0.0)


@pytest.mark.parametrize("units", ["", None, ["K"], 3, "K (2 m)", "ms-1", "m", "1"])
def test_units_that_are_none_are_refused_and_the_remedy_works(units):
    ds = xr.Dataset({"t2m": field(units)})
    problem = match(ds, *predictor_variables(["t2m"])).problem
    code = next(c for c in remedies(problem) if " = " in c)
    assert match(after(ds, code), *predictor_variables(["t2m"])).problem == ""


# ---- more that providers write


@pytest.mark.parametrize(
    ("name", "variable", "units", "coords"),
    [
        ("d2m", "dew_point_2m", "°C", {}),
        ("msl", "pressure_msl", "hPa", {}),
        ("t2m", "T_2M", "K", {}),
        ("tp", "TOT_PREC", "kg m-2", {}),
        ("t2m", "tas", "K", {"height": 1.5}),
        ("u10", "u10", "m s-1", {"height": 2.0}),
        ("t2m", "Temperature_height_above_ground", "K", {"height_above_ground1": 2.0}),
        ("u10", "u", "m s-1", {"heightAboveGround": 10.0}),
        ("w850", "wap", "Pa s-1", {"plev": 85000.0}),
        ("sst", "analysed_sst", "kelvin", {}),
        ("q850", "q850", 1, {}),
    ],
)
def test_a_field_is_found_as_the_provider_writes_it(name, variable, units, coords):
    f = found(name, **{variable: field(units).assign_coords(coords)})
    assert (f.variable, f.problem) == (variable, "")


@pytest.mark.parametrize(
    ("name", "variable", "attrs"),
    [
        ("t2m", "t2m_p90", {"GRIB_paramId": 167}),
        ("t2m", "t2m_diff", {"GRIB_paramId": 167}),
        ("t2m", "2m_temperature_daily_mean", {"GRIB_paramId": 167}),
        ("tp", "total_precipitation_daily", {}),
        ("ssrd", "ssr", {"standard_name": "surface_net_downward_shortwave_flux"}),
        ("msl", "sp", {"standard_name": "surface_air_pressure"}),
    ],
)
def test_a_statistic_or_a_relative_of_a_field_is_not_the_field(name, variable, attrs):
    assert found(name, **{variable: field(VOCABULARY[name].units, **attrs)}).variable is None


def test_a_sum_comes_before_its_mean_rate():
    f = found("tp", mtpr=field("kg m-2 s-1"), total_precipitation=field("m"))
    assert (f.variable, f.problem) == ("total_precipitation", "")


@pytest.mark.parametrize(
    ("name", "variable", "standard"),
    [
        ("t2m", "t2m", "air_potential_temperature"),
        ("u10", "u10", "x_wind"),
        ("q850", "q850", "humidity_mixing_ratio"),
    ],
)
def test_a_standard_name_of_a_relative_is_refused(name, variable, standard):
    x = field(VOCABULARY[name].units, standard_name=standard)
    assert standard in found(name, **{variable: x}).problem


def test_wind_named_for_10_m_at_100_m_is_refused_and_the_remedy_works():
    ds = xr.Dataset({"u10": field("m s-1").assign_coords(height=100.0)})
    (code,) = remedies(match(ds, *predictor_variables(["u10"])).problem)
    assert match(after(ds, code), *predictor_variables(["u10"])).problem == ""


def test_a_field_at_2_m_along_a_level_in_metres_is_at_2_m():
    air = field(dims=("time", "level", "latitude", "longitude"))
    air = air.assign_coords(level=("level", [2.0], {"units": "m"}))
    assert found("t2m", air=air).variable == "air"
    assert found("t850", air=air).variable is None


def test_a_scalar_level_does_not_place_a_field_along_a_dim_of_unknown_kind():
    t = xr.concat([field(), field()], "foo").assign_coords(foo=[1000, 850], pressure_level=850.0)
    f = found("t850", t=t.assign_attrs(units="K"))
    assert f.variable is None
    assert "if 'foo' holds its levels in hPa" in f.becomes


@pytest.mark.parametrize("value", [b"air_temperature", np.str_("air_temperature")])
def test_text_of_any_type_is_text(value):
    x = field(standard_name=value).assign_coords(height=2.0)
    assert found("t2m", x=x).variable == "x"


def test_attributes_that_are_arrays_do_not_crash():
    x = field(standard_name=np.array(["a", "b"]), long_name=np.array([1, 2]), short_name=["2t"])
    assert found("t2m", t2m=x).variable == "t2m"


def test_wind_at_several_heights_is_absent_with_the_line_that_takes_one():
    wind = field("m s-1", ("height", *DIMS))
    wind = xr.concat([wind, wind], xr.Variable("height", [10.0, 80.0], {"units": "m"}))
    assert "ds.sel(height=[10])" in found("u10", u_wind=wind).becomes
    assert found("u10", u_wind=wind.sel(height=[10])).variable == "u_wind"


@pytest.mark.parametrize(
    ("name", "units", "attrs"),
    [
        ("t2m", "K", {"long_name": "2 metre wet bulb temperature"}),
        ("t2m", "K", {"long_name": "Potential temperature at 2 m"}),
        ("ssrd", "J m-2", {"standard_name": "surface_net_downward_shortwave_flux"}),
        ("ssrd", "J m-2", {"long_name": "Surface net short-wave radiation"}),
        ("u10", "m s-1", {"long_name": "Neutral wind at 10 m u-component"}),
        ("u10", "m s-1", {"GRIB_dataType": "es"}),
        ("u10", "m s-1", {"GRIB_gridType": "lambert", "GRIB_uvRelativeToGrid": 1}),
    ],
)
def test_attributes_of_another_quantity_contradict_a_name(name, units, attrs):
    assert found(name, **{name: field(units, **attrs)}).problem


@pytest.mark.parametrize(
    "flag",
    [
        {"GRIB_uvRelativeToGrid": 0, "GRIB_gridType": "lambert"},
        {"GRIB_uvRelativeToGrid": 1, "GRIB_gridType": "regular_ll"},
    ],
)
def test_wind_to_the_east_is_taken_whatever_its_grid_was(flag):
    assert found("u10", u10=field("m s-1", **flag)).problem == ""


def test_the_direction_that_wind_blows_to_is_not_that_it_comes_from():
    speed = field("m s-1", standard_name="wind_speed")
    towards = field("degree", standard_name="wind_to_direction")
    assert found("u10", si10=speed, wind_direction_10m=towards).variable is None


@pytest.mark.parametrize(
    "name", ["snowfall_amount", "convective_precipitation_flux", "stratiform_precipitation_amount"]
)
def test_a_part_of_precipitation_by_its_standard_name_is_not_all_of_it(name):
    assert "standard_name" in found("tp", tp=field("m", standard_name=name)).problem
