r"""Scores: each declares the sums it needs and the value that follows from their means.

With n values, truth o, forecast f and error e = f - o:

.. math::
    \mathrm{RMSE} = \sqrt{\overline{e^2}}, \quad \mathrm{BIAS} = \bar e, \quad
    R^2 = 1 - \frac{\sum e^2}{\sum (o - \bar o)^2}, \quad
    \mathrm{PCC} = \frac{\overline{fo} - \bar f \bar o}{\sigma_f \sigma_o}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from . import ensemble

__all__ = [
    "BUILT_IN", "Score", "Statistics", "errors", "field_names", "in_use", "of_ensemble", "register"
]  # fmt: skip

#: A function of the members (member, N) and the truth (N,), which returns named fields (N,).
Statistics = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]
Means = Mapping[str, np.ndarray]

#: Means that every score receives besides its own.
COMMON = ("n", "members", "o", "oo")
#: Names in a result that are not those of scores.
TAKEN = frozenset({
    "n", "members", "rank_histogram", "brier", "reliability_observed", "reliability_count",
    "base_rate", "quantiles", "quantile_error", "wasserstein", "density_t2m", "density_wind_speed",
    "density_wind", "spectrum", "spectrum_hourly", "spectrum_hours", "spectral_error",
    "effective_resolution", "autocorrelation", "increment_rms", "lapse_rate", "coast_contrast",
    "wind_by_exposure", "forecast", "source", "variable", "units", "long_name", "stratum",
    "period", "time", "y", "x", "land_mask", "spatial_ref", "event", "event_variable", "threshold",
    "probability", "rank", "quantile", "t2m_bin", "wind_speed_bin", "wind_bin", "component",
    "field", "field_units", "wavelength", "at_wavelength", "band", "lag", "exposure",
    "wet_frequency", "frequency_bias", "wet_intensity", "rain_mean", "rain_hourly", "fss",
    "fss_ensemble", "rain_quantiles", "quantile_ratio", "rain_rank_histogram", "reliability_error",
    "ralsd", "rx1h", "rx1day", "sdii", "cdd", "cwd", "lag1_corr", "index_bias", "index_error",
    "multivariable_correlation", "multivariable_correlation_error", "rain_threshold", "scale",
    "rain_quantile", "places", "rain_field", "index", "other_variable",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class Score:
    """Declare a score: the sums it needs, and its value.

    Parameters
    ----------
    name : str
        Name of the variable in the result.
    statistics : tuple of callable
        Each takes the members (member, N) and the truth (N,) of one variable in one hour, float64,
        in the variable's units, and returns a mapping of names to fields (N,). Only sums of the
        fields over places and hours are kept. Scores that list the same function share its sums.
        Where a value is missing, the function sees zeros, and its fields are not counted.
    value : callable
        Takes the means of these fields by name, and returns the score, an array of their shape.
        Besides, it is given ``n`` (the number of values), ``members`` (of each forecast), ``o`` and
        ``oo`` (means of the truth and of its square).
    attrs : mapping of str to str
        Attributes of the variable in the result, such as ``long_name`` and ``references``. Without
        ``units``, the score is in the units of each variable.
    detailed : bool
        Also give the score hour by hour (``<name>_hourly``) and at every cell (``<name>_map``).
        Maps keep the sums of every cell in memory.

    Raises
    ------
    ArgumentError
        If the name is no identifier, if fields do not have one value per place or two have the same
        name, or if the value needs other means or has another shape.

    Examples
    --------
    >>> def large(members, truth):
    ...     return {"large": (abs(members - truth) > 2).mean(0)}
    >>> share = Score("large_errors", (large,), lambda mean: mean["large"], {"units": "1"})
    >>> share.value({"large": np.array([0.25])})
    array([0.25])
    """

    name: str
    statistics: tuple[Statistics, ...]
    value: Callable[[Means], np.ndarray]
    attrs: Mapping[str, str]
    detailed: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ArgumentError(
                f"score: expected a name of letters, digits and underscores, got {self.name!r}"
            )
        names = [*COMMON, *(n for s in self.statistics for n in field_names(s))]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ArgumentError(
                f"score {self.name}: two means are named {', '.join(twice)}, so its value cannot "
                f"tell them apart; every score receives {', '.join(COMMON)}"
            )
        with np.errstate(all="ignore"):
            try:
                shape = np.shape(self.value({name: np.ones(3) for name in names}))
            except KeyError as error:
                raise ArgumentError(
                    f"score {self.name}: its value asks for the mean {error}; it is given "
                    f"{', '.join(names)}"
                ) from error
        if shape != (3,):
            raise ArgumentError(
                f"score {self.name}: its value has shape {shape} for means of shape (3,); expected "
                "one value for each"
            )

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of its variables in the result."""
        more = (f"{self.name}_hourly", f"{self.name}_map") if self.detailed else ()
        return (self.name, *more)


def field_names(statistics: Statistics) -> tuple[str, ...]:
    """Return the names of a function's fields, from a trial on two members and three places.

    Raises
    ------
    ArgumentError
        If the function does not return a mapping of names to one value per place.
    """
    with np.errstate(all="ignore"):
        fields = statistics(np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 3.0]]), np.array([0.5, 1.0, 1.5]))
    if not isinstance(fields, Mapping):
        raise ArgumentError(
            f"statistics {statistics!r}: expected a mapping of names to fields, got "
            f"{type(fields).__name__}"
        )
    for name, field in fields.items():
        if np.shape(field) != (3,):
            raise ArgumentError(
                f"statistics {statistics!r}: {name} has shape {np.shape(field)} for 2 members and "
                "3 places; expected (3,), so reduce the members, which are the first axis"
            )
    return tuple(fields)


