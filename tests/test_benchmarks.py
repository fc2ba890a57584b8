"""Benchmarks of skill run, and the simple methods and laws that they compare with are right."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import xarray as xr

from xldm import config as cfg
from xldm.grids import projected
from xldm.grids.regions import crop
from xldm.models.components import ResidualDiffusion
from xldm.models.model import Model

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


def test_the_mean_by_place_in_a_cell_is_relative_to_all(scripts):
    places = scripts("lattice").by_place(np.tile([[1.0, 3.0], [1.0, 3.0]], (3, 4)), 2)
    np.testing.assert_allclose(places, [[0.5, 1.5], [0.5, 1.5]])


def test_slopes_inside_and_between_coarse_cells_are_compared(shared, scripts, capsys):
    scripts("slopes").main(["--data", str(shared / "realdata"), "--hours", "1", "--days", "1"])
    of_fields, of_stations = capsys.readouterr().out.split("\n\n")
    for line in of_fields.splitlines()[2:]:
        inside, between, plain, fixed, _ = map(float, line.strip("| ").split(" | ")[1:])
        assert 0.3 < inside < 1.5 and 0.3 < between < 1.5 and fixed < plain
    summer = next(line for line in of_stations.splitlines() if line.startswith("| JJA, 13"))
    assert all(-10 < float(v) < -5 for v in summer.strip("| ").split(" | ")[1:])


def test_slopes_inside_cells_are_told_from_those_between(scripts):
    """Of stations that cool by 5 K/km within their cells, and by 8 K/km from cell to cell."""
    slopes = scripts("slopes")
    cell = np.repeat(np.arange(10), 3)
    base, above = np.arange(10.0)[cell] * 100, np.tile([-300.0, 0.0, 300.0], 10)
    t2m = np.stack([280 - 5e-3 * above - 8e-3 * base, np.full(30, np.nan)])
    found = slopes.within(t2m, base + above, cell)
    np.testing.assert_allclose(found[0], [-5, -8])
    assert np.isnan(found[1]).all()


def test_spread_is_that_of_members_that_did_not_sort_the_places(scripts):
    """Members and truth of one law: sorted by chance alone, every decile is reliable."""
    found = scripts("spread_skill")
    drawn = np.random.default_rng(0).normal(size=(17, 400, 400))
    kept = found.moments(drawn[1:], drawn[0])
    np.testing.assert_allclose(found.by_decile(kept, 8), 1, atol=0.03)


def test_a_model_with_rain_is_scored_on_real_rain(shared, scripts):
    """The smallest one, without training, on a part of the Alps and the plain below."""
    grid = crop(projected.ITALY, slice(14, 22), slice(10, 18))
    rain = cfg.Variable(
        "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
    )
    config = tiny.config(grid=grid, components=(tiny.part("tp", (rain,)),))
    nets = {c.name: tiny.network(c) for c in config.components}
    model = Model(config, tiny.static(grid), nets, "a" * 64)
    cases = scripts("real_rain_cases").cases(shared / "realdata", 1, "AROME given its")
    options = {"missing": "climatology", "progress": False, "conserve": True, "steps": 2}
    rows = {r["forecast"]: r for r in scripts("real_rain").scored(cases, model, 2, options, None)}
    assert {"conservative spread", "members, given tp", "UNET, given tp and 5 more"} < {*rows}
    # Cells across the edge of the window hold rain that the truth has outside, or the reverse.
    assert rows["members, given tp"]["mean / truth"] == pytest.approx(1, abs=0.1)
    assert rows["law of the twin"]["mean / truth"] == pytest.approx(1, abs=0.1)
    assert rows["bilinear"]["score / bilinear MAE"] == 1


def test_the_truth_scores_without_error(scripts):
    truth = np.random.default_rng(0).gamma(0.1, 5, (2, 64, 64))
    found = scripts("real_rain").scores(truth[None], truth, plain=0.5)
    assert found["MAE"] == 0
    assert found["wet share / truth"] == found["99.9 % / truth"] == 1
    assert found["rain, 5-10 km"] == found["log rain, 20-50 km"] == 0


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


def test_the_floor_knows_the_law_of_the_noise(scripts):
    floor = scripts("floor")
    point = np.zeros((3, 672, 576))
    point[1, 300, 300] = 1.0
    law = floor.Given(floor.Twin()).correlated(point)
    seen = [floor.SmallScales(s, (672, 576), 2000.0).at(0) for s in range(8)]
    # Means over all places: the noise is the same everywhere. 10 km along each axis.
    for target in (1, 2):
        pairs = [(n[1] * np.roll(n[target], (-5, -5), (0, 1))).mean() for n in seen]
        assert np.mean(pairs) == pytest.approx(law[target, 305, 305], abs=0.03)


def test_coarse_means_tell_the_floor_part_of_the_noise(scripts):
    floor = scripts("floor")
    twin = floor.Twin()
    given, hour = floor.Given(twin), floor.whole_hours("2008-07-15T12")
    spread = twin._expected(hour)[1]
    noise = spread * twin._noise.at(hour)
    lack = given.means(noise)
    expected = given.correction(lack, spread)
    left = given.means(expected) - lack
    assert (np.std(left, axis=1) < 0.2 * np.std(lack, axis=1)).all()
    assert (np.std(expected - noise, axis=(1, 2)) < 0.8 * np.std(noise, axis=(1, 2))).all()


def test_one_coefficient_of_the_floor_moves_at_a_time(scripts):
    floor = scripts("floor")
    twin, hour = floor.Twin(), floor.whole_hours("2008-01-15T04")
    plain = twin._expected(hour)[0]
    of_lapse = floor.expected_with(twin, hour, "lapse") - plain
    of_breeze = floor.expected_with(twin, hour, "breeze") - plain
    assert np.ptp(of_lapse[0]) > 0.1
    assert not of_lapse[1:].any()
    assert not of_breeze[0].any()


def test_scores_in_few_steps_are_beside_those_of_the_first_package(scripts):
    rows = {"four": {"CRPS t2m": 0.2, "dB": 0.0}, "two": {"CRPS t2m": 0.21, "dB": -1.0}}
    shown = scripts("few_steps").table(rows).splitlines()
    assert shown[2:] == ["| four | 0.200 (+0.0%) | +0.00 |", "| two | 0.210 (+5.0%) | -1.00 |"]


def test_samplers_are_compared_on_hours_of_the_twin(scripts, monkeypatch):
    """With the smallest model, without training, which sees the sun."""
    sampling = scripts("sampling")
    monkeypatch.setattr(sampling, "YARDSTICK", ("ddim", 6))
    targets = tuple(
        cfg.Variable(name, "", units, mean, 5.0)
        for name, units, mean in (("t2m", "K", 285.0), ("u10", "m s-1", 0), ("v10", "m s-1", 0))
    )
    config = tiny.config(components=(tiny.part("all", targets),), sun=True)
    inland = tuple(v for v in config.predictors if v.name != "sst")
    config = replace(config, predictors=inland)
    nets = {c.name: ResidualDiffusion.of(c, config).eval() for c in config.components}
    model = Model(config, tiny.static(), nets, "a" * 64)
    rows = sampling.curve(model, 1, 2, (2, 6))
    assert [row["steps"] for row in rows] == [6, 2, 6, 2, 6, 2, 6, 2, 6]
    again = next(row for row in rows[1:] if (row["sampler"], row["steps"]) == ("ddim", 6))
    assert again["within"] and again["crps_t2m"] == rows[0]["crps_t2m"]
    assert len(sampling.table(rows).splitlines()) == 11


def test_perfect_rain_has_the_coarse_amounts_of_the_truth_and_falls_elsewhere(scripts):
    floor = scripts("floor_rain")
    _, fine = floor.both_sides(np.array(["2008-01-01T00"], "M8[ns]"), rain=True)
    truth = fine[["tp"]].load()
    drawn = floor.perfect(floor.Twin(0), truth, 1)["tp"].values[0, 0]
    cells, right = floor._rain_cells(), truth["tp"].values[0]
    held = cells.means @ cells.whole.ravel().astype(float) > 0.3
    means = [(cells.means @ field.ravel())[held] for field in (drawn, right)]
    np.testing.assert_allclose(*means, rtol=1e-4, atol=1e-6)
    assert np.abs(drawn - right).mean() > 0.2 * right.mean()
