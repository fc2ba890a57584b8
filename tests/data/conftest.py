"""Training stores that many tests look at, on disk and on S3.

Their writer is imported where it is used: it needs Zarr 3, which some tests here do without.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import s3
from stores import ATTRS, inputs


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """A complete store, not to be changed."""
    from xldm.data.stores.storing import write

    folder = tmp_path_factory.mktemp("stores") / "whole.zarr"
    write(folder, **inputs(), attrs=ATTRS)
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
    from xldm.data.stores.storing import write

    url = f"s3://{s3.BUCKET}/whole.zarr"
    write(url, **inputs(), attrs=ATTRS, storage_options=bucket)
    return url
