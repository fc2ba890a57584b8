"""The recipes of the paper's dataset make parts that hold what its files hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import release

from xldm.errors import StoreError
from xldm.published import twin_release
from xldm.published.dataset import open_dataset
from xldm.published.statics_and_scaling import read_statics
from xldm.stores.parts import open_part
from xldm.twin import Twin

pytest.importorskip("pangeo_forge_recipes")
RECIPES = Path(__file__).resolve().parents[2] / "recipes"
DAY = "2001-07-15"


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of the twin in the dataset's layout."""
    return twin_release.write(tmp_path_factory.mktemp("twin") / "paper", DAY, DAY)


def run(recipe: str, target: Path, *options: str, winds: str = "earth", rain: str = "") -> str:
    """What a recipe says in the end."""
    command = [sys.executable, "-m", "xldm.forge", str(RECIPES / recipe), "--target", str(target)]
    env = os.environ | {"XLDM_WIND_FRAME": winds, "XLDM_RAIN_UNITS": rain}
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=env)
    return done.stderr


@pytest.mark.parametrize("part", ["coarse", "fine"])
def test_a_part_is_what_is_read_without_a_recipe(paper: Path, tmp_path: Path, part: str) -> None:
    options = ("--source", str(paper), "--period", DAY, "--part", part)
    assert "complete after" in run("paper_dataset.py", tmp_path / "part.zarr", *options)
    found = open_part(tmp_path / "part.zarr")
    wanted = open_dataset(paper, wind_frame="earth")[part == "fine"]
    assert set(found.data_vars) == set(wanted.data_vars)
    for name, field in wanted.items():
        np.testing.assert_array_equal(found[name], field, err_msg=str(name))
    assert "is not documented" in found.attrs["comment"]


def test_the_fine_part_has_the_rain_of_files_whose_units_are_stated(tmp_path: Path) -> None:
    """Half precision holds it within a thousandth, and a thousandth of a standard deviation."""
    paper = twin_release.write(tmp_path / "paper", DAY, DAY, rain=True)
    options = ("--source", str(paper), "--period", DAY, "--part", "fine")
    assert "complete after" in run("paper_dataset.py", tmp_path / "p.zarr", *options, rain="mm")
    found = open_part(tmp_path / "p.zarr")["tp"]
    fallen = Twin(0).fine(f"{DAY}T17", rain=True)["tp"]
    np.testing.assert_allclose(found[17], fallen, rtol=1e-3, atol=1e-3)
    assert found.attrs["units"] == "mm" and found.attrs["dry_below"] == 0.1


def test_a_zip_is_read_without_being_unpacked(paper: Path, tmp_path: Path) -> None:
    files = [p for p in paper.rglob("*") if p.is_file()]
    source = release.archive(tmp_path / "z.zip", {f"in/{p.relative_to(paper)}": p for p in files})
    options = ("--source", str(source), "--period", DAY, "--part", "coarse")
    assert "complete after" in run("paper_dataset.py", tmp_path / "part.zarr", *options)
    wanted = open_dataset(paper, wind_frame="earth")[0]
    np.testing.assert_array_equal(open_part(tmp_path / "part.zarr")["sst"], wanted["sst"])


def test_the_static_part_is_made_of_the_rasters(paper: Path, tmp_path: Path) -> None:
    run("paper_static.py", tmp_path / "part.zarr", "--source", str(paper))
    found = open_part(tmp_path / "part.zarr")
    wanted = read_statics({p.name: p for p in (paper / "static_var").iterdir()})
    for name, field in wanted.items():
        np.testing.assert_array_equal(found[name], field, err_msg=str(name))
    assert list(found["land_cover_class"].values) == list(wanted["land_cover_class"].values)


def test_nothing_is_made_unless_winds_are_accepted(paper: Path, tmp_path: Path) -> None:
    options = ("--source", str(paper), "--period", DAY, "--part", "fine")
    assert "not documented" in run("paper_dataset.py", tmp_path / "p.zarr", *options, winds="")
    assert not (tmp_path / "p.zarr" / ".zgroup").exists()


def test_missing_days_are_listed_before_anything_is_written(paper: Path, tmp_path: Path) -> None:
    options = ("--source", str(paper), "--period", f"{DAY}/2001-07-16", "--part", "coarse")
    said = run("paper_dataset.py", tmp_path / "p.zarr", *options)
    assert "1 lack files: 2001-07-16 (low)" in said
    assert not (tmp_path / "p.zarr" / ".zgroup").exists()


def test_a_truncated_file_leaves_a_part_that_is_refused(paper: Path, tmp_path: Path) -> None:
    shutil.copytree(paper, tmp_path / "paper")
    path = tmp_path / "paper" / "2001" / f"{DAY}_low.pt.zst"
    path.write_bytes(path.read_bytes()[:-1000])
    options = ("--source", str(tmp_path / "paper"), "--period", DAY, "--part", "coarse")
    assert f"{DAY}_low.pt.zst holds no complete" in run(
        "paper_dataset.py", tmp_path / "p.zarr", *options
    )
    with pytest.raises(StoreError, match="not complete"):
        open_part(tmp_path / "p.zarr")
