"""Amounts among the predictors, bounds, and what counts as nothing."""

from __future__ import annotations

import numpy as np

from ..config import Variable
from ..numerics.scaling import denormalise, physical_mean
from ..vocabulary import VOCABULARY

__all__ = ["bounds", "is_amount", "trace"]

# This part of a predictor's training spread counts as nothing.
_NOTHING = 1e-3


def is_amount(variable: Variable) -> bool:
    """Tell whether a predictor is an amount: none is common, and none stays none.

    Examples
    --------
    >>> from xldm.inputs.lists import predictor_variables
    >>> [v.name for v in predictor_variables() if is_amount(v)]
    ['sd', 'tp', 'ssrd']
    """
    known = VOCABULARY.get(variable.name)
    return variable.over_time != "point" or variable.lower == 0 or bool(known and known.water)


def bounds(variable: Variable) -> tuple[float, float]:
    """Return the bounds of a predictor in its units.

    Examples
    --------
    >>> from xldm.inputs.lists import predictor_variables
    >>> {v.name: bounds(v) for v in predictor_variables() if v.name in ("q850", "u10")}
    {'u10': (-inf, inf), 'q850': (0.0, inf)}
    """
    known = VOCABULARY.get(variable.name)
    # Providers round, so plausible amounts of the vocabulary begin just below 0.
    nought = is_amount(variable) or bool(known and abs(known.low) < 0.01 * known.high)
    least = variable.lower if variable.lower is not None else 0.0 if nought else -np.inf
    return least, np.inf if variable.upper is None else variable.upper


def trace(variable: Variable) -> float:
    """Return the amount of a predictor that counts as nothing, in its units.

    Examples
    --------
    >>> trace(Variable("tp", "precipitation_amount", "m", mean=1e-4, std=3e-4))
    3e-07
    """
    above = denormalise(np.ones((1, 1, 1)), [variable]).item() - physical_mean(variable)
    return float(f"{_NOTHING * above:.3g}")
