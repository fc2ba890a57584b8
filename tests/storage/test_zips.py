"""Members of archives arrive whole, or not at all."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import server

from xldm.errors import ArchiveError
from xldm.storage import zips
from xldm.storage.zips import fetch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("deep/down/wanted.bin", b"wanted")
        file.writestr("copy/wanted.bin", b"wanted")
        file.writestr("../../outside.bin", b"outside")
    return path


def get(source: Path | str, folder: Path, name: str = "wanted.bin") -> Path:
    return fetch(source, [name], folder, progress=False)[name]


def test_members_are_found_by_base_name(zipped: Path, folder: Path) -> None:
    assert get(zipped, folder).read_bytes() == b"wanted"


def test_a_members_own_path_is_never_written_to(zipped: Path, folder: Path) -> None:
    assert get(zipped, folder, "outside.bin") == folder / "outside.bin"


def test_files_of_a_folder_stay_where_they_are(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "wanted.bin").write_bytes(b"wanted")
    assert get(tmp_path / "x", folder) == tmp_path / "x" / "wanted.bin"


def test_a_damaged_member_leaves_nothing(zipped: Path, folder: Path) -> None:
    zipped.write_bytes(
        zipped.read_bytes().replace(b"wanted", b"wasted", 2).replace(b"wasted.bin", b"wanted.bin")
    )
    with pytest.raises(ArchiveError):
        get(zipped, folder)
    assert not list(folder.iterdir())


def test_a_whole_file_of_an_earlier_try_is_kept(zipped: Path, folder: Path) -> None:
    before = get(zipped, folder).stat().st_mtime_ns
    assert get(zipped, folder).stat().st_mtime_ns == before


def test_another_file_in_its_place_is_fetched_again(zipped: Path, folder: Path) -> None:
    (folder / "wanted.bin").write_bytes(b"wanter")
    assert get(zipped, folder).read_bytes() == b"wanted"


def test_a_disk_that_is_too_small_is_noticed_first(
    zipped: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(ArchiveError, match="make room"):
        get(zipped, folder)


def test_something_else_than_a_zip_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"<html>please log in</html>")
    with pytest.raises(ArchiveError, match="no zip file"):
        get(tmp_path / "a.zip", folder)


def test_a_url_that_leads_nowhere_is_refused(tmp_path: Path, folder: Path) -> None:
    with server.serve(tmp_path) as web, pytest.raises(ArchiveError, match="no such file"):
        get(f"{web.url}/none.zip", folder)


def test_a_server_that_is_not_there_is_told_apart_from_a_missing_file(
    tmp_path: Path, folder: Path
) -> None:
    with server.serve(tmp_path) as web:
        url = web.url
    with pytest.raises(ArchiveError, match="no connection"):
        get(f"{url}/a.zip", folder)


def test_requests_are_given_up_after_the_last_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def failing(start: int, end: int) -> bytes:
        tries.append(start)
        raise ConnectionError

    monkeypatch.setattr(zips, "PAUSES", (0, 0, 0))
    with pytest.raises(ConnectionError):
        zips._patient(failing, "a.zip")(0, 1)
    assert len(tries) == 4
