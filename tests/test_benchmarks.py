"""Benchmarks on real files run, and their simple methods are right."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch):
    """Import a benchmark by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in [
        n for n, m in sys.modules.items() if str(FOLDER) in str(getattr(m, "__file__", ""))
    ]:
        del sys.modules[name]


def test_real_fields_are_scored(shared, scripts, tmp_path, capsys):
    out = tmp_path / "real.json"
    common = ["--data", str(shared / "realdata"), "--members", "2", "--steps", "2", "--hours", "1"]
    scripts("real").main([*common, "--only", "ARPEGE: t2m u10 v10 d2m", "--json", str(out)])
    found = json.loads(out.read_text())
    assert {r["of"] for r in found["rows"]} == {"T2m", "wind"}
    assert found["sha256"][:12] in capsys.readouterr().out
    assert all(np.isfinite(v) for r in found["rows"] for v in r["rmse"].values())


def test_the_nest_is_scored_without_a_model(shared, scripts):
    scores = scripts("real_stations").nest(shared / "realdata")
    assert scores["from its own means"] < scores["from the outer model"]


def test_an_absent_folder_ends_with_what_to_do(scripts, tmp_path):
    with pytest.raises(SystemExit, match="--data"):
        scripts("real_cases").folder(tmp_path / "absent")


def test_cell_means_of_a_plane_are_the_plane(scripts):
    lon, lat = np.meshgrid(np.arange(5, 9, 0.1), np.arange(46, 42, -0.1))
    coarse = scripts("real_cases").coarsened(lon, lat, {"t2m": (lon + 2 * lat)[None]})
    plane = coarse["longitude"] + 2 * coarse["latitude"]
    # A cell of 0.25 degrees holds cells of 0.1 degrees unevenly, by half of one at most.
    xr.testing.assert_allclose(coarse["t2m"][0], plane.T, atol=0.15)


def test_local_lapse_finds_the_lapse_of_the_field(scripts):
    terrain = np.random.default_rng(0).uniform(0, 3000, (9, 9))
    slope = scripts("real_cases").regressed_lapse(280 - 4e-3 * terrain[None], terrain)
    np.testing.assert_allclose(slope, -4e-3, atol=1e-4)
