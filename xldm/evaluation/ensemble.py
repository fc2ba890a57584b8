"""Scores of ensembles: CRPS, ranks, probabilities of events, spread against skill.

The first axis of an ensemble is the member. Counts are sums over places, so counts of disjoint
places or times add up. *Strata* are groups of places that may overlap; ``membership`` (N, S) is 1
where a place belongs to a stratum and 0 elsewhere.
"""

from __future__ import annotations

import numpy as np

__all__ = ["brier", "crps", "event_counts", "rank_counts", "reliability", "spread_skill"]


def crps(ensemble: np.ndarray, truth: np.ndarray, *, fair: bool = False) -> np.ndarray:
    """Return the continuous ranked probability score of an ensemble.

    For members x_i and truth y [1]_::

        CRPS = mean_i |x_i - y| - 1/(2 m^2) sum_ij |x_i - x_j|

    The fair score [2]_ divides by m (m - 1) instead: its mean does not depend on the number of
    members, and is least for members drawn from the truth's distribution. For sorted members,
    ``sum_ij |x_i - x_j|`` is ``2 sum_i (2 i - m - 1) x_i``.

    Parameters
    ----------
    ensemble : ndarray (m, ...)
        Members.
    truth : ndarray (...)
        In the members' units.
    fair : bool
        Return the fair score.

    Returns
    -------
    ndarray (...)
        In the members' units, 0 at best; the fair score may be negative. The CRPS of one member is
        its absolute error, and its fair score is NaN. NaN where a member or the truth is NaN.

    References
    ----------
    .. [1] Hersbach (2000), Decomposition of the continuous ranked probability score for ensemble
       prediction systems, Wea. Forecasting 15, 559-570.
    .. [2] Ferro (2014), Fair scores for ensemble forecasts, Q. J. R. Meteorol. Soc. 140,
       1917-1923, sec. 2.

    Examples
    --------
    >>> members = np.array([[1.0], [3.0]])
    >>> crps(members, np.array([2.0])), crps(members, np.array([2.0]), fair=True)
    (array([0.5]), array([0.]))
    """
    m = len(ensemble)
    # Members last, where sorting is fastest. Errors, since small numbers keep more digits.
    error = np.moveaxis(np.asarray(ensemble, "float64") - truth, 0, -1)
    error = np.sort(error, axis=-1)
    pairs = m * (m - 1) if fair else m * m
    weights = np.arange(1 - m, m, 2.0)
    with np.errstate(invalid="ignore"):
        half_spread = error @ weights / np.float64(pairs)
    return np.abs(error, out=error).mean(-1) - half_spread


