"""A forked process draws, although threads do not come along."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRAW = """
import os, signal, sys
import numpy as np
import tiny, torch
from xldm.models.downscaler import Sampling
from xldm.models.model import Model

torch.set_num_threads(2)
model = Model(tiny.config(), tiny.static(), {"2mT": tiny.network(tiny.part()).eval()})
coarse, times = np.ones((1, 14, 8, 8), np.float32), np.array(["2020-01-01"], "datetime64[ns]")
draw = lambda: model.fields(coarse, times, Sampling(steps=1))
there = draw()
if pid := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.alarm(30)
np.testing.assert_allclose(draw(), there, rtol=1e-4)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of POSIX systems")
def test_a_forked_process_draws_in_one_thread_and_says_so():
    here = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        env=os.environ | {"PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "forked after networks had run in several threads" in done.stderr
