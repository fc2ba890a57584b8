"""Parts are put together as they are, or refused with every fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stores

from xldm.data.statics import embedded
from xldm.data.stores.assembling import assemble
from xldm.data.stores.place import StoreError


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Parts: surface and upper coarse ones, a late one, a fine one, and static fields."""
    folder = tmp_path_factory.mktemp("parts")
    coarse = stores.fields(stores.COARSE, fine=False)
    surface, upper = coarse[["t2m", "tp", "sst"]], coarse[["msl"]]
    later = upper.assign_coords(time=upper["time"] + np.timedelta64(365, "D"))
    fine = stores.fields(stores.FINE, fine=True)
    written = {
        "surface": ("coarse", surface, {"title": "Surface", "license": "CC-BY-4.0"}),
        "upper": ("coarse", upper, {"title": "Upper", "history": "made by hand"}),
        "late": ("coarse", upper.isel(time=slice(20, None)), {}),
        "next-year": ("coarse", later, {}),
        "fine": ("fine", fine, {"title": "Fine", "comment": "not real"}),
        "static": ("static", stores.static(), {"title": "Static"}),
    }
    for name, (kind, ds, attrs) in written.items():
        stores.write_part(folder / name, kind, ds, **attrs)
    return folder


def _assemble(folder, *coarse, fine="fine", static="static", **kwargs):
    paths = [folder / name for name in coarse]
    return assemble(paths, folder / fine, folder / static, **kwargs)


def test_several_coarse_parts_become_one(folder):
    given = _assemble(folder, "upper", "surface")
    wanted = stores.fields(stores.COARSE, fine=False)
    assert list(given["coarse"]) == ["t2m", "msl", "sst", "tp"]  # as the predictors are ordered
    for name in wanted:
        np.testing.assert_array_equal(given["coarse"][name], wanted[name])
    assert given["coarse"].attrs["wind_frame"] == "earth"


def test_nothing_is_computed(folder):
    given = _assemble(folder, "surface")
    assert all(field.chunks for group in ("coarse", "fine") for field in given[group].values())


def test_what_parts_say_of_themselves_is_kept_once(folder):
    attrs = _assemble(folder, "upper", "surface")["attrs"]
    assert attrs["title"] == "Upper; Surface; Fine; Static"
    assert attrs["comment"] == "not real"
    assert attrs["license"] == "CC0-1.0; CC-BY-4.0"
    assert attrs["source"] == "random numbers" and attrs["crs"] == "EPSG:3035"


def test_the_history_names_the_parts_and_their_digests(folder):
    lines = _assemble(folder, "upper", "surface")["attrs"]["history"].splitlines()
    assert lines[0] == "made by hand" and len(lines) == 5
    assert lines[1] == f"xldm store: coarse from {folder}/upper (2026-11-24T12:00:00Z sha256:0123)"


def test_shipped_static_fields_bring_their_own_sources(folder):
    given = assemble([folder / "upper"], folder / "fine", "embedded")
    np.testing.assert_array_equal(given["static"]["orog"], embedded()["orog"])
    assert "GLOBE" in given["attrs"]["source"] and "MODIS" in given["attrs"]["source"]


def test_other_hours_are_refused_by_part(folder):
    with pytest.raises(StoreError, match="the parts make no store") as error:
        _assemble(folder, "late", "surface")
    lacks = "late lacks 20 of 80 hours, from 2005-02-26T00 to 2005-02-26T19: complete it, or"
    assert lacks in str(error.value) and "surface lacks" not in str(error.value)


def test_common_hours_are_kept_if_that_is_asked_for(folder):
    given = _assemble(folder, "late", "surface", common_hours=True)
    hours = stores.fields(stores.FINE, fine=True)["time"][20:]
    for group in ("coarse", "fine"):
        np.testing.assert_array_equal(given[group]["time"], hours)


def test_parts_without_a_common_hour_are_refused(folder):
    with pytest.raises(StoreError, match=r"no hour is in all of .*next-year.*surface.*fine"):
        _assemble(folder, "next-year", "surface", common_hours=True)


def test_a_predictor_of_two_parts_is_refused(folder):
    with pytest.raises(StoreError, match=r"msl is in .*upper and .*late: .*leave one out"):
        _assemble(folder, "upper", "late", common_hours=True)


def test_a_part_in_the_place_of_another_is_refused(folder):
    with pytest.raises(StoreError, match=r"fine is a fine part, a coarse one is wanted; .*upper"):
        _assemble(folder, "fine", fine="upper")


def test_another_projection_is_refused(tmp_path, folder):
    grid = replace(stores.GRID, crs="EPSG:3034")
    url = stores.write_part(
        tmp_path / "other", "coarse", stores.fields({"sd": "m"}, fine=False), grid
    )
    with pytest.raises(StoreError, match=r"several projections \(.*upper EPSG:3035, .*EPSG:3034"):
        assemble([folder / "upper", url], folder / "fine", folder / "static")
