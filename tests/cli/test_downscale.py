"""The subcommand that downscales, run in this process."""

import pytest
import xarray as xr
from conftest import cds_new

from xldm.cli import main

SMALL = ["--model", "italy-2km", "--missing", "climatology", "--steps", "1"]
SMALL += ["--targets", "t2m,u10,v10"]  # rain would take two thirds longer
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


def test_targets_that_the_model_lacks_are_named_with_those_it_has(sample, tmp_path, capsys):
    some = ["--targets", "t2m,hail"]
    assert main(["downscale", sample, str(tmp_path / "a.zarr"), *SMALL, *some]) == 1
    assert "--targets: expected some of t2m, u10, v10, tp; got" in capsys.readouterr().err


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


def test_an_output_that_ends_in_nc_is_a_netcdf_file(sample, store, tmp_path, capsys):
    path = tmp_path / "out.nc"
    assert main(["downscale", sample, str(path), *SMALL]) == 0
    assert capsys.readouterr().out == f"{path} complete\n"
    with xr.open_dataset(path) as out:
        stored = xr.open_zarr(store)
        for name in ("t2m", "u10", "v10"):
            xr.testing.assert_equal(out[name], stored[name].transpose(*out[name].dims))
    assert [p.name for p in tmp_path.iterdir()] == ["out.nc"]


@pytest.mark.parametrize("more", [["--resume"], ["--share", "0/2"]])
def test_what_a_netcdf_file_cannot_do_is_refused(more, sample, tmp_path, capsys):
    assert main(["downscale", sample, str(tmp_path / "out.nc"), *SMALL, *more]) == 1
    assert "are for Zarr stores" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["era5.nc", "other.grib"])
def test_a_file_is_not_written_over(name, sample, tmp_path, capsys):
    there = tmp_path / name
    there.write_bytes(b"mine")
    assert main(["downscale", sample, str(there), *SMALL]) == 1
    assert f"{there} exists, and is not written over" in capsys.readouterr().err
    assert there.read_bytes() == b"mine"


def test_what_is_conserved_and_how_members_persist_can_be_chosen(sample, tmp_path):
    path = tmp_path / "out.nc"
    chosen = ["--conserve", "t2m,u10", "--correlation", "0.5"]
    assert main(["downscale", sample, str(path), *SMALL, *chosen]) == 0
    with xr.open_dataset(path) as out:
        assert out.attrs["conserved"].startswith("t2m, u10:") and out.attrs["correlation"] == 0.5


def test_a_target_that_cannot_be_conserved_is_refused_by_its_option(sample, tmp_path, capsys):
    arguments = ["downscale", sample, str(tmp_path / "out.nc"), *SMALL, "--targets", "t2m"]
    assert main([*arguments, "--conserve", "tp"]) == 1
    assert "--conserve: tp cannot be conserved" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["Italy", "9,43,12", "9,43,x,45"])
def test_a_region_that_is_none_is_told_what_is_expected(text, sample, tmp_path, capsys):
    arguments = ["downscale", sample, str(tmp_path / "out.nc"), "--missing", "climatology"]
    assert main([*arguments, "--region", text]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "--region: expected" in said and "lon_min,lat_min,lon_max,lat_max in degrees" in said


@pytest.mark.parametrize("text", ["x", "8,y", "8,4,2"])
def test_a_tile_that_is_none_is_told_what_is_expected(text, sample, tmp_path, capsys):
    assert main(["downscale", sample, str(tmp_path / "a.zarr"), *SMALL, "--tile", text]) == 1
    assert "--tile: expected SIZE or SIZE,OVERLAP" in capsys.readouterr().err


def test_fields_may_lie_in_a_group(sample, tmp_path, capsys):
    twofold = tmp_path / "twofold.nc"
    with xr.open_dataset(sample) as ds:
        xr.DataTree.from_dict({"era5": ds}).to_netcdf(twofold, engine="h5netcdf")
    assert main(["check", str(twofold), "--missing", "climatology"]) == 1
    assert "pass --group era5" in capsys.readouterr().err
    assert main(["check", str(twofold), "--missing", "climatology", "--group", "era5"]) == 0


def test_a_warning_is_one_line_in_the_words_of_the_command_line(sample, tmp_path, capsys):
    arguments = ["downscale", sample, str(tmp_path / "a.zarr"), "--steps", "1"]
    assert main([*arguments, "--missing", "climatology", "--region", "9,43,10,44"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sum("Absent, so set to their training mean" in line for line in lines) == 1
    assert all(line.startswith("xldm: ") for line in lines)
