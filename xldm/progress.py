"""Tell whoever listens in this process how many fields were drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["listening", "tell"]

_listeners: list[Callable[[float], object]] = []


@contextmanager
def listening(told: Callable[[float], object]) -> Iterator[None]:
    """Call a function with the number of fields, or the part of one, as they are drawn.

    Fields that are drawn in other processes are not told.

    Examples
    --------
    >>> with listening(print):
    ...     tell(0.5)
    0.5
    """
    _listeners.append(told)
    try:
        yield
    finally:
        _listeners.remove(told)


def tell(fields: float) -> None:
    """Tell that so many fields were drawn."""
    for told in list(_listeners):
        told(fields)
