"""Measure memory and time of an evaluation against the length of the record.

Each length runs in a process of its own, on hourly fields of the whole Italian grid with 8 members
read from Zarr (one stored day, read again for every day of the record)::

    python benchmarks/evaluation.py --days 7 30

Prints the peak memory of each length, their ratio, seconds per day of record, and the time to read
the same chunks alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask
import numpy as np
import xarray as xr

import xldm
from xldm import statics

MEMBERS, HOURS = 8, 24
UNITS = {"t2m": ("K", 283.0), "u10": ("m s-1", 1.0), "v10": ("m s-1", 0.0)}


def write_day(folder: Path) -> None:
    """Write a day of random fields, ``truth.zarr`` and ``ensemble.zarr``, by hour and member."""
    static = statics.embedded()
    rng = np.random.default_rng(0)
    times = np.datetime64("2008-01-01T00", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
    for name, members in {"truth": (), "ensemble": (MEMBERS,)}.items():
        shape = (*members, HOURS, static.sizes["y"], static.sizes["x"])
        dims = ("member", "time", "y", "x")[-len(shape) :]
        fields = {
            v: (dims, np.round(rng.normal(mean, 3, shape), 1).astype("float32"), {"units": units})
            for v, (units, mean) in UNITS.items()
        }
        coords = {"time": times, "y": static["y"], "x": static["x"]}
        chunks = {d: 1 for d in dims if d in ("member", "time")}
        xr.Dataset(fields, coords).chunk(chunks).to_zarr(
            folder / f"{name}.zarr", consolidated=False
        )


def record(folder: Path, name: str, days: int) -> xr.Dataset:
    """Return a record that repeats the stored day."""
    day = xr.open_zarr(folder / f"{name}.zarr", consolidated=False, chunks={"member": MEMBERS})
    parts = [day.assign_coords(time=day["time"] + np.timedelta64(d, "D")) for d in range(days)]
    return xr.concat(parts, "time")


def measure(folder: Path, days: int) -> None:
    """Evaluate a number of days and print time and memory as JSON."""
    truth, ensemble = (record(folder, name, days) for name in ("truth", "ensemble"))
    started = time.perf_counter()
    result = xldm.evaluate({"E": ensemble}, truth, static=statics.embedded(), progress=False)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    day = slice(HOURS)
    started = time.perf_counter()
    dask.compute(*(ds.isel(time=day).map(np.sum) for ds in (truth, ensemble)))
    reading = time.perf_counter() - started
    print(
        json.dumps(
            {
                "hours": result.attrs["times"],
                "peak GiB": round(peak, 3),
                "s per day": round(seconds / days, 2),
                "s per day, reading alone": round(reading, 2),
            }
        )
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, nargs="+", default=[7, 30])
    parser.add_argument("--in-folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.in_folder:
        measure(args.in_folder, *args.days)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_day(Path(folder))
        peaks = []
        for days in args.days:
            command = [sys.executable, __file__, "--in-folder", folder, "--days", str(days)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            print(f"{days} days: {found}", flush=True)
            peaks.append(found["peak GiB"])
        if len(peaks) > 1:
            print(f"peak memory, longest over shortest record: {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()
