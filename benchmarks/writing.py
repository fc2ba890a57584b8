"""Measure memory and time of writing downscaled fields to Zarr, by the length of the record.

python benchmarks/writing.py --days 5 30    # interpolated fields: the cost of writing
python benchmarks/writing.py --days 1 2 --model italy-2km --steps 1

Each length runs in a process of its own, with hourly output on the whole Italian grid.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HOURS = 24


def record(days: int):
    """Return lazy hourly ERA5 that repeats the shipped day, so input takes no memory."""
    import xarray as xr

    import xldm

    day = xldm.open_catalog().era5_sample.read().load().chunk()
    ds = xr.concat([day] * days, "valid_time" if "valid_time" in day.dims else "time")
    (axis,) = (d for d in ds.dims if "time" in d)
    hours = np.arange(ds.sizes[axis]) * np.timedelta64(1, "h")
    return ds.assign_coords({axis: np.datetime64("2001-01-01", "ns") + hours})


def write(days: int, model: str, steps: int | None, folder: Path) -> None:
    """Write a record to a store, and report time and memory."""
    import xldm

    name, _, kind = model.partition(":")
    model = xldm.load_model(name)
    out = record(days).ldm.downscale(
        model.baseline(kind) if kind else model, missing="climatology", steps=steps
    )
    at_first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    start = time.perf_counter()
    xldm.to_store(out, folder / "out.zarr", progress=False)
    taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    stored = sum(p.stat().st_size for p in (folder / "out.zarr").rglob("*") if p.is_file())
    raw = sum(v.nbytes for v in out.data_vars.values())
    fields = out.sizes["time"] * out.sizes["member"]
    print(
        f"{days:3d} days: peak {peak:6.0f} MiB ({at_first:.0f} before), {fields} fields, "
        f"{taken / fields:.3f} s a field, {raw / 2**20:.0f} MiB stored as {stored / 2**20:.0f}; "
        f"plain files of those: {plain(stored, folder) / fields:.3f} s a field"
    )


def plain(size: int, folder: Path) -> float:
    """Measure the seconds to write a number of bytes to the disk in files of 40 MB."""
    piece = os.urandom(40 * 10**6)
    start = time.perf_counter()
    for number in range(max(1, size // len(piece))):
        with (folder / f"{number}.raw").open("wb") as file:
            file.write(piece)
            os.fsync(file.fileno())
    taken = time.perf_counter() - start
    return taken * size / (len(piece) * (number + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, nargs="+", default=[5, 30])
    parser.add_argument("--model", default="italy-2km:interpolation", help="NAME or NAME:BASELINE")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--folder", help="where to write, for a while")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        write(args.days[0], args.model, args.steps, Path(args.folder))
        return
    for days in args.days:
        folder = tempfile.mkdtemp(dir=args.folder)
        command = [sys.executable, __file__, "--here", "--days", str(days), "--folder", folder]
        command += ["--model", args.model]
        command += ["--steps", str(args.steps)] if args.steps else []
        try:
            subprocess.run(command, check=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
