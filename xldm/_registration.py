"""Import a module as soon as another one has been imported, by whomever.

``import xldm`` alone brings no xarray, so the command line answers ``--help`` at once. The
accessors are there all the same, in whatever order a user imports the two.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["when_imported"]


def when_imported(name: str, then: str) -> None:
    """Import the module ``then`` once the module ``name`` is imported: now, if it is already.

    Examples
    --------
    >>> import xarray
    >>> when_imported("xarray", "xldm.accessor")
    >>> hasattr(xarray.Dataset, "ldm")
    True
    """
    if name in sys.modules:
        importlib.import_module(then)
    else:
        sys.meta_path.insert(0, _Watch(name, then))


class _Watch(importlib.abc.MetaPathFinder):
    """Let the other finders find a module, and import another one after it was executed."""

    def __init__(self, name: str, then: str) -> None:
        self._name, self._then = name, then
        self._asking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: importlib.abc.Loader) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            # Left in place until then: an import that fails may be tried again.
            sys.meta_path.remove(self)
            loader.exec_module = execute  # type: ignore[method-assign]
            importlib.import_module(self._then)

        loader.exec_module = exec_module  # type: ignore[method-assign]
