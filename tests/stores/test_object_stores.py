"""Training stores on a real S3 server, and what goes wrong there."""

from __future__ import annotations

import hashlib
import logging
import signal
import subprocess
import sys
import textwrap
import traceback
from pathlib import Path

import numpy as np
import pytest
import s3
from stores import ATTRS, hashes, inputs

from xldm.errors import StoreError
from xldm.storage import claims
from xldm.storage.location import locate
from xldm.stores.open import open_training_store
from xldm.stores.write import write_training_store

# For servers that are not there: botocore tries again for ten seconds otherwise.
HASTY = {"config_kwargs": {"retries": {"max_attempts": 0}}}


def on_server(url: str, options: dict) -> dict[str, str]:
    """As `stores.hashes`, of a store on a server."""
    fs, root = locate(url, options).fs, url.removeprefix("s3://")
    fs.invalidate_cache()
    return {
        path.removeprefix(root + "/"): hashlib.sha256(fs.cat_file(path)).hexdigest()
        for path in fs.find(root)
        if path != f"{root}/zarr.json"
    }


def test_the_same_bytes_go_to_s3(on_s3, bucket, whole):
    assert on_server(on_s3, bucket) == hashes(whole)


def test_a_store_on_s3_is_read_by_the_same_function(on_s3, bucket):
    stored = open_training_store(on_s3, bucket)["fine"].to_dataset()
    np.testing.assert_array_equal(stored["u10"][50], inputs()["fine"]["u10"][50])


def test_no_secret_is_in_a_store_or_in_what_is_shown(on_s3, bucket):
    tree = open_training_store(on_s3, bucket)
    shown = repr(tree) + repr(tree.to_dict()) + repr(locate(on_s3, bucket)) + tree._repr_html_()
    shown += repr([node.encoding for node in tree.subtree])
    fs = locate(on_s3, bucket).fs
    shown += repr([fs.cat_file(p) for p in fs.find(on_s3) if p.endswith("zarr.json")])
    assert s3.SECRET not in shown and s3.KEY not in shown


def _message(*args, **kwargs) -> str:
    with pytest.raises(StoreError) as error:
        open_training_store(*args, **kwargs)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "secret"), [(s3.KEY, "wrong-but-hush"), ("nobody", "wrong-but-hush")]
)
def test_wrong_credentials_name_the_url_and_the_options_and_no_secret(on_s3, bucket, key, secret):
    said = _message(on_s3, {**bucket, "key": key, "secret": secret})
    assert said.startswith(f"{on_s3}: access denied") and "storage_options" in said
    assert secret not in said and key not in said


@pytest.mark.parametrize("what", ["read", "write"])
def test_no_secret_is_in_a_traceback_or_a_log(on_s3, bucket, caplog, what):
    caplog.set_level(logging.INFO)
    options = {**bucket, "secret": "wrong-but-hush"}
    with pytest.raises(StoreError) as error:
        if what == "read":
            open_training_store(on_s3, options)
        else:
            write_training_store(on_s3, **inputs(), attrs=ATTRS, storage_options=options)
    told = "".join(traceback.format_exception(error.value)) + caplog.text
    assert on_s3 in told and "hush" not in told and s3.KEY not in told


def test_a_missing_bucket_is_named(bucket):
    said = _message("s3://nowhere/a.zarr", bucket)
    assert said.startswith("s3://nowhere/a.zarr: there is no bucket 'nowhere'")


def test_a_missing_bucket_is_not_made_by_writing(bucket):
    with pytest.raises(StoreError, match="there is no bucket 'nowhere'"):
        write_training_store("s3://nowhere/a.zarr", **inputs(), attrs=ATTRS, storage_options=bucket)


def test_a_missing_store_on_s3_is_named(bucket):
    assert "there is no Zarr 3 store" in _message(f"s3://{s3.BUCKET}/none.zarr", bucket)


def test_a_server_that_does_not_answer_is_named(bucket):
    options = {
        **bucket,
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1"},
        **HASTY,
    }
    said = _message("s3://training/a.zarr", options)
    assert "cannot be reached" in said and "endpoint_url" in said


# One writer, interruptions


def test_a_claim_on_s3_keeps_others_out_while_it_lasts(bucket, monkeypatch):
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    place = locate(f"s3://{s3.BUCKET}/claimed.zarr", bucket)
    with (
        claims.sole_writer(place) as still_mine,
        pytest.raises(StoreError, match="another run is writing it"),
        claims.sole_writer(place),
    ):
        pass
    with pytest.raises(StoreError, match="another took over"):
        still_mine()


def test_of_two_runs_at_once_on_s3_one_refuses(bucket, monkeypatch, whole):
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    url, refused = f"s3://{s3.BUCKET}/twice.zarr", []

    def second(done, days):
        with pytest.raises(StoreError, match="another run is writing it") as error:
            write_training_store(url, **inputs(), attrs=ATTRS, storage_options=bucket, resume=True)
        refused.append(str(error.value))

    write_training_store(url, **inputs(), attrs=ATTRS, storage_options=bucket, progress=second)
    assert len(refused) == 4
    assert on_server(url, bucket) == hashes(whole)


def _unclaim(url: str, options: dict) -> None:
    """As the message says that a killed run's claim may be removed."""
    locate(url, options).fs.rm(f"{url}/{claims.FOLDER}", recursive=True)


KILLED = """
    import os, signal, sys
    sys.path[:0] = {path!r}
    import stores
    from xldm.storage import blocks
    from xldm.stores.write import write_training_store
    put = blocks.put
    def put_or_die(place, key, data):
        if key.startswith("fine/u10/c/1"):
            os.kill(os.getpid(), signal.SIGKILL)
        put(place, key, data)
    blocks.put = put_or_die
    write_training_store({url!r}, **stores.inputs(), attrs=stores.ATTRS,
    storage_options={options!r})
"""


def test_a_killed_run_on_s3_resumes_to_the_same_bytes(whole, bucket, monkeypatch):
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    url = f"s3://{s3.BUCKET}/killed.zarr"
    path = [str(Path(__file__).parents[1])]
    script = textwrap.dedent(KILLED).format(path=path, url=url, options=bucket)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with pytest.raises(StoreError, match="not complete"):
        open_training_store(url, bucket)
    write_training_store(url, **inputs(), attrs=ATTRS, storage_options=bucket, resume=True)
    assert on_server(url, bucket) == hashes(whole)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own, to be killed and started."""
    with s3.running(tmp_path_factory.mktemp("s3")) as running:
        yield running


def test_a_server_that_stops_in_mid_write_is_told_and_nothing_is_lost(whole, server):
    url, options = f"s3://{s3.BUCKET}/stopped.zarr", {**server.options, **HASTY}

    def stop(done, days):
        if done == 2:
            server.kill()

    with pytest.raises(StoreError, match=f"{url}: it cannot be reached .* try again"):
        write_training_store(url, **inputs(), attrs=ATTRS, storage_options=options, progress=stop)
    server.start()
    with pytest.raises(StoreError, match="not complete"):
        open_training_store(url, options)
    _unclaim(url, options)
    write_training_store(url, **inputs(), attrs=ATTRS, storage_options=options, resume=True)
    assert on_server(url, options) == hashes(whole)


def test_a_write_goes_on_with_a_server_that_was_started_anew(whole, server):
    url = f"s3://{s3.BUCKET}/back.zarr"

    def restart(done, days):
        if done == 2:
            server.kill()
            server.start()

    write_training_store(
        url, **inputs(), attrs=ATTRS, storage_options=server.options, progress=restart
    )
    assert on_server(url, server.options) == hashes(whole)
