"""How a model comes to another process: as what it is made of, and not as its weights."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dask.base import normalize_token

if TYPE_CHECKING:
    from .model import Model

__all__ = ["Held", "Origin", "made", "token"]

# Models that a process keeps once it has made them: a question takes a few, baselines among them.
MOST = 8


@dataclass(frozen=True)
class Origin:
    """A callable and its arguments, which make a model in any process.

    Parameters
    ----------
    make : callable
        A function that can be found by its name.
    args : tuple
        Hashable; a model among them stands here as its own origin.
    """

    make: Callable[..., Model]
    args: tuple

    @classmethod
    def of(cls, model: Model) -> Origin | None:
        """The origin of a model; None if it, or a model it was made of, was never written."""
        if model.origin is None:
            return None
        make, args = model.origin
        known = tuple(cls.of(a) if hasattr(a, "origin") else a for a in args)
        lost = any(k is None and a is not None for k, a in zip(known, args, strict=True))
        return None if lost else cls(make, known)


_making = threading.RLock()


@functools.lru_cache(MOST)
def _once(origin: Origin) -> Model:
    return origin.make(*(made(a) if isinstance(a, Origin) else a for a in origin.args))


def made(origin: Origin) -> Model:
    """The model of an origin: made on the first call in this process, kept for later ones."""
    with _making:  # or two threads that ask at once would both make it
        return _once(origin)


def token(model: Model) -> Any:
    """What tells a model from others in the names of dask's tasks, the same in every process."""
    origin = Origin.of(model)
    if origin is not None:
        return normalize_token(("xldm.Model", origin.make, origin.args))
    parts = {
        name: (type(part), repr(part), [t.numpy(force=True) for t in part.state_dict().values()])
        for name, part in model.components.items()
    }
    return normalize_token(("xldm.Model", model.config, model.static, parts))


class Held:
    """A model in a task graph; called, it gives the model.

    In this process it holds the model itself. On its way to another it becomes the model's origin,
    if there is one: what merely passes it on, such as the scheduler of a cluster, makes no model.
    """

    def __init__(self, model: Model | Origin) -> None:
        self._model = model

    def __call__(self) -> Model:
        return made(self._model) if isinstance(self._model, Origin) else self._model

    def __reduce__(self) -> tuple[Any, ...]:
        known = self._model
        return Held, (known if isinstance(known, Origin) else Origin.of(known) or known,)
