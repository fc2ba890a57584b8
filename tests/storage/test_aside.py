"""What killed writers left aside goes after a day."""

from __future__ import annotations

import os
import time
from pathlib import Path

from xldm.storage.aside import DAY, remove_old


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
