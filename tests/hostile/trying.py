"""Try all attempts in one process that forks for each: 5 s of CPU and 1 GB beyond the imports.

A child that waits (for a pipe, say) uses no CPU, and is killed after a longer time.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tiny
from attempts import NAMES, attempts, built

import xldm
from xldm.models.downscaler import Sampling
from xldm.packages import package
from xldm.packages.registry import load_model

CPU, WALL, MEMORY = 5, 120, 2**30


def tried(act: Callable[[], object]) -> str:
    """Return what became of an attempt."""
    try:
        act()
    except xldm.XldmError as error:
        return "refused" if len(str(error)) < 20_000 else f"refused at length: {str(error)[:100]}"
    except BaseException as error:
        return f"foreign: {type(error).__name__}: {str(error)[:200]}"
    return "harmless"


def draws(model: object) -> None:
    """Draw a field with a model that loaded: it must be finite."""
    shape = (1, len(model.config.predictors), *model.config.grid.shape)
    coarse = np.broadcast_to([[[v.mean]] for v in model.config.predictors], shape[1:])[None]
    times = np.array(["2020-01-01"], "datetime64[ns]")
    fields = model.fields(coarse.astype("float32"), times, Sampling(steps=2))
    assert np.isfinite(fields).all(), "a loaded model draws fields that are not finite"


def apart(before: Callable[[], object], act: Callable[[object], object]) -> str:
    """Try in a child of its own: what it is given is made before the limits hold."""
    reads, writes = os.pipe()
    if not (child := os.fork()):
        said = "not made: see the traceback"
        try:
            given = before()
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU + 1))
            said = tried(lambda: act(given))
        except BaseException:
            traceback.print_exc()
        os.write(writes, said.encode(errors="replace")[:4000])
        os._exit(0)
    os.close(writes)
    until = time.monotonic() + WALL
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.002)
    with os.fdopen(reads) as said:
        return said.read() or "killed: it took too long, or crashed"


def main(folder: Path) -> None:
    """Write what became of each attempt as JSON."""
    warnings.simplefilter("ignore")
    os.environ["XLDM_CACHE"] = str(folder / "cache")
    good = folder / "good"
    package.write(good, tiny.config(), {"2mT": tiny.network(tiny.part())}, tiny.static())
    draws(load_model(good))
    became = {}
    gc.freeze()  # or each child copies what the collector of garbage touches
    for i, attempt in enumerate(attempts()):
        make = lambda a=attempt, at=folder / f"attempt{i}": built(a, good, at)  # noqa: E731
        became[attempt.name] = apart(make, lambda place: draws(load_model(place, progress=False)))
    for name in NAMES:
        act = lambda given: load_model(given, progress=False)  # noqa: E731
        became[f"the name {name[:40]!r}"] = apart(lambda n=name: n, act)
    (folder / "became.json").write_text(json.dumps(became))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
