"""Transforms that make skewed fields such as rain more even, and what scaling asks a variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..errors import ArgumentError

__all__ = ["TRANSFORMS", "Scaled", "check_transform"]

_Function = Callable[[Any, Any, float], Any]
#: Transforms and their inverses by name, of a namespace (NumPy or torch), an array and a scale.
TRANSFORMS: dict[str, tuple[_Function, _Function]] = {
    "linear": (lambda xp, x, scale: x, lambda xp, y, scale: y),
    "log1p": (lambda xp, x, scale: xp.log1p(x / scale), lambda xp, y, scale: xp.expm1(y) * scale),
    # torch has no cube root.
    "cbrt": (
        lambda xp, x, scale: xp.sign(x) * xp.abs(x / scale) ** (1 / 3),
        lambda xp, y, scale: y**3 * scale,
    ),
}


class Scaled(Protocol):
    """The parts of a :class:`xldm.config.Variable` that scaling uses."""

    @property
    def mean(self) -> float:
        """Mean of the transformed values in training."""
        ...

    @property
    def std(self) -> float:
        """Standard deviation of the transformed values in training."""
        ...

    @property
    def transform(self) -> str:
        """Name in :data:`TRANSFORMS`."""
        ...

    @property
    def transform_scale(self) -> float:
        """Scale of the transform, in the variable's units."""
        ...

    @property
    def lower(self) -> float | None:
        """Smallest physical value, if there is one."""
        ...

    @property
    def upper(self) -> float | None:
        """Largest physical value, if there is one."""
        ...

    @property
    def dry_below(self) -> float | None:
        """Smallest physical value that is not dry, if dry values are censored."""
        ...

    @property
    def only_at_sea(self) -> bool:
        """Whether the field has no values over land."""
        ...


def check_transform(name: str) -> str:
    """Return the name of a transform, or refuse it if no transform is called so.

    Raises
    ------
    ArgumentError
        If the name is not a key of :data:`TRANSFORMS`.

    Examples
    --------
    >>> check_transform("cube")
    Traceback (most recent call last):
        ...
    xldm.errors.ArgumentError: transform must be one of linear, log1p, cbrt; got 'cube'
    """
    if name not in TRANSFORMS:
        raise ArgumentError(f"transform must be one of {', '.join(TRANSFORMS)}; got {name!r}")
    return name
