"""Time and memory of the embedded model, beside what the machine can do.

python benchmarks/inference.py             # time per field and where it goes
python benchmarks/inference.py --memory    # peak memory of 24 hours at once, in this process
python benchmarks/inference.py --import    # what importing xldm adds to importing xarray
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

HOURS = 24


def median_seconds(run, times: int = 5) -> float:
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def ceiling() -> float:
    """GFLOP/s of a large float32 matrix product."""
    import torch

    a = torch.randn(2048, 2048)
    return 2 * 2048**3 / median_seconds(lambda: a @ a) / 1e9


def where_it_goes() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    import xldm
    from xldm.components import Sampling
    from xldm.data import statics

    model = xldm.load_model("italy-2km")
    (part,) = model.config.components
    net = model.components[part.name]
    static = torch.from_numpy(statics.channels(model.static))[None]
    coarse = torch.randn(1, len(model.config.predictors), *model.config.grid.shape)
    noise = torch.randn(1, *net.noise_shape(*model.config.grid.shape))
    values = coarse.numpy() * np.array([v.std for v in model.config.predictors])[:, None, None]
    values += np.array([v.mean for v in model.config.predictors])[:, None, None]
    when = np.array(["2020-01-01"], "datetime64[ns]")
    with torch.inference_mode():
        # Once, so that the networks lie in memory as they do in use.
        model.fields(values.astype("float32"), when, Sampling())
        prepared = net.prepare(static)
        condition = net.condition(coarse, prepared)
        step = torch.tensor([500])
        parts = {
            "static features (once)": lambda: net.prepare(static),
            "mean (UNET)": lambda: net.mean.condition(coarse, static),
            "context": lambda: net.conditioner.context(prepared[1], coarse),
            "one step of the denoiser": lambda: net.denoiser(noise, step, condition.context),
            "decoder": lambda: net.autoencoder.decode(noise),
            "whole field": lambda: model.fields(values.astype("float32"), when, Sampling()),
        }
        top = ceiling()
        print(f"{torch.get_num_threads()} threads; matrix product {top:.0f} GFLOP/s")
        for name, run in parts.items():
            with FlopCounterMode(display=False) as counter:
                run()
            seconds, work = median_seconds(run), counter.get_total_flops() / 1e9
            share = work / seconds / top
            print(f"{name:26s} {seconds:7.3f} s {work:8.1f} GFLOP  {share:5.0%} of the ceiling")
    steps = part.diffusion.steps
    print(f"{part.diffusion.sampler}, {steps} steps; 3 targets, 672 x 576 cells")


def peak_memory() -> None:
    import xarray as xr

    from xldm.data.twin import Twin

    era5 = xr.concat([Twin(0).era5("2008-07-15T12")] * HOURS, "valid_time")
    era5["valid_time"] = np.datetime64("2008-07-15", "ns") + np.arange(HOURS) * np.timedelta64(
        1, "h"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    out = era5.ldm.downscale("italy-2km", progress=False)
    taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{HOURS} hours at once: peak {peak:.2f} GiB ({before:.2f} before), result "
        f"{out.nbytes / 2**30:.2f} GiB, {taken / HOURS:.2f} s per field"
    )


def import_time() -> None:
    code = (
        "import time; a = time.perf_counter(); import xarray; b = time.perf_counter(); "
        "import xldm; print(b - a, time.perf_counter() - b)"
    )
    runs = [
        [float(s) for s in subprocess.check_output([sys.executable, "-c", code]).split()]
        for _ in range(7)
    ]
    base, added = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"import xarray {base:.3f} s, xldm adds {added:.3f} s ({added / base:.2f} of it)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--import", action="store_true", dest="imports")
    args = parser.parse_args()
    (peak_memory if args.memory else import_time if args.imports else where_it_goes)()


if __name__ == "__main__":
    main()
