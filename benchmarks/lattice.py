"""Measure whether members vary more at some fine cells of a coarse cell than at others.

python benchmarks/lattice.py --hours 4 --members 8

Small scales have no preferred place in a coarse cell, so the variance of members, averaged over all
coarse cells, should be the same at each place. Beside it is the squared error of the mean.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

import xldm
from xldm.twin import Twin, hours_over_year

TARGETS = ["t2m", "u10", "v10"]


def by_place(field: np.ndarray, size: int) -> np.ndarray:
    """Return the means (size, size) of a field (y, x) by place in a cell, relative to all.

    Examples
    --------
    >>> by_place(np.tile([1.0, 3.0], (4, 2)), 2)
    array([[0.5, 1.5],
           [0.5, 1.5]])
    """
    rows, columns = (n // size for n in field.shape)
    means = field.reshape(rows, size, columns, size).mean((0, 2))
    return means / means.mean()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="italy-2km")
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--year", type=int, default=2007)
    asked = parser.parse_args(arguments)
    twin, model = Twin(seed=0), xldm.load_model(asked.model).drawing(TARGETS)
    factor = model.config.grid.factor
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for time in hours_over_year(asked.year, asked.hours):
        era5, truth = twin.hour(time)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = xldm.downscale(era5, model, members=asked.members, progress=False)
        for name in TARGETS:
            drawn = out[name].isel(time=0).values.astype(float)
            error = (drawn.mean(0) - truth[name].values) ** 2
            for what, field in (("variance", drawn.var(0, ddof=1)), ("squared error", error)):
                found.setdefault((name, what), []).append(by_place(field, factor))
    print(f"model {model.config.name}, sha256 {model.sha256[:12]}")
    print("| target | of | least | most | standard deviation |")
    print("| --- | --- | --- | --- | --- |")
    for (name, what), places in found.items():
        mean = np.mean(places, axis=0)
        print(f"| {name} | {what} | {mean.min():.2f} | {mean.max():.2f} | {mean.std():.3f} |")


if __name__ == "__main__":
    main()
