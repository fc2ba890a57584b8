"""The documentation site: what it must name, and that nothing in it leads nowhere.

``make docs`` builds the site and executes the notebooks; these tests need neither.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import xldm

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)]
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
_SPOKEN = {".py", ".md", ".toml", ".yaml"}


def of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(path: Path) -> ast.Module:
    cells = nbformat.read(path, as_version=4).cells
    lines = "\n".join(cell.source for cell in cells if cell.cell_type == "code").splitlines()
    return ast.parse("\n".join(line for line in lines if not line.startswith("%")))  # magics


def names_of_xldm(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Return module and attribute of what a notebook takes from xldm."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xldm":
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "xldm":
            yield "xldm", node.attr
        # ds.ldm.check: of a dataset or of a training store
        if isinstance(node, ast.Attribute) and getattr(node.value, "attr", None) == "ldm":
            yield "xldm.accessor", node.attr


def is_there(module: str, name: str) -> bool:
    where = importlib.import_module(module)
    if module == "xldm.accessor":
        return hasattr(where.LDM, name) or hasattr(where.StoreLDM, name)
    if hasattr(where, name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None


def test_the_reference_names_every_public_object():
    pages = (ROOT / "docs" / "reference").rglob("*.*")
    text = "\n".join(p.read_text("utf-8") for p in pages if p.suffix in (".rst", ".md"))
    listed = set(re.findall(r"^   (?:xldm\.)?(\w+)$", text, re.MULTILINE))
    assert set(xldm.__all__) - listed == {"__version__", "published"}


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_links_between_pages_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", text)
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_pages_that_code_and_text_speak_of_exist():
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    lost = set()
    for name in files:
        if (path := ROOT / name).suffix in _SPOKEN and path.is_file():
            said = re.findall(r"\bdocs/[\w/-]+\.(?:md|ipynb|png|gif)\b", path.read_text("utf-8"))
            lost |= {(name, page) for page in said if not (ROOT / page).exists()}
    assert lost == set()


def test_every_notebook_is_in_the_site():
    listed = (ROOT / "docs" / "tutorials" / "index.md").read_text("utf-8")
    assert [p.stem for p in NOTEBOOKS if f"\n{p.stem}\n" not in listed] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=of)
def test_a_notebook_names_what_exists(path):
    named = set(names_of_xldm(code(path)))
    assert named
    assert {(module, name) for module, name in named if not is_there(module, name)} == set()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=of)
def test_a_notebook_is_saved_with_all_of_its_output_or_none(path):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    counts = [c.execution_count for c in cells]
    assert counts in (list(range(1, len(cells) + 1)), [None] * len(cells))
    assert not [o for c in cells for o in c.outputs if o.output_type == "error"]
