"""Validated dataclasses of settings: what is wrong with one is told in an error of xldm.

In: classes of settings, and what pydantic finds wrong with values. Out: the same classes, which
raise ArgumentError, and the faults in words.
"""

from __future__ import annotations

import functools
import inspect
import typing
from dataclasses import field, fields
from numbers import Real
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError

from .arguments import Kind, brief
from .errors import ArgumentError

__all__ = ["checked", "faults_of", "written_if_set"]

T = TypeVar("T")

# Unknown keys, NaN and infinities are refused.
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
#: Faults that a message lists.
_MOST_FAULTS = 20
# Kinds of faults whose message shows what came, or for which nothing came.
_SHOWN = ("missing", "unexpected_keyword_argument", "unexpected_positional_argument")


def written_if_set(default: Any) -> FieldInfo:
    """Return a field that is written only where it differs from its default."""
    return Field(exclude_if=lambda value: value == default)


@dataclass_transform(frozen_default=True, field_specifiers=(Field, field))
def checked(kind: type[T], *, kw_only: bool = False) -> type[T]:
    """Make a frozen dataclass whose values are checked, from Python as from YAML.

    Values of another kind are refused, where pydantic would convert them: True is no number, 1 is
    no bool, "8" is neither, and a set has no order. NumPy's numbers and lists are taken.

    Raises
    ------
    ArgumentError
        When settings are made of values that they cannot have; the message names every fault.

    Examples
    --------
    >>> @checked
    ... class Grid:
    ...     spacing: float
    >>> Grid("wide")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: Grid: spacing: input should be a valid number; got 'wide'
    """
    written, types = kind.__annotations__, typing.get_type_hints(kind, include_extras=True)
    kind.__annotations__ = {name: _exact(types[name]) for name in written}
    made: Any = dataclass(kind, frozen=True, config=_STRICT, kw_only=kw_only)
    of_pydantic = made.__init__

    @functools.wraps(of_pydantic)
    def init(self: T, *args: Any, **values: Any) -> None:
        try:
            of_pydantic(self, *args, **values)
        except ValidationError as error:
            raise ArgumentError(faults_of(made, error)) from None

    made.__init__ = init
    _shown_as(made, written)
    return made


def _shown_as(made: type, written: dict[str, Any]) -> None:
    """Let ``help`` show the types as they are written."""
    shown, types = inspect.signature(made), dict[str, Any]()
    made.__annotations__ = written
    for kind in reversed(made.__mro__):
        types |= getattr(kind, "__annotations__", {})
    parameters = [p.replace(annotation=types[p.name]) for p in shown.parameters.values()]
    made.__signature__ = shown.replace(parameters=parameters)  # type: ignore[attr-defined]


def _exact(hint: Any, *, key: bool = False) -> Any:
    """Return a type whose plain values, however deep, have to be of its kind."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    checks = _EXACT | _KEYS if key else _EXACT
    if origin is None:
        return Annotated[hint, checks[hint]] if hint in checks else hint
    if origin is Literal:
        return Annotated[hint, checks[type(args[0])]]
    if origin is Annotated:
        return Annotated[(_exact(args[0], key=key), *hint.__metadata__)]
    within = tuple(_exact(a, key=origin is dict and i == 0) for i, a in enumerate(args))
    if origin in (typing.Union, UnionType):
        return typing.Union[within]  # noqa: UP007
    made = origin[within]
    return Annotated[made, BeforeValidator(_ordered)] if origin is tuple else made


def _of(dtypes: str, fault: Any, *kinds: type) -> BeforeValidator:
    """Return a check that a value is of a kind, or a NumPy scalar of a dtype."""
    plain = Kind("", kinds)

    def check(value: Any) -> Any:
        if (dtype := getattr(value, "dtype", None)) is None:
            fits = plain.has_type(value)
        else:  # a difference of times is an Integral, by its class
            fits = getattr(dtype, "kind", None) in [*dtypes] and getattr(value, "shape", None) == ()
            value = value.item() if fits else value
        if not fits:
            raise PydanticKnownError(fault)
        return value

    return BeforeValidator(check)


def _ordered(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        raise PydanticKnownError("tuple_type")
    return value


# pydantic looks whether a number is whole.
_EXACT: dict[Any, BeforeValidator] = {
    bool: _of("b", "bool_type", bool),
    int: _of("iuf", "int_type", Real),
    float: _of("iuf", "float_type", Real),
    str: _of("U", "string_type", str),
}
# Packages write the numbers that are keys as texts.
_KEYS: dict[Any, BeforeValidator] = {float: _of("iuf", "float_type", Real, str)}


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
