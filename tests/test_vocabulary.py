"""The vocabulary is longer than any list: what is added to it changes nothing that does not ask."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from xldm.grids.projected import ITALY
from xldm.inputs.lists import PAPER_PREDICTORS, predictor_variables
from xldm.inputs.predictors import examine, predictors
from xldm.stores.coarse_side import coarse
from xldm.vocabulary import VOCABULARY, winds

HUMIDITY = replace(
    VOCABULARY["q850"],
    name="r700", short="r", long_name="relative_humidity", param=157,
    standard_names=("relative_humidity",), units="1", low=-0.1, high=1.5, level=700, paper_name="",
    mistaken=(),
)  # fmt: skip

# In a process of its own: what is made of lists when modules are imported is made anew.
WITH_ONE_MORE = """
import dataclasses
import numpy as np
from xldm import vocabulary
vocabulary.VOCABULARY["r700"] = dataclasses.replace(
    vocabulary.VOCABULARY["q850"], name="r700", short="r", param=157, level=700, paper_name=""
)
from xldm.inputs.lists import predictor_variables
from xldm.published import day_file, twin_release
from xldm.twin import Twin
hour = twin_release._hour(Twin(0), np.datetime64("2001-07-15T12"))
print(len(day_file.FIELDS["low"]), len(hour["low"]), len(predictor_variables()))
"""


@pytest.fixture
def longer(monkeypatch):
    """The vocabulary with one predictor more, at 700 hPa."""
    monkeypatch.setitem(VOCABULARY, "r700", HUMIDITY)


def test_a_predictor_more_changes_nothing_for_the_papers_files_and_the_twins_release():
    out = subprocess.run(
        [sys.executable, "-c", WITH_ONE_MORE],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    # Of the files' 15 fields, one is not the paper's.
    assert out.stdout.split() == ["14", "15", "14"], out.stderr


def levels(*hectopascals: float) -> xr.Dataset:
    """Relative humidity, a hundredth of its pressure, and a surface field around Italy."""
    lat, lon = np.arange(49.0, 33, -1), np.arange(3.0, 22)
    time = np.array(["2001-07-15T12"], "datetime64[ns]")
    level = np.array(hectopascals)
    r = np.broadcast_to(level[None, :, None, None] / 1000, (1, level.size, lat.size, lon.size))
    coords = {"time": time, "level": ("level", level, {"units": "hPa"})}
    coords |= {"latitude": lat, "longitude": lon}
    dims = ("time", "level", "latitude", "longitude")
    t2m = (("time", "latitude", "longitude"), np.full((1, lat.size, lon.size), 280.0))
    return xr.Dataset({"r": (dims, r, {"units": "1"}), "t2m": (*t2m, {"units": "K"})}, coords)


def test_a_predictor_more_is_found_at_its_own_level(longer):
    ds = levels(500, 700, 850)
    report = examine(ds, predictor_variables(["r700"]), ITALY)
    assert report.predictors[0].level == 700
    np.testing.assert_allclose(predictors(ds, report)["r700"], 0.7, rtol=1e-6)


def test_a_store_takes_a_predictor_more_only_if_it_is_asked_to(longer):
    ds = levels(700)
    assert list(coarse(ds)) == ["t2m"]
    assert list(coarse(ds, names=("t2m", "r700"))) == ["t2m", "r700"]


def test_lists_hold_names_of_the_vocabulary_once():
    assert len(set(PAPER_PREDICTORS)) == len(PAPER_PREDICTORS) == 14
    assert set(PAPER_PREDICTORS) <= set(VOCABULARY)


def test_winds_are_pairs_of_the_vocabulary(monkeypatch):
    for name, other in (("u500", "v500"), ("v500", "")):
        entry = replace(VOCABULARY["u850"], name=name, level=500, northward=other)
        monkeypatch.setitem(VOCABULARY, name, entry)
    assert winds(["v500", "t850", "u500", "v10"]) == ["v10", "u500", "v500"]
