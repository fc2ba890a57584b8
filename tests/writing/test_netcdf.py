"""Files of downscaled fields: what they hold, by month and year, what is left to write."""

from __future__ import annotations

import resource

import h5py
import numpy as np
import pytest
import xarray as xr
from user_made import MADE, drawn

import xldm
from xldm.errors import ArgumentError, ExistsError, StoreError


def read(path) -> xr.Dataset:
    with xr.open_dataset(path, decode_coords="all") as ds:
        return ds.load()


def turned(back: xr.Dataset, out: xr.Dataset) -> xr.Dataset:
    """Variables with the order of dims that they have in another dataset."""
    turn = {n: back[n].variable.transpose(*v.dims) for n, v in out.variables.items()}
    return xr.Dataset(turn).set_coords(list(out.coords))


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_file_holds_what_a_user_makes_of_an_output(made, tmp_path):
    out = made(drawn())
    xldm.to_netcdf(out, tmp_path / "a.nc")
    xr.testing.assert_equal(turned(read(tmp_path / "a.nc"), out), out.compute())


def test_time_comes_first_and_grows(tmp_path):
    xldm.to_netcdf(drawn(), tmp_path / "a.nc")
    back = read(tmp_path / "a.nc")
    assert back["u10"].dims == ("time", "member", "y", "x")
    assert back.encoding["unlimited_dims"] == {"time"}


def test_times_are_doubles_which_older_tools_know(tmp_path):
    xldm.to_netcdf(drawn(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as raw:
        assert raw["time"].dtype == "float64"
        # CF 1.11, section 2.5.1 and 7.1: a coordinate and its bounds have no fill value.
        assert not [name for name in raw if name[:4] == "time" and "_FillValue" in raw[name].attrs]


def test_a_month_is_a_file_and_a_year_is(tmp_path):
    out = drawn().assign_coords(time=drawn()["time"] + np.timedelta64(1, "D"))  # from 31st, 20 h
    months = xldm.to_netcdf(out, tmp_path / "a.nc", every="month")
    years = xldm.to_netcdf(out, tmp_path / "b.nc", every="year")
    assert [f.name for f in (*months, *years)] == ["a-2001-01.nc", "a-2001-02.nc", "b-2001.nc"]
    whole = xr.concat(map(read, months), "time", data_vars="minimal", coords="minimal",
                      compat="override", join="exact", combine_attrs="drop")  # fmt: skip
    xr.testing.assert_equal(turned(whole, out), out.compute())


def test_only_files_that_are_absent_are_written(tmp_path):
    out = drawn().assign_coords(time=drawn()["time"] + np.timedelta64(1, "D"))
    files = xldm.to_netcdf(out, tmp_path / "a.nc", every="month")
    before, lost = files[0].stat().st_mtime_ns, files[1].read_bytes()
    files[1].unlink()
    assert xldm.to_netcdf(out, tmp_path / "a.nc", every="month", resume=True) == files
    assert files[0].stat().st_mtime_ns == before and files[1].read_bytes() == lost


def test_a_file_that_exists_is_left_alone(tmp_path):
    (tmp_path / "a.nc").write_text("years of work")
    with pytest.raises(ExistsError, match=r"a.nc exists.*resume=True"):
        xldm.to_netcdf(drawn(), tmp_path / "a.nc")
    with pytest.raises(StoreError, match="no netCDF-4 file"):
        xldm.to_netcdf(drawn(), tmp_path / "a.nc", resume=True)
    assert (tmp_path / "a.nc").read_text() == "years of work"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (drawn().assign_attrs(seed=1), "seed: nothing there, 1 here"),
        (drawn().assign(u10=drawn()["u10"] + 1), "u10 differs"),
    ],
)
def test_another_run_is_not_mixed_into_files(other, said, tmp_path):
    xldm.to_netcdf(drawn(), tmp_path / "a.nc")
    with pytest.raises(StoreError, match=said):
        xldm.to_netcdf(other, tmp_path / "a.nc", resume=True)


def test_a_file_that_fails_is_not_left_half_written(tmp_path):
    def broken(block):
        raise ZeroDivisionError

    out = drawn()
    wrong = out["u10"].data.map_blocks(broken, meta=np.empty((0,) * 4, "f4"))
    with pytest.raises(ZeroDivisionError):
        xldm.to_netcdf(out.assign(u10=out["u10"].copy(data=wrong)), tmp_path / "a.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_of_the_file_is_left(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
    try:
        with pytest.raises(StoreError, match="before compression: make room"):
            xldm.to_netcdf(drawn(), tmp_path / "a.nc")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_map_is_a_compressed_chunk_with_a_checksum(tmp_path):
    xldm.to_netcdf(drawn(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as file:
        stored = file["u10"]
        assert stored.chunks == (1, 1, *stored.shape[2:])
        assert (stored.compression, stored.fletcher32) == ("gzip", True)


@pytest.mark.parametrize("options", [{"every": "day"}, {"path": "s3://bucket/a.nc"}])
def test_what_cannot_be_done_is_refused(options, tmp_path):
    with pytest.raises(ArgumentError, match="expected"):
        xldm.to_netcdf(drawn(), **{"path": tmp_path / "a.nc"} | options)


def test_texts_are_characters_as_the_c_library_writes_them(tmp_path):
    out = drawn().assign_attrs(institution="Università", author="Anna")
    xldm.to_netcdf(out, tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as file:
        kinds = {
            (name, key): h5py.h5a.open(item.id, key.encode()).get_type().is_variable_str()
            for name, item in [("", file), *file.items()]
            for key, value in item.attrs.items()
            if isinstance(value, str | bytes)
        }
    assert {key for (_, key), varies in kinds.items() if varies} == {"institution"}
    assert {("", "author"), ("u10", "units"), ("time", "calendar")} <= {*kinds}


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_texts_are_read_as_they_were(engine, tmp_path):
    texts = {"institution": "Università", "author": "Anna", "long": "e" * 40_000}
    out = drawn().assign_attrs(texts, comment="")
    xldm.to_netcdf(out, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine=engine) as back:
        assert {name: back.attrs[name] for name in texts} == texts
        assert back["u10"].attrs["units"] == out["u10"].attrs["units"]