def errors(members: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Return error, its magnitude, its square, and its product with the truth, per place.

    Examples
    --------
    >>> errors(np.array([[1.0], [4.0]]), np.array([2.0]))
    {'e': array([0.5]), '|e|': array([1.5]), 'ee': array([2.5]), 'eo': array([1.])}
    """
    error = members - truth
    mean = error.mean(0)
    return {
        "e": mean,
        "|e|": np.abs(error).mean(0),
        "ee": (error**2).mean(0),
        "eo": mean * truth,
    }


def of_ensemble(members: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Return CRPS, variance and squared error of the mean, per place; NaN for one member.

    Examples
    --------
    >>> of_ensemble(np.array([[1.0], [4.0]]), np.array([2.0]))["variance"]
    array([4.5])
    """
    if len(members) == 1:
        unknown = np.full(truth.shape, np.nan)
        return dict.fromkeys(
            ("crps", "fair crps", "variance", "squared error of the mean"), unknown
        )
    return {
        "crps": ensemble.crps(members, truth),
        "fair crps": ensemble.crps(members, truth, fair=True),
        "variance": members.var(0, ddof=1),
        "squared error of the mean": (members.mean(0) - truth) ** 2,
    }


def _variances(mean: Means) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return variances of truth and forecast, 0 below rounding error, and their covariance."""
    # Rounding turns a variance of 0 into about 1e-16 of the mean square.
    least = 1e-13 * mean["oo"]
    spread = mean["oo"] - mean["o"] ** 2
    of_truth = np.where(spread > least, spread, 0.0)
    shared = mean["eo"] - mean["e"] * mean["o"]
    of_forecast = of_truth + 2 * shared + mean["ee"] - mean["e"] ** 2
    covariance = of_truth + mean["eo"] - mean["e"] * mean["o"]
    return of_truth, np.where(of_forecast > least, of_forecast, 0.0), covariance


def _r2(mean: Means) -> np.ndarray:
    variance, *_ = _variances(mean)
    return np.where(variance > 0, 1 - mean["ee"] / variance, np.nan)


def _pcc(mean: Means) -> np.ndarray:
    of_truth, of_forecast, covariance = _variances(mean)
    product = of_forecast * of_truth
    return np.where(product > 0, covariance / np.sqrt(product), np.nan)


def _crps(mean: Means) -> np.ndarray:
    return np.where(mean["members"] > 1, mean["crps"], mean["|e|"])


def _spread_skill(mean: Means) -> np.ndarray:
    square = mean["squared error of the mean"]
    return ensemble.spread_skill(mean["variance"], square, mean["members"])


def _of_errors(name: str, long_name: str, value: Callable, **attrs: str) -> Score:
    return Score(name, (errors,), value, {"long_name": long_name, **attrs}, detailed=True)


def _of_members(name: str, long_name: str, value: Callable, **attrs: str) -> Score:
    return Score(name, (errors, of_ensemble), value, {"long_name": long_name, **attrs})


BUILT_IN = (
    _of_errors("rmse", "root mean square error", lambda mean: np.sqrt(mean["ee"])),
    _of_errors("bias", "mean error", lambda mean: mean["e"]),
    _of_errors("mae", "mean absolute error", lambda mean: mean["|e|"]),
    _of_errors("r2", "coefficient of determination", _r2, units="1"),
    _of_errors("pcc", "Pearson correlation", _pcc, units="1"),
    _of_members("crps", "continuous ranked probability score", _crps),
    _of_members(
        "crps_fair", "CRPS, unbiased in the number of members", lambda mean: mean["fair crps"]
    ),
    _of_members("spread", "ensemble spread", lambda mean: np.sqrt(mean["variance"])),
    _of_members(
        "skill", "RMSE of the ensemble mean", lambda m: np.sqrt(m["squared error of the mean"])
    ),
    _of_members("spread_skill", "spread over skill", _spread_skill, units="1"),
)

_registered: dict[str, Score] = {}


def register(score: Score) -> Score:
    """Add a score to every evaluation of this process.

    Registering another score of the same name replaces it. To add one to a single evaluation, give
    it to :func:`xldm.evaluate` as ``scores=[score]``.

    Parameters
    ----------
    score : Score

    Returns
    -------
    Score
        The same.

    Raises
    ------
    ArgumentError
        If something else in a result has its name, for example ``rmse``.
    """
    in_use([score])
    _registered[score.name] = score
    return score


def in_use(further: Iterable[Score] = ()) -> tuple[Score, ...]:
    """Return the built-in scores, the registered ones and further ones, in this order.

    Raises
    ------
    ArgumentError
        If two variables of the result would have the same name.
    """
    further = list(further)
    if wrong := [s for s in further if not isinstance(s, Score)]:
        raise ArgumentError(
            f"scores: expected Score objects, got {wrong[0]!r}; the built-in ones are always there"
        )
    replaced = {score.name for score in further}
    registered = [score for name, score in _registered.items() if name not in replaced]
    scores = (*BUILT_IN, *registered, *further)
    names = [*TAKEN, *(name for score in scores for name in score.variables)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(
            f"score: two variables of the result would have the name {', '.join(twice)}; choose "
            "another name"
        )
    return scores
