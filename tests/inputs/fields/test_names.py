"""What names of variables say, in the dialects of providers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xldm.inputs.fields.names import meaning, read
from xldm.vocabulary import PARTS, VOCABULARY

ALL = {**VOCABULARY, **PARTS}

# Names by provider, as shared/inputs.md lists them: (field, names that alone mean it).
MEAN = {
    "t2m": "t2m 2t 2m_temperature temperature_2m air_temperature_at_2_metres VAR_2T tas T2M tmp2m "
    "TMP_2maboveground tmp2m-hgt-an-gauss",
    "msl": "msl mean_sea_level_pressure pressure_reduced_to_mean_sea_level MSL psl SLP prmsl "
    "air_pressure_at_mean_sea_level Pressure_reduced_to_MSL_msl PRMSL_meansealevel "
    "prmsl-msl-an-gauss",
    "u10": "u10 10u 10m_u_component_of_wind u_component_of_wind_10m wind_u_10m u10m uas U10M "
    "eastward_wind_at_10_metres VAR_10U UGRD_10maboveground ugrd10m-hgt-an-gauss",
    "v10": "v10 10v 10m_v_component_of_wind v_component_of_wind_10m wind_v_10m v10m vas V10M "
    "northward_wind_at_10_metres VAR_10V",
    "d2m": "d2m 2d 2m_dewpoint_temperature dewpoint_temperature_2m dew_point_temperature_2m VAR_2D "
    "dew_point_temperature_at_2_metres T2MDEW tdps",
    "sst": "sst SSTK sea_surface_temperature tos",
    "sd": "sd SD snw SNOMAS snow_depth_water_equivalent lwe_thickness_of_surface_snow_amount",
    "tp": "tp total_precipitation precipitation_surface tp01 tp06 tpf pr PRECTOTCORR "
    "precipitation_amount_1hour_Accumulation total_precipitation_6hr total_precipitation_hourly",
    "ssrd": "ssrd SSRD surface_solar_radiation_downwards rsds SWGDN ssrd06 "
    "downward_short_wave_radiation_flux_surface",
    "q850": "q850 q_850 Q850 specific_humidity_850hPa",
    "t850": "t850 t_850 T850 temperature_850hpa temperature_850hPa",
    "u850": "u850 u_component_of_wind_850hPa",
    "w850": "w850 vertical_velocity_850hPa",
    "skt": "skt SKT skin_temperature ts TS",
    "sp": "sp ps PS surface_pressure pressure_surface",
    "q2m": "huss QV2M 2sh q2m specific_humidity_2m",
    "r2": "hurs relative_humidity_2m 2r",
    "lsp": "LSP lsp large_scale_precipitation",
    "cp": "CP convective_precipitation",
    "si10": "si10 10si wind_speed_10m sfcWind",
}


@pytest.mark.parametrize(("field", "name"), [(f, n) for f, ns in MEAN.items() for n in ns.split()])
def test_a_provider_s_name_means_its_field(field, name):
    assert meaning(name, ALL[field]) == "is"


@pytest.mark.parametrize(("field", "name"), [(f, n) for f, ns in MEAN.items() for n in ns.split()])
def test_a_provider_s_name_means_no_second_field_of_the_model(field, name):
    also = {k for k, e in VOCABULARY.items() if meaning(name, e) == "is"} - {field}
    assert also == set()


@pytest.mark.parametrize(
    "name",
    ["temperature", "ta", "T", "air_temperature", "Temperature_isobaric"],
)  # fmt: skip
def test_a_stem_leaves_open_where_it_lies(name):
    assert meaning(name, VOCABULARY["t850"]) == "may"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("t2m", "tasmax"), ("t2m", "tasmin"), ("t2m", "temperature_2m_max"), ("t2m", "T10M"),
        ("t2m", "mx2t"), ("t2m", "2m_temperature_anomaly"), ("t2m", "d2m"), ("t2m", "t2m_mean"),
        ("t2m", "air_temperature_at_2_metres_1hour_Maximum"), ("u10", "100u"), ("u10", "u100"),
        ("u10", "eastward_wind_at_100_metres"), ("u10", "wind_u_80m"), ("u10", "10fg"),
        ("tp", "tp_max"), ("tp", "total_precipitation_sum"), ("tp", "lsp"), ("tp", "cp"),
        ("ssrd", "ssrdc"), ("t850", "t500"), ("t850", "temperature_500hPa"), ("msl", "sp"),
        ("sd", "sde"), ("sst", "skt"),
    ],
)  # fmt: skip
def test_a_name_of_another_field_is_known_as_such(field, name):
    assert meaning(name, VOCABULARY[field]) == "other"


@pytest.mark.parametrize("name", ["field7", "var167", "x", "crs", "utc_date", ""])
def test_a_name_without_meaning_says_nothing(name):
    assert meaning(name, VOCABULARY["t2m"]) == ""


@given(st.sampled_from(sorted(MEAN)), st.sampled_from([0, 1, 2]))
def test_letters_case_does_not_matter(field, how):
    change = (str.upper, str.lower, str.title)[how]
    assert all(meaning(change(n), ALL[field]) == "is" for n in MEAN[field].split())


@given(st.integers(11, 500))
def test_wind_of_another_height_is_never_wind_at_10_m(height):
    names = (f"u{height}m", f"{height}u", f"{height}m_u_component_of_wind", f"wind_u_{height}m")
    assert {meaning(n, VOCABULARY["u10"]) for n in names} == {"other"}


@given(st.integers(1, 1000).filter(lambda p: p != 850))
def test_another_level_is_never_850_hpa(level):
    names = (f"t{level}", f"temperature_{level}hPa", f"temperature_{level * 100}Pa")
    assert "is" not in {meaning(n, VOCABULARY["t850"]) for n in names}


@given(st.text(max_size=40))
def test_any_text_can_be_read(text):
    read(text)
    assert meaning(text, VOCABULARY["t2m"]) in ("is", "may", "other", "")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("TMP_P0_L103_GLL0", "t2m"),
        ("UGRD_P0_L103_GLL0", "u10"),
        ("TMP_GDS4_HTGL", "t2m"),
        ("tmpprs", "t850"),
        ("ugrdprs", "u850"),
        ("spfh-pres-an-ll125", "q850"),
        ("vvelprs", "w850"),
    ],
)
def test_names_of_ncl_ncep_and_jra_name_a_quantity_whose_level_is_elsewhere(name, field):
    assert meaning(name, ALL[field]) == "may"


@pytest.mark.parametrize(("name", "field"), [("RAINNC", "lsp"), ("RAINC", "cp")])
def test_rain_of_wrf_comes_in_two_parts(name, field):
    assert meaning(name, ALL[field]) == "is"
