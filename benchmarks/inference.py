"""Measure time and memory of a model, beside the speed of the machine.

python benchmarks/inference.py             # time of an hour and its members, by part
python benchmarks/inference.py --paper     # the same at the paper's widths, random weights
python benchmarks/inference.py --memory    # peak memory of 24 hours at once, in this process
python benchmarks/inference.py --import    # import time of xldm beyond xarray
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


def members_against_one() -> None:
    """Measure the seconds of an hour with one member and with eight, in turn."""
    import xldm
    from xldm.models.downscaler import Sampling

    model = xldm.load_model("italy-2km")
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
    print(f"an hour with 1 member {one:.2f} s, with 8 {eight:.2f} s: {eight / one:.2f} times")


def peak_memory() -> None:
    import xarray as xr

    from xldm.twin import Twin

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
    parser.add_argument("--paper", action="store_true")
    parser.add_argument("--steps", type=int, default=3, help="of each loop of DDIM")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--import", action="store_true", dest="imports")
    args = parser.parse_args()
    if args.memory:
        return peak_memory()
    if args.imports:
        return import_time()
    if failed := xldm_command(["bench", "--steps", str(args.steps), *["--paper"] * args.paper]):
        sys.exit(failed)
    if not args.paper:
        members_against_one()


if __name__ == "__main__":
    main()
