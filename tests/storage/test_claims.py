"""Whose claim counts: that of a process that lives, or may live on another machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from xldm.errors import StoreError
from xldm.storage import claims
from xldm.storage.location import locate


def left(folder: Path, pid: int, **told: str) -> None:
    """A claim of a process, as if of this machine but for what is told."""
    here = claims._process(os.getpid()) | told
    path = folder / claims.FOLDER / ("f" * 32)
    path.parent.mkdir()
    path.write_text(json.dumps({"host": "here", "pid": pid} | here))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_PATIENCE", 0.0)


needs_proc = pytest.mark.skipif(not claims._process(os.getpid()), reason="needs /proc of Linux")


@needs_proc
def test_the_claim_of_a_process_that_has_ended_is_taken_over_at_once(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left(tmp_path, ended.pid)
    with claims.sole_writer(locate(tmp_path)) as still_mine:
        still_mine()
    assert list(tmp_path.iterdir()) == []


@needs_proc
def test_a_process_that_got_the_number_of_one_that_has_ended_is_another(tmp_path: Path) -> None:
    left(tmp_path, os.getpid(), began="1")
    with claims.sole_writer(locate(tmp_path)):
        pass


@pytest.mark.parametrize("told", [{}, {"boot": "another machine"}, {"space": "a container"}])
def test_the_claim_of_any_other_process_counts(tmp_path: Path, told: dict[str, str]) -> None:
    left(tmp_path, os.getpid() if not told else 1, **told)
    with (
        pytest.raises(StoreError, match="another run is writing it"),
        claims.sole_writer(locate(tmp_path)),
    ):
        pass
