"""Measure how far predictors lie outside the distribution that a model was trained on.

A package holds the mean and spread of each predictor over all cells and hours of training. One day
lies far from them without fault, in summer or in a storm; a year does not. So bounds depend on how
much weather, how many months and which hours of the day were seen, and on the part of the domain.
They were chosen on the twin: see ``docs/howto/alignment.md``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import ModelConfig, Variable
from ..errors import OutOfDistributionWarning
from ..numerics.scaling import normalise
from .amounts import is_amount

__all__ = ["FAR", "Drift", "Limits", "limits", "measure", "warn_of_drift"]

#: Standard deviations beyond which a value is far.
FAR = 8.0
# Days that one weather lasts.
_WEATHER = 5
# Every n-th row and column is looked at while drawing.
_STRIDE = 4


@dataclass(frozen=True)
class Limits:
    """Bounds of a predictor's drift.

    Parameters
    ----------
    shift : float
        Of the mean, in training standard deviations, either way.
    narrow, wide : float
        Of the spread, relative to that of training.
    far : float
        Of the share of values beyond `FAR` standard deviations.
    """

    shift: float
    narrow: float
    wide: float
    far: float


@dataclass(frozen=True)
class Drift:
    """How far one predictor lies from its distribution in training, in one region.

    Parameters
    ----------
    predictor, region : str
        ``region`` is "all", "land" or "sea".
    shift : float
        Mean less that of training, in training standard deviations.
    spread : float
        Standard deviation relative to that of training.
    far : float
        Share of values beyond `FAR` training standard deviations.
    limits : Limits
    """

    predictor: str
    region: str
    shift: float
    spread: float
    far: float
    limits: Limits

    @property
    def outside(self) -> str:
        """What lies beyond its bounds, in words; empty if nothing does."""
        bound, said = self.limits, []
        if abs(self.shift) > bound.shift:
            said.append(f"mean {self.shift:+.2f} std (bound {bound.shift:.2f})")
        if self.spread > bound.wide:
            said.append(f"spread {self.spread:.2f} times training's (bound {bound.wide:.2f})")
        if self.spread < bound.narrow:
            said.append(f"spread {self.spread:.2f} times training's (bound {bound.narrow:.2f})")
        if self.far > bound.far:
            said.append(f"{self.far:.0%} beyond {FAR:g} std (bound {bound.far:.0%})")
        return ", ".join(said)


def limits(variable: Variable, times: np.ndarray, share: float = 1.0) -> Limits:
    """Return the bounds of a predictor for fields at some times.

    Parameters
    ----------
    variable : Variable
    times : ndarray of datetime64
        Valid times of the fields.
    share : float
        Share of the model's domain that they cover.

    Examples
    --------
    >>> t2m = Variable("t2m", "air_temperature", "K", 288.0, 8.0)
    >>> year = np.arange("2001-01-01", "2002-01-01", 6, dtype="datetime64[h]")
    >>> [round(limits(t2m, part).shift, 2) for part in (year, year[:1])]
    [0.32, 3.79]
    """
    days = times.astype("datetime64[D]").astype("int64")
    weather = np.unique(days // _WEATHER).size
    months = np.unique(times.astype("datetime64[M]").astype("int64") % 12).size
    hours = (times - times.astype("datetime64[D]")) / np.timedelta64(6, "h")
    quarters = np.unique(hours.astype("int64")).size
    # Seasons, the course of the day and the place move the mean by about this much.
    moved = 1.3 * (1 - months / 12) + 0.8 * (1 - quarters / 4) + 1.5 * (1 - share)
    # Of single weathers, by chance.
    shift = 0.1 + 1.9 / math.sqrt(weather) + moved
    apart = 0.08 + min(1.4 / math.sqrt(weather), 0.7) + (0.0 if months == 12 else 0.2)
    if is_amount(variable):
        # Rain and snow are rare and heavy: their spread is that of a few events.
        return Limits(2 * shift, 0.0, math.exp(2.5 * apart), far=1.0)
    whole = months == 12 and quarters == 4 and share > 0.9
    narrow = math.exp(-apart) if whole else 0.0
    # A storm fills a small region, but not the domain.
    return Limits(shift, narrow, math.exp(apart + moved / 3), far=0.05 if share > 0.9 else 0.3)


def measure(
    fields: np.ndarray,
    times: np.ndarray,
    variables: Sequence[Variable],
    *,
    share: float = 1.0,
    regions: dict[str, np.ndarray] | None = None,
) -> list[Drift]:
    """Measure the drift of predictors.

    Parameters
    ----------
    fields : ndarray (field, predictor, y, x)
        In the model's units; NaN is skipped.
    times : ndarray of datetime64
        Valid times of the fields.
    variables : sequence of Variable
        The predictors.
    share : float
        Share of the model's domain that the fields cover.
    regions : dict of str to ndarray (y, x) of bool, optional
        Parts of the domain that are measured too.

    Examples
    --------
    >>> t2m = Variable("t2m", "air_temperature", "K", 288.0, 8.0)
    >>> day = np.array(["2001-07-15"], "datetime64[ns]")
    >>> (found,) = measure(np.full((1, 1, 2, 2), 360.0), day, [t2m])
    >>> found.outside
    'mean +9.00 std (bound 3.79), 100% beyond 8 std (bound 5%)'
    """
    scaled = normalise(fields, variables)
    found = []
    for i, variable in enumerate(variables):
        for region, cells in {"all": None, **(regions or {})}.items():
            values = scaled[:, i] if cells is None else scaled[:, i][:, cells]
            values = values[np.isfinite(values)].astype("float64")
            if values.size == 0:
                continue
            bound = limits(variable, times, share if cells is None else share * cells.mean())
            far = float((np.abs(values) > FAR).mean())
            found.append(Drift(variable.name, region, values.mean(), values.std(), far, bound))
    return found


def warn_of_drift(
    coarse: np.ndarray, times: np.ndarray, config: ModelConfig, absent: Sequence[str] = ()
) -> None:
    """Warn if a block of predictors lies far outside the distribution of training.

    It looks at every fourth row and column, and takes little of the time of drawing.

    Parameters
    ----------
    coarse : ndarray (time, predictor, y, x)
        In the model's units, in the order of the model's predictors.
    times : ndarray (time,) of datetime64
        Valid times.
    config : ModelConfig
        The model's.
    absent : sequence of str
        Predictors that were set to their mean, which are passed over.

    Warns
    -----
    OutOfDistributionWarning
    """
    share = coarse.shape[-2] * coarse.shape[-1] / math.prod(config.grid.shape)
    sampled = coarse[..., ::_STRIDE, ::_STRIDE]
    found = measure(sampled, times, config.predictors, share=share)
    outside = [d for d in found if d.outside and d.predictor not in absent]
    if outside:
        warnings.warn(
            "Predictors lie outside the distribution that the model was trained on: "
            + "; ".join(f"{d.predictor}: {d.outside}" for d in outside)
            + ". xldm.drift(ds, model) reports more; xldm.fit_alignment fits a correction.",
            OutOfDistributionWarning,
            stacklevel=2,
        )
