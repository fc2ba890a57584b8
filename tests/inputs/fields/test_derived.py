"""Predictors that a dataset lacks, from fields that it has."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

from xldm.inputs.fields.derived import RULES, find
from xldm.inputs.lists import predictor_variables
from xldm.inputs.predictors import check, predictors
from xldm.vocabulary import PARTS, VOCABULARY


def magnus(kelvin):
    """Saturation pressure over water in Pa (Bolton 1980, eq. 10)."""
    return 611.2 * np.exp(17.67 * (kelvin - 273.15) / (kelvin - 29.65))


def like(field, units, **attrs):
    """Return a float64 field with other attributes."""
    return field.astype("float64").assign_attrs(units=units).assign_attrs(attrs)


def without(ds, name, **fields):
    out = ds.drop_vars(name)
    for new, (field, units) in fields.items():
        out[new] = like(field, units)
        out[new].attrs = {"units": units}
    return out


def skin(ds):
    """Skin temperature is warm on land; the mask is static, as in a file of its own."""
    land = ds["sst"].isnull().isel(valid_time=0, drop=True).astype("float32")
    return without(ds, "sst", skt=(ds["sst"].fillna(305.0), "K"), lsm=(land, "(0 - 1)"))


def cmip_skin(ds):
    land = 100 * ds["sst"].isnull().isel(valid_time=0, drop=True).astype("float32")
    return without(ds, "sst", ts=(ds["sst"].fillna(305.0) - 273.15, "degC"), sftlf=(land, "%"))


def merra_skin(ds):
    return without(ds, "sst", TSKINWTR=(ds["sst"], "K"))


def tos(ds):
    return without(ds, "sst", tos=(ds["sst"] - 273.15, "degC"))


def huss(ds):
    pressure = ds["msl"] * 0.95
    vapour = magnus(ds["d2m"])
    ratio = 0.62198 * vapour / (pressure - vapour)
    return without(ds, "d2m", huss=(ratio / (1 + ratio), "1"), ps=(pressure, "Pa"))


def huss_at_sea_level(ds):
    orog = xr.zeros_like(ds["msl"].isel(valid_time=0, drop=True)) + 500.0
    # 18.4 km per factor of 10 at 273.15 K (the barometric formula in its old form).
    mean = ds["t2m"] + 0.0065 * 250
    pressure = ds["msl"] / 10 ** (500 / (18400 * mean / 273.15))
    vapour = magnus(ds["d2m"])
    ratio = 0.62198 * vapour / (pressure - vapour)
    return without(ds, "d2m", huss=(ratio / (1 + ratio), "1"), orog=(orog, "m"))


def hurs(ds):
    return without(ds, "d2m", hurs=(100 * magnus(ds["d2m"]) / magnus(ds["t2m"]), "%"))


def snow(ds):
    return without(ds, "sd", sde=(ds["sd"] * 4, "m"), rsn=(xr.full_like(ds["sd"], 250), "kg m-3"))


def snw(ds):
    return without(ds, "sd", snw=(ds["sd"] * 1000, "kg m-2"))


def two_rains(ds):
    return without(ds, "tp", LSP=(ds["tp"] * 0.25, "m"), CP=(ds["tp"] * 0.75, "m"))


def direction(ds):
    u, v = ds["u10"].astype("f8"), ds["v10"].astype("f8")
    out = without(
        ds, "u10", si10=(np.hypot(u, v), "m s-1"),
        wdir10=(np.rad2deg(np.arctan2(-u, -v)) % 360, "degrees"),
    )  # fmt: skip
    return out.drop_vars("v10")


def relative(ds):
    ratio = ds["q"] / (1 - ds["q"])
    vapour = ratio * ds.pressure_level * 100 / (0.62198 + ratio)
    # Where it is warm, as saturation over water is the same for all.
    return without(ds, "q", r=(100 * vapour / magnus(ds["t"]), "%"))


def velocity(ds):
    virtual = ds["t"] * (1 + 0.608 * ds["q"])
    density = ds.pressure_level * 100 / (287.05 * virtual)
    return without(ds, "w", w=(-ds["w"] / (9.80665 * density), "m s-1"))


# (how a field is replaced, the field, how near the derived one is in its units)
WAYS = [
    (skin, "sst", 1e-4), (cmip_skin, "sst", 1e-4), (merra_skin, "sst", 1e-4), (tos, "sst", 1e-4),
    (huss, "d2m", 0.08), (huss_at_sea_level, "d2m", 0.12), (hurs, "d2m", 0.08), (snow, "sd", 1e-6),
    (snw, "sd", 1e-6), (two_rains, "tp", 1e-8), (direction, "u10", 1e-5), (direction, "v10", 1e-5),
    (relative, "q850", 5e-5), (velocity, "w850", 1e-3),
]  # fmt: skip


@pytest.fixture
def warm(era5):
    """The fields of ERA5, above freezing at 850 hPa, moist and dry of a plausible kind."""
    era5["t"] = (era5["t"] + 14).assign_attrs(era5["t"].attrs)
    era5["d2m"] = np.minimum(era5["d2m"], era5["t2m"]).assign_attrs(era5["d2m"].attrs)
    return era5


@pytest.mark.parametrize(("way", "name", "near"), WAYS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_derived_field_is_the_one_that_it_stands_for(way, name, near, warm, config14):
    expected = predictors(warm, check(warm, config14))[name]
    ds = way(warm)
    report = check(ds, config14)
    assert report.ok, report
    found = predictors(ds, report)[name]
    assert (found.dims, found.dtype, found.attrs) == (
        expected.dims, expected.dtype, expected.attrs,
    )  # fmt: skip
    np.testing.assert_array_equal(found.isnull(), expected.isnull())
    assert float(abs(found - expected).max()) < near


@pytest.mark.parametrize(("way", "name", "near"), WAYS, ids=lambda x: getattr(x, "__name__", ""))
def test_the_report_says_what_is_derived_and_from_what(way, name, near, warm, config14):
    (found,) = (f for f in check(way(warm), config14).predictors if f.name == name)
    if way in (tos, snw):  # the field itself in other units
        assert found.parts == ()
        return
    assert f"derived from {found.variable}" in found.becomes


def test_deriving_computes_nothing_beforehand(warm, config14):
    ds = huss(skin(warm)).chunk(valid_time=1)
    report = check(ds, config14)
    with dask.config.set(scheduler=lambda *a, **k: pytest.fail("computed")):
        out = predictors(ds, report)
    np.testing.assert_array_equal(
        out["d2m"].compute(scheduler="sync"), predictors(ds.load(), report)["d2m"]
    )


def test_a_given_field_comes_before_a_derived_one(warm, config14):
    ds = warm.merge(skin(warm)[["skt", "lsm"]])
    (found,) = (f for f in check(ds, config14).predictors if f.name == "sst")
    assert found.variable == "sst"


def test_a_contradictory_field_is_not_replaced_in_silence(warm, config14):
    ds = warm.merge(huss(warm)[["huss", "ps"]])
    ds["d2m"].attrs["cell_methods"] = "time: mean"
    (problem,) = check(ds, config14).problems
    assert "cell_methods" in problem


@pytest.mark.parametrize(
    ("lacking", "words"),
    [("lsm", "skt would do with land sea mask"), ("skt", "Missing predictors: sst.")],
)
def test_skin_temperature_needs_a_land_mask(lacking, words, warm, config14):
    (problem,) = check(skin(warm).drop_vars(lacking), config14).problems
    assert words in problem


def test_specific_humidity_without_pressure_is_not_enough(warm, config14):
    (problem,) = check(huss(warm).drop_vars("ps"), config14).problems
    assert "huss would do with surface pressure" in problem


def test_a_mean_is_not_mixed_with_values_of_a_moment(warm, config14):
    ds = huss(warm)
    ds["ps"].attrs["cell_methods"] = "time: mean"
    report = check(ds, config14, missing="climatology")
    assert "d2m" in report.absent
    (found,) = (f for f in report.predictors if f.name == "d2m")
    assert "ps has cell_methods" in found.becomes


def test_values_of_parts_are_checked(warm, config14):
    ds = huss(warm)
    ds["huss"] = (ds["huss"] * 1000).assign_attrs(units="1")
    (problem,) = check(ds, config14).problems
    assert "huss says 1 but holds" in problem
    assert "looks like g kg-1" in problem


def test_humidity_follows_at_another_level_than_850_hpa():
    from dataclasses import replace

    (q850,) = predictor_variables(["q850"])
    axes = {"time": [0], "level": [850, 700]}
    ds = xr.Dataset({
        n: (("time", "level"), [[v, v]], {"units": u})
        for n, v, u in (("r", 50.0, "%"), ("t", 280.0, "K"))
    }).assign_coords(axes)  # fmt: skip
    found = find(ds, replace(q850, name="q700", level=700.0))
    assert [p.name for p in found.parts] == ["r700", "t700"]
    assert found.rule.keywords == {"pressure": 70000.0}


def test_a_part_may_be_derived_in_turn(warm, config14):
    ds = velocity(relative(warm).assign(q=warm["q"])).drop_vars("q")
    report = check(ds, config14)
    assert report.ok, report
    (found,) = (f for f in report.predictors if f.name == "w850")
    assert found.parts[2].parts != ()
    expected = predictors(warm, check(warm, config14))["w850"]
    assert float(abs(predictors(ds, report)["w850"] - expected).max()) < 1e-3


def test_the_model_s_own_units_are_given(warm):
    from dataclasses import replace

    (d2m,) = predictor_variables(["d2m"])
    found = find(huss(warm), replace(d2m, units="degC"))
    assert (found.scale, round(found.offset, 6)) == (1.0, -273.15)


def test_every_part_of_a_rule_is_in_the_vocabulary():
    assert {part for rule in RULES for part in rule.parts} <= {*VOCABULARY, *PARTS}
