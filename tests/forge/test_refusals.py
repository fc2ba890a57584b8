"""Files that are not what they should be: one plain line, with file and hour, and no mark."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from recipe_runs import RECIPES

from xldm.forge.__main__ import main
from xldm.forge.archive_files import open_netcdf

DAY = "2001-07-31"
OLD, NEW = "era5-surface-2001-07.nc", "era5-pressure-2001-07.nc"
GRIB, VHR = "era5-pressure-2001-07.grib", "vhr-rea-it-2001-07.nc"


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """``refused(recipe, source)``: what a run that fails says, in one line."""
    for name in ("SOURCE", "TARGET", "PERIOD"):
        monkeypatch.setenv(f"XLDM_{name}", "unset")  # so that what a run sets goes afterwards

    def refused(recipe: str, source: Path) -> str:
        target = tmp_path / "part.zarr"
        given = [f"--source={source}", f"--target={target}", f"--period={DAY}"]
        assert main([str(RECIPES / f"{recipe}.py"), *given]) == 1
        said = capsys.readouterr().err.strip().splitlines()
        assert "xldm_complete" not in json.loads((target / ".zattrs").read_text())
        return said[-1]

    return refused


@pytest.fixture
def copy(archive, tmp_path) -> Callable[[str], Path]:
    def copy(form: str) -> Path:
        return shutil.copytree(archive / form, tmp_path / form)

    return copy


def cut(path: Path, share: float = 0.6) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def rewritten(path: Path, change: Callable[[xr.Dataset], xr.Dataset]) -> None:
    """The file with a change, in its own form, its numbers as they are stored."""
    engine = "scipy" if path.read_bytes()[:3] == b"CDF" else "h5netcdf"
    with xr.open_dataset(path, engine=engine, decode_cf=False) as ds:
        ds = ds.load()
    path.unlink()
    change(ds).to_netcdf(path, engine=engine)


def messages(path: Path) -> list[bytes]:
    import eccodes

    found = []
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            found.append(eccodes.codes_get_message(handle))
            eccodes.codes_release(handle)
    return found


def with_keys(message: bytes, **keys: object) -> bytes:
    import eccodes

    handle = eccodes.codes_new_from_message(message)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    return eccodes.codes_get_message(handle)


@pytest.mark.parametrize(
    ("recipe", "form", "name"),
    [
        ("era5_cds_netcdf", "cds-netcdf-old", OLD),
        ("era5_cds_netcdf", "cds-netcdf-new", NEW),
        ("era5_cds_netcdf", "cds-netcdf-new", "era5-surface-2001-07.zip"),
        ("era5_cds_grib", "cds-grib", GRIB),
        ("cosmo_vhr_rea_it", "vhr-rea-it", VHR),
    ],
)
def test_a_truncated_file_is_named(refused, copy, recipe, form, name):
    folder = copy(form)
    cut(folder / name)
    said = refused(recipe, folder)
    assert name in said and "truncated" in said


def test_an_hour_that_old_netcdf_lacks_is_named(refused, copy):
    folder = copy("cds-netcdf-old")
    rewritten(folder / OLD, lambda ds: ds.drop_isel(time=5))
    said = refused("era5_cds_netcdf", folder)
    assert OLD in said and "2001-07-31T05:00Z" in said and "1 of 24" in said


def test_an_hour_that_vhr_rea_it_lacks_is_named(refused, copy):
    folder = copy("vhr-rea-it")
    rewritten(folder / VHR, lambda ds: ds.drop_isel(time=[5, 6]))
    said = refused("cosmo_vhr_rea_it", folder)
    assert VHR in said and "2001-07-31T05:00Z" in said and "2 of 24" in said


def test_an_hour_that_one_variable_of_a_grib_lacks_is_named(refused, copy):
    folder = copy("cds-grib")
    found = messages(folder / GRIB)
    (folder / GRIB).write_bytes(b"".join(found[:26] + found[27:]))  # the second of hour 5
    said = refused("era5_cds_grib", folder)
    assert GRIB in said and "2001-07-31T05:00Z" in said


def test_an_hour_that_arco_lacks_at_the_end_of_its_axis_is_named(refused, copy):
    store = copy("arco") / "era5.zarr"
    said = json.loads((store / ".zattrs").read_text())
    whole = xr.open_zarr(store, chunks={})
    whole.sel(time=slice(None, f"{DAY}T20")).load().drop_encoding().assign_attrs(said).to_zarr(
        store.parent / "short.zarr", zarr_format=2
    )
    assert "lack 2001-07-31T21:00Z (3 of 24" in refused("era5_arco", store.parent / "short.zarr")


def test_a_doubled_hour_of_netcdf_is_named(refused, copy):
    folder = copy("cds-netcdf-new")
    rewritten(folder / NEW, lambda ds: ds.isel(valid_time=np.r_[:8, 7:24]))
    said = refused("era5_cds_netcdf", folder)
    assert NEW in said and "2001-07-31T07:00" in said and "more than once" in said


def test_a_doubled_field_of_grib_is_named(refused, copy):
    folder = copy("cds-grib")
    found = messages(folder / GRIB)
    (folder / GRIB).write_bytes(b"".join([*found, found[36]]))  # t of hour 7, once more
    said = refused("era5_cds_grib", folder)
    assert GRIB in said and "there twice at 2001-07-31T07:00Z" in said


def test_preliminary_era5_in_netcdf_is_named(refused, copy):
    folder = copy("cds-netcdf-new")

    def mixed(ds: xr.Dataset) -> xr.Dataset:
        versions = ds["expver"].values.copy()
        versions[20:] = "0005"
        return ds.assign_coords(expver=("valid_time", versions))

    rewritten(folder / NEW, mixed)
    said = refused("era5_cds_netcdf", folder)
    assert NEW in said and "2001-07-31T20:00" in said and "ERA5T" in said


def test_preliminary_era5_in_grib_is_named(refused, copy):
    folder = copy("cds-grib")
    found = messages(folder / GRIB)
    found[100] = with_keys(found[100], experimentVersionNumber="0005")
    (folder / GRIB).write_bytes(b"".join(found))
    said = refused("era5_cds_grib", folder)
    assert GRIB in said and "2001-07-31T20:00Z is preliminary ERA5T" in said


def test_preliminary_era5_in_arco_is_named(refused, copy):
    store = copy("arco") / "era5.zarr"
    for name in (".zattrs", ".zmetadata"):
        text = json.loads((store / name).read_text())
        attrs = text if name == ".zattrs" else text["metadata"][".zattrs"]
        attrs["valid_time_stop"] = "2001-07-30"
        (store / name).write_text(json.dumps(text))
    said = refused("era5_arco", store)
    assert "era5.zarr" in said and "2001-07-31T00:00" in said and "ERA5T" in said


def test_values_in_other_units_than_stated_are_refused(refused, copy):
    folder = copy("cds-netcdf-new")
    rewritten(folder / NEW, lambda ds: ds.assign(t=(ds["t"] - 273.15).assign_attrs(ds["t"].attrs)))
    said = refused("era5_cds_netcdf", folder)
    assert NEW in said and "2001-07-31" in said and "looks like degC" in said


def test_units_that_cannot_be_converted_are_refused(refused, copy):
    folder = copy("vhr-rea-it")
    rewritten(folder / VHR, lambda ds: ds.assign(T_2M=ds["T_2M"].assign_attrs(units="m")))
    said = refused("cosmo_vhr_rea_it", folder)
    assert VHR in said and "'m', which cannot become 'K'" in said


def test_an_hour_without_values_is_named(refused, copy):
    folder = copy("vhr-rea-it")

    def emptied(ds: xr.Dataset) -> xr.Dataset:
        ds["U_10M"][9] = np.nan
        return ds

    rewritten(folder / VHR, emptied)
    said = refused("cosmo_vhr_rea_it", folder)
    assert VHR in said and "no values at 2001-07-31T09:00Z" in said


def test_a_variable_that_a_file_lacks_is_named(refused, copy):
    folder = copy("cds-netcdf-old")
    rewritten(folder / OLD, lambda ds: ds.drop_vars("tp"))
    assert f"{OLD}, 2001-07-31: it has no tp" in refused("era5_cds_netcdf", folder)


def test_a_file_of_another_month_is_refused(refused, copy):
    folder = copy("vhr-rea-it")
    shutil.copy(folder / "vhr-rea-it-2001-08.nc", folder / VHR)
    said = refused("cosmo_vhr_rea_it", folder)
    assert VHR in said and "2001-08-01T00:00Z" in said and "2001-07" in said


def test_a_file_that_is_not_there_is_named_before_anything_is_written(
    archive, tmp_path, monkeypatch, capsys
):
    target = tmp_path / "part.zarr"
    monkeypatch.setenv("XLDM_SOURCE", str(archive / "vhr-rea-it"))
    monkeypatch.setenv("XLDM_TARGET", str(target))
    monkeypatch.setenv("XLDM_PERIOD", "unset")
    assert main([str(RECIPES / "cosmo_vhr_rea_it.py"), "--period=2001-07-31/2001-09-01"]) == 1
    said = capsys.readouterr().err
    assert "vhr-rea-it-2001-09.nc: there is no such file (1 of 3 are absent)" in said
    assert not (target / ".zgroup").exists()


def test_a_field_that_is_the_same_everywhere_is_refused(refused, copy):
    folder = copy("vhr-rea-it")
    for wind in ("U_10M", "V_10M"):
        rewritten(folder / VHR, lambda ds, wind=wind: ds.assign({wind: ds[wind] * 0}))
    assert "u10 has mean 0 and std 0" in refused("cosmo_vhr_rea_it", folder)


def test_names_in_a_zip_cannot_lead_out_of_the_folder(archive, tmp_path):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as evil:
        evil.write(archive / "cds-netcdf-new" / NEW, "../../out.nc")
        evil.writestr("/etc/more.txt", "no netCDF")
    (ds,) = open_netcdf(str(tmp_path / "evil.zip"), tmp_path / "in")
    ds.close()
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["member-0.nc"]
    assert not (tmp_path.parent / "out.nc").exists() and not (tmp_path / "out.nc").exists()


def test_nothing_is_left_beside_the_files_of_an_archive(archive):
    assert not [path for path in archive.rglob("*") if path.suffix in (".idx", ".partial")]


def test_a_recipe_that_is_not_there_is_answered_with_those_that_ship(tmp_path, capsys):
    assert main(["era5_grib", f"--target={tmp_path / 'part.zarr'}"]) == 1
    told = capsys.readouterr().err
    assert "one of cosmo_vhr_rea_it, cosmo_vhr_rea_it_rain, era5_arco, era5_cds_grib" in told
