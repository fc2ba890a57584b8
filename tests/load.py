"""Downscale in threads, forks, spawned processes and dask's processes, and many times over.

    python tests/load.py [--calls N]

Each must give the bits of a plain call. Prints what each took, and how memory grew over the calls.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import dask  # noqa: E402
import tiny  # noqa: E402
import xarray as xr  # noqa: E402
from conftest import cds_new  # noqa: E402

import xldm  # noqa: E402
from xldm.errors import OutOfDistributionWarning  # noqa: E402
from xldm.models.model import Model  # noqa: E402


@functools.cache
def inputs() -> tuple[xr.Dataset, Model]:
    """A corner of Italy, and its smallest model."""
    warnings.simplefilter("ignore", OutOfDistributionWarning)
    config = tiny.config()
    model = Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)
    return cds_new(times=2).sel(latitude=slice(48.5, 44.0), longitude=slice(3.5, 9.0)), model


def drawn(number: int = 0) -> str:
    """Return a hash of fields that this process draws."""
    ds, model = inputs()
    return hashed(xldm.downscale(ds, model, steps=1, seed=7))


def hashed(out: xr.Dataset) -> str:
    return hashlib.sha256(out["t2m"].values.tobytes()).hexdigest()


def in_threads(number: int = 16) -> set[str]:
    with ThreadPoolExecutor(number) as pool:
        return {*pool.map(drawn, range(number))}


def in_processes(method: str, number: int = 2) -> set[str]:
    """Return hashes of processes that begin after this one has drawn."""
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(number, mp_context=context) as pool:
        return {*pool.map(drawn, range(number), timeout=300)}


def in_dask(scheduler: str) -> set[str]:
    ds, model = inputs()
    with dask.config.set(scheduler=scheduler, num_workers=2):
        return {hashed(xldm.downscale(ds.chunk(valid_time=1), model, steps=1, seed=7).compute())}


def memory() -> float:
    """Return the MB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=50)
    calls = parser.parse_args().calls
    plain, bad = drawn(), 0
    ways: dict[str, Callable[[], set[str]]] = {
        "16 threads": in_threads,
        "2 forks": functools.partial(in_processes, "fork"),
        "2 spawned processes": functools.partial(in_processes, "spawn"),
        "dask's threads": functools.partial(in_dask, "threads"),
        "dask's processes": functools.partial(in_dask, "processes"),
    }
    for name, way in ways.items():
        began = time.monotonic()
        same = way() == {plain}
        bad += not same
        took = time.monotonic() - began
        print(f"{name}: {'same bits' if same else 'OTHER BITS'} ({took:.1f} s)", flush=True)
    for _ in range(5):
        drawn()
    before = memory()
    for _ in range(calls):
        drawn()
    print(f"{calls} calls: {before:.0f} MB before, {memory():.0f} MB after")
    return bad


if __name__ == "__main__":
    sys.exit(main())
