"""Errors: one base, and the built-ins that users expect."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import xldm
from xldm import errors

ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and not issubclass(kind, Warning)
]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_is_public_documented_and_caught_by_the_base(kind):
    assert issubclass(kind, xldm.XldmError)
    assert getattr(xldm, kind.__name__) is kind and kind.__name__ in xldm.__all__
    assert kind.__doc__


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (xldm.ArgumentError, ValueError),
        (xldm.ArgumentTypeError, TypeError),
        (xldm.ExistsError, FileExistsError),
        (xldm.MissingPackageError, ImportError),
        (xldm.ArchiveError, ValueError),
        (xldm.BatchError, ValueError),
        (xldm.ConfigError, ValueError),
        (xldm.InputError, ValueError),
        (xldm.PackageError, ValueError),
        (xldm.PublishedError, ValueError),
        (xldm.RegistryError, LookupError),
        (xldm.StoreError, ValueError),
        (xldm.TrainingError, ValueError),
    ],
)
def test_an_error_is_also_the_builtin_that_it_was_before(kind, builtin):
    assert issubclass(kind, builtin)


def test_no_error_is_defined_elsewhere_and_no_bare_value_error_is_raised():
    root = Path(xldm.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.name == "errors.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                assert not node.name.endswith("Error"), f"{path}: {node.name}"
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                assert getattr(node.exc.func, "id", "") != "ValueError", f"{path}:{node.lineno}"
