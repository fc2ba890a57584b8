"""Score the best possible forecast in the twin, and the model beside it.

python benchmarks/floor.py --hours 6 --members 8 --json floor.json

Given the large scales, the twin's truth is an expected field and Gaussian noise of known law, and
the coarse side holds its means over footprints. A perfect ensemble is drawn from the noise's law
given these means (conditional simulation by kriging; Chiles and Delfiner 2012, sec. 7.3). No
forecast from the coarse side has a lower expected CRPS. The ensemble also knows the coefficients
that vary from day to day, which a model has to infer, so the floor is a little too low:
``--coefficients`` adds a row that says how far the expected field is off when they are inferred
from the coarse means as well as can be (linearly, from a standard normal law).
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import scipy.fft
import scipy.sparse.linalg
import xarray as xr

import xldm
from xldm.evaluation.ensemble import crps, spread_skill
from xldm.grids import projected
from xldm.twin import Twin, hourly, hours_over_year, temperature, wind
from xldm.twin.hourly import whole_hours
from xldm.twin.small_scales import SmallScales
from xldm.twin.varying import Varying

TARGETS = ("t2m", "u10", "v10")
SEED = 10_000  # of the first member's noise; its climate is never used
SPACING = projected.ITALY.spacing / projected.ITALY.factor


class Given:
    """The law of an hour's noise, given the coarse means over footprints inside the domain."""

    def __init__(self, twin: Twin):
        y, x = projected.axes(projected.ITALY, fine=True)
        cells = twin._cells
        held = (cells.x > x[0]) & (cells.x < x[-1]) & (cells.y < y[0]) & (cells.y > y[-1])
        self._footprint = twin._footprint[np.flatnonzero(held.ravel())].astype("float64")
        self._shape = (y.size, x.size)
        noise = twin._noise
        along, across = (f.astype("complex128") for f in (noise._along, noise._across))
        self._variance = (
            noise._scalar.astype("float64") ** 2,
            0.5 * abs(along) ** 2 + 1.5 * abs(across) ** 2,
            0.5 * abs(across) ** 2 + 1.5 * abs(along) ** 2,
        )
        self._both = -(along * across.conj()).real

    def means(self, fields: np.ndarray) -> np.ndarray:
        """Average fields (3, y, x) over the footprints, (3, point)."""
        return np.stack([self._footprint @ f.ravel() for f in fields])

    def correlated(self, fields: np.ndarray) -> np.ndarray:
        """Apply the covariance of the noise of unit variance to fields (3, y, x)."""
        t, u, v = scipy.fft.rfft2(fields)
        of_t, of_u, of_v = self._variance
        out = np.stack([of_t * t, of_u * u + self._both * v, of_v * v + self._both * u])
        return scipy.fft.irfft2(out, s=self._shape)

    def correction(self, lack: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Return the expected noise fields whose means over the footprints are ``lack``."""
        return self.explained(lack, spread)[1]

    def explained(self, lack: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse of the means' covariance times ``lack``, and the `correction`.

        Forty rounds leave a tenth of it, in differences of overlapping footprints that tell little:
        sixty change the error of the expected fields by a thousandth of a K.
        """
        size = lack.size

        def spread_out(weights: np.ndarray) -> np.ndarray:
            back = np.stack([self._footprint.T @ w for w in weights.reshape(3, -1)])
            return spread * self.correlated(spread * back.reshape(3, *self._shape))

        def covariance(weights: np.ndarray) -> np.ndarray:
            return self.means(spread_out(weights)).ravel()

        operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=covariance, dtype=float)
        weights, _ = scipy.sparse.linalg.cg(operator, lack.ravel(), rtol=0.05, maxiter=40)
        return weights, spread_out(weights)


def perfect(twin: Twin, given: Given, hour: int, members: int) -> xr.Dataset:
    """Draw a perfect ensemble of an hour: (member, y, x), targets as in the twin's fine side."""
    truth = given.means(twin._fine(hour))
    expected, spread = twin._expected(hour)
    drawn = []
    for m in range(members):
        noise = SmallScales(SEED + m, expected.shape[1:], SPACING).at(hour)
        field = expected + spread * noise
        field = field + given.correction(truth - given.means(field), spread)
        drawn.append(twin._fine_dataset(hour, field))
    return xr.concat(drawn, "member")


