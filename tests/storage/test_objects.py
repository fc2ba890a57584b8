"""Objects at a place: whole or absent, created once, put again after an outage."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import server

from xldm.errors import StoreError
from xldm.storage import objects
from xldm.storage.location import locate

UNFINISHED = f"zarr.json.{'0123456789abcdef' * 2}.partial"


def test_an_object_that_is_put_again_is_replaced(tmp_path: Path) -> None:
    place = locate(tmp_path)
    for data in (b"first", b"second"):
        objects.put(place, "a/b", data)
    assert objects.content(place, "a/b") == b"second"
    assert objects.keys(place) == {"a/b"}


def test_an_object_that_a_web_server_lacks_has_no_content(tmp_path: Path) -> None:
    with server.serve(tmp_path) as served:
        assert objects.content(locate(f"{served.url}/none.zarr"), "zarr.json") is None


def test_an_object_that_does_not_exist_has_no_content(tmp_path: Path) -> None:
    assert objects.content(locate(tmp_path), "a/b") is None
    assert not objects.exists(locate(tmp_path), "a/b")


def test_unfinished_files_are_not_listed_and_are_swept_up(tmp_path: Path) -> None:
    (tmp_path / UNFINISHED).write_bytes(b"pa")
    (tmp_path / "thesis.partial").write_bytes(b"not ours")
    place = locate(tmp_path)
    assert objects.keys(place) == {"thesis.partial"}
    objects.sweep(place)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.partial"]


def test_of_writers_that_create_an_object_at_once_one_does(tmp_path: Path) -> None:
    start, place = threading.Barrier(4), locate(tmp_path)

    def create(number: int) -> bool:
        start.wait()
        return objects.create(place, "root", str(number).encode())

    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(create, range(4)))
    assert sum(created) == 1
    assert objects.content(place, "root") == str(created.index(True)).encode()


@pytest.mark.parametrize(("failures", "tries"), [(2, 3), (9, 3)])
def test_a_put_is_repeated_while_the_server_is_away(
    failures: int, tries: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    place, seen = locate("memory://bucket/store"), []

    def pipe_file(path: str, data: bytes) -> None:
        seen.append(path)
        if len(seen) <= failures:
            raise ConnectionError("key=hush")

    monkeypatch.setattr(objects, "WAITS", (0, 0))
    monkeypatch.setattr(place.fs, "pipe_file", pipe_file, raising=False)
    if failures >= tries:
        with pytest.raises(StoreError, match=r"memory://bucket/store: .* be reached") as error:
            objects.put(place, "a", b"")
        assert "hush" not in str(error.value)
    else:
        objects.put(place, "a", b"")
    assert seen == ["/bucket/store/a"] * tries
    assert "hush" not in caplog.text
