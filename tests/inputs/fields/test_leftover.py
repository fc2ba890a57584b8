"""Variables that no predictor takes are named, and so are likely slips of a name."""

from __future__ import annotations

import numpy as np
import pytest
from remedies import applied

from xldm.inputs.predictors import check


def test_fields_that_are_not_used_are_named(era5, config14):
    ds = era5.assign(tcc=era5["t2m"], tasmax=era5["t2m"], crs=0)
    (note,) = (n for n in check(ds, config14).notes if n.startswith("Not used"))
    assert note == "Not used: tcc, tasmax."


def test_nothing_is_said_where_all_is_used(era5, config14):
    assert not any("Not used" in n for n in check(era5, config14).notes)


def test_bounds_are_not_named_as_fields(era5, config14):
    bounds = era5.valid_time.values[:, None] + np.array([-1, 0]) * np.timedelta64(1, "h")
    ds = era5.assign(time_bnds=(("valid_time", "bnds"), bounds))
    assert not any("Not used" in n for n in check(ds, config14).notes)


def test_parts_of_a_derived_field_are_used(era5, config14):
    ds = era5.rename(sd="sde").assign(rsn=(era5["sd"] * 0 + 250).assign_attrs(units="kg m-3"))
    ds["sde"].attrs["units"] = "m"
    assert not any("Not used" in n for n in check(ds, config14).notes)


@pytest.mark.parametrize(
    ("name", "slip"),
    [
        ("msl", "mean_sea_level_presure"), ("t2m", "2m_temprature"), ("tp", "total_precip"),
        ("d2m", "2m_dewpoint_temperatur"), ("u10", "10m_u_componet_of_wind"),
    ],
)  # fmt: skip
def test_a_slip_is_named_and_the_remedy_works(name, slip, era5, config14):
    report = check(era5.rename({name: slip}), config14)
    (problem,) = report.problems
    assert f"{slip} is not used; if it is {name}" in problem
    fixed = check(applied(problem, era5.rename({name: slip})), config14)
    assert fixed.ok


@pytest.mark.parametrize("other", ["ssr", "str", "tsr", "z850", "u100", "tasmax", "skt", "tcc"])
def test_a_field_with_a_similar_name_is_not_advised(other, era5, config14):
    ds = era5.drop_vars(["ssrd", "u10", "q"]).assign({other: era5["t2m"]})
    (problem,) = check(ds, config14).problems
    assert "if it is" not in problem


def test_climatology_does_not_hide_a_slip(era5, config14):
    report = check(era5.rename(msl="mean_sea_level_presure"), config14, missing="climatology")
    (found,) = (f for f in report.predictors if f.name == "msl")
    assert "mean_sea_level_presure is not used" in found.becomes
