"""Parts of a training store: how they are laid out, and which of them readers refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
import stores
import zarr

from xldm.errors import StoreError
from xldm.statics import embedded
from xldm.stores.parts import open_part, prepared, template


@pytest.fixture
def part(tmp_path) -> str:
    return stores.write_part(
        tmp_path / "coarse.zarr", "coarse", stores.fields(stores.COARSE, fine=False)
    )


@pytest.mark.parametrize(("kind", "units"), [("coarse", stores.COARSE), ("fine", stores.FINE)])
def test_a_part_gives_back_what_was_written(tmp_path, kind, units):
    given = stores.fields(units, fine=kind == "fine")
    found = open_part(stores.write_part(tmp_path / "a.zarr", kind, given))
    for name in units:
        np.testing.assert_array_equal(found[name], given[name])
        assert found[name].dtype == "float32" and found[name].chunks[0] == (24, 24, 24, 8)
        assert found[name].attrs["units"] == units[name]
    for name in ("time", "y", "x"):
        np.testing.assert_array_equal(found[name], given[name])


def test_static_fields_survive(tmp_path):
    given = stores.static()
    found = open_part(stores.write_part(tmp_path / "a.zarr", "static", given))
    for name in given:
        np.testing.assert_array_equal(found[name], given[name])
        assert found[name].dtype == given[name].dtype
    assert list(found["land_cover_class"].values) == list(stores.COVER)


def test_the_root_says_what_a_part_is(part):
    attrs = open_part(part).attrs
    assert (attrs["xldm_part"], attrs["xldm_schema"]) == ("coarse", "1")
    assert (attrs["Conventions"], attrs["crs"]) == ("CF-1.11", "EPSG:3035")
    assert attrs["wind_frame"] == "earth" and stores.SAID.items() <= attrs.items()


def test_time_is_int64_hours_since_1970(part):
    time = zarr.open_group(part, mode="r")["time"]
    assert time.dtype == "int64" and time.attrs["units"] == "hours since 1970-01-01"
    assert time[0] == (35 * 365 + 9 + 31 + 25) * 24


def test_chunks_are_days_of_coarse_and_hours_of_fine_fields(tmp_path):
    for kind, units, chunks in (
        ("coarse", stores.COARSE, (24, 8, 8)),
        ("fine", stores.FINE, (1, 16, 16)),
    ):
        url = stores.write_part(tmp_path / kind, kind, stores.fields(units, fine=kind == "fine"))
        assert zarr.open_group(url, mode="r")["t2m"].chunks == chunks


def test_sums_have_the_bounds_of_the_hour_before(part):
    found = open_part(part)
    assert found["tp"].attrs["cell_methods"] == "time: sum"
    assert found["t2m"].attrs["cell_methods"] == "time: point"
    hours = found.coords["time_bnds"].diff("nv").squeeze().values
    assert (hours == np.timedelta64(1, "h")).all()
    np.testing.assert_array_equal(found["time_bnds"][:, 1], found["time"])


def test_a_template_has_the_layout_of_a_part_and_no_values(tmp_path, part):
    given = stores.fields(stores.COARSE, fine=False)
    variables = {name: field.attrs for name, field in given.items()}
    attrs = stores.SAID | {"wind_frame": "earth"}
    empty = template("coarse", variables, given["time"].values, stores.GRID, attrs)
    empty.to_zarr(tmp_path / "b.zarr", mode="w-", compute=False, consolidated=False, zarr_format=2)
    made, whole = (zarr.open_group(url, mode="r") for url in (tmp_path / "b.zarr", part))
    for name, array in whole.arrays():
        for of in ("shape", "chunks", "dtype"):
            assert getattr(made[name], of) == getattr(array, of)
        assert dict(made[name].attrs) == dict(array.attrs)
        if name not in variables:
            np.testing.assert_array_equal(made[name][...], array[...])
    assert np.isnan(made["t2m"][:]).all()


# What is refused


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ds: ds.drop_attrs(deep=False), r"holds winds \(u10\) .* not 'earth'"),
        (lambda ds: ds.assign_coords(x=ds["x"] + 1.0), "x differs from the grid's"),
        (lambda ds: ds.drop_isel(time=40), "hour by hour at 1 places"),
        (lambda ds: ds.assign(t2m=ds["t2m"].drop_attrs()), "fine t2m has no units"),
    ],
)
def test_what_would_be_no_part_is_refused(spoil, message):
    with pytest.raises(StoreError, match=f"no fine part can be made, since .*{message}"):
        prepared("fine", spoil(stores.fields(stores.FINE, fine=True)), stores.GRID, stores.SAID)


def test_all_faults_are_in_one_message():
    ds = stores.fields(stores.FINE, fine=True).drop_attrs()
    with pytest.raises(StoreError, match=r"lack 'license'.*no units.*winds"):
        prepared("fine", ds, stores.GRID, stores.SAID | {"license": ""})


def test_another_kind_is_refused_with_the_choices():
    with pytest.raises(StoreError, match="one of coarse, fine, static, not 'medium'"):
        prepared("medium", embedded(), stores.GRID, stores.SAID)


def _rewrite(url: str, **attrs) -> None:
    with open(f"{url}/.zattrs") as file:
        root = json.load(file)
    root = {name: value for name, value in (root | attrs).items() if value is not None}
    with open(f"{url}/.zattrs", "w") as file:
        json.dump(root, file)


def test_an_unmarked_part_is_refused(part):
    _rewrite(part, xldm_complete=None)
    with pytest.raises(StoreError, match=f"{part}: not complete: .* run the recipe again"):
        open_part(part)


def test_another_schema_is_refused(part):
    _rewrite(part, xldm_schema="2")
    with pytest.raises(StoreError, match="schema '2', this xldm reads '1'"):
        open_part(part)


def test_another_group_is_refused(part):
    _rewrite(part, xldm_part=None)
    with pytest.raises(StoreError, match="has no xldm_part, so it is no part"):
        open_part(part)


def test_a_half_written_root_is_refused(part):
    with open(f"{part}/.zattrs", "w") as file:
        file.write('{"xldm_part": "coarse", "xldm_comp')
    with pytest.raises(StoreError, match="has no xldm_part"):
        open_part(part)


def test_an_absent_part_is_named(tmp_path):
    with pytest.raises(StoreError, match=f"{tmp_path}/none.zarr: there is no Zarr 2 store"):
        open_part(tmp_path / "none.zarr")
