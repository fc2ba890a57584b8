"""The plan of an evaluation: names along every dimension, fixed before a value is read."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..config import WIND
from ..errors import InputError
from ..inputs.units import conversion, stated_hours
from . import distributions
from .align import MEAN, count
from .scores import Score, Statistics, field_names, in_use
from .strata import Ground

__all__ = ["LOG_RAIN", "RAIN", "THRESHOLDS", "WET", "Plan"]

#: Target of hourly precipitation, and the field of its logarithm that has a spectrum.
RAIN, LOG_RAIN = "tp", "log_tp"
#: Thresholds of wet hours and of the fractions skill score, in mm.
WET = (0.1, 1.0, 5.0, 10.0)
#: Thresholds of events of rain, in mm.
RAIN_EVENTS = (1.0, 5.0, 10.0)
#: Sides of squares of the fractions skill score, in metres, besides a cell's.
SCALES = (10e3, 20e3, 50e3, 100e3)

#: Thresholds of events, in the variables' units.
THRESHOLDS = {"t2m": (273.15, 303.15), "wind_speed": (5.0, 10.0, 15.0, 20.0)}
PAPER_WAVELENGTHS = (269e3, 20e3, 9e3, 5e3)  # m, of the paper's figures
STRIDE = 8  # cells, between the points whose series are followed in time


def _numbers(values: object) -> bool:
    try:
        array = np.asarray(values)
        return array.ndim == 1 and array.dtype.kind in "fiu" and bool(np.isfinite(array).all())
    except ValueError:  # a ragged list
        return False


def _millimetres(truth: xr.Dataset) -> float | None:
    """Return millimetres in a unit of hourly precipitation; None without it."""
    if RAIN not in truth:
        return None
    units = truth[RAIN].attrs["units"]
    scale = conversion(units, "mm", hourly=True, water=True)
    hourly = stated_hours(units) in (None, 1.0)
    return scale[0] if scale is not None and scale[1] == 0 and hourly else None


def _default(rain: float | None) -> dict[str, tuple[float, ...]]:
    """Return the thresholds of events, those of rain in its units."""
    if rain is None:
        return THRESHOLDS
    return {**THRESHOLDS, RAIN: tuple(float(f"{t / rain:.6g}") for t in RAIN_EVENTS)}


@dataclass(frozen=True, eq=False)
class Plan:
    """Hold the names along every dimension of the sums.

    Parameters
    ----------
    targets : tuple of str
        Variables of the datasets.
    members : dict of str to int
        Number of members of each forecast.
    events : tuple of (str, float)
        Variable, and the threshold to exceed.
    scores : tuple of Score
    ground : Ground
    rain : float, optional
        Millimetres in a unit of the target of hourly precipitation; None without such a target.
    """

    targets: tuple[str, ...]
    members: dict[str, int]
    events: tuple[tuple[str, float], ...]
    scores: tuple[Score, ...]
    ground: Ground
    rain: float | None = None

    @classmethod
    def of(
        cls,
        forecasts: Mapping[str, xr.Dataset],
        truth: xr.Dataset,
        static: xr.Dataset | None,
        thresholds: Mapping[str, tuple[float, ...]] | None = None,
        scores: Iterable[Score] = (),
    ) -> Plan:
        """Make the plan for aligned datasets.

        Raises
        ------
        InputError
            If the static fields do not fit, or a threshold's variable is not evaluated.
        """
        members = {name: count(forecast) for name, forecast in forecasts.items()}
        targets = tuple(map(str, truth.data_vars))
        rain = _millimetres(truth)
        plan = cls(targets, members, (), in_use(scores), Ground.of(truth, static), rain)
        given = _default(rain) if thresholds is None else thresholds
        unknown = [v for v in given if v not in plan.variables]
        if unknown and thresholds is not None:
            raise InputError(
                f"thresholds: {', '.join(map(str, unknown))} is not evaluated; choose from "
                f"{', '.join(plan.variables)}"
            )
        if wrong := [v for v, ts in given.items() if not _numbers(ts)]:
            raise InputError(
                f"thresholds: expected a tuple of numbers for {wrong[0]}, got {given[wrong[0]]!r}; "
                "write one as {'t2m': (273.15,)}"
            )
        events = tuple((v, float(t)) for v, ts in given.items() if v in plan.variables for t in ts)
        return dataclasses.replace(plan, events=events)

    @property
    def has_wind(self) -> bool:
        """Whether both components of the wind are targets."""
        return set(WIND) <= set(self.targets)

    @property
    def variables(self) -> tuple[str, ...]:
        """Targets, and the wind's speed if both components are targets."""
        return (*self.targets, *(["wind_speed"] if self.has_wind else []))

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields with a spectrum: scalars, log rain, kinetic energy, vorticity and divergence."""
        logarithm = () if self.rain is None else (LOG_RAIN,)
        if not self.has_wind:
            return (*self.targets, *logarithm)
        scalars = tuple(t for t in (*self.targets, *logarithm) if t not in WIND)
        turned = ("vorticity", "divergence") if self.ground.turn is not None else ()
        return (*scalars, "kinetic_energy", *turned)

    @property
    def forecasts(self) -> tuple[str, ...]:
        """Every forecast; the mean of an ensemble follows it."""
        return tuple(
            row
            for name, m in self.members.items()
            for row in ([name, name + MEAN] if m > 1 else [name])
        )

    @property
    def member_counts(self) -> np.ndarray:
        """Number of members of every forecast (forecast,)."""
        return np.array([self.members.get(name, 1) for name in self.forecasts])

    @functools.cached_property
    def statistics(self) -> dict[str, Statistics]:
        """Functions that the scores need, each once, by the key of its sums."""
        needed = dict.fromkeys(s for score in self.scores for s in score.statistics)
        return {f"statistics {i}": s for i, s in enumerate(needed)}

    @functools.cached_property
    def field_names(self) -> dict[str, tuple[str, ...]]:
        """Names of the fields that each of the `statistics` gives."""
        return {key: field_names(s) for key, s in self.statistics.items()}

    def keys(self, score: Score) -> list[str]:
        """Return the keys of the sums that a score needs."""
        return [key for key, s in self.statistics.items() if s in score.statistics]

    @functools.cached_property
    def mapped(self) -> set[str]:
        """Keys of the sums that are kept for every cell."""
        return {key for score in self.scores if score.detailed for key in self.keys(score)}

    @property
    def sources(self) -> tuple[str, ...]:
        """The truth and every forecast."""
        return ("truth", *self.forecasts)

    @functools.cached_property
    def binned(self) -> dict[str, np.ndarray]:
        """Edges of the bins of every variable whose range of values is known."""
        known = {v: distributions.edges(v) for v in self.variables}
        if self.rain is not None:
            known[RAIN] = distributions.rain_edges() / self.rain
        return {v: edges for v, edges in known.items() if edges is not None}

    @functools.cached_property
    def squares(self) -> tuple[int, ...]:
        """Sides of the squares of the fractions skill score, in cells of the grid."""
        sides = {1, *(round(scale / self.ground.spacing) for scale in SCALES)}
        return tuple(sorted(n for n in sides if 1 <= n <= min(self.ground.shape)))

    @property
    def wavelength(self) -> np.ndarray:
        """Wavelengths of the spectra in metres, longest first."""
        longest = min(self.ground.shape) * self.ground.spacing
        return longest / np.arange(1, min(self.ground.shape) // 2 + 1)

    @property
    def at_wavelength(self) -> np.ndarray:
        """Indices of the wavelengths nearest to those the paper shows."""
        return np.array([np.abs(self.wavelength / w - 1).argmin() for w in PAPER_WAVELENGTHS])

    @property
    def points(self) -> tuple[slice, slice]:
        """The cells whose series are followed in time."""
        return slice(STRIDE // 2, None, STRIDE), slice(STRIDE // 2, None, STRIDE)
