"""Measure wall time and peak memory of each recipe, for a period and for twice the period.

Run in the environment of the recipes (``make recipes``), with a folder of archives by form, as
``xldm twin --archive FOLDER START STOP`` writes them::

    .venv-recipes/bin/python benchmarks/recipes.py FOLDER 2001-07-01 8

runs every recipe over the first 4 and over all 8 days, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RECIPES = Path(__file__).parents[1] / "recipes"
RUNS = (
    ("era5_cds_grib", "cds-grib"),
    ("era5_cds_netcdf", "cds-netcdf-old"),
    ("era5_cds_netcdf", "cds-netcdf-new"),
    ("era5_arco", "arco/era5.zarr"),
    ("cosmo_vhr_rea_it", "vhr-rea-it"),
)


def measured(command: list[str]) -> tuple[float, float]:
    """Return seconds and peak resident memory in MB of a command, without its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(said)
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("first", type=np.datetime64)
    parser.add_argument("days", type=int)
    given = parser.parse_args()
    print(f"{'recipe':20} {'source':16} {'days':>5} {'seconds':>8} {'MB':>6}")
    for recipe, source in RUNS:
        for days in (given.days // 2, given.days):
            period = f"{given.first}/{given.first + days - 1}"
            with tempfile.TemporaryDirectory() as folder:
                run = [sys.executable, "-m", "xldm.forge", str(RECIPES / f"{recipe}.py")]
                run += [f"--source={given.archive / source}", f"--target={folder}/part.zarr"]
                seconds, peak = measured([*run, f"--period={period}"])
            print(f"{recipe:20} {source:16} {days:5} {seconds:8.1f} {peak:6.0f}", flush=True)


if __name__ == "__main__":
    main()
