"""The base class of all drivers: arguments of an entry, and a display without secrets.

Values of storage options appear in no repr, no YAML and no message.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from intake.source.base import DataSource, Schema

from ..errors import ArgumentTypeError

__all__ = ["Chunks", "Source"]

#: Values of storage options that are never secret.
_PUBLIC = (True, False, None, "anon")

Chunks = Mapping[str, int] | None


class Source(DataSource):
    """A catalog entry; calling it with arguments of ``_open`` returns a copy with these set.

    Parameters
    ----------
    metadata : mapping, optional
        Metadata of the entry.
    **arguments
        Arguments of the driver's ``_open``.

    Raises
    ------
    TypeError
        If the driver does not take an argument; names the arguments that it takes.
    """

    container = "xarray"
    version = "1"

    def __init__(self, metadata: Mapping[str, Any] | None = None, **arguments: Any) -> None:
        super().__init__(metadata=metadata)
        try:
            inspect.signature(self._open).bind(None, **arguments)
        except TypeError as error:
            known = list(inspect.signature(self._open).parameters)[1:]
            raise ArgumentTypeError(f"{error}; arguments are {', '.join(known)}") from None
        self._arguments = arguments

    def read(self) -> Any:
        """Open the entry with lazily indexed fields."""
        return self._open(None, **self._arguments)

    def to_dask(self) -> Any:
        """Open the entry with dask arrays in the stored chunks."""
        return self._open({}, **self._arguments)

    def configure_new(self, **arguments: Any) -> Source:
        """Return a copy of the entry with arguments set."""
        # Not through intake's entry, which would treat braces in a secret as a template.
        new = type(self)(**{**self._captured_init_kwargs, **arguments})
        new.name, new.description, new.cat = self.name, self.description, self.cat
        new._entry = self._entry
        return new

    __call__ = get = configure_new

    #: Notebooks then show the repr.
    _ipython_display_ = None

    def __repr__(self) -> str:
        said = self._yaml()["sources"][self.name]
        about = {"description": said["description"], "args": said["args"], **said["metadata"]}
        return yaml.safe_dump({self.name: about}, sort_keys=False, allow_unicode=True, width=100)

    #: ``_open(chunks, **arguments)`` of a driver opens the entry.
    _open: Callable[..., Any]

    def _yaml(self) -> dict[str, Any]:
        data = super()._yaml()
        said = data["sources"][self.name]
        said["args"] = {name: _shown(name, value) for name, value in self._arguments.items()}
        said["metadata"] = {n: v for n, v in said["metadata"].items() if n != "catalog_dir"}
        return data

    def _get_schema(self) -> Schema:
        return Schema(dtype=None, shape=None, npartitions=1, extra_metadata={})

    def _close(self) -> None:
        """Do nothing, since no file is kept open."""


def _shown(name: str, value: Any) -> Any:
    """Return an argument as it may be displayed."""
    if name == "storage_options":
        return {n: v if v in _PUBLIC else "(hidden)" for n, v in (value or {}).items()}
    if isinstance(value, list):
        return [_shown(name, one) for one in value]
    if isinstance(value, int | None):
        return value
    refused = "://" in str(value) and any(c in str(value) for c in "@?")
    return "(hidden, since it holds credentials or a query)" if refused else str(value)
