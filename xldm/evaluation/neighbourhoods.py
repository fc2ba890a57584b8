"""Fractions skill score: how well the shares of rainy cells around every cell agree.

The sums of hours add up, and the score follows from their total.
"""

from __future__ import annotations

import numpy as np

__all__ = ["fractions", "fss", "squares"]


def fractions(events: np.ndarray, size: int) -> np.ndarray:
    """Return the share of cells with an event in the square around every cell.

    Cells beyond the edge have no event. A square of an even side reaches a cell further up and to
    the left.

    Parameters
    ----------
    events : ndarray of bool (..., y, x)
        Whether a cell has the event.
    size : int
        Side of the square, in cells.

    Returns
    -------
    ndarray (..., y, x)
        From 0 to 1.

    Examples
    --------
    >>> fractions(np.array([[True, False, False], [True, False, False]]), 3).round(2)
    array([[0.22, 0.22, 0.  ],
           [0.22, 0.22, 0.  ]])
    """
    if size == 1:
        return events.astype(np.float64)
    rows, columns = events.shape[-2:]
    # Sums over all cells above and to the left, of which four give the sum over a square.
    corner = np.zeros((*events.shape[:-2], rows + 1, columns + 1), np.int32)
    np.cumsum(events, axis=-2, dtype=np.int32, out=corner[..., 1:, 1:])
    np.cumsum(corner, axis=-1, out=corner)
    (top, bottom), (left, right) = (_ends(n, size) for n in (rows, columns))
    strips = corner[..., bottom, :] - corner[..., top, :]
    return (strips[..., right] - strips[..., left]) / size**2


def _ends(cells: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last edge of the window of every cell along a side."""
    at = np.arange(cells) - size // 2
    return np.clip(at, 0, cells), np.clip(at + size, 0, cells)


def squares(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the sums of which the score is made, of the fractions of one hour.

    Parameters
    ----------
    forecast : ndarray (..., y, x)
        Fractions; leading dims stay.
    truth : ndarray (y, x)

    Returns
    -------
    ndarray (..., 3)
        Sums over cells of the forecast's squares, the truth's squares, and the products of both.

    Examples
    --------
    >>> squares(np.array([[0.5, 1.0]]), np.array([[0.5, 0.0]]))
    array([1.25, 0.25, 0.25])
    """
    of_truth = np.broadcast_to((truth**2).sum(), forecast.shape[:-2])
    return np.stack(
        [
            np.einsum("...yx,...yx->...", forecast, forecast),
            of_truth,
            np.einsum("...yx,yx->...", forecast, truth),
        ],
        axis=-1,
    )


def fss(sums: np.ndarray) -> np.ndarray:
    """Return the fractions skill score of sums of :func:`squares` over hours [1]_.

    ``1 - sum((f - o)^2) / (sum(f^2) + sum(o^2))``, with f the fractions of the forecast and o those
    of the truth.

    Parameters
    ----------
    sums : ndarray (..., 3)

    Returns
    -------
    ndarray (...)
        1 at best, 0 where forecast and truth never overlap; NaN without any event in either.

    References
    ----------
    .. [1] Roberts and Lean (2008), Scale-selective verification of rainfall accumulations from
       high-resolution forecasts of convective events, Mon. Wea. Rev. 136, 78-97, eqs. 5-8.

    Examples
    --------
    >>> fss(np.array([2.0, 2.0, 1.0]))
    array(0.5)
    """
    of_forecast, of_truth, both = np.moveaxis(np.asarray(sums), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * both / (of_forecast + of_truth))
