"""Load YAML that anyone may have written: plain values, of a size and depth known beforehand.

Values are written by the same rules, so that what is written is read back.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from .errors import ConfigError

__all__ = ["dump_yaml", "load_yaml"]

# The parser in C, where PyYAML has it; both build plain values only.
_SAFE: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Bytes of a text, characters of one value, levels, and values once every alias is expanded.
_BYTES, _CHARACTERS, _DEPTH, _VALUES = 10**6, 10_000, 30, 100_000
# A terminal would obey them where a model's card is printed.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class _Loader(_SAFE):
    """Reads 1e-4 as a number, as YAML 1.2 does; for YAML 1.1 it is a text."""


class _Dumper(yaml.SafeDumper):
    """Puts quotes around texts that `_Loader` would read as numbers."""


for _one in (_Loader, _Dumper):
    _number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
    _one.add_implicit_resolver("tag:yaml.org,2002:float", _number, [*"-+.0123456789"])


def dump_yaml(content: Any) -> str:
    """Return values as YAML that `load_yaml` reads back.

    Examples
    --------
    >>> print(dump_yaml({"lr": 1e-4, "name": "1e-4"}), end="")
    {lr: 0.0001, name: '1e-4'}
    """
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100,
        default_flow_style=None,
    )  # fmt: skip


def load_yaml(text: str | bytes) -> Any:
    """Return the values of a YAML text.

    Raises
    ------
    ConfigError
        If the text is no YAML of plain values, or is made to exhaust whoever loads it: too long,
        too deep, with aliases that expand to too much, with control characters.

    Examples
    --------
    >>> load_yaml("a: [1, 2e-3]")
    {'a': [1, 0.002]}
    >>> load_yaml("[" * 100 + "]" * 100)
    Traceback (most recent call last):
        ...
    xldm.errors.ConfigError: it is nested more than 30 levels deep
    """
    if len(text) > _BYTES:
        raise ConfigError(f"it has {len(text):,} bytes, expected {_BYTES:,} at most")
    try:
        _refuse_large(text)
        return yaml.load(text, Loader=_Loader)
    except ConfigError:
        raise
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}") from error
    except Exception as error:  # the constructors of numbers and dates raise anything
        said = str(error)[:200]
        raise ConfigError(f"not valid YAML: a value cannot be built ({said})") from error


def _refuse_large(text: str | bytes) -> None:
    """Count the values of a text from its events, before anything is built of them."""
    counts, names = [0], list[str | None]()
    anchors: dict[str | None, int] = {}
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            inner, name = counts.pop(), names.pop()
            anchors[name] = inner
            counts[-1] += inner
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        counts[-1] += 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise ConfigError(
                    f"the alias {event.anchor!r} is within or before what it stands for"
                )
            counts[-1] += anchors[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            _refuse_value(event.value)
            anchors[event.anchor] = 1
        else:
            anchors.pop(event.anchor, None)
            counts.append(0)
            names.append(event.anchor)
        if len(counts) > _DEPTH + 1:
            raise ConfigError(f"it is nested more than {_DEPTH} levels deep")
        if sum(counts) > _VALUES:
            raise ConfigError(f"it holds more than {_VALUES:,} values, aliases expanded")


def _refuse_value(value: str) -> None:
    if len(value) > _CHARACTERS:
        raise ConfigError(
            f"a value has {len(value):,} characters, expected {_CHARACTERS:,} at most"
        )
    if found := _CONTROL.search(value):
        raise ConfigError(f"a value holds the control character {found[0]!r}")
