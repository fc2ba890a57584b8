"""The subcommand that downscales, run in this process."""

import pytest
import xarray as xr
from conftest import cds_new

from xldm.cli import main

SMALL = ["--model", "italy-2km", "--missing", "climatology", "--steps", "1"]
SMALL += ["--region", "9,43,10,44"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The shipped sample's first times as a netCDF file."""
    import xldm

    path = tmp_path_factory.mktemp("input") / "era5.nc"
    xldm.open_catalog().era5_sample.read().isel(time=[0, 1]).to_netcdf(path, engine="h5netcdf")
    return str(path)


@pytest.fixture(scope="module")
def store(sample, tmp_path_factory):
    """A complete store, not to be changed."""
    path = str(tmp_path_factory.mktemp("output") / "out.zarr")
    assert main(["downscale", sample, path, *SMALL]) == 0
    return path


def test_a_store_is_written_and_marked_complete(store):
    out = xr.open_zarr(store)
    assert set(out.data_vars) == {"t2m", "u10", "v10"} and out.sizes["time"] == 2
    assert "xldm_complete" in out.attrs


def test_a_store_is_not_written_over(sample, store, capsys):
    assert main(["downscale", sample, store, *SMALL]) == 1
    assert "complete store already" in capsys.readouterr().err


def test_resume_with_another_seed_is_refused(sample, store, capsys):
    assert main(["downscale", sample, store, *SMALL, "--resume", "--seed", "3"]) == 1
    assert "seed: 0 there, 3 here" in capsys.readouterr().err


def test_shares_are_written_by_their_numbers(sample, tmp_path, capsys):
    path = str(tmp_path / "out.zarr")
    arguments = ["downscale", sample, path, *SMALL, "--keep-bits", "12"]
    assert main([*arguments, "--share", "1/2"]) == 0
    assert "other shares are not complete yet" in capsys.readouterr().out
    assert main([*arguments, "--share", "0/2"]) == 0
    assert f"{path} complete" in capsys.readouterr().out
    assert xr.open_zarr(path).attrs["keep_bits"] == 12


@pytest.mark.parametrize("share", ["2", "a/b", "/2", "-1/2"])
def test_a_share_that_is_none_is_an_error(share, sample, tmp_path, capsys):
    assert main(["downscale", sample, str(tmp_path / "a.zarr"), *SMALL, f"--share={share}"]) == 1
    assert "expected I/N" in capsys.readouterr().err


def test_a_storage_option_that_is_none_is_an_error(sample, tmp_path, capsys):
    arguments = ["downscale", sample, "s3://nowhere/out.zarr", *SMALL, "--storage-option", "anon"]
    assert main(arguments) == 1
    assert "expected KEY=VALUE" in capsys.readouterr().err


def test_split_files_of_the_climate_data_store_are_downscaled_as_they_come(tmp_path, capsys):
    whole = cds_new(2).drop_vars("expver")
    sums = ["tp", "ssrd"]
    upper = ["q", "t", "u", "v", "w"]
    whole.drop_vars([*sums, *upper]).to_netcdf(tmp_path / "instant.nc")
    whole[sums].to_netcdf(tmp_path / "accum.nc")
    whole[upper].to_netcdf(tmp_path / "levels.nc")
    files = [str(tmp_path / f"{n}.nc") for n in ("instant", "accum", "levels")]
    assert main(["check", *files]) == 0
    assert "14 of 14 predictors" in capsys.readouterr().out
    given = str(tmp_path / "a.zarr"), str(tmp_path / "b.zarr")
    assert main(["downscale", *files, given[0], *SMALL]) == 0
    assert main(["downscale", str(tmp_path / "*.nc"), "-o", given[1], *SMALL]) == 0
    xr.testing.assert_equal(*(xr.open_zarr(path) for path in given))


def test_an_input_without_a_store_is_an_error(sample, capsys):
    assert main(["downscale", sample, *SMALL]) == 1
    assert "--output" in capsys.readouterr().err


def test_tiles_are_told_by_the_name_of_the_model(sample, tmp_path):
    path = str(tmp_path / "out.zarr")
    assert main(["downscale", sample, path, *SMALL, "--tile", "8,4"]) == 0
    assert xr.open_zarr(path).attrs["model"] == "italy-2km (tiles of 8, overlap 4)"


def test_a_tile_that_networks_cannot_halve_is_refused(sample, tmp_path, capsys):
    assert main(["downscale", sample, str(tmp_path / "out.zarr"), *SMALL, "--tile", "9"]) == 1
    assert "multiple of 4" in capsys.readouterr().err