def expected_with(twin: Twin, hour: int, moved: str) -> np.ndarray:
    """Return the expected fields when the number of a coefficient is 0.5 larger."""

    class Moved(Varying):
        def __call__(self, name: str) -> float:
            return super().__call__(name) + 0.5 * (name == moved)

    with mock.patch.object(hourly, "Varying", Moved):
        return twin._expected(hour)[0]


def inferred(twin: Twin, given: Given, hour: int) -> np.ndarray:
    """Return the mean squares (3,) by which expected fields err when coefficients are inferred.

    Around their right numbers, expected fields depend on them nearly linearly. So the numbers have
    a normal law given the coarse means (generalised least squares), and so has the expected field.
    """
    names = ["lapse", *temperature._OPEN, *(n for n in wind._ANSWERS if n != "small scales")]
    expected, spread = twin._expected(hour)
    effects = [(expected_with(twin, hour, name) - expected) / 0.5 for name in names]
    seen = [given.means(effect) for effect in effects]
    told = [given.explained(lack, spread) for lack in seen]
    information = np.array([[lack.ravel() @ weights for weights, _ in told] for lack in seen])
    law = np.linalg.inv(np.eye(len(names)) + (information + information.T) / 2)
    left = np.stack([e - known for e, (_, known) in zip(effects, told, strict=True)])
    return np.einsum("kfyx,kl,lfyx->f", left, law, left, optimize=True) / left[0, 0].size


def sums(ensemble: xr.Dataset, truth: xr.Dataset) -> dict[str, tuple[float, float, float]]:
    """Return fair CRPS, variance and squared error of the mean, means over the domain."""
    out = {}
    for name in TARGETS:
        values, right = ensemble[name].values.astype("float64"), truth[name].values
        fair = crps(values, right, fair=True).mean()
        out[name] = (fair, values.var(0, ddof=1).mean(), ((values.mean(0) - right) ** 2).mean())
    return out


def scores(found: list[dict], members: int) -> dict[str, dict[str, float]]:
    out = {}
    for name in TARGETS:
        fair, variance, error = np.mean([f[name] for f in found], axis=0)
        ratio = float(spread_skill(variance, error, members))
        out[name] = {"crps": float(fair), "rmse": float(np.sqrt(error)), "spread/skill": ratio}
    return out


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="italy-2km", help="name or path; '' for the floor alone")
    parser.add_argument("--hours", type=int, default=6)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--year", type=int, default=2008)
    parser.add_argument("--steps", type=int, help="of the sampler; the package's by default")
    parser.add_argument("--coefficients", action="store_true", help="what inferring them costs")
    parser.add_argument("--device")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    twin = Twin(seed=0)
    given = Given(twin)
    model = xldm.load_model(asked.model).drawing(TARGETS) if asked.model else None
    found: dict[str, list[dict]] = {}
    costs = []
    for time in hours_over_year(asked.year, asked.hours):
        era5, truth = twin.hour(time)
        drawn = perfect(twin, given, whole_hours(time), asked.members)
        found.setdefault("floor", []).append(sums(drawn, truth))
        if asked.coefficients:
            costs.append(inferred(twin, given, whole_hours(time)))
        if model:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                out = xldm.downscale(
                    era5,
                    model,
                    members=asked.members,
                    steps=asked.steps,
                    progress=False,
                    device=asked.device,
                )
            found.setdefault("model", []).append(sums(out.isel(time=0).load(), truth))
    result = {title: scores(f, asked.members) for title, f in found.items()}
    if model:
        print(f"model {model.config.name}, sha256 {model.sha256[:12]}")
    print("| | " + " | ".join(f"{n}: CRPS, RMSE of mean, spread/skill" for n in TARGETS) + " |")
    print("| --- " * (1 + len(TARGETS)) + "|")
    for title, of in result.items():
        cells = [f"{v['crps']:.3f}, {v['rmse']:.3f}, {v['spread/skill']:.2f}" for v in of.values()]
        print(f"| {title} | " + " | ".join(cells) + " |")
    if costs:
        off = ", ".join(f"{value:.3f}" for value in np.sqrt(np.mean(costs, axis=0)))
        print(f"RMSE of the expected t2m, x-wind, y-wind when coefficients are inferred: {off}")
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
