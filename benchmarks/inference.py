"""Measure time and memory of a model, beside the speed of the machine.

python benchmarks/inference.py             # time of an hour and its members, by part
python benchmarks/inference.py --paper     # the same at the paper's widths, random weights
python benchmarks/inference.py --memory    # peak memory of 24 hours at once, in this process
python benchmarks/inference.py --import    # import time of xldm beyond xarray
python benchmarks/inference.py --around    # CPU time of a field around the networks, by part
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

from xldm.cli import main as xldm_command

HOURS = 24
TARGETS = ["t2m", "u10", "v10"]


def members_against_one(targets: list[str]) -> None:
    """Measure the seconds of an hour of some targets with one member and with eight, in turn."""
    import xldm
    from xldm.models.downscaler import Sampling

    model = xldm.load_model("italy-2km").drawing(targets)
    predictors = model.config.predictors
    shape = (1, len(predictors), *model.config.grid.shape)
    values = np.full(shape, [[[v.mean]] for v in predictors], np.float32)
    when = np.array(["2020-01-01"], "datetime64[ns]")
    model.fields(values, when, Sampling())  # what is done once for a domain
    taken: dict[int, list[float]] = {1: [], 8: []}
    for _ in range(3):
        for members, seconds in taken.items():
            start = time.perf_counter()
            model.fields(values, when, Sampling(range(members)))
            seconds.append(time.perf_counter() - start)
    one, eight = (min(seconds) for seconds in taken.values())
    times = f"1 member {one:.2f} s, with 8 {eight:.2f} s: {eight / one:.2f} times"
    print(f"an hour of {', '.join(targets)} with {times}")


def peak_memory() -> None:
    import xarray as xr

    from xldm.twin import Twin

    era5 = xr.concat([Twin(0).era5("2008-07-15T12")] * HOURS, "valid_time")
    era5["valid_time"] = np.datetime64("2008-07-15", "ns") + np.arange(HOURS) * np.timedelta64(
        1, "h"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    out = era5.ldm.downscale("italy-2km", targets=TARGETS, progress=False)
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


def around_the_networks(hours: int = 12) -> None:
    """Print the CPU time of a field of three targets beside its networks, ways in turns."""
    import torch

    import xldm
    from xldm.grids.conservation import Constraint, correction
    from xldm.numerics import scaling
    from xldm.numerics.persistence import persistent_normal

    model = xldm.load_model("italy-2km").drawing(TARGETS)
    config, (part, *_) = model.config, model.config.components
    shape = model.components[part.name].noise_shape(*config.grid.shape)
    knots: dict = {}
    taken: dict[str, list[float]] = {}

    def timed(name: str, run) -> object:
        start = time.thread_time()
        out = run()
        taken.setdefault(name, []).append(time.thread_time() - start)
        return out

    def noise(hour: int, **kept) -> np.ndarray:
        when = np.datetime64("2020-01-01T00", "s") + np.timedelta64(hour, "h")
        return persistent_normal(
            0, 0, when, part.name, shape, persistence=part.diffusion.persistence, **kept
        )

    axes = np.arange(48.5, 34, -0.25), np.arange(3, 20.1, 0.25)
    at = Constraint(config.grid, *(tuple(a.tolist()) for a in axes), config.footprint)
    drawn = torch.randn(1, len(part.targets), *config.grid.fine_shape)
    given = np.full(tuple(map(len, axes)), 280.0)
    correction(drawn[0, 0].numpy(), given, at)  # what is done once
    out = np.zeros(drawn.shape, np.float32)
    for hour in range(hours):
        timed("noise, each hour by itself", lambda h=hour: noise(h))
        timed("noise, knots kept from hour to hour", lambda h=hour: noise(h, knots=knots))
        fields = timed("de-normalised", lambda: scaling.denormalise(drawn, part.targets)).numpy()
        for target in fields[0]:
            timed("kept to the input, a target", lambda f=target: correction(f, given, at))
        timed("put and checked", lambda f=fields: (np.copyto(out, f), out.sum(axis=(-2, -1))))
    print(f"CPU milliseconds of a field of {len(part.targets)} targets, median of {hours} hours:")
    for name, seconds in taken.items():
        print(f"  {name:36s} {1e3 * statistics.median(seconds):6.1f}")
    print(f"  (mean of the noise that keeps knots {1e3 * np.mean([*taken.values()][1]):.1f})")
    for at_once in (1, 2, 1, 2):
        encode(fields, at_once)


def encode(fields: np.ndarray, at_once: int) -> None:
    """Print the time to encode and put a block of maps that look like weather."""
    import tempfile

    import xarray as xr
    from scipy.ndimage import gaussian_filter

    import xldm
    from xldm.storage import blocks

    blocks._AT_ONCE = at_once
    smooth = gaussian_filter(fields[0], (0, 2, 2))
    hours = np.datetime64("2001-01-01", "ns") + np.arange(8) * np.timedelta64(1, "h")
    maps = {
        f"v{i}": (("time", "y", "x"), np.repeat(f[None], len(hours), 0))
        for i, f in enumerate(smooth)
    }
    with tempfile.TemporaryDirectory() as folder:
        clock, cpu = time.perf_counter(), time.process_time()
        xldm.to_store(xr.Dataset(maps, {"time": hours}), f"{folder}/out.zarr", progress=False)
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(
        f"written, {at_once} variables at once: {1e3 * cpu / len(hours):.0f} ms CPU, "
        f"{1e3 * clock / len(hours):.0f} ms a field"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paper", action="store_true")
    parser.add_argument("--steps", type=int, default=3, help="of each loop of DDIM")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--import", action="store_true", dest="imports")
    parser.add_argument("--around", action="store_true")
    args = parser.parse_args()
    if args.around:
        return around_the_networks()
    if args.memory:
        return peak_memory()
    if args.imports:
        return import_time()
    if failed := xldm_command(["bench", "--steps", str(args.steps), *["--paper"] * args.paper]):
        sys.exit(failed)
    if not args.paper:
        for targets in (TARGETS, ["tp"], [*TARGETS, "tp"]):
            members_against_one(targets)


if __name__ == "__main__":
    main()
