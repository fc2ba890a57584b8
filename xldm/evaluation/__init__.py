"""Evaluation: how good downscaled fields are.

In: forecasts and a truth on the same cells and hours, of any length. Out: one dataset of scores,
figures of it, and a report. `align` refuses datasets that cannot be compared, and `plan` fixes
every dimension. Each hour leaves sums behind (`sums`), which add up over hours and over parts of
the record (`state`). From the sums follow scores (`scores` declares them, `accuracy` computes them)
and whether the fields look real (`realism`). Drawing the forecasts belongs in `xldm.downscale`;
only `protocols` calls it, for forecasts that answer one question.
"""

from .evaluate import evaluate
from .scores import Score, register

__all__ = ["Score", "evaluate", "register"]
