"""Validated dataclasses of settings: what is wrong with one is told in an error of xldm.

In: classes of settings, and what pydantic finds wrong with values. Out: the same classes, which
raise ArgumentError, and the faults in words.
"""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from .arguments import brief
from .errors import ArgumentError

__all__ = ["faults_of", "refusing", "strict", "written_if_set"]

T = TypeVar("T")

#: Settings of every configuration: unknown keys, NaN and infinities are refused.
strict = ConfigDict(extra="forbid", allow_inf_nan=False)
#: Faults that a message lists.
_MOST_FAULTS = 20
# Kinds of faults whose message shows what came, or for which nothing came.
_SHOWN = ("missing", "unexpected_keyword_argument", "unexpected_positional_argument")


def written_if_set(default: Any) -> FieldInfo:
    """Return a field that is written only where it differs from its default."""
    return Field(exclude_if=lambda value: value == default)


def refusing(kind: type[T]) -> type[T]:
    """Make a pydantic dataclass raise ArgumentError, with every fault, for values it cannot have.

    Examples
    --------
    >>> from pydantic.dataclasses import dataclass
    >>> @refusing
    ... @dataclass(config=strict)
    ... class Grid:
    ...     spacing: float
    >>> Grid("wide")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: Grid: spacing: input should be a valid number, ...; got 'wide'
    """
    made = kind.__init__

    @functools.wraps(made)
    def init(self: T, *args: Any, **values: Any) -> None:
        try:
            made(self, *args, **values)
        except ValidationError as error:
            raise ArgumentError(faults_of(kind, error)) from None

    kind.__init__ = init  # type: ignore[assignment]
    return kind


def faults_of(kind: type, error: ValidationError) -> str:
    """Return in one line what is wrong with the values for settings of a kind."""
    found = error.errors(include_url=False)
    names = [field.name for field in fields(kind) if field.init]
    faults = "; ".join(_fault(names, dict(one)) for one in found[:_MOST_FAULTS])
    more = f"; and {len(found) - _MOST_FAULTS} more" if len(found) > _MOST_FAULTS else ""
    return f"{kind.__name__}: {faults}{more}"


def _fault(names: list[str], found: dict[str, Any]) -> str:
    path = [*found["loc"]]
    if path and isinstance(path[0], int) and path[0] < len(names):  # a positional argument
        path[0] = names[path[0]]
    where = f"{'.'.join(map(str, path))}: " if path else ""
    said = found["msg"]
    if found["type"] == "value_error":  # in our own words
        return where + said.removeprefix("Value error, ")
    got = "" if found["type"] in _SHOWN else f"; got {brief(found['input'])}"
    return f"{where}{said[:1].lower()}{said[1:]}{got}"
