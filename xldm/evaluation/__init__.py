"""Evaluation: how good downscaled fields are.

In: forecasts and a truth on the same cells and hours, of any length. Out: one dataset of scores,
figures of it, and a report. Each block of hours leaves sums behind (a statistic), sums of blocks
add up (a state), and scores follow from the sums. Drawing the forecasts belongs in
`xldm.downscale`; only `protocols` calls it, for forecasts that answer one question.
"""

from .evaluate import evaluate

__all__ = ["evaluate"]
