"""A sample of the campaign of kills; the whole of it is run by hand (kill_everywhere.py)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="needs LD_PRELOAD and a C compiler"
)
def test_a_writer_that_is_killed_or_out_of_space_is_repeated_to_the_same_bytes(
    tmp_path: Path,
) -> None:
    script = str(Path(__file__).with_name("kill_everywhere.py"))
    how = ["--points", "3", "--also", "2"]  # in one process, which imports xldm once
    done = subprocess.run(
        [sys.executable, script, "to_store", "training_store", *how, "--folder", str(tmp_path)],
        capture_output=True, text=True, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same" in done.stdout
