"""Compare two dask workers with one, and with the most that two processes can gain here.

python benchmarks/dask_workers.py                 # the embedded model, 8 hours
python benchmarks/dask_workers.py --hours 16

Each worker has one thread and runs the networks once before the clock starts. The ceiling is the
gain of two processes over one without dask: for matrix products, and for the same model's fields.
Run it on an idle machine, since other work changes the ratios.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import numpy as np

MODEL = "italy-2km"
# In a process of its own: says when it is ready, waits for a line, works, says how long it took.
ALONE = """
import sys, time, numpy as np, torch, xldm
from xldm.models.downscaler import Sampling
torch.set_num_threads(1)
kind, hours = sys.argv[1], int(sys.argv[2])
if kind == "matmul":
    a = torch.randn(1024, 1024)
    run = lambda n: [a @ a for _ in range(60 * n)]
else:
    model = xldm.load_model("italy-2km")
    means = np.array([v.mean for v in model.config.predictors], "float32")[:, None, None]
    coarse = np.broadcast_to(means, (len(means), *model.config.grid.shape)).copy()
    when = np.array(["2020-01-01"], "datetime64[ns]")
    run = lambda n: [model.fields(coarse[None], when, Sampling()) for _ in range(n)]
run(1)
print("ready", flush=True)
sys.stdin.readline()
start = time.perf_counter()
run(hours)
print(time.perf_counter() - start, flush=True)
"""


def hours_of(count: int):
    """Return hours of the synthetic climate, one chunk each."""
    import xarray as xr

    from xldm.twin import Twin

    one = Twin(0).era5("2008-07-15T12")
    era5 = xr.concat([one] * count, "valid_time")
    start = np.datetime64("2008-07-15", "ns")
    era5["valid_time"] = start + np.arange(count) * np.timedelta64(1, "h")
    return era5.chunk(valid_time=1)


def processes(kind: str, count: int, hours: int) -> float:
    """Measure the seconds until the last of several concurrent processes is done."""
    command = [sys.executable, "-c", ALONE, kind, str(hours)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env}
    running = [subprocess.Popen(command, **pipes) for _ in range(count)]
    for process in running:
        assert process.stdout.readline().strip() == "ready"
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    return max(float(process.communicate()[0]) for process in running)


def ceiling(kind: str, hours: int) -> float:
    """Measure the gain of two processes over one."""
    return 2 * processes(kind, 1, hours) / processes(kind, 2, hours)


def cluster(workers: int, out) -> float:
    """Measure the seconds of a cluster for all fields, which stay on the workers."""
    import distributed

    options = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(n_workers=workers, **options) as nodes,
        distributed.Client(nodes) as client,
    ):
        warm = out.isel(time=slice(workers))
        # Every worker: an hour each, held so that none is taken from the results.
        ones = [
            client.compute(warm["t2m"].isel(time=i).data, workers=[w], allow_other_workers=False)
            for i, w in enumerate(client.scheduler_info()["workers"])
        ]
        distributed.wait(ones)
        del ones
        start = time.perf_counter()
        done = client.persist(out.isel(time=slice(workers, None)))
        distributed.wait(client.futures_of(done))
        return time.perf_counter() - start


def sizes(out) -> None:
    import cloudpickle
    import dask

    import xldm

    model = xldm.load_model(MODEL)
    weights = 4 * sum(p.numel() for net in model.components.values() for p in net.parameters())
    whole = len(cloudpickle.dumps(out.__dask_graph__()))
    (blocks,) = dask.optimize(out["t2m"].data)
    each = sorted(len(cloudpickle.dumps(task)) for task in dict(blocks.dask).values())
    print(
        f"graph of {out.sizes['time']} hours: {whole / 1e6:.1f} MB with the input, which is in "
        f"memory; {len(each)} tasks, the largest {each[-1] / 1e6:.2f} MB; weights: "
        f"{weights / 1e6:.0f} MB, model as it travels: {len(cloudpickle.dumps(model))} bytes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=8)
    args = parser.parse_args()
    import xldm

    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    out = xldm.downscale(hours_of(args.hours + 2), MODEL, members=1)
    sizes(out)
    # Both draw the same hours: those after the first two.
    one, two = cluster(1, out.isel(time=slice(1, None))), cluster(2, out)
    print(
        f"{args.hours} hours: one worker {one:.1f} s, two workers {two:.1f} s: {one / two:.2f} "
        "times as fast (to be at least 1.6)"
    )
    for kind in ("matmul", "model"):
        print(f"two processes against one, {kind}: {ceiling(kind, args.hours // 2):.2f} times")


if __name__ == "__main__":
    # Workers are started anew and import this file: only this process goes on.
    main()
