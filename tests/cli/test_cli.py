"""The command line, run in this process; what it prints is what a user sees."""

import pytest
import xarray as xr

from xldm.cli import main


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The shipped sample's first time as a netCDF file."""
    import xldm

    path = tmp_path_factory.mktemp("input") / "era5.nc"
    xldm.open_catalog().era5_sample.read().isel(time=[0]).to_netcdf(path, engine="h5netcdf")
    return str(path)


def test_models_are_listed(capsys):
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "italy-2km-ldm-res" in lines and max(map(len, lines)) <= 100


def test_a_card_is_shown(capsys):
    assert main(["models", "info", "italy-2km"]) == 0
    assert "not for science" in capsys.readouterr().out.splitlines()[0]


def test_an_unknown_model_is_an_error_with_close_names(capsys):
    assert main(["models", "info", "italy-3km"]) == 1
    assert "did you mean italy-2km" in capsys.readouterr().err


def test_check_reports_and_fails_when_predictors_are_missing(sample, capsys):
    assert main(["check", sample]) == 1
    out, err = capsys.readouterr()
    assert "5 of 14 predictors" in out and "pass --missing climatology" in " ".join(out.split())
    assert err == "xldm: the input cannot be used; the report names 1 problem\n"


def test_check_succeeds_when_all_is_well(sample):
    assert main(["check", sample, "--missing", "climatology"]) == 0


def test_downscale_writes_a_store(sample, tmp_path, capsys):
    store = tmp_path / "out.zarr"
    arguments = ["downscale", sample, str(store), "--missing", "climatology", "--steps", "1"]
    assert main([*arguments, "--region", "9,43,12,45"]) == 0
    out = xr.open_zarr(store, consolidated=False)
    assert set(out.data_vars) == {"t2m", "u10", "v10", "tp"} and out.sizes["time"] == 1
    assert main(arguments) == 1  # never written over
    capsys.readouterr()


def test_a_file_that_is_not_there_is_an_error(capsys):
    assert main(["check", "nowhere.nc"]) == 1
    assert "nowhere.nc" in capsys.readouterr().err


def test_twin_hours_are_written(tmp_path, capsys):
    store = tmp_path / "twin.zarr"
    assert main(["twin", "2001-07-15T12", "2001-07-15T12", str(store)]) == 0
    assert xr.open_zarr(store, group="fine", consolidated=False).sizes["time"] == 1
    capsys.readouterr()


def test_the_demo_writes_a_store_and_a_figure(tmp_path, capsys):
    assert main(["demo", "--folder", str(tmp_path), "--times", "1"]) == 0
    assert xr.open_zarr(tmp_path / "italy-2km.zarr", consolidated=False).sizes["member"] == 2
    assert (tmp_path / "italy-2km.png").stat().st_size > 100_000
    assert "s per field" in capsys.readouterr().out


def test_a_demo_of_one_member_is_refused(capsys):
    assert main(["demo", "--members", "1"]) == 1
    assert "at least 2" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A truth and an ensemble as Zarr stores."""
    import records

    folder = tmp_path_factory.mktemp("stores")
    for name, members in {"truth": None, "ensemble": 3}.items():
        records.record(6, members=members, seed=len(name)).chunk(time=2).to_zarr(
            folder / f"{name}.zarr", consolidated=False
        )
    return folder


def test_stores_are_evaluated_to_a_report(stores, tmp_path, capsys):
    arguments = ["evaluate", f"mine={stores / 'ensemble.zarr'}", "--truth"]
    arguments += [str(stores / "truth.zarr"), "--model", "", "--report", str(tmp_path / "report")]
    assert main(arguments) == 0
    assert {p.name for p in (tmp_path / "report").iterdir()} == {
        "report.html",
        "result.nc",
        "scores.csv",
    }
    assert "xldm evaluate mine=" in (tmp_path / "report" / "report.html").read_text()


def test_a_forecast_without_a_name_is_refused(stores, tmp_path, capsys):
    path = str(stores / "ensemble.zarr")
    assert main(["evaluate", path, "--truth", path, "--report", str(tmp_path / "r")]) == 1
    assert "expected NAME=PATH" in capsys.readouterr().err


def test_fields_to_score_are_looked_for_in_the_group(stores, tmp_path, capsys):
    path = str(stores / "truth.zarr")
    arguments = ["evaluate", f"mine={path}", "--truth", path, "--report", str(tmp_path / "r")]
    assert main([*arguments, "--group", "fine"]) == 1
    assert "no such group" in capsys.readouterr().err


def test_targets_to_score_that_the_truth_lacks_are_refused(stores, tmp_path, capsys):
    path = str(stores / "truth.zarr")
    arguments = ["evaluate", f"mine={path}", "--truth", path, "--report", str(tmp_path / "r")]
    assert main([*arguments, "--targets", "t2m,hail"]) == 1
    assert "--targets: the truth has no hail; it has t2m" in capsys.readouterr().err


def test_a_protocol_beside_forecasts_is_refused(stores, tmp_path, capsys):
    path = str(stores / "ensemble.zarr")
    arguments = ["evaluate", f"mine={path}", "--protocol", "comparison", "--twin", "2008"]
    assert main([*arguments, "--report", str(tmp_path / "r")]) == 1
    assert "leave out NAME=PATH or --protocol" in capsys.readouterr().err


def test_an_unknown_protocol_is_refused_with_the_choices(stores, tmp_path, capsys):
    path = str(stores / "truth.zarr")
    arguments = ["evaluate", "--protocol", "paper", "--era5", path, "--truth", path]
    assert main([*arguments, "--report", str(tmp_path / "r")]) == 1
    assert "one of comparison, residual, sampling" in capsys.readouterr().err


def test_a_protocol_without_data_says_what_it_needs(tmp_path, capsys):
    assert main(["evaluate", "--protocol", "comparison", "--report", str(tmp_path / "r")]) == 1
    assert "--era5 and --truth, or --twin YEAR" in capsys.readouterr().err
