"""Matrices between the coarse and the fine cells of nested axes."""

from __future__ import annotations

import functools

import numpy as np
from scipy.interpolate import make_interp_spline

__all__ = ["means", "quadratic", "single"]

#: Weights below it count for nothing beside 1.
_LEAST = 1e-20


def single(weights: np.ndarray) -> np.ndarray:
    """Return weights in single precision, without those that would be denormal or almost.

    Denormal numbers make a product of matrices ten times slower.

    Examples
    --------
    >>> single(np.array([1.0, 1e-8, 1e-40]))
    array([1.e+00, 1.e-08, 0.e+00], dtype=float32)
    """
    return np.where(np.abs(weights) < _LEAST, 0, weights).astype(np.float32)


@functools.lru_cache(maxsize=32)
def quadratic(size: int, factor: int) -> np.ndarray:
    """Return the matrix (size * factor, size) from coarse to fine cell centres along an axis."""
    fine = (np.arange(size * factor) + 0.5) / factor - 0.5
    spline = make_interp_spline(np.arange(size), np.eye(size), k=2)
    return single(spline(fine, extrapolate=True))


@functools.lru_cache(maxsize=32)
def means(size: int, factor: int, width: float) -> np.ndarray:
    """Return the matrix (size, size * factor) of Gaussian means around coarse cells.

    Beyond its ends a field goes on by point reflection, so that means of linear fields are exact.
    """
    centre = (np.arange(size) + 0.5) * factor - 0.5
    reach = int(np.ceil(4 * width * factor)) + factor
    at = np.arange(-reach, size * factor + reach)
    weight = np.exp(-0.5 * ((at - centre[:, None]) / (width * factor)) ** 2)
    weight /= weight.sum(1, keepdims=True)
    last = size * factor - 1
    out = np.zeros((size, size * factor))
    for column, place in zip(weight.T, at, strict=True):
        if 0 <= place <= last:
            out[:, place] += column
            continue
        # f(-d) = 2 f(0) - f(d)
        end, mirrored = (0, -place) if place < 0 else (last, 2 * last - place)
        out[:, end] += 2 * column
        out[:, int(np.clip(mirrored, 0, last))] -= column
    return single(out)
