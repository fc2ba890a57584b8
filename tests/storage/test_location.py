"""Ways to stores, and what is said where there is none."""

from __future__ import annotations

import importlib.util

import pytest

from xldm.errors import StoreError
from xldm.storage.location import locate
from xldm.stores.open import open_training_store


@pytest.mark.parametrize("secret", ["hush", "slash/hush", "a:hush"])
def test_credentials_in_a_url_are_refused_unseen(secret):
    with pytest.raises(StoreError, match="give them in storage_options") as error:
        open_training_store(f"s3://key:{secret}@bucket/a.zarr")
    assert str(error.value).startswith("s3://bucket/a.zarr: ")


def test_what_is_secret_is_not_in_a_repr():
    place = locate("memory://bucket/a.zarr", {"secret": "hush"})
    assert place.options == {"secret": "hush"} and "hush" not in repr(place)


@pytest.mark.parametrize(("protocol", "package"), [("gs", "gcsfs"), ("az", "adlfs")])
def test_a_protocol_without_its_package_names_the_package(protocol, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(StoreError, match=rf"^{protocol}://bucket/a\.zarr: .*[Ii]nstall {package}"):
        open_training_store(f"{protocol}://bucket/a.zarr")


def test_an_unknown_protocol_is_named():
    with pytest.raises(StoreError, match=r"^s4://bucket/a\.zarr: Protocol not known: s4"):
        open_training_store("s4://bucket/a.zarr")


def test_a_long_place_is_taken():
    assert locate("memory://" + "a" * 2000, {}).root.endswith("a" * 2000)