def rank_counts(ensemble: np.ndarray, truth: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """Count how often the truth had each rank among the members.

    The rank is the number of members below the truth. Where members equal the truth, several ranks
    are possible, and each gets the same share of the count.

    Parameters
    ----------
    ensemble : ndarray (m, N)
        Members.
    truth : ndarray (N,)
        In the members' units.
    membership : ndarray (N, S)
        1 where a place belongs to a stratum, else 0.

    Returns
    -------
    ndarray (S, m + 1)
        Counts of ranks 0 to m, float64. Places where a member or the truth is NaN are not counted.

    Examples
    --------
    >>> members = np.array([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    >>> rank_counts(members, np.array([0.0, 2.0, 3.0]), np.ones((3, 1)))
    array([[1. , 1.5, 0.5]])
    """
    below = (ensemble < truth).sum(0, dtype="int32")
    ties = (ensemble == truth).sum(0, dtype="int32")
    ranks = np.where(_known(ensemble, truth), ties + 1, 0)
    return _spread(below, ranks, len(ensemble) + 1, membership)


def event_counts(
    ensemble: np.ndarray, truth: np.ndarray, threshold: float, membership: np.ndarray
) -> np.ndarray:
    """Count how often k of m members exceeded a threshold, and how often the truth then did.

    Parameters
    ----------
    ensemble : ndarray (m, N)
        Members.
    truth : ndarray (N,)
        In the members' units.
    threshold : float
        In the members' units; the event is a value above it.
    membership : ndarray (N, S)
        1 where a place belongs to a stratum, else 0.

    Returns
    -------
    ndarray (2, S, m + 1)
        For k from 0 to m, float64: the places where k members had the event, and how many of them
        had it in the truth. Places where a member or the truth is NaN are not counted.

    Examples
    --------
    >>> members = np.array([[1.0, 3.0, 3.0], [1.0, 1.0, 3.0]])
    >>> event_counts(members, np.array([0.0, 4.0, 4.0]), 2.0, np.ones((3, 1)))
    array([[[1., 1., 1.]],
           [[0., 1., 1.]]])
    """
    m = len(ensemble)
    event = truth > threshold
    number = (ensemble > threshold).sum(0, dtype="int32") + event * (m + 1)
    counts = _spread(number, _known(ensemble, truth).astype("int32"), 2 * (m + 1), membership)
    without, with_event = counts[:, : m + 1], counts[:, m + 1 :]
    return np.stack([without + with_event, with_event])


def brier(counts: np.ndarray) -> np.ndarray:
    """Return the Brier score: mean of (k / m - event)^2, where event is 1 or 0.

    Parameters
    ----------
    counts : ndarray (2, ..., m + 1)
        From :func:`event_counts`, or a sum of several.

    Returns
    -------
    ndarray (...)
        From 0, at best, to 1; NaN where no place was counted.

    Examples
    --------
    >>> brier(np.array([[1.0, 2.0, 1.0], [0.0, 1.0, 1.0]]))
    array(0.125)
    """
    places, events = counts
    probability = np.linspace(0, 1, places.shape[-1])
    squares = (places - events) @ probability**2 + events @ (1 - probability) ** 2
    with np.errstate(invalid="ignore"):
        return np.asarray(squares / places.sum(-1))


def reliability(
    counts: np.ndarray, probabilities: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return how often the event happened for each forecast probability.

    Parameters
    ----------
    counts : ndarray (2, ..., m + 1)
        From :func:`event_counts`, or a sum of several.
    probabilities : ndarray (P,), optional
        Count each share of members k / m at the nearest of these, so that ensembles of different
        sizes can be compared; default the m + 1 shares themselves.

    Returns
    -------
    frequency : ndarray (..., P)
        Share of the places of a probability that had the event; NaN where there is no place.
    count : ndarray (..., P)
        Places of each probability.

    Examples
    --------
    >>> counts = np.array([[4.0, 2.0, 0.0], [1.0, 1.0, 0.0]])
    >>> reliability(counts)
    (array([0.25, 0.5 ,  nan]), array([4., 2., 0.]))
    >>> reliability(counts, np.array([0.25, 1.0]))
    (array([0.33333333,        nan]), array([6., 0.]))
    """
    shares = np.linspace(0, 1, counts.shape[-1])
    probabilities = shares if probabilities is None else probabilities
    nearest = np.abs(shares[:, None] - probabilities).argmin(1)
    places, events = counts @ np.eye(probabilities.size)[nearest]
    with np.errstate(invalid="ignore"):
        return events / places, places


def spread_skill(
    mean_variance: np.ndarray, mean_square_error: np.ndarray, members: int | np.ndarray
) -> np.ndarray:
    """Return the ratio of an ensemble's spread to the error of its mean: 1 if reliable [1]_.

    ``sqrt((m + 1) / m * variance / mse)``: the mean of m members misses a truth drawn like them by
    (m + 1) / m of their variance.

    Parameters
    ----------
    mean_variance : ndarray (...)
        Mean over places of the members' variance, with divisor m - 1.
    mean_square_error : ndarray (...)
        Mean over places of the squared error of the members' mean, in the same units.
    members : int or ndarray (...)
        Number of members m.

    Returns
    -------
    ndarray (...)
        Below 1, the ensemble spreads too little. Infinite if only the error is 0, NaN if both are.

    References
    ----------
    .. [1] Fortin et al. (2014), Why should ensemble spread match the RMSE of the ensemble mean?,
       J. Hydrometeorol. 15, 1708-1713, eq. 15.

    Examples
    --------
    >>> spread_skill(4.0, 4.5, members=8)
    array(1.)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.divide(mean_variance, mean_square_error)
    return np.asarray(np.sqrt((members + 1) / members * ratio))


def _known(ensemble: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return ~np.isnan(ensemble.sum(0) + truth)


def _spread(
    first: np.ndarray, columns: np.ndarray, size: int, membership: np.ndarray
) -> np.ndarray:
    """Count each place (N,) evenly over its ``columns``, starting at ``first``; (S, size)."""
    import scipy.sparse  # here, since it takes long to import

    end = np.cumsum(columns)
    column = np.arange(end[-1]) - np.repeat(end - columns - first, columns)
    share = np.repeat(1 / np.maximum(columns, 1), columns)
    matrix = scipy.sparse.csr_array((share, column, np.append(0, end)), shape=(len(first), size))
    return (matrix.T @ membership).T
