"""What is written aside: whole or absent, and what killed writers left goes after a day."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from xldm.storage.aside import DAY, beside, discard, remove_old


def made(path: Path, age: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    for one in (path, path.parent):
        os.utime(one, (0, time.time() - age))
    return path


def test_only_what_matches_and_is_old_is_removed(tmp_path: Path) -> None:
    old = made(tmp_path / ".partial-old" / "weights", DAY + 9)
    young = made(tmp_path / ".partial-young" / "weights", DAY - 999)
    other = made(tmp_path / "packages" / "weights", DAY + 9)
    lone = made(tmp_path / "a.partial-x", DAY + 9)
    remove_old(tmp_path, ".partial-*")
    remove_old(tmp_path, "*.partial-x")
    assert not old.parent.exists() and not lone.exists()
    assert young.exists() and other.exists()


def test_a_folder_with_one_young_file_stays(tmp_path: Path) -> None:
    young = made(tmp_path / ".partial-a" / "weights", 0)
    os.utime(young.parent, (0, time.time() - DAY - 9))
    remove_old(tmp_path, ".partial-*")
    assert young.exists()


def test_a_file_that_fails_is_not_left_behind_nor_in_place(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), beside(tmp_path / "a.nc") as path:
        path.write_text("half of it")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_at_the_end_only(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_text("before")
    with beside(tmp_path / "a.nc") as path:
        path.write_text("all of it")
        assert (tmp_path / "a.nc").read_text() == "before"
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("a.nc", "all of it")]


def test_what_is_not_whole_goes_when_the_process_ends(tmp_path: Path) -> None:
    (tmp_path / "whole.nc").write_text("all of it")
    with pytest.raises(FileNotFoundError), beside(tmp_path / "a.nc") as path:
        path.write_text("half of it")
        discard()
        assert [f.name for f in tmp_path.iterdir()] == ["whole.nc"]
