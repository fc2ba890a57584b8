"""Fixtures shared by all tests."""

from __future__ import annotations

import contextlib
import os
import shutil

# Fields are the same bit for bit with the same number of threads only, and tests compare processes.
# Before NumPy and torch are imported, which look at it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import pytest
import s3
import xarray as xr
from stores import ATTRS, inputs

from xldm import config as cfg
from xldm.grids.projected import ITALY
from xldm.inputs.lists import predictor_variables

# The environment of recipes has no hypothesis.
with contextlib.suppress(ImportError):
    from hypothesis import settings

    # A machine may be busy: no example fails because it takes long.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

SCALING = {"t2m": (287.0, 8.0), "sst": (292.0, 5.0), "tp": (1e-4, 4e-4), "msl": (101500.0, 800.0)}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files beside the repository."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        # Set where the folder has to be there, so that its tests cannot skip unseen.
        assert not os.environ.get("XLDM_REQUIRE_SHARED"), f"{path} is required but absent"
        pytest.skip("needs the folder of real files, ../shared, which is not in the repository")
    return path


@pytest.fixture(scope="session")
def config14() -> cfg.ModelConfig:
    """A model of the Italian grid with all 14 predictors and the smallest networks."""
    t2m = cfg.Variable("t2m", "air_temperature", "K", 287.0, 8.0, paper_name="2mT")
    component = cfg.ComponentConfig(
        name="2mT",
        targets=(t2m,),
        regression=cfg.RegressionConfig((4, 8, 16, 32)),
        autoencoder=cfg.AutoencoderConfig((4, 8, 16)),
        conditioner=cfg.ConditionerConfig(static_channels=(4, 8, 16)),
        denoiser=cfg.DenoiserConfig(),
    )
    return cfg.ModelConfig(
        name="test",
        title="A model for tests",
        domain="Italy",
        grid=ITALY,
        predictors=predictor_variables(scaling=SCALING),
        land_cover=("sea", "land"),
        components=(component,),
        training_data="none",
        licence="Apache-2.0",
    )


@pytest.fixture
def era5() -> xr.Dataset:
    """Three hours of smooth synthetic fields over Italy, laid out as the new netCDF of the CDS."""
    return cds_new(times=3)


def cds_new(times: int = 3) -> xr.Dataset:
    """Plausible fields of all 14 predictors; seeded, so that every call gives the same numbers."""
    rng = np.random.default_rng(14)
    lat, lon = np.arange(48.5, 33.9, -0.25), np.arange(3.5, 21.1, 0.25)
    level = np.array([1000.0, 850.0, 500.0])
    shape = (times, lat.size, lon.size)

    def field(mean: float, spread: float, lead: tuple[int, ...] = shape) -> np.ndarray:
        return (mean + spread * rng.uniform(-1, 1, lead)).astype("float32")

    surface = {
        "t2m": ("K", 288, 12), "msl": ("Pa", 101500, 1500), "u10": ("m s**-1", 1, 8),
        "v10": ("m s**-1", -1, 8), "d2m": ("K", 280, 8), "sst": ("K", 292, 5),
        "sd": ("m of water equivalent", 0.2, 0.2), "tp": ("m", 0.002, 0.002),
        "ssrd": ("J m**-2", 1.5e6, 1.5e6),
    }  # fmt: skip
    upper = {
        "q": ("kg kg**-1", 0.006, 0.005), "t": ("K", 280, 10), "u": ("m s**-1", 5, 15),
        "v": ("m s**-1", 0, 15), "w": ("Pa s**-1", 0, 1),
    }  # fmt: skip
    dims = ("valid_time", "latitude", "longitude")
    ds = xr.Dataset(
        {
            n: (dims, field(m, s), {"units": u, "standard_name": "unknown"})
            for n, (u, m, s) in surface.items()
        }
        | {
            n: (
                ("valid_time", "pressure_level", *dims[1:]),
                field(m, s, (times, 3, *shape[1:])),
                {"units": u},
            )
            for n, (u, m, s) in upper.items()
        },
        coords={
            "valid_time": np.datetime64("2020-02-12T00", "ns")
            + np.arange(times) * np.timedelta64(1, "h"),
            "pressure_level": ("pressure_level", level, {"units": "hPa"}),
            "latitude": ("latitude", lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": (
                "longitude",
                lon,
                {"units": "degrees_east", "standard_name": "longitude"},
            ),
            "number": 0,
            "expver": ("valid_time", np.full(times, "0001")),
        },
    )
    land = (lat[:, None] > 44) & (lon[None] > 7)
    ds["sst"] = ds["sst"].where(~land).assign_attrs(ds["sst"].attrs)
    return ds


# Training stores that many tests look at, on disk and on S3. Their writer is imported where it is
# used: it needs Zarr 3, which some tests here do without.
@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """A complete store, not to be changed."""
    from xldm.stores.write import write_training_store

    folder = tmp_path_factory.mktemp("stores") / "whole.zarr"
    write_training_store(folder, **inputs(), attrs=ATTRS)
    return folder


@pytest.fixture
def store(whole, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "copy.zarr"))


@pytest.fixture(scope="session")
def bucket(tmp_path_factory) -> dict:
    """Storage options of a running S3 server."""
    with s3.serve(tmp_path_factory.mktemp("s3")) as options:
        yield options


@pytest.fixture(scope="session")
def on_s3(bucket) -> str:
    """A complete store in the bucket, not to be changed."""
    from xldm.stores.write import write_training_store

    url = f"s3://{s3.BUCKET}/whole.zarr"
    write_training_store(url, **inputs(), attrs=ATTRS, storage_options=bucket)
    return url
