"""What does it cost to keep rain to its input, and how closely is it kept?

python benchmarks/conserving_rain.py

A field of showers on the whole Italian domain is conserved to an input of 0.25 degrees that differs
from its own means by random factors. Times are those of the process. Errors are of means over the
input's cells: fine cells that lie in two of them bind these together.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.ndimage

from xldm.grids import amounts
from xldm.grids.conservation import Constraint
from xldm.grids.projected import ITALY

WET = 0.1  # mm in an hour
LATITUDE = np.arange(48.5, 33.9, -0.25)
LONGITUDE = np.arange(3.5, 21.1, 0.25)


def showers(rng: np.random.Generator) -> np.ndarray:
    """Return rain in mm on a fifth of the cells, with structures of some 10 km in areas of 100."""
    field = sum(
        scipy.ndimage.gaussian_filter(rng.standard_normal(ITALY.fine_shape), width) * width
        for width in (2, 8, 25)
    )
    field = (field - field.mean()) / field.std()
    return np.maximum(field - 0.85, 0) ** 2 * 6


def measured(change: float, rng: np.random.Generator) -> dict[str, float]:
    """Conserve a field to its own coarse means, changed by random factors."""
    at = Constraint(ITALY, tuple(LATITUDE.tolist()), tuple(LONGITUDE.tolist()), None)
    field = showers(rng)
    share = amounts._shares(*at[:3])
    covered = np.asarray(share.means.sum(axis=1)).ravel() > 0
    given = (share.means @ field.ravel()) * np.exp(change * rng.standard_normal(covered.size))
    given[given < 0.01] = 0  # where it is all but dry, the input is dry
    input_rain = given.reshape(LATITUDE.size, -1)
    amounts.conserved(field, input_rain, at)  # what is made once for all fields
    start = time.process_time()
    kept = amounts.conserved(field, input_rain, at)
    took = time.process_time() - start
    error = np.abs(share.means @ kept.ravel() - given)[covered]
    wet = given[covered] >= WET
    relative = error[wet] / given[covered][wet]
    return {
        "seconds": took,
        "wet cells of the input": float(wet.sum()),
        "median error of these": float(np.median(relative)),
        "99 %": float(np.quantile(relative, 0.99)),
        "largest": float(relative.max()),
        "largest of all cells, mm": float(error.max()),
    }


def main() -> None:
    rng = np.random.default_rng(0)
    for change in (0.0, 0.3, 1.0):
        said = ", ".join(f"{k} {v:.3g}" for k, v in measured(change, rng).items())
        print(f"factors exp({change:g} n): {said}", flush=True)


if __name__ == "__main__":
    main()
