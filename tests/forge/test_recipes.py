"""Each recipe onto S3, compared with the twin that its archive was made from."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest
import xarray as xr
from recipe_runs import PERIOD
from s3 import BUCKET, KEY, SECRET

from xldm.forge import Period
from xldm.stores.coarse_side import coarse
from xldm.stores.parts import open_part
from xldm.twin import Twin, both_sides

HOURS = Period.parse(PERIOD).hours[[0, 11, 23, 24, 30, 47]]
# Of the range of a field: half a step of 16 bits, for GRIB of the range in an hour, and rounding.
PACKED = 2e-5


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    era5, _ = both_sides(HOURS.astype("datetime64[h]"))
    return coarse(era5)


@pytest.fixture(scope="module")
def made(run, s3):
    """``made(recipe, source)``: the part, made once; ``made.said`` is what its run said."""
    parts = {}

    def made(recipe: str, source: str) -> xr.Dataset:
        if (recipe, source) not in parts:
            target = f"{recipe}-{source.partition('/')[0]}.zarr"
            done = run(recipe, source, target, "--comment=made from the twin")
            assert done.returncode == 0, done.stderr
            made.said[recipe] = done.stdout + done.stderr
            parts[recipe, source] = open_part(f"s3://{BUCKET}/{target}", s3)
        return parts[recipe, source]

    made.said = {}
    return made


@pytest.mark.parametrize(
    ("recipe", "source"),
    [("era5_cds_grib", "cds-grib"), ("era5_cds_netcdf", "cds-netcdf-old")],
)
def test_packed_era5_becomes_the_twins_coarse_fields_to_half_a_step_of_packing(
    made, truth, recipe, source
):
    part = made(recipe, source).sel(time=HOURS).load()
    for name, field in truth.items():
        spread = float(field.max() - field.min())
        assert np.abs(part[name] - field).max() <= PACKED * spread, name


@pytest.mark.parametrize(
    ("recipe", "source"),
    [("era5_cds_netcdf", "cds-netcdf-new"), ("era5_arco", "arco/era5.zarr")],
)
def test_era5_in_single_precision_becomes_the_twins_coarse_fields(made, truth, recipe, source):
    part = made(recipe, source).sel(time=HOURS).load()
    for name, field in truth.items():
        np.testing.assert_allclose(part[name], field, rtol=1e-6, atol=1e-12, err_msg=name)


def test_vhr_rea_it_becomes_the_twins_fine_fields_but_for_two_regriddings(made):
    # The archive has the twin's fields bilinear to COSMO's points, the recipe brings them back:
    # what the twin has from cell to cell is smoothed, by a tenth to a fifth of the spread.
    part = made("cosmo_vhr_rea_it", "vhr-rea-it")
    for hour in HOURS[[0, 3]]:
        fine = Twin(0).fine(hour)
        for name, field in fine.items():
            apart = part[name].sel(time=hour).values - field.values
            assert np.sqrt(np.mean(apart**2)) < 0.25 * field.values.std(), (name, hour)
            assert abs(apart.mean()) < 0.02 * field.values.std(), (name, hour)


def test_winds_of_vhr_rea_it_that_are_not_turned_would_be_seen(made):
    part, hour = made("cosmo_vhr_rea_it", "vhr-rea-it"), HOURS[3]
    fine, stored = Twin(0).fine(hour), part.sel(time=hour).load()
    turned = np.arctan2(stored["v10"], stored["u10"]) - np.arctan2(fine["v10"], fine["u10"])
    strong = np.hypot(fine["u10"], fine["v10"]).values > 5
    degrees = np.degrees(np.angle(np.exp(1j * turned.values[strong])))
    # In the east, where winds that were not turned are off by more than three degrees.
    east = fine["lon"].values[strong] > 16
    assert abs(np.median(degrees[east])) < 0.3


def test_a_part_has_the_declared_axis_chunks_and_attributes(made):
    part = made("era5_cds_grib", "cds-grib")
    np.testing.assert_array_equal(part["time"], Period.parse(PERIOD).hours)
    assert part["time"].encoding["units"] == "hours since 1970-01-01"
    assert part["t2m"].encoding["chunks"] == (24, 84, 72)
    assert part["tp"].attrs["cell_methods"] == "time: sum" and part.attrs["wind_frame"] == "earth"
    assert "xldm_complete" in part.attrs and part.attrs["license"]


def test_a_part_says_what_its_run_was_told_to_say(made):
    assert made("era5_cds_grib", "cds-grib").attrs["comment"] == "made from the twin"


def test_a_fine_part_has_a_chunk_for_every_hour(made):
    assert made("cosmo_vhr_rea_it", "vhr-rea-it")["u10"].encoding["chunks"] == (1, 672, 576)


def test_statistics_are_those_of_numpy(made, s3):
    part = made("era5_cds_grib", "cds-grib")
    found = xr.open_zarr(
        f"s3://{BUCKET}/era5_cds_grib-cds-grib.zarr", group="stats", storage_options=s3
    ).load()
    for name in ("msl", "tp", "q850"):
        values = part[name].values.astype("float64")
        np.testing.assert_allclose(found["mean"].sel(variable=name), values.mean(), rtol=1e-9)
        np.testing.assert_allclose(found["std"].sel(variable=name), values.std(), rtol=1e-9)


def test_no_credentials_and_no_notes_are_left_in_a_part(made, bucket):
    made("era5_cds_grib", "cds-grib")
    bucket.invalidate_cache()
    paths = bucket.find(f"{BUCKET}/era5_cds_grib-cds-grib.zarr")
    text = b"".join(bucket.cat_file(p) for p in paths if "/.z" in p)
    assert KEY.encode() not in text and SECRET.encode() not in text
    assert not [path for path in paths if "/.xldm" in path]


def test_a_run_says_what_it_does_and_no_secret(made):
    made("era5_arco", "arco/era5.zarr")
    said = made.said["era5_arco"]
    assert "era5.zarr: 2001-07-31 written, day 1 of 1" in said
    assert f"s3://{BUCKET}/era5_arco-arco.zarr complete after" in said
    assert SECRET not in said


def test_a_local_dask_cluster_makes_the_same_part(made, run, s3):
    done = run("era5_arco", "arco/era5.zarr", "dask.zarr", "--runner=DaskRunner")
    assert done.returncode == 0, done.stderr
    part = open_part(f"s3://{BUCKET}/dask.zarr", s3)
    xr.testing.assert_equal(part.load(), made("era5_arco", "arco/era5.zarr").load())


MAIN = os.environ.get("XLDM_MAIN_PYTHON")
_READ = """
import json, sys, zarr
from xldm.stores.parts import open_part
part = open_part(sys.argv[1], json.loads(sys.stdin.read()))
print(zarr.__version__.split(".")[0], float(part["t2m"].isel(time=30).mean()))
"""


@pytest.mark.skipif(not MAIN, reason="needs the main environment in XLDM_MAIN_PYTHON")
def test_a_part_opens_in_the_main_environment_with_zarr_3(made, s3):
    target = f"s3://{BUCKET}/era5_cds_grib-cds-grib.zarr"
    part = made("era5_cds_grib", "cds-grib")
    done = subprocess.run(
        [MAIN, "-W", "ignore", "-c", _READ, target],
        input=json.dumps(s3), capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["3", str(float(part["t2m"].isel(time=30).mean()))], done.stderr


_WRITE = """
import sys
import numpy as np, xarray as xr
from xldm.grids.projected import ITALY, axes
from xldm.stores.parts import prepared
y, x = axes(ITALY, fine=False)
time = np.arange("2001-07-01", "2001-07-02", dtype="datetime64[h]").astype("datetime64[ns]")
fields = {"t2m": (("time", "y", "x"), np.full((24, 84, 72), 280.5, "float32"), {"units": "K"})}
said = dict.fromkeys(("title", "source", "license", "references"), "a test")
part = prepared("coarse", xr.Dataset(fields, {"time": time, "y": y, "x": x}), ITALY, said)
part.assign_attrs(xldm_complete="now").to_zarr(sys.argv[1], consolidated=False, zarr_format=2)
"""


@pytest.mark.skipif(not MAIN, reason="needs the main environment in XLDM_MAIN_PYTHON")
def test_a_part_of_the_main_environment_opens_here(tmp_path):
    target = str(tmp_path / "part.zarr")
    subprocess.run([MAIN, "-W", "ignore", "-c", _WRITE, target], check=True)
    assert float(open_part(target)["t2m"].max()) == 280.5
