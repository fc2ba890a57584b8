"""Repeat a request that failed because of the network or a busy server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["retried"]

log = logging.getLogger(__name__)
T = TypeVar("T")


def retried(
    request: Callable[[], T], waits: Iterable[float], passes: Callable[[Exception], bool]
) -> T:
    """Return the result of a request, repeated after each wait while it fails.

    Parameters
    ----------
    request : callable () -> anything
    waits : iterable of float
        Seconds to wait before each further try; after the last one, the error is raised.
    passes : callable (Exception) -> bool
        Whether an error may pass with time; any other is raised at once.

    Examples
    --------
    >>> answers = iter([1 / 4])
    >>> retried(lambda: next(answers), (0, 0), lambda error: True)
    0.25
    """
    for wait in waits:
        try:
            return request()
        except Exception as error:
            if not passes(error):
                raise
            # The error's text may hold secrets.
            log.warning("%s; next try in %g s", type(error).__name__, wait)
        time.sleep(wait)
    return request()
