"""Measure how tiles change the embedded model's fields, and how much memory they save.

python benchmarks/tiling.py             # tiled against whole, on hours of the twin kept apart
python benchmarks/tiling.py --memory    # peak memory, each in a process of its own

Seams: the mean step between neighbour cells across the edges of tiles, relative to other places, in
the field and in its difference from the untiled field; 1 means no seam. The untiled field has a
value other than 1 too, since terrain differs between places.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

HOURS = ("2008-01-20T05", "2008-07-15T12")
TILES = (((28, 24), 0), (24, 8), (32, 4), (32, 8), (32, 16), (48, 8))
SMALL_SCALES = (4e3, 20e3)


def edges(cells: int, size: int, overlap: int, factor: int) -> np.ndarray:
    """Return the fine cells that begin a tile or follow its end."""
    from xldm.numerics.tiles import cover

    starts = np.array(cover(cells, min(size, cells), overlap if size < cells else 0))
    inside = np.union1d(starts[1:], starts[:-1] + size)
    return inside * factor


def seam(field: np.ndarray, lines: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the mean step of a field (..., y, x) across the edges, relative to other places."""
    at, elsewhere = [], []
    for axis, where in zip((-2, -1), lines, strict=True):
        steps = np.abs(np.diff(field, axis=axis))
        across = np.moveaxis(steps, axis, -1)
        marked = np.zeros(across.shape[-1], bool)
        marked[where - 1] = True
        at.append(across[..., marked].ravel())
        elsewhere.append(across[..., ~marked].ravel())
    return float(np.concatenate(at).mean() / np.concatenate(elsewhere).mean())


def compare() -> None:
    import xldm
    from xldm.evaluation.spectra import band_error, radial_spectrum
    from xldm.twin import Twin

    model = xldm.load_model("italy-2km").drawing(["t2m", "u10", "v10"])
    grid, targets = model.config.grid, [v.name for v in model.config.targets]
    spacing = grid.spacing / grid.factor
    inputs = [Twin(0).era5(hour) for hour in HOURS]

    def draw(how, members):
        start = time.perf_counter()
        fields = np.concatenate(
            [xldm.downscale(d, how, members=members).to_dataarray().values for d in inputs], axis=2
        )  # target, member, time, y, x
        taken = (time.perf_counter() - start) / len(inputs) / len(members)
        return fields.astype("float64"), taken

    both, base = draw(model, (0, 1))
    whole = both[:, :1]
    std = whole.std((1, 2, 3, 4))
    spread = np.sqrt(np.mean(np.diff(both, axis=1) ** 2, (1, 2, 3, 4)) / 2)
    print(f"{', '.join(HOURS)}; whole domain {base:.1f} s a field")
    print("std    ", *(f"{t} {s:.2f}" for t, s in zip(targets, std, strict=True)))
    print("spread ", *(f"{t} {s:.2f}" for t, s in zip(targets, spread, strict=True)))
    print(
        "tile overlap target |    max    RMS  RMS/std RMS/spread | dB at pitch, 4-20 km | "
        "seam: whole tiled difference"
    )
    for size, overlap in TILES:
        fields, _ = draw(model.tiled(size, overlap), (0,))
        sizes = size if isinstance(size, tuple) else (size, size)
        lines = tuple(
            edges(n, s, overlap, grid.factor) for n, s in zip(grid.shape, sizes, strict=True)
        )
        pitch = (min(sizes) - overlap) * grid.spacing
        for i, target in enumerate(targets):
            difference = fields[i] - whole[i]
            rms = np.sqrt(np.mean(difference**2))
            spectra = [radial_spectrum(f[i].squeeze(0), spacing) for f in (fields, whole)]
            wavelength, power, reference = spectra[0][0], *(p.mean(0) for _, p in spectra)
            decibel = [
                float(band_error(wavelength, power, reference, band))
                for band in ((pitch / 1.5, pitch * 1.5), SMALL_SCALES)
            ]
            seams = [seam(f, lines) for f in (whole[i], fields[i], difference)]
            print(
                f"{size!s:8} {overlap:2d} {target:4} | {np.abs(difference).max():6.3f} {rms:6.4f} "
                f"{rms / std[i]:8.4f} {rms / spread[i]:10.4f} | {decibel[0]:+.4f} {decibel[1]:+.4f}"
                f" | {seams[0]:.4f} {seams[1]:.4f} {seams[2]:.4f}",
                flush=True,
            )


def larger(model, times: int):
    """Return the model on a domain that repeats its own in rows and columns."""
    from xldm.grids.projected import coordinates

    grid, static = model.config.grid, model.static.reset_coords(drop=True)
    ends = [a + (b - a + np.sign(b - a) * grid.spacing) * times for a, b in (grid.x, grid.y)]
    x, y = (
        (axis[0], end - np.sign(end - axis[0]) * grid.spacing)
        for axis, end in zip((grid.x, grid.y), ends, strict=True)
    )
    more = {axis: (0, static.sizes[axis] * (times - 1)) for axis in ("y", "x")}
    wide = static.drop_vars(["y", "x"], errors="ignore").map(lambda f: f.pad(more, mode="wrap"))
    return model.on(wide.assign_coords(coordinates(replace(grid, x=x, y=y), fine=True)))


def peak(times: int, size: int) -> None:
    """Downscale one hour, untiled (size 0) or in tiles, and return the added memory."""
    import xldm
    from xldm.models.downscaler import Sampling

    model = xldm.load_model("italy-2km").drawing(["t2m", "u10", "v10"])
    model = larger(model, times) if times > 1 else model
    model = model.tiled(size, 8) if size else model
    mean = np.array([v.mean for v in model.config.predictors], "float32")[:, None, None]
    coarse = np.broadcast_to(mean, (1, mean.size, *model.config.grid.shape)).copy()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = model.fields(coarse, np.array(["2020-01-01"], "datetime64[ns]"), Sampling(steps=2))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{model.config.grid.fine_shape}, {f'tiles of {size}' if size else 'whole'}: "
        f"{(after - before) / 1024:.0f} MiB more than before, output {out.nbytes / 2**20:.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak is not None:
        peak(*args.peak)
    elif args.memory:
        for times, size in itertools.product((1, 2), (0, 48, 32, 24)):
            command = [sys.executable, "-W", "ignore", __file__, "--peak", str(times), str(size)]
            subprocess.run(command, check=True)
    else:
        compare()


if __name__ == "__main__":
    main()
