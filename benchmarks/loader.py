"""How fast batches come from a training store, against the limits that matter.

Days of the twin are written as a store of real size, once on the disk and once on an S3 server on
the loopback, and read by

- ``ours``: `xldm.batches.generator.batches` with windows of 512 fine cells;
- ``raw``: Zarr alone, the same chunks day by day with as many threads: the limit;
- ``xbatcher``: its ``MapDataset`` on the same store, in torch's ``DataLoader``;
- ``day files``: a day of compressed tensors is unpacked for each hour, as the paper's code does.

Prints samples a second, their ratios, and the peak memory of ours::

    python benchmarks/loader.py --days 4
"""

from __future__ import annotations

import argparse
import io
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import xarray as xr
import zarr
import zstandard
from torch.utils.data import DataLoader
from xbatcher import BatchGenerator
from xbatcher.loaders.torch import MapDataset

from xldm import statics
from xldm.batches.generator import batches
from xldm.storage.location import locate
from xldm.stores import write as storing
from xldm.stores.coarse_side import coarse
from xldm.stores.open import open_training_store, zarr_store
from xldm.stores.splits import by_blocks
from xldm.twin import both_sides

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
SIZE, BATCH, THREADS, SHARE = (64, 64), 8, 2, 12
ATTRS = {
    "title": "Days of the synthetic twin",
    "source": "xldm.twin",
    "license": "Apache-2.0",
    "references": "docs/explanation/twin.md",
    "crs": "EPSG:3035",
}


def write_store(url: str, days: int, options: dict | None = None) -> None:
    """Days of the twin as a training store."""
    times = np.datetime64("2001-07-01T00", "h") + np.arange(24 * days)
    era5, fine = both_sides(times)
    sides = coarse(era5), fine.assign_attrs(wind_frame="earth")
    split = by_blocks(sides[0]["time"], val=(), test=())
    storing.write_training_store(
        url, *sides, statics.embedded(), split, attrs=ATTRS, storage_options=options
    )


def write_day_files(folder: Path, store: xr.DataTree) -> list[tuple[Path, ...]]:
    """The same days as the paper has them: an hour to a dict, half precision, one file a day."""
    files = []
    for day in range(store["fine"].sizes["time"] // 24):
        names = {"low": store["coarse"], "high": store["fine"]}
        paths = []
        for kind, group in names.items():
            rows = group.to_dataset().isel(time=slice(day * 24, day * 24 + 24)).load()
            hours = [
                {n: torch.from_numpy(rows[n].values[h]).half() for n in rows} for h in range(24)
            ]
            content = io.BytesIO()
            torch.save(hours, content)
            path = folder / f"{day}_{kind}.pt.zst"
            path.write_bytes(zstandard.compress(content.getvalue(), 3))
            paths.append(path)
        files.append(tuple(paths))
    return files


def ours(store: xr.DataTree) -> Iterator[int]:
    for batch in batches(store, size=SIZE, batch_size=BATCH, ahead=THREADS, seed=1):
        yield len(batch.time)


def raw(url: str, options: dict | None) -> Iterator[int]:
    root = zarr.open_group(zarr_store(locate(url, options), read_only=True), mode="r")
    arrays = [a for g in ("coarse", "fine") for _, a in root[g].arrays() if a.ndim == 3]
    hours = arrays[0].shape[0]

    def day(first: int) -> int:
        return min(len(a[first : first + 24]) for a in arrays)

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(day, range(0, hours, 24))


def with_xbatcher(store: xr.DataTree) -> Iterator[int]:
    generators = []
    for group, factor in (("coarse", 1), ("fine", 8)):
        fields = store[group].to_dataset().reset_coords(drop=True)
        stacked = fields.to_dataarray("variable").transpose("time", ...)
        window = {"time": 1, "y": SIZE[0] * factor, "x": SIZE[1] * factor}
        generators.append(BatchGenerator(stacked, window, preload_batch=False))
    for inputs, _ in DataLoader(MapDataset(*generators), batch_size=BATCH, shuffle=True):
        yield len(inputs)


def day_files(files: list[tuple[Path, ...]]) -> Iterator[int]:
    rng = np.random.default_rng(0)
    for _ in range(SHARE):
        low, high = files[rng.integers(len(files))]
        hour = rng.integers(24)
        for path in (low, high):
            content = zstandard.decompress(path.read_bytes())
            fields = torch.load(io.BytesIO(content), weights_only=True)[hour]
            torch.stack(list(fields.values())).float()
        yield 1


def rate(reader: Iterator[int]) -> float:
    """Samples a second."""
    begin = time.perf_counter()
    return sum(reader) / (time.perf_counter() - begin)


def measure(url: str, files: list | None, options: dict | None = None) -> None:
    store, chunked = (
        open_training_store(url, options, dask=False),
        open_training_store(url, options),
    )
    found = {"raw": [], "ours": [], "xbatcher": []} | ({"day files": []} if files else {})
    for _ in range(3):  # side by side, so that what else the machine does falls on all
        found["raw"].append(rate(raw(url, options)))
        found["ours"].append(rate(ours(store)))
        found["xbatcher"].append(rate(with_xbatcher(chunked)))
        if files:
            found["day files"].append(rate(day_files(files)))
    best = {name: max(rates) for name, rates in found.items()}
    for name, value in best.items():
        print(f"  {name:10} {value:7.1f} samples/s   ours / {name}: {best['ours'] / value:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=4)
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory() as folder:
        url = f"{folder}/store.zarr"
        write_store(url, days)
        print(f"local disk, {24 * days} hours")
        measure(url, write_day_files(Path(folder), open_training_store(url)))
        import s3

        (Path(folder) / "s3").mkdir()
        with s3.serve(Path(folder) / "s3") as options:
            url = f"s3://{s3.BUCKET}/store.zarr"
            write_store(url, days, options)
            print("S3 on the loopback")
            measure(url, None, options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of all of this: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
