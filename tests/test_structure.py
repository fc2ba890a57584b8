"""Rules of the house that a machine can check: sizes of modules and functions, no circles."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import xldm

ROOT = Path(xldm.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))


def bodies(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Return each function with the lines of its body, without those of its docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            after = first.end_lineno if ast.get_docstring(node) else first.lineno - 1
            yield node.name, node.end_lineno - after


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(ROOT)) for p in MODULES])
def test_a_module_is_short_enough_to_be_read_at_once(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    assert {name: lines for name, lines in bodies(ast.parse(text)) if lines > 60} == {}


def test_no_modules_import_each_other_in_a_circle_not_even_for_types():
    graph = grimp.build_graph("xldm", exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError with the modules of a circle


@pytest.mark.parametrize("room", sorted(p.parent.name for p in ROOT.glob("*/__init__.py")))
def test_a_room_says_what_comes_in_and_what_goes_out(room):
    said = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8")))
    assert "In:" in said and "Out:" in said
