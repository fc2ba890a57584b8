"""Recipes run as a user runs them, on archives of the synthetic twin and on a real S3 server."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import s3fs
from recipe_runs import PERIOD, command
from s3 import BUCKET, KEY, SECRET, serve

from xldm.twin.archives import write

FORMS = ("cds-grib", "cds-netcdf-old", "cds-netcdf-new", "arco", "vhr-rea-it")


@pytest.fixture(scope="session")
def archive(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    return write(folder, *PERIOD.split("/"), forms=FORMS)


@pytest.fixture(scope="session")
def s3(tmp_path_factory) -> dict:
    """Storage options of an S3 server."""
    with serve(tmp_path_factory.mktemp("s3")) as options:
        yield options


@pytest.fixture(scope="session")
def bucket(s3) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(**s3)


@pytest.fixture(scope="session")
def credentials(s3) -> dict[str, str]:
    """The environment of a run that is to reach the server: fsspec's own configuration."""
    return {
        "FSSPEC_S3_KEY": KEY,
        "FSSPEC_S3_SECRET": SECRET,
        "FSSPEC_S3": json.dumps({"client_kwargs": s3["client_kwargs"]}),
    }


@pytest.fixture(scope="session")
def run(archive, credentials):
    """``run("era5_arco", "arco/era5.zarr", "arco.zarr")``: a process of its own, onto S3."""

    def run(recipe: str, source: str, target: str, *options: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            command(recipe, archive / source, f"s3://{BUCKET}/{target}", *options),
            env=os.environ | credentials,
            capture_output=True,
            text=True,
        )

    return run
