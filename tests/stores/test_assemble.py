"""Parts are put together as they are, or refused with every fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stores
import xarray as xr

from xldm.errors import StoreError
from xldm.statics import embedded
from xldm.stores.assemble import assemble
from xldm.stores.schema import hour_ends, plain

FIRST, LATER = slice(0, 48), slice(48, None)


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
        "surface-1": ("coarse", surface.isel(time=FIRST), {"license": "CC-BY-4.0"}),
        "surface-2": ("coarse", surface.isel(time=LATER), {"license": "CC-BY-4.0"}),
        "upper-2": ("coarse", upper.isel(time=LATER), {}),
        "all-1": ("coarse", coarse.isel(time=FIRST), {}),
        "fine-1": ("fine", fine.isel(time=FIRST), {"title": "Fine, first"}),
        "fine-2": ("fine", fine.isel(time=LATER), {"title": "Fine, then"}),
        "static": ("static", stores.static(), {"title": "Static"}),
    }
    for name, (kind, ds, attrs) in written.items():
        stores.write_part(folder / name, kind, ds, **attrs)
    return folder


def _assemble(folder, *coarse, fine=("fine",), static="static", **kwargs):
    sides = ([folder / name for name in names] for names in (coarse, fine))
    return assemble(*sides, folder / static, **kwargs)


def _part(folder, ds, kind="coarse"):
    """A part of its own beside the others, by its name."""
    number = len(list(folder.iterdir()))
    return Path(stores.write_part(folder / f"part-{number}", kind, ds)).name


def _surface(rows=LATER):
    return stores.fields(stores.COARSE, fine=False)[["t2m", "tp", "sst"]].isel(time=rows)


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
    with pytest.raises(StoreError, match=r"no hour is in all of .*surface.*next-year.*fine"):
        _assemble(folder, "next-year", "surface", common_hours=True)


def test_hours_that_two_parts_hold_are_refused_and_named(folder):
    with pytest.raises(StoreError) as error:
        _assemble(folder, "upper", "late", common_hours=True)
    both = "msl of 60 hours, from 2005-02-26T20 to 2005-03-01T07, is in "
    assert f"{both}{folder}/upper and in {folder}/late: an hour comes from one" in str(error.value)


def test_a_part_that_is_given_twice_is_refused(folder):
    with pytest.raises(StoreError, match=r"is in .*fine and in .*fine: an hour comes from one"):
        _assemble(folder, "surface", fine=("fine", "fine"))


def test_a_part_in_the_place_of_another_is_refused(folder):
    with pytest.raises(StoreError, match=r"fine is a fine part, expected a coarse one; .*upper"):
        _assemble(folder, "fine", fine=("upper",))


def test_a_side_without_a_part_is_refused(folder):
    with pytest.raises(StoreError, match="no fine part is given"):
        _assemble(folder, "surface", fine=())


@pytest.mark.parametrize(
    "coarse",
    [
        ("surface-2", "surface-1", "upper"),
        ("surface-1", "surface-2", "upper"),
        ("surface-2", "upper-2", "all-1"),
    ],
)
def test_parts_of_other_hours_give_what_one_part_of_all_hours_does(folder, coarse):
    joined = _assemble(folder, *coarse, fine=("fine-2", "fine-1"))
    whole = _assemble(folder, "surface", "upper")
    for side in ("coarse", "fine"):
        ours, theirs = (plain(side, given[side]) for given in (joined, whole))
        assert list(ours) == list(theirs)
        xr.testing.assert_identical(ours.compute(), theirs.compute())


def test_parts_of_other_hours_are_joined_without_computing(folder):
    joined = _assemble(folder, "surface-1", "surface-2", fine=("fine-1", "fine-2"))
    assert joined["fine"]["t2m"].chunks[0] == joined["coarse"]["tp"].chunks[0] == (24, 24, 24, 8)


def test_parts_that_are_joined_all_say_what_they_are(folder):
    attrs = _assemble(folder, "surface-1", "surface-2", fine=("fine-1", "fine-2"))["attrs"]
    assert attrs["title"] == "A store for tests; Fine, first; Fine, then; Static"
    assert attrs["license"] == "CC-BY-4.0; CC0-1.0"
    assert [line.split()[4] for line in attrs["history"].splitlines()] == [
        str(folder / n) for n in ("surface-1", "surface-2", "fine-1", "fine-2", "static")
    ]


def test_a_stretch_that_one_variable_lacks_is_refused(folder):
    with pytest.raises(StoreError, match="the parts make no store") as error:
        _assemble(folder, "surface-1", "surface-2", "upper-2")
    lacks = "upper-2 lacks 48 of 80 hours, from 2005-02-26T00 to 2005-02-27T23"
    assert lacks in str(error.value) and "surface-1" not in str(error.value)


def test_other_units_of_later_hours_are_refused(folder):
    later = _surface()
    later["t2m"].attrs["units"] = "degC"
    name = _part(folder, later)
    with pytest.raises(StoreError, match=rf"t2m of .*{name} has units 'degC', that of .*-1 'K'"):
        _assemble(folder, "surface-1", name)


def test_other_attributes_of_later_hours_are_refused(folder):
    later = _surface()
    later["t2m"].attrs["standard_name"] = "surface_temperature"
    name = _part(folder, later)
    with pytest.raises(StoreError, match=r"has standard_name 'surface_temperature', .* None"):
        _assemble(folder, "surface-1", name)


def test_other_cells_of_later_hours_are_refused(folder, tmp_path):
    y, x = stores.GRID.y, stores.GRID.x
    grid = replace(stores.GRID, x=tuple(np.add(x, 16e3)), y=y)
    fine = stores.fields(stores.FINE, fine=True).isel(time=LATER)
    url = stores.write_part(
        tmp_path / "moved", "fine", fine.assign_coords(x=fine["x"] + 16e3), grid
    )
    with pytest.raises(StoreError, match=r"moved has other fine cells than .*fine-1"):
        assemble([folder / "surface"], [folder / "fine-1", url], folder / "static")


def test_bounds_that_later_hours_lack_are_refused(folder):
    parts = []
    for rows in (FIRST, LATER):
        fine = stores.fields(stores.FINE, fine=True).isel(time=rows)
        fine["t2m"].attrs["cell_methods"] = "time: mean"
        if rows is FIRST:
            bounds = hour_ends(fine["time"].values)
            fine = fine.assign_coords(time_bnds=(("time", "nv"), bounds))
            fine["time"].attrs["bounds"] = "time_bnds"
        parts.append(_part(folder, fine, "fine"))
    with pytest.raises(StoreError, match=r"only one of .* has bounds of time, which t2m needs"):
        _assemble(folder, "surface", fine=parts)


def test_parts_with_whole_days_between_them_make_a_store(folder):
    days = [slice(0, 24), slice(48, None)]
    parts = [_part(folder, _surface(rows)) for rows in days]
    given = _assemble(folder, *parts, common_hours=True)
    hours = stores.fields(stores.FINE, fine=True)["time"].values
    np.testing.assert_array_equal(given["coarse"]["time"], np.delete(hours, np.s_[24:48]))


def test_a_gap_within_a_day_is_refused(folder):
    parts = [_part(folder, _surface(rows)) for rows in (slice(0, 36), slice(40, None))]
    gap = r"at 1 places, first from 2005-02-27T11:00:00 to 2005-02-27T16:00:00, 12 hours into a day"
    with pytest.raises(StoreError, match=gap):
        _assemble(folder, *parts, common_hours=True)


def test_another_projection_is_refused(tmp_path, folder):
    grid = replace(stores.GRID, crs="EPSG:3034")
    url = stores.write_part(
        tmp_path / "other", "coarse", stores.fields({"sd": "m"}, fine=False), grid
    )
    with pytest.raises(StoreError, match=r"several projections \(.*upper EPSG:3035, .*EPSG:3034"):
        assemble([folder / "upper", url], folder / "fine", folder / "static")
