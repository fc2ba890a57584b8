"""Whatever stands in the place of a package is refused by an error of xldm, soon and in bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from attempts import NAMES, attempts  # noqa: E402


@pytest.fixture(scope="module")
def became(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each attempt, tried once in a process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = os.pathsep.join([str(HERE), str(HERE.parent), str(HERE.parents[1])])
    env = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, HERE / "trying.py", folder], check=True, env=env, cwd=folder)
    return json.loads((folder / "became.json").read_text())


@pytest.mark.parametrize("attempt", [a for a in attempts() if not a.harmless], ids=lambda a: a.name)
def test_a_hostile_package_is_refused(became: dict[str, str], attempt: object) -> None:
    assert became[attempt.name] == "refused"


@pytest.mark.parametrize("attempt", [a for a in attempts() if a.harmless], ids=lambda a: a.name)
def test_a_harmless_package_loads_and_draws(became: dict[str, str], attempt: object) -> None:
    assert became[attempt.name] == "harmless"


@pytest.mark.parametrize("name", NAMES, ids=lambda n: repr(n[:40]))
def test_a_name_of_nothing_is_refused(became: dict[str, str], name: str) -> None:
    assert became[f"the name {name[:40]!r}"] == "refused"


def test_there_are_hundreds_of_attempts() -> None:
    names = [a.name for a in attempts()]
    assert len(names) == len(set(names)) > 200


def test_no_code_of_a_package_was_run(became: dict[str, str]) -> None:
    assert became and not Path("/tmp/xldm-hostile").exists()
