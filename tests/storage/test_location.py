"""Ways to stores, and what is said where there is none."""

from __future__ import annotations

import sys

import fsspec
import pytest

from xldm.errors import StoreError
from xldm.storage.location import locate, reaching, with_timeouts
from xldm.stores.open import open_training_store


@pytest.mark.parametrize("secret", ["hush", "slash/hush", "a:hush"])
def test_credentials_in_a_url_are_refused_unseen(secret):
    with pytest.raises(StoreError, match="give them in storage_options") as error:
        open_training_store(f"s3://key:{secret}@bucket/a.zarr")
    assert str(error.value).startswith("s3://bucket/a.zarr: ")


def test_what_is_secret_is_not_in_a_repr():
    place = locate("memory://bucket/a.zarr", {"secret": "hush"})
    assert place.options == {"secret": "hush"} and "hush" not in repr(place)


@pytest.mark.parametrize(
    ("protocol", "module", "package"),
    [
        ("s3", "s3fs", r"'xldm\[s3\]'"), ("gs", "gcsfs", r"'xldm\[gcs\]'"),
        ("az", "adlfs", "adlfs"), ("abfs", "adlfs", "adlfs"),
        ("hf", "huggingface_hub", "huggingface_hub"),
        ("sftp", "paramiko", "paramiko"), ("simplecache::gcs", "gcsfs", r"'xldm\[gcs\]'"),
    ],
)  # fmt: skip
def test_a_protocol_without_its_package_names_the_package(protocol, module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)  # an import of it fails
    known = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(known, protocol.rpartition("::")[2], raising=False)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.sftp", raising=False)
    with pytest.raises(StoreError, match=rf"^{protocol}://bucket/a\.zarr: .*pip install {package}"):
        open_training_store(f"{protocol}://bucket/a.zarr")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("gs://b/a", "requests_timeout"), ("az://c/a", "read_timeout"), ("ftp://h/a", "timeout"),
        ("sftp://h/a", "banner_timeout"), ("s3://b/a", "config_kwargs"),
        ("https://h/a", "client_kwargs"),
    ],
)  # fmt: skip
def test_waits_are_bounded_unless_the_user_bounds_them(url, name):
    assert with_timeouts(url, {"a": 1}).keys() >= {"a", name}
    assert with_timeouts(url, {name: {"timeout": 5}})[name]["timeout"] == 5


def test_waits_that_the_settings_of_fsspec_bound_are_left_to_them(monkeypatch):
    monkeypatch.setitem(fsspec.config.conf, "ftp", {"timeout": 5})
    assert with_timeouts("ftp://h/a", {}) == {}


def test_waits_of_a_protocol_within_another_are_bounded_in_its_options():
    options = with_timeouts("simplecache::ftp://h/a", {"ftp": {"port": 5}})
    assert options == {"ftp": {"port": 5, "timeout": 30.0}}


@pytest.mark.parametrize("act", [open_training_store, locate])
def test_a_server_that_refuses_at_once_is_told(act):
    with pytest.raises(StoreError, match=r"^ftp://127\.0\.0\.1:1/a: it cannot be reached \(Conn"):
        act("ftp://127.0.0.1:1/a")


@pytest.mark.parametrize("client", ["httpx2", "ftplib", "paramiko.ssh_exception"])
def test_a_client_with_errors_of_its_own_is_told(client):
    refused = type("Refused", (Exception,), {"__module__": client})
    said = r"^memory://a: it cannot be reached \(Refused\)"
    with pytest.raises(StoreError, match=said) as told, reaching(locate("memory://a")):
        raise refused("hush")
    assert told.value.__cause__ is None and told.value.__context__ is None


def test_an_unknown_protocol_is_named():
    with pytest.raises(StoreError, match=r"^s4://bucket/a\.zarr: Protocol not known: s4"):
        open_training_store("s4://bucket/a.zarr")


def test_a_long_place_is_taken():
    assert locate("memory://" + "a" * 2000, {}).root.endswith("a" * 2000)
