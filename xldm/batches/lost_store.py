"""Name a store that goes away while its batches are read."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from ..errors import BatchError, StoreError
from ..storage.location import Place, reaching
from ..storage.marks import root_attrs

__all__ = ["naming"]

T = TypeVar("T")


def naming(place: Place | None, found: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield from a reader of a store; its errors name the store if that cannot be reached.

    Parameters
    ----------
    place : Place, optional
        Location of the store; None for a store in memory.
    found : generator

    Raises
    ------
    StoreError
        If the store is gone or cannot be reached.
    """
    if place is None:
        yield from found
        return
    try:
        with reaching(place):
            yield from found
    except BatchError:
        # Zarr takes chunks that it does not find for missing values.
        with reaching(place):
            if root_attrs(place) is None:
                raise StoreError(
                    f"{place.url}: the store is gone, though it was there at the beginning; bring "
                    "it back and continue with resume=True"
                ) from None
        raise
