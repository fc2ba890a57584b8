"""GRIB files become one dataset that holds every field."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from remedies import codes

pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
grib = pytest.importorskip("grib")

import xldm  # noqa: E402
from xldm.errors import ArgumentTypeError, InputError  # noqa: E402
from xldm.inputs.predictors import check  # noqa: E402

UPPER = {"q", "t", "u", "v", "w"}


def test_every_field_of_a_forecast_arrives(tmp_path):
    ds = xldm.open_input(grib.ifs_open_data(tmp_path / "ifs.grib2"))
    surface = {"t2m", "d2m", "u10", "v10", "msl", "skt", "tp", "ssrd"}
    assert set(ds.data_vars) == surface | UPPER
    assert ds["t2m"].dims == ("step", "latitude", "longitude")
    np.testing.assert_allclose(ds["t2m"].isel(step=1), grib.field(295.3), rtol=1e-4)
    np.testing.assert_allclose(
        ds["t"].sel(isobaricInhPa=850).isel(step=0), grib.field(286.0), rtol=1e-4
    )


def test_sums_without_a_step_are_missing_there(tmp_path):
    ds = xldm.open_input(grib.ifs_open_data(tmp_path / "ifs.grib2"))
    missing = ds["tp"].isnull().all(("latitude", "longitude"))
    assert missing.values.tolist() == [True, False, False]


def test_times_of_a_forecast_say_what_they_are(tmp_path):
    ds = xldm.open_input(grib.ifs_open_data(tmp_path / "ifs.grib2"))
    roles = {n: ds[n].attrs["standard_name"] for n in ("time", "step", "valid_time")}
    assert roles == {
        "time": "forecast_reference_time",
        "step": "forecast_period",
        "valid_time": "time",
    }
    np.testing.assert_array_equal(ds.valid_time, ds.time + ds.step)


def test_members_of_an_ensemble_are_a_dim(tmp_path):
    ds = xldm.open_input(grib.ifs_open_data(tmp_path / "ens.grib2", members=2))
    assert ds["number"].values.tolist() == [1, 2]
    assert {f.sizes["number"] for f in ds.values()} == {2}


def test_starts_in_several_files_become_a_dim(tmp_path):
    paths = [grib.ifs_open_data(tmp_path / f"{day}.grib2", day=day) for day in (20260715, 20260716)]
    ds = xldm.open_input(paths)
    assert dict(ds["t2m"].sizes) == {"time": 2, "step": 3, "latitude": 16, "longitude": 20}
    np.testing.assert_array_equal(ds.valid_time.transpose("time", "step"), ds.time + ds.step)


def test_files_of_single_steps_are_one_forecast(tmp_path):
    """As ECMWF's open data come: a file for each step, and none of step 0 has sums."""
    paths = [grib.ifs_open_data(tmp_path / f"{n}h.grib2", steps=(n,)) for n in (0, 3, 6)]
    whole = xldm.open_input(grib.ifs_open_data(tmp_path / "whole.grib2"))
    ds = xldm.open_input(paths)
    xr.testing.assert_equal(ds.transpose(*whole.dims), whole)


def test_files_of_members_and_of_levels_are_one_forecast(tmp_path):
    whole = xldm.open_input(grib.ifs_open_data(tmp_path / "whole.grib2", members=2))
    parts = [whole[[*UPPER]].isel(number=[n]) for n in range(2)]
    parts += [whole.drop_vars(UPPER).isel(number=n) for n in range(2)]
    xr.testing.assert_equal(xldm.open_input(parts).transpose(*whole.dims), whole)


def test_sums_of_era5_lie_along_the_valid_times_of_states(tmp_path):
    hours = np.arange("2020-07-15T00", "2020-07-16T00", dtype="datetime64[h]")
    ds = xldm.open_input(grib.era5(tmp_path / "era5.grib", hours))
    assert ds["tp"].dims == ds["t2m"].dims == ("valid_time", "latitude", "longitude")
    np.testing.assert_array_equal(ds.valid_time.values.astype("datetime64[h]"), hours)
    np.testing.assert_allclose(ds["tp"].isel(valid_time=7), grib.field(0.007), rtol=1e-3)
    assert "step" not in ds.coords


def test_datasets_that_cfgrib_opened_apart_are_joined_by_the_printed_remedy(tmp_path, config14):
    import cfgrib

    hours = np.arange("2020-07-15T00", "2020-07-16T00", dtype="datetime64[h]")
    path = grib.era5(tmp_path / "era5.grib", hours)
    parts = cfgrib.open_datasets(str(path), backend_kwargs={"indexpath": ""})
    with pytest.raises(ArgumentTypeError, match="open_input") as error:
        check(parts, config14)
    (code,) = codes(str(error.value))
    ds, whole = eval(code, {"xldm": xldm, "ds": parts}), xldm.open_input(path)
    for name in whole:
        np.testing.assert_array_equal(ds[name], whole[name])
    np.testing.assert_array_equal(ds.valid_time, whole.valid_time)


def test_a_name_of_several_levels_is_that_of_pressure(tmp_path):
    path = tmp_path / "both.grib"
    with path.open("wb") as out:
        for sample, keys in (
            ("regular_ll_sfc_grib2", {"typeOfLevel": "heightAboveGround", "level": 100}),
            ("regular_ll_pl_grib2", {"level": 850}),
        ):
            out.write(grib.message(sample, grib.field(280.0), paramId=130, **keys))
    ds = xldm.open_input(path)
    assert "isobaricInhPa" in ds["t"].dims
    assert ds["t_heightAboveGround"].attrs["GRIB_level"] == 100


def test_fields_on_two_grids_are_refused(tmp_path):
    path = tmp_path / "two.grib"
    with path.open("wb") as out:
        out.write(grib.message("regular_ll_sfc_grib2", grib.field(1.0), paramId=167))
        half = {"iDirectionIncrementInDegrees": 2.0, "Ni": 10}
        out.write(
            grib.message("regular_ll_sfc_grib2", grib.field(1.0)[:, ::2], paramId=151, **half)
        )
    with pytest.raises(InputError, match="2 grids"):
        xldm.open_input(path)


def test_a_file_cut_short_is_refused(tmp_path):
    whole = grib.ifs_open_data(tmp_path / "ifs.grib2").read_bytes()
    (tmp_path / "short.grib2").write_bytes(whole[: len(whole) - 500])
    with pytest.raises(InputError, match="cut short"):
        xldm.open_input(tmp_path / "short.grib2")


def test_no_index_is_left_beside_the_file(tmp_path):
    xldm.open_input(grib.ifs_open_data(tmp_path / "ifs.grib2"))
    assert [p.name for p in tmp_path.iterdir()] == ["ifs.grib2"]


@pytest.mark.parametrize(
    "name",
    [
        "cfgrib_samples/era5-levels-members.grib",
        "cfgrib_samples/nam.t00z.awp21100.tm00.grib2",
        "earthkit_samples/pl_regular_ll.grib",
    ],
)
def test_every_field_of_a_real_file_arrives(name, shared):
    from cfgrib.messages import FileStream

    path = shared / "realdata" / name
    fields = {
        (m["paramId"], m["typeOfLevel"]) for _, m in FileStream(str(path), errors="raise").items()
    }
    ds = xldm.open_input(path)
    assert {(f.attrs["GRIB_paramId"], f.attrs["GRIB_typeOfLevel"]) for f in ds.values()} == fields
    assert isinstance(ds, xr.Dataset)
