"""Evaluation of downscaled fields against a truth.

Statistic -> additive state -> metric: a block of hours leaves sums behind (`sums`), sums of blocks
are put together (`state`), and scores are made of them (`scores`, `climate`).
"""

from .evaluate import evaluate

__all__ = ["evaluate"]
