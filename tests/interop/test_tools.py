"""What other tools make of an output, a file and a store; those that are not installed are skipped.

``tests/interop/requirements.txt`` lists the Python packages; Debian has CDO, NCO and QGIS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import tiny
import xarray as xr
from conftest import cds_new

import xldm
from xldm.models.model import Model


@pytest.fixture(scope="module")
def out() -> xr.Dataset:
    config = tiny.config()
    model = Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xldm.OutOfDistributionWarning)
        return xldm.downscale(cds_new(3), model, members=2, steps=1)


@pytest.fixture(scope="module")
def file(out, tmp_path_factory) -> Path:
    [path] = xldm.to_netcdf(out, tmp_path_factory.mktemp("files") / "out.nc")
    return path


@pytest.fixture(scope="module")
def store(out, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "out.zarr"
    xldm.to_store(out, path)
    return path


@pytest.fixture(scope="module")
def old_store(out, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "old.zarr"
    xldm.to_store(out, path, zarr_format=2)
    return path


def said(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# CF


def _complaints(path: Path) -> str:
    pytest.importorskip("compliance_checker")
    checker = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run([checker, "-t", "cf:1.11", path], capture_output=True, text=True)
    return "" if "All tests passed!" in done.stdout else done.stdout + done.stderr


def test_a_file_is_clean_cf(file):
    assert _complaints(file) == ""


def test_a_store_is_clean_cf(store, tmp_path):
    raw = xr.open_zarr(store, decode_cf=False, chunks=None)
    for variable in raw.variables.values():
        variable.encoding = {"_FillValue": None}
    raw.to_netcdf(tmp_path / "raw.nc")
    assert _complaints(tmp_path / "raw.nc") == ""


@pytest.mark.parametrize(
    "made",
    [
        lambda out: out,
        lambda out: out.isel(time=0, member=1),
        lambda out: out.rename(lat="latitude", lon="longitude"),
        lambda out: out.drop_vars(["lat", "lon"]),
        lambda out: out[["t2m"]] - 1,
    ],
    ids=["whole", "one field", "renamed", "without lat and lon", "derived"],
)
def test_what_a_user_writes_by_xarray_is_clean_cf(made, out, tmp_path):
    made(out).to_netcdf(tmp_path / "own.nc", encoding={"t2m": {"zlib": True}})
    assert _complaints(tmp_path / "own.nc") == ""


def test_xarray_writes_a_store_as_zarr_2(out, store, tmp_path):
    xr.open_zarr(store).drop_encoding().to_zarr(tmp_path / "b.zarr", zarr_format=2)
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "b.zarr").compute(), out)


# CDO, NCO, GDAL, QGIS


cdo = pytest.mark.skipif(shutil.which("cdo") is None, reason="needs CDO")


@cdo
def test_cdo_reads_all_hours_and_members_of_a_file(file, out):
    rows = said("cdo", "-s", "outputtab,date,time,lev,value", "-fldmean", file).split("\n")
    values = {tuple(row.split()[:3]): float(row.split()[3]) for row in rows if row[:2] == "20"
              or row.strip()[:2] == "20"}  # fmt: skip
    assert len(values) == 6
    first = values["2020-02-12", "00:00:00", "0"]
    assert first == pytest.approx(float(out["t2m"][0, 0].mean()), rel=1e-3)


@cdo
def test_cdo_remaps_a_file_to_longitude_and_latitude(file, tmp_path):
    target = tmp_path / "grid"
    target.write_text(
        "gridtype=lonlat\nxsize=5\nysize=4\nxfirst=5\nxinc=0.2\nyfirst=46.4\nyinc=0.2\n"
    )
    said("cdo", "-s", f"remapbil,{target}", file, tmp_path / "there.nc")
    with xr.open_dataset(tmp_path / "there.nc") as there:
        assert there["t2m"].shape == (3, 2, 4, 5) and not there["t2m"].isnull().all()


@cdo
def test_cdo_reads_what_a_user_writes_with_time_first(out, tmp_path):
    out.transpose("time", ...).to_netcdf(tmp_path / "own.nc")
    assert said("cdo", "-s", "ntime", tmp_path / "own.nc").split()[0] == "3"
    assert "t2m" in said("cdo", "-s", "showname", tmp_path / "own.nc")


nco = pytest.mark.skipif(shutil.which("ncra") is None, reason="needs NCO")


@nco
def test_nco_averages_over_time_and_members(file, out, tmp_path):
    assert "WARNING" not in said("ncra", "-O", file, tmp_path / "hours.nc")
    said("ncwa", "-O", "-a", "time,member", file, tmp_path / "all.nc")
    with (
        xr.open_dataset(tmp_path / "hours.nc") as hours,
        xr.open_dataset(tmp_path / "all.nc") as all,
    ):
        np.testing.assert_allclose(hours["t2m"][0], out["t2m"].mean("time"), rtol=1e-6)
        np.testing.assert_allclose(all["t2m"], out["t2m"].mean(["time", "member"]), rtol=1e-6)


@nco
def test_nco_cuts_appends_and_computes(file, out, tmp_path):
    for hour in (0, 1):
        said("ncks", "-O", "-d", f"time,{hour}", file, tmp_path / f"{hour}.nc")
    said("ncrcat", "-O", tmp_path / "0.nc", tmp_path / "1.nc", tmp_path / "both.nc")
    said("ncap2", "-O", "-s", "celsius=t2m-273.15", tmp_path / "both.nc", tmp_path / "c.nc")
    with xr.open_dataset(tmp_path / "c.nc") as made:
        celsius = out["t2m"].transpose("time", ...)[:2] - 273.15
        np.testing.assert_allclose(made["celsius"], celsius, atol=1e-4)


def test_gdal_reads_a_store_of_zarr_2_with_its_projection(old_store, out):
    rasterio = pytest.importorskip("rasterio")
    with rasterio.Env() as gdal:
        if "Zarr" not in gdal.drivers():
            pytest.skip("this GDAL has no driver of Zarr")
    with rasterio.open(f'ZARR:"{old_store}":/t2m') as raster:
        assert raster.crs.to_epsg() == 3035 and raster.count == 6
        np.testing.assert_array_equal(raster.read(1), out["t2m"][0, 0])


def test_gdal_reads_a_file_with_its_projection(file, out):
    rasterio = pytest.importorskip("rasterio")
    if "netCDF" not in rasterio.drivers.raster_driver_extensions().values():
        pytest.skip("this GDAL has no netCDF driver")
    with rasterio.open(f"netcdf:{file}:t2m") as raster:
        assert raster.crs.to_epsg() == 3035 and raster.count == 6
        assert raster.transform.a == 2000 and raster.transform.e == -2000
        np.testing.assert_array_equal(raster.read(1), out["t2m"][0, 0])


#: Run by Debian's Python, for which its QGIS is built.
_IN_QGIS = """
import sys
from qgis.core import QgsApplication, QgsPointXY, QgsRaster, QgsRasterLayer
app = QgsApplication([], False)
app.initQgis()
layer = QgsRasterLayer(sys.argv[1], "t2m")
point = QgsPointXY(float(sys.argv[2]), float(sys.argv[3]))
there = layer.dataProvider().identify(point, QgsRaster.IdentifyFormatValue).results()
print(layer.crs().authid(), layer.bandCount(), there[1])
"""


def test_qgis_opens_a_file_at_its_place(file, out):
    if not Path("/usr/lib/python3/dist-packages/qgis").is_dir():
        pytest.skip("needs QGIS")
    cell = out["t2m"][0, 0, 5, 7]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        ["/usr/bin/python3", "-c", _IN_QGIS, f"netcdf:{file}:t2m", str(cell.x.item()),
         str(cell.y.item())],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    crs, bands, value = done.stdout.split()
    assert (crs, bands, float(value)) == ("EPSG:3035", "6", pytest.approx(float(cell)))


# Of Python


def test_rioxarray_knows_the_projection_and_reprojects(out, store):
    pytest.importorskip("rioxarray")
    opened = xr.open_zarr(store, decode_coords="all")
    assert out.rio.crs.to_epsg() == opened.rio.crs.to_epsg() == 3035
    there = opened["t2m"].isel(member=0).rio.reproject("EPSG:4326")
    assert there.rio.crs.to_epsg() == 4326 and not there.isnull().all()


def test_cf_xarray_finds_fields_axes_and_the_grid_mapping(out):
    pytest.importorskip("cf_xarray")
    assert out.cf["air_temperature"].name == "t2m"
    assert {axis: out.cf[axis].name for axis in "XYT"} == {"X": "x", "Y": "y", "T": "time"}
    assert (out.cf["longitude"].name, out.cf["latitude"].name) == ("lon", "lat")
    assert out.cf["realization"].name == "member"
    assert out.cf.grid_mapping_names == {"lambert_azimuthal_equal_area": ["spatial_ref"]}


def test_bounds_that_xesmf_needs_come_by_cf_xarray(out):
    pytest.importorskip("cf_xarray")
    bounded = out.cf.add_bounds(["lon", "lat"])
    corners = bounded.cf.get_bounds("longitude")
    assert corners.shape == (64, 64, 4)
    assert (corners.min("bounds") < out["lon"]).all() and (corners.max("bounds") > out["lon"]).all()


def test_xesmf_regrids_to_longitude_and_latitude(out):
    xesmf = pytest.importorskip("xesmf")
    target = xr.Dataset(coords={"lat": [46.4, 46.6], "lon": [5.0, 5.2]})
    there = xesmf.Regridder(out, target, "bilinear")(out["t2m"])
    np.testing.assert_allclose(there, xldm.at(out, target["lon"], target["lat"])["t2m"], atol=0.2)


def test_hvplot_draws_a_map(out):
    pytest.importorskip("hvplot.xarray")
    assert out["t2m"].isel(member=0).hvplot.quadmesh(x="x", y="y", rasterize=False) is not None


def test_xproj_takes_the_projection(out):
    pytest.importorskip("xproj")
    known = out.proj.assign_crs(spatial_ref=out["spatial_ref"].attrs["crs_wkt"])
    assert known.proj("spatial_ref").crs.to_epsg() == 3035


def test_rasterix_replaces_the_axes_by_an_index_of_the_raster(out):
    rasterix = pytest.importorskip("rasterix")
    indexed = rasterix.assign_index(out, x_dim="x", y_dim="y")
    near = indexed["t2m"].sel(x=3.95e6, y=2.6e6, method="nearest")
    xr.testing.assert_equal(
        near.drop_vars(["x", "y"]),
        out["t2m"].sel(x=3.95e6, y=2.6e6, method="nearest").drop_vars(["x", "y"]),
    )


def test_icechunk_takes_blocks_as_transactions(out, tmp_path):
    icechunk = pytest.importorskip("icechunk")
    repo = icechunk.Repository.create(icechunk.local_filesystem_storage(str(tmp_path / "repo")))
    session = repo.writable_session("main")
    lazy = out.chunk(time=1).assign_coords(out.coords)  # coordinates are written at once
    lazy.to_zarr(session.store, compute=False, consolidated=False)
    session.commit("begun")
    # Machines that began before the others committed.
    sessions = [repo.writable_session("main") for _ in out["time"]]
    for hour, session in enumerate(sessions):
        region = {"time": slice(hour, hour + 1)}
        block = out.isel(region).drop_vars(list(out.coords))
        block.to_zarr(session.store, region=region, consolidated=False)
        session.commit(f"hours from {hour}", rebase_with=icechunk.ConflictDetector())
    done = {snapshot.message for snapshot in repo.ancestry(branch="main")}
    assert done >= {"begun", "hours from 0", "hours from 1", "hours from 2"}
    stored = xr.open_zarr(repo.readonly_session("main").store, consolidated=False)
    xr.testing.assert_equal(stored.compute(), out)
