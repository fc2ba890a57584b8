"""A storage server that goes away in the middle of a run and comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import numpy as np
import pytest
import s3fs
from recipe_runs import command
from s3 import BUCKET, KEY, SECRET, running

from xldm.errors import StoreError
from xldm.stores.parts import open_part


@pytest.fixture
def server(tmp_path):
    with running(tmp_path) as server:
        yield server


def test_a_run_whose_server_goes_away_fails_clearly_and_is_gone_on_with(server, archive, tmp_path):
    url, there = f"s3://{BUCKET}/outage.zarr", server.options
    env = os.environ | {
        "FSSPEC_S3_KEY": KEY,
        "FSSPEC_S3_SECRET": SECRET,
        "FSSPEC_S3": json.dumps({"client_kwargs": there["client_kwargs"]}),
    }
    source = archive / "vhr-rea-it"
    line = command("cosmo_vhr_rea_it", source, url)
    run = subprocess.Popen(line, env=env, stderr=subprocess.PIPE, text=True)
    while "day 1 of 1" not in (said := run.stderr.readline()):
        assert said, "the run ended before it had written a day"
    run.send_signal(signal.SIGSTOP)
    server.kill()
    run.send_signal(signal.SIGCONT)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 1
    assert f"{url}: it cannot be reached" in said and "Traceback" not in said
    assert KEY not in said and SECRET not in said

    server.start()
    with pytest.raises(StoreError, match="not complete"):
        open_part(url, there)
    # What the run could not take back, or wait for five minutes.
    bucket = s3fs.S3FileSystem(**there, skip_instance_cache=True)
    bucket.rm(f"{BUCKET}/outage.zarr/.xldm-writers", recursive=True)
    again = subprocess.run(line, env=env, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    undisturbed = tmp_path / "undisturbed.zarr"
    subprocess.run(command("cosmo_vhr_rea_it", source, undisturbed), check=True)
    found, wanted = open_part(url, there), open_part(undisturbed)
    for name in ("t2m", "u10", "v10"):
        np.testing.assert_array_equal(found[name], wanted[name])
