"""Files as providers send them: split, zipped, several, of any form, and broken."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import cds_new
from remedies import codes

import xldm
from xldm.errors import ArchiveError, InputError, XldmError

SUMS, UPPER = ["tp", "ssrd"], ["q", "t", "u", "v", "w"]


@pytest.fixture(scope="module")
def era5_of_two() -> xr.Dataset:
    return cds_new(2)


@pytest.fixture(scope="module")
def folder(era5_of_two, tmp_path_factory) -> Path:
    """The files of the Climate Data Store: split by kind, and a zip of two."""
    where = tmp_path_factory.mktemp("cds")
    instant = where / "data_stream-oper_stepType-instant.nc"
    accum = where / "data_stream-oper_stepType-accum.nc"
    era5_of_two.drop_vars([*SUMS, *UPPER, "pressure_level"]).to_netcdf(instant)
    era5_of_two[SUMS].to_netcdf(accum)
    era5_of_two[UPPER].to_netcdf(where / "levels.nc")
    with zipfile.ZipFile(where / "cds.zip", "w") as archive:
        archive.write(instant, instant.name)
        archive.write(accum, accum.name)
        archive.writestr("licence.txt", "CC-BY")
    return where


def same(ds: xr.Dataset, expected: xr.Dataset) -> None:
    """Fields and axes are the same, whatever the order of dims."""
    xr.testing.assert_equal(
        ds[list(expected)].drop_vars("expver").load(), expected.drop_vars("expver")
    )


@pytest.mark.parametrize(
    "names",
    [
        ("data_stream-oper_stepType-instant.nc", "data_stream-oper_stepType-accum.nc", "levels.nc"),
        ("levels.nc", "data_stream-oper_stepType-accum.nc", "data_stream-oper_stepType-instant.nc"),
        ("*.nc",),
        ("cds.zip", "levels.nc"),
        ("cds.nc", "levels.nc"),
    ],
    ids=["split", "in another order", "a glob", "a zip", "a zip called .nc"],
)
def test_split_files_are_one_dataset(names, folder, era5_of_two, tmp_path):
    if "cds.nc" in names:
        shutil.copy(folder / "cds.zip", tmp_path / "cds.nc")
    paths = [(tmp_path if n == "cds.nc" else folder) / n for n in names]
    ds = xldm.open_input(paths if len(paths) > 1 else str(paths[0]))
    assert all(f.chunks for f in ds.values())
    same(ds, era5_of_two)


def test_datasets_are_joined_as_files_are(era5_of_two):
    parts = [era5_of_two[SUMS], era5_of_two.drop_vars(SUMS)]
    same(xldm.open_input(parts), era5_of_two)


def test_what_is_unpacked_lies_in_no_folder_of_the_user(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "cds.zip", tmp_path / "cds.zip")
    xldm.open_input("cds.zip")["t2m"].load()
    assert [p.name for p in tmp_path.iterdir()] == ["cds.zip"]


def test_lazy_fields_of_a_zip_outlive_the_dataset_that_was_opened(folder):
    t2m = xldm.open_input(folder / "cds.zip").isel(valid_time=0)["t2m"]
    assert np.isfinite(t2m.load()).all()


def test_times_of_several_files_follow_on_one_another(tmp_path):
    whole = cds_new(4)
    for i, part in enumerate((whole.isel(valid_time=slice(2, 4)), whole.isel(valid_time=slice(2)))):
        part.to_netcdf(tmp_path / f"{i}.nc")
    same(xldm.open_input(tmp_path / "*.nc"), whole)


def test_single_hours_of_several_files_become_a_series(tmp_path):
    whole = cds_new(3).drop_vars("expver")
    for i in range(3):
        whole.isel(valid_time=i).to_netcdf(tmp_path / f"{i}.nc")
    ds = xldm.open_input(str(tmp_path / "*.nc"))
    np.testing.assert_array_equal(ds.valid_time, whole.valid_time)
    np.testing.assert_array_equal(ds.t2m, whole.t2m)


def test_months_split_by_kind_are_one_dataset(tmp_path):
    whole = cds_new(4)
    for i in range(2):
        hours = whole.isel(valid_time=slice(2 * i, 2 * i + 2))
        hours[SUMS].to_netcdf(tmp_path / f"accum{i}.nc")
        hours.drop_vars(SUMS).to_netcdf(tmp_path / f"rest{i}.nc")
    same(xldm.open_input(tmp_path / "*.nc"), whole)


def test_times_that_some_files_lack_are_left_out_with_a_warning(tmp_path):
    whole = cds_new(3)
    whole[SUMS].isel(valid_time=slice(1, 3)).to_netcdf(tmp_path / "a.nc")
    whole.drop_vars(SUMS).to_netcdf(tmp_path / "b.nc")
    with pytest.warns(UserWarning, match="1 of 3 times are not in every file"):
        ds = xldm.open_input(tmp_path / "*.nc")
    same(ds, whole.isel(valid_time=slice(1, 3)))


def test_a_scalar_level_stays_with_its_own_fields(era5_of_two, tmp_path):
    era5_of_two[["t", "q"]].sel(pressure_level=850).to_netcdf(tmp_path / "a.nc")
    era5_of_two[["t2m"]].to_netcdf(tmp_path / "b.nc")
    ds = xldm.open_input(tmp_path / "*.nc")
    assert "pressure_level" in ds["t"].dims
    assert "pressure_level" not in ds["t2m"].coords


def test_axes_that_differ_by_rounding_are_those_of_the_first_file(era5_of_two, tmp_path):
    era5_of_two[SUMS].to_netcdf(tmp_path / "a.nc")
    rest = era5_of_two.drop_vars(SUMS)
    noisy = rest.longitude.values + np.float32(4e-6)
    rest.assign_coords(longitude=noisy).isel(latitude=slice(None, None, -1)).to_netcdf(
        tmp_path / "b.nc"
    )
    ds = xldm.open_input(tmp_path / "*.nc")
    np.testing.assert_array_equal(ds.t2m, era5_of_two.t2m)
    np.testing.assert_array_equal(ds.longitude, era5_of_two.longitude)


def test_a_file_in_one_piece_is_read_by_the_day(tmp_path):
    cds_new(50)[["t2m"]].to_netcdf(tmp_path / "era5.nc", engine="h5netcdf")
    assert xldm.open_input(tmp_path / "era5.nc").chunksizes["valid_time"] == (24, 24, 2)


@pytest.mark.parametrize("version", [2, 3])
def test_chunks_of_a_store_are_kept(version, tmp_path, recwarn):
    ds = cds_new(4)[["t2m"]].drop_vars("expver").chunk(valid_time=2)
    ds.to_zarr(tmp_path / "era5.zarr", consolidated=False, zarr_format=version)
    opened = xldm.open_input(tmp_path / "era5.zarr")
    assert opened.chunksizes["valid_time"] == (2, 2)
    np.testing.assert_array_equal(opened.t2m, ds.t2m)


def test_hours_that_an_arco_store_says_are_empty_are_left_out(tmp_path):
    ds = cds_new(4)[["t2m"]].drop_vars("expver").rename(valid_time="time")
    ds.attrs = {"valid_time_start": "2020-02-12T01", "valid_time_stop": "2020-02-12T02"}
    ds.to_zarr(tmp_path / "arco.zarr", consolidated=False)
    assert xldm.open_input(tmp_path / "arco.zarr").time.equals(ds.time[1:3])


def test_files_at_a_url_are_fetched(folder, era5_of_two):
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in folder.glob("*.nc"):
        memory.put_file(str(path), f"/open/{path.name}")
    memory.put_file(str(folder / "cds.zip"), "/zipped/cds.zip")
    same(xldm.open_input("memory://open/*.nc"), era5_of_two)
    same(xldm.open_input(["memory://zipped/cds.zip", folder / "levels.nc"]), era5_of_two)


def test_a_classic_netcdf_is_read(era5_of_two, tmp_path):
    t2m = era5_of_two[["t2m"]].drop_vars("expver")
    t2m.to_netcdf(tmp_path / "old.nc", format="NETCDF3_64BIT")
    np.testing.assert_array_equal(xldm.open_input(tmp_path / "old.nc").t2m, t2m.t2m)


# ---- refusals


def broken(folder: Path, whole: Path) -> dict[str, tuple[Path, str]]:
    """Files that cannot be read, and words of the message."""
    (folder / "empty.nc").touch()
    (folder / "page.nc").write_text("<html>404</html>")
    (folder / "text.nc").write_text("lat,lon\n")
    (folder / "json.grib").write_text('{"message": "no such request"}')
    (folder / "short.nc").write_bytes(whole.read_bytes()[:3000])
    (folder / "folder").mkdir()
    xr.Dataset(attrs={"a": 1}).to_netcdf(folder / "nothing.nc")
    with zipfile.ZipFile(folder / "none.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with zipfile.ZipFile(folder / "page.zip", "w") as archive:
        archive.writestr("a.nc", "<html>")
    (folder / "short.zip").write_bytes(b"PK\x03\x04" + bytes(50))
    words = {
        "empty.nc": "is empty", "page.nc": "web page", "text.nc": "begins with",
        "json.grib": "message of a server", "short.nc": "cut short", "folder": "is a folder",
        "nothing.nc": "holds no field", "none.zip": "without netCDF", "page.zip": "without netCDF",
        "short.zip": "zip", "absent.nc": "no such file", "absent*.nc": "no file matches",
    }  # fmt: skip
    return {name: (folder / name, text) for name, text in words.items()}


@pytest.mark.parametrize(
    "name",
    ["empty.nc", "page.nc", "text.nc", "json.grib", "short.nc", "folder", "nothing.nc", "none.zip",
     "page.zip", "short.zip", "absent.nc", "absent*.nc"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(name, folder, tmp_path):
    path, words = broken(tmp_path, folder / "levels.nc")[name]
    with pytest.raises(XldmError, match=words):
        xldm.open_input(path)


def test_no_file_at_all_is_refused():
    with pytest.raises(InputError, match="No file was given"):
        xldm.open_input([])


def test_the_printed_remedy_opens_a_group(era5_of_two, tmp_path):
    era5_of_two.to_netcdf(tmp_path / "a.nc", group="/forecast")
    with pytest.raises(InputError, match="groups /forecast") as error:
        xldm.open_input(tmp_path / "a.nc")
    (code,) = codes(str(error.value))
    assert "t2m" in eval(code, {"xr": xr})


def test_files_of_other_areas_do_not_fit(era5_of_two, tmp_path):
    era5_of_two[SUMS].isel(longitude=slice(5, None)).to_netcdf(tmp_path / "a.nc")
    era5_of_two.drop_vars(SUMS).to_netcdf(tmp_path / "b.nc")
    with pytest.raises(InputError, match="different grids: longitude differs"):
        xldm.open_input(tmp_path / "*.nc")


def test_a_file_given_twice_does_not_fit(era5_of_two, tmp_path):
    era5_of_two.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match="given twice"):
        xldm.open_input([tmp_path / "a.nc", tmp_path / "a.nc"])


def test_the_same_values_in_two_files_of_other_kinds_do_not_fit(era5_of_two):
    with pytest.raises(InputError, match="given twice"):
        xldm.open_input([era5_of_two[SUMS], era5_of_two.drop_vars("ssrd")])


def test_files_without_a_common_time_do_not_fit(era5_of_two):
    later = era5_of_two[SUMS].assign_coords(
        valid_time=era5_of_two.valid_time + np.timedelta64(1, "D")
    )
    with pytest.raises(InputError, match="no time in common"):
        xldm.open_input([later, era5_of_two.drop_vars(SUMS)])


# ---- zips that mean harm


def test_names_in_a_zip_lead_nowhere(folder, tmp_path):
    source = folder / "levels.nc"
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.write(source, "../../../outside.nc")
        archive.write(source.with_name("data_stream-oper_stepType-accum.nc"), "/tmp/absolute.nc")
    ds = xldm.open_input(tmp_path / "odd.zip")
    assert {"t", "tp"} <= set(ds)
    assert not (tmp_path.parent / "outside.nc").exists()
    assert not Path("/tmp/absolute.nc").exists()


def test_a_zip_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.nc", b"CDF" + bytes(50_000_000))
    with pytest.raises(ArchiveError, match="no data"):
        xldm.open_input(tmp_path / "bomb.zip")


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("a.nc")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="a link"):
        xldm.open_input(tmp_path / "link.zip")


def test_a_damaged_member_is_refused(folder, tmp_path):
    whole = bytearray((folder / "cds.zip").read_bytes())
    at = len(whole) // 2
    whole[at : at + 200] = bytes(200)
    (tmp_path / "bad.zip").write_bytes(whole)
    with pytest.raises(XldmError):
        xldm.open_input(tmp_path / "bad.zip")["t2m"].load()
