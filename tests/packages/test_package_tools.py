"""The two tools that make a package of packages: averages of weights, and the one that ships."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import tiny
import torch

from xldm.models.model import Model
from xldm.packages import package

TOOLS = Path(__file__).resolve().parents[2] / "tools"
RECORDS = {"training-curve.csv": b"step,loss\n1,0.5\n", "training.yaml": b"steps: 1\n"}


def run(tool: str, *args: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, TOOLS / tool, *map(str, args)], capture_output=True, text=True
    )


def written(folder: Path, shift: float = 0.0, name: str = "2mT", **changes: object) -> Path:
    """A package whose weights are moved by ``shift``."""
    part = tiny.part(name, (replace(tiny.TARGET, name="t2m" if name == "2mT" else name),))
    config = tiny.config(components=(part,), **changes)
    net = tiny.network(part)
    for weight in net.parameters():
        weight.data += shift
    package.write(folder, config, {name: net}, tiny.static(), extra=RECORDS)
    return folder


def weight(model: Model, name: str = "2mT") -> np.ndarray:
    return next(model.components[name].parameters()).detach().numpy()


def test_an_average_lies_the_share_of_the_way_to_the_second_package(tmp_path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b", shift=1.0)
    done = run("average.py", tmp_path / "out", first, second, "--share", 0.4)
    assert not done.returncode, done.stderr
    out = package.read(tmp_path / "out", sha256=done.stdout.strip())
    np.testing.assert_allclose(weight(out), weight(package.read(first)) + 0.4, atol=1e-6)


def test_an_average_names_the_second_package_and_the_share(tmp_path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b", shift=1.0)
    run("average.py", tmp_path / "out", first, second, "--share", 0.4)
    provenance = package.read(tmp_path / "out").config.provenance
    assert provenance["averaged with a share of 0.4 of tiny"] == package.read(second).sha256


def test_packages_with_other_predictors_are_not_averaged(tmp_path):
    first = written(tmp_path / "a")
    scaled = tuple(replace(v, std=2 * v.std) for v in tiny.config().predictors)
    second = written(tmp_path / "b", predictors=scaled)
    done = run("average.py", tmp_path / "out", first, second, "--share", 0.4)
    assert done.returncode and "nothing is written" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_ships_has_half_precision_and_the_records_of_its_training(tmp_path):
    first = written(tmp_path / "a")
    done = run("embed.py", first, tmp_path / "out", "--years", "2001-2007")
    assert not done.returncode, done.stderr
    out = package.read(tmp_path / "out", sha256=done.stdout.strip())
    assert "2001-2007" in out.config.training_data
    expected = torch.from_numpy(weight(package.read(first))).half().float().numpy()
    np.testing.assert_array_equal(weight(out), expected)
    assert {n: (tmp_path / "out" / n).read_bytes() for n in RECORDS} == RECORDS


def test_a_component_joins_with_its_records_under_its_own_name(tmp_path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b", name="tp")
    run("embed.py", first, second, tmp_path / "out")
    out = package.read(tmp_path / "out")
    assert list(out.components) == ["2mT", "tp"]
    assert (tmp_path / "out" / "tp-training.yaml").read_bytes() == RECORDS["training.yaml"]


def test_a_component_replaces_its_namesake(tmp_path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b", shift=1.0)
    assert not run("embed.py", first, second, tmp_path / "out").returncode
    out = package.read(tmp_path / "out")
    np.testing.assert_allclose(weight(out), weight(package.read(second)), atol=2e-3)


def test_a_package_on_another_footprint_does_not_join(tmp_path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b", name="tp", footprint=31e3)
    done = run("embed.py", first, second, tmp_path / "out")
    assert done.returncode and "footprint" in done.stderr
    assert not (tmp_path / "out").exists()
