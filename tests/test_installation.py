"""What packaging files say agrees with pyproject.toml, which alone decides."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import xldm

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {need.name: need for need in map(Requirement, PROJECT["dependencies"])}
#: conda-forge's names of what has another one there.
CONDA = {"cf-xarray": "cf_xarray", "dask": "dask-core", "matplotlib": "matplotlib-base"}
CONDA |= {"torch": "pytorch"}


def lowest() -> dict[str, str]:
    lines = (ROOT / "lowest.txt").read_text(encoding="utf-8").splitlines()
    needs = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {need.name: str(need.specifier).removeprefix("==") for need in needs}


def bound(need: Requirement) -> str:
    (least,) = (part.version for part in need.specifier if part.operator == ">=")
    return least


# Of these two another version is installed there, which lowest.txt explains.
@pytest.mark.parametrize("name", sorted(NEEDED.keys() - {"torch", "zarr"}))
def test_the_lowest_version_that_is_tested_is_the_one_that_is_allowed(name):
    assert re.fullmatch(re.escape(bound(NEEDED[name])) + r"(\.0)*", lowest()[name])


def core() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (tests,) = re.findall(r"^CORE := (.*)$", makefile, re.MULTILINE)
    return tests.split()


def test_the_tests_of_the_lowest_versions_start_with_no_package_but_those():
    extras = (Requirement(n) for of in PROJECT["optional-dependencies"].values() for n in of)
    there = {name.lower() for name in lowest()} | {"xldm"}
    others = {need.name.lower() for need in extras} - there
    hidden = [n for n, of in packages_distributions().items() if {d.lower() for d in of} <= others]
    assert {"s3fs", "lightning", "rasterio"} <= {*hidden}
    code = (
        "import sys, pytest; sys.modules |= dict.fromkeys(sys.argv[1].split(',')); "
        "sys.exit(pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', *sys.argv[2:]]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, ",".join(hidden), *core()],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:]


def test_the_conda_recipe_needs_what_the_project_needs():
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    found = dict(line.partition(" >=")[::2] for line in recipe["requirements"]["run"])
    needed = {CONDA.get(name, name): bound(need) for name, need in NEEDED.items()}
    # aiohttp is what fsspec[http] adds; conda has no zarr 2 to keep for recipes.
    assert found == needed | {"python": "${{ python_min }}", "aiohttp": "", "zarr": "3.1"}


def test_recipe_and_citation_are_of_this_version():
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == cited["version"] == xldm.__version__
