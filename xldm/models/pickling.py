"""Pickle a model by its origin, a function and its arguments, and not by its weights."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from dask.base import normalize_token

__all__ = ["Held", "Origin", "made", "token"]

# Models that a process keeps: one task graph needs a few, baselines among them.
MOST = 8


class HasOrigin(Protocol):
    """A model that may know how another process makes it."""

    @property
    def origin(self) -> tuple[Callable[..., Any], tuple] | None:
        """A function known by its name, and its arguments."""


@dataclass(frozen=True)
class Origin:
    """A function and its arguments, which make a model in any process.

    Parameters
    ----------
    make : callable
        A function that pickle finds by its name.
    args : tuple
        Hashable; a model among them is replaced by its own origin.
    """

    make: Callable[..., Any]
    args: tuple = field(repr=False)  # a URL among them may hold secrets

    @classmethod
    def of(cls, model: HasOrigin) -> Origin | None:
        """Return the origin of a model; None if the model, or one it is made of, has none."""
        if model.origin is None:
            return None
        make, args = model.origin
        known = tuple(cls.of(a) if hasattr(a, "origin") else a for a in args)
        lost = any(k is None and a is not None for k, a in zip(known, args, strict=True))
        return None if lost else cls(make, known)


_making = threading.RLock()


@functools.lru_cache(MOST)
def _once(origin: Origin) -> Any:
    return origin.make(*(made(a) if isinstance(a, Origin) else a for a in origin.args))


def made(origin: Origin) -> Any:
    """Make the model of an origin on the first call in this process, return the same later."""
    with _making:  # or two threads at once would both make it
        return _once(origin)


def token(model: HasOrigin, contents: Callable[[], tuple]) -> Any:
    """Return a token that names a model in dask's task keys, the same in every process.

    For a model without origin, ``contents`` returns the parts of the token.
    """
    origin = Origin.of(model)
    parts = contents() if origin is None else (origin.make, origin.args)
    return normalize_token(("xldm.Model", *parts))


class Held:
    """A model in a task graph; calling it returns the model.

    In this process it holds the model itself. Pickled, it becomes the model's origin if there is
    one: a scheduler that only passes it on makes no model.
    """

    def __init__(self, model: HasOrigin | Origin) -> None:
        self._model = model

    def __call__(self) -> Any:
        """Return the model; it is made first if only its origin came along."""
        return made(self._model) if isinstance(self._model, Origin) else self._model

    def __reduce__(self) -> tuple[Any, ...]:
        model = self._model
        return Held, (model if isinstance(model, Origin) else Origin.of(model) or model,)
