"""Servers that hang, drip, flood or lie end in an error of xldm, soon and without secrets."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import xldm
from xldm.errors import XldmError
from xldm.packages import containers
from xldm.packages.registry import load_model
from xldm.storage import location, zips

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.fixture(autouse=True)
def in_a_hurry(tmp_path, monkeypatch):
    """The bounds of use, which are longer, made short."""
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "cache"))
    for module in (location, zips):
        monkeypatch.setattr(module, "ANSWER", 0.5)
    monkeypatch.setattr(zips, "REQUEST", 1.0)
    monkeypatch.setattr(zips, "PAUSES", (0.1,))
    monkeypatch.setattr(containers, "_PATIENCE", 1.0)


@contextlib.contextmanager
def served(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer each connection in a thread of its own, with one function."""

    def accepting() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = listening.accept()[0]
                threading.Thread(target=answering, args=(connection,), daemon=True).start()

    def answering(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(2**16)
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accepting, daemon=True).start()
        yield f"http://me:hush@127.0.0.1:{listening.getsockname()[1]}"
        listening.close()


def silent(connection: socket.socket) -> None:
    time.sleep(20)


def stopping(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Accept-Ranges: bytes\r\nContent-Length: 9000\r\n\r\nname: x\n")
    time.sleep(20)


def dripping(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 900000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b"#")
        time.sleep(0.1)


def flooding(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"\r\n")
    for _ in range(10_000):
        connection.sendall(b"#" * 2**16)


def no_http(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-hush\r\n")


def lost(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://me:hush@127.0.0.1:1/\r\n\r\n")


def lying(connection: socket.socket) -> None:
    """Give other bytes than the range that was asked for, and another length."""
    connection.sendall(
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nAccept-Ranges: bytes\r\n"
        b"Content-Length: 10\r\n\r\n0123456789"
    )


def failing(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 500 hush\r\nContent-Length: 4\r\n\r\nhush")


@pytest.mark.parametrize("form", ["tiny", "tiny.zip"])
@pytest.mark.parametrize(
    "answer", [silent, stopping, dripping, flooding, no_http, lost, lying, failing]
)
def test_a_server_that_does_harm_is_refused_in_time(answer, form, caplog):
    caplog.set_level(logging.INFO, "xldm")
    began = time.monotonic()
    with served(answer) as url, pytest.raises(XldmError) as caught:
        load_model(f"{url}/{form}?sig=hush", progress=False)
    assert time.monotonic() - began < 15
    assert "hush" not in f"{caught.value!r} {caplog.text}"
    assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize("opened", [xldm.open_training_store, xldm.open_input])
def test_an_object_store_that_never_answers_is_given_up(opened, monkeypatch):
    monkeypatch.setattr(location, "ANSWER", 0.1)
    began = time.monotonic()
    with served(silent) as url, pytest.raises(XldmError, match=r"s3://bucket/a\.zarr") as caught:
        options = {"endpoint_url": url.replace("me:hush@", ""), "key": "me", "secret": "hush"}
        opened("s3://bucket/a.zarr", storage_options=options)
    assert time.monotonic() - began < 30
    assert "hush" not in repr(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize("opened", [load_model, xldm.open_training_store, xldm.open_input])
def test_an_ftp_server_that_never_answers_is_given_up(opened):
    began = time.monotonic()
    with served(silent) as url, pytest.raises(XldmError, match=r"ftp://127\.0\.0\.1") as caught:
        opened(url.replace("http://me:hush@", "ftp://") + "/a")
    assert time.monotonic() - began < 15
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_retry_is_told(caplog):
    caplog.set_level(logging.WARNING, "xldm")
    tries = []

    def refused(first: int, last: int) -> bytes:
        tries.append(first)
        raise TimeoutError("https://me:hush@example.org")

    with pytest.raises(TimeoutError):
        zips._patient(refused, "https://example.org/a.zip")(0, 1)
    assert len(tries) == 2
    assert "https://example.org/a.zip: no answer within" in caplog.text
    assert "trying again in 0.1 s" in caplog.text and "hush" not in caplog.text
