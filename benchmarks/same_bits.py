"""Hash what is drawn and written in many ways, to compare two versions of xldm bit for bit.

PYTHONPATH=/path/to/old python benchmarks/same_bits.py > old.txt
PYTHONPATH=/path/to/new python benchmarks/same_bits.py > new.txt; diff old.txt new.txt

Run both on one machine, with the same number of threads and the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

import xldm
from xldm.config import Variable
from xldm.models.model import Model

REGION = (9.0, 43.0, 10.0, 44.0)
# Objects that hold the time of writing.
_TIMED = ("zarr.json", ".zattrs", ".zmetadata")


def of_array(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def of_dataset(out: xr.Dataset) -> str:
    return " ".join(f"{n} {of_array(v.values)}" for n, v in sorted(out.data_vars.items()))


def of_store(out: xr.Dataset, **options: object) -> str:
    """Hash all chunks; the metadata hold the time of writing."""
    with tempfile.TemporaryDirectory() as folder:
        xldm.to_store(out, f"{folder}/out.zarr", progress=False, **options)
        files = sorted(p for p in Path(folder).rglob("*") if p.is_file() and p.name not in _TIMED)
        seen = hashlib.sha256()
        for file in files:
            seen.update(str(file.relative_to(folder)).encode() + file.read_bytes())
        return f"{len(files)} files {seen.hexdigest()[:16]}"


def of_netcdf(out: xr.Dataset) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (file,) = xldm.to_netcdf(out, f"{folder}/out.nc", progress=False)
        with xr.open_dataset(file) as back:
            return of_dataset(back)


def rainy() -> Model:
    """Two components with random weights on a corner of the grid, one of them of rain."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    import tiny

    rain = Variable(
        "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
    )
    config = tiny.config(footprint=31e3, components=(tiny.part(), tiny.part("tp", (rain,))))
    nets = {c.name: tiny.network(c) for c in config.components}
    return Model(config, tiny.static(config.grid), nets, "a" * 64)


def cases(whole: bool) -> dict[str, Callable[[], str]]:
    model = xldm.load_model("italy-2km")
    era5 = xldm.open_catalog().era5_sample.read().load().isel(time=slice(5))
    options: dict = {"missing": "climatology", "region": REGION, "progress": False}

    def drawn(ds: xr.Dataset = era5, of: Model = model, **changes: object) -> xr.Dataset:
        return ds.ldm.downscale(of, **(options | changes))

    def lazy(chunk: int, **changes: object) -> xr.Dataset:
        return drawn(era5.chunk(time=chunk), **changes)

    warmer = era5.assign(t2m=(era5["t2m"] + 0.5).assign_attrs(era5["t2m"].attrs))
    ensemble = xr.concat([era5, warmer], "number").assign_coords(number=[0, 1])
    return {
        "one member": lambda: of_dataset(drawn()),
        "without a member dimension": lambda: of_dataset(drawn(members=None)),
        "members": lambda: of_dataset(drawn(members=3)),
        "other members": lambda: of_dataset(drawn(members=[7, 2], seed=4)),
        "free": lambda: of_dataset(drawn(members=2, conserve=False)),
        "some kept to the input": lambda: of_dataset(
            drawn(era5.isel(time=[0]), conserve=["t2m", "v10"], region=(8.0, 42.0, 12.0, 45.0))
        ),
        "independent noise": lambda: of_dataset(drawn(members=2, correlation=0.0)),
        "less persistent noise": lambda: of_dataset(drawn(members=2, correlation=0.3)),
        "ddim": lambda: of_dataset(drawn(sampler="ddim", steps=3)),
        "bfloat16": lambda: of_dataset(drawn(dtype="bfloat16")),
        "some targets": lambda: of_dataset(drawn(targets=["u10"])),
        "regression": lambda: of_dataset(drawn(of=model.baseline("regression"), members=2)),
        "interpolation": lambda: of_dataset(drawn(of=model.baseline("interpolation"), members=2)),
        "tiles": lambda: of_dataset(drawn(of=model.tiled(16, 4), region=(8.0, 42.0, 12.0, 45.0))),
        "chunks of 1": lambda: of_dataset(lazy(1, members=2).compute()),
        "store, chunks of 1": lambda: of_store(lazy(1, members=2)),
        "store, chunks of 2": lambda: of_store(lazy(2, members=2)),
        "store, chunks of 5": lambda: of_store(lazy(5, members=2)),
        "store, not lazy": lambda: of_store(drawn(members=2)),
        "store, rounded": lambda: of_store(lazy(2), keep_bits=12),
        "store, Zarr 2": lambda: of_store(lazy(2), zarr_format=2),
        "netCDF": lambda: of_netcdf(lazy(2)),
        "ensemble in": lambda: of_dataset(drawn(ensemble, members=2)),
        "rain": lambda: of_dataset(drawn(of=rainy(), members=2, region=None, steps=2)),
        "rain, lazily": lambda: of_store(lazy(2, of=rainy(), members=2, region=None, steps=2)),
    } | (
        {"whole domain": lambda: of_dataset(drawn(era5.isel(time=[0, 1]), members=2, region=None))}
        if whole
        else {}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whole", action="store_true", help="the whole domain too, some minutes")
    parser.add_argument("--first", type=int, default=0, help="begin with the case of this number")
    warnings.simplefilter("ignore")
    args = parser.parse_args()
    for name, case in itertools.islice(cases(args.whole).items(), args.first, None):
        print(f"{name}: {case()}", flush=True)


if __name__ == "__main__":
    main()
