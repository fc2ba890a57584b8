"""Downscaled fields keep to the input over its footprints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import xarray as xr

import xldm
from xldm import config as cfg
from xldm.alignment import apply
from xldm.grids import regions
from xldm.grids.footprints import footprints
from xldm.models.model import Model

RAIN = cfg.Variable(
    "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
)


def made(**changes: object) -> Model:
    config = tiny.config(**changes)
    nets = {c.name: tiny.network(c) for c in config.components}
    return Model(config, tiny.static(config.grid), nets, "a" * 64)


@pytest.fixture(scope="module")
def model() -> Model:
    return made(footprint=31e3)


def differences(
    out: xr.Dataset, era5: xr.Dataset, grid: cfg.GridConfig, width: float | None
) -> np.ndarray:
    """Means over the footprints inside the domain, less the input: (..., point)."""
    lat, lon = (tuple(era5[n].values.tolist()) for n in ("latitude", "longitude"))
    means, covered = footprints(grid, lat, lon, width)
    inside = covered > 0.99
    assert inside.sum() > 3
    fields = out["t2m"].values
    fine = fields.reshape(*fields.shape[:-2], -1) @ means.T.toarray()
    return (fine - era5["t2m"].values.reshape(fields.shape[-3], -1))[..., inside]


@pytest.mark.parametrize(("width", "share"), [(31e3, 0.3), (None, 0.05)])
def test_every_member_keeps_to_the_input(width, share, era5):
    model = made(footprint=width)
    before, after = (
        differences(
            xldm.downscale(era5, model, members=3, steps=2, conserve=conserve),
            era5,
            tiny.GRID,
            width,
        )
        for conserve in (False, True)
    )
    each = (2, 0) if before.ndim == 3 else None
    assert (np.sqrt((after**2).mean(each)) < share * np.sqrt((before**2).mean(each))).all()


def test_members_still_differ(era5, model):
    out = xldm.downscale(era5, model, members=2, steps=2)["t2m"]
    # Random networks give values of 1e5, which single precision rounds to hundredths.
    assert float((out.std("member") > 0).mean()) > 0.999


@pytest.mark.parametrize("chunks", [{}, {"valid_time": 2}, {"latitude": 10, "longitude": 7}])
def test_lazy_is_eager_bit_for_bit(chunks, era5, model):
    eager, lazy = (
        xldm.downscale(ds, model, members=2, steps=2) for ds in (era5, era5.chunk(chunks))
    )
    assert lazy["t2m"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), eager)


def test_a_time_alone_and_a_member_alone_are_the_same(era5, model):
    out = xldm.downscale(era5, model, members=3, steps=2)
    one = xldm.downscale(era5.isel(valid_time=[1]), model, members=[2], steps=2)
    np.testing.assert_array_equal(one["t2m"], out["t2m"].isel(time=[1], member=[2]))


def test_a_package_that_states_a_footprint_conserves_unless_told_not_to(era5, model):
    default, kept, left = (
        xldm.downscale(era5, model, steps=2, **how)
        for how in ({}, {"conserve": "t2m"}, {"conserve": False})
    )
    xr.testing.assert_identical(default, kept)
    assert default.attrs["conserved"] == "t2m: means over footprints of 31 km as in the input"
    assert "conserved" not in left.attrs
    assert not np.array_equal(default["t2m"], left["t2m"])


def test_a_package_that_states_none_gives_its_fields_as_they_are(era5):
    plain = made()
    xr.testing.assert_identical(
        xldm.downscale(era5, plain, steps=2), xldm.downscale(era5, plain, steps=2, conserve=False)
    )


def test_members_of_the_input_each_keep_to_their_own(era5, model):
    two = xr.concat([era5, era5 + 2], xr.DataArray([0, 1], dims="number", name="number"))
    for name in era5:
        two[name].attrs = era5[name].attrs
    # The second member has the first one's other predictors, so only what it keeps to differs.
    two = two.assign({n: era5[n] for n in era5.data_vars if n != "t2m"})
    out = xldm.downscale(two.chunk(number=1), model, members=None, steps=2)["t2m"]
    alone = [
        xldm.downscale(two.isel(number=[n]), model, members=None, steps=2)["t2m"] for n in (0, 1)
    ]
    np.testing.assert_array_equal(out, xr.concat(alone, "number").transpose(*out.dims))
    assert abs(float((out[:, 1] - out[:, 0]).mean()) - 2) < 1


def test_a_region_keeps_to_the_input_within_it(era5):
    whole = replace(tiny.GRID, x=(3918000.0, 4158000.0))
    model = made(grid=whole).baseline("interpolation")
    region = (4.9, 46.2, 5.9, 47.1)
    before, after = (
        differences(
            xldm.downscale(era5, model, members=None, conserve=conserve, region=region),
            era5,
            regions.crop(whole, slice(0, 8), slice(0, 8)),
            None,
        )
        for conserve in (False, True)
    )
    assert np.abs(after).max() < 0.1 * np.abs(before).max()


def test_an_aligned_input_is_kept_to_as_it_was_aligned(era5, model, monkeypatch):
    monkeypatch.setattr(apply, "opened", lambda align: align)
    monkeypatch.setattr(apply, "aligned", lambda coarse, align: coarse + np.float32(3))
    monkeypatch.setattr(apply, "provenance", lambda align: {})
    simple = model.baseline("interpolation")
    for ds in (era5, era5.chunk(valid_time=1)):
        out = xldm.downscale(ds, simple, members=None, align="an alignment", conserve=True)
        found = differences(out, era5, tiny.GRID, None)
        np.testing.assert_allclose(found, 3, atol=0.6)
        assert found.mean() == pytest.approx(3, abs=0.05)
        assert out.attrs["conserved"] == "t2m: means over the input's cells after alignment"


@pytest.mark.parametrize("wrong", [["u10"], "wind", 3])
def test_what_cannot_be_conserved_is_refused_with_what_can(wrong, era5, model):
    with pytest.raises(xldm.InputError, match="conserve: "):
        xldm.downscale(era5, model, conserve=wrong)


def test_a_value_of_a_moment_with_bounds_is_left_as_it_is(era5):
    bounded = replace(tiny.TARGET, lower=200.0)
    model = made(components=(tiny.part(targets=(bounded,)),), footprint=31e3)
    kept, left = (xldm.downscale(era5, model, steps=2, conserve=c) for c in (True, False))
    np.testing.assert_array_equal(kept["t2m"], left["t2m"])


@pytest.fixture(scope="module")
def rainy() -> Model:
    return made(components=(tiny.part(), tiny.part("rain", (RAIN,))), footprint=31e3)


def test_rain_keeps_to_the_cells_of_the_input_and_is_dry_where_it_is(era5, rainy):
    lat, lon = (tuple(era5[n].values.tolist()) for n in ("latitude", "longitude"))
    means, covered = footprints(tiny.GRID, lat, lon, None)
    inside = covered > 0.999
    assert inside.sum() > 3
    wet = np.arange(len(lat) * len(lon)).reshape(1, len(lat), len(lon)) % 3 > 0
    era5["tp"] = (era5["tp"] * wet).assign_attrs(era5["tp"].attrs)
    out = xldm.downscale(era5, rainy, members=2, steps=2)
    assert out["tp"].attrs["units"] == "kg m-2"
    rain = out["tp"].values.reshape(2, 3, -1) @ means.T.toarray()
    wanted = np.stack([1000 * era5["tp"].values.reshape(3, -1)] * 2)[..., inside]  # from m
    np.testing.assert_allclose(rain[..., inside], wanted, rtol=0.03, atol=0.02)
    assert (wanted == 0).any() and out["tp"].values.min() == 0
    assert out.attrs["conserved"] == (
        "t2m: means over footprints of 31 km as in the input; "
        "tp: means over the input's cells as in the input"
    )


def test_rain_that_was_shared_out_keeps_to_its_share_with_a_note(era5, rainy):
    six = era5.copy()
    six["tp"].attrs = era5["tp"].attrs | {"units": "mm/6h"}
    six["tp"] = (1000 * era5["tp"]).assign_attrs(six["tp"].attrs)
    hourly = (era5 / 6)["tp"].assign_attrs(era5["tp"].attrs)
    every = era5["valid_time"].values[0] + np.arange(3) * np.timedelta64(6, "h")
    six = six.assign_coords(valid_time=every)
    hourly = hourly.assign_coords(valid_time=six["valid_time"])
    out, of_hours = (xldm.downscale(ds, rainy, steps=2) for ds in (six, six.assign(tp=hourly)))
    assert "6-hour sums shared out evenly" in out.attrs["input_notes"]
    np.testing.assert_allclose(out["tp"], of_hours["tp"], rtol=1e-3, atol=1e-4)


def test_the_interpolated_baseline_is_left_as_it_is(era5, model):
    out = xldm.downscale(era5, model.baseline("interpolation"), members=None)
    assert "conserved" not in out.attrs


def test_values_of_an_input_other_than_era5_are_the_means_of_its_cells(era5, model):
    unnamed = era5.drop_vars("expver")
    out = xldm.downscale(unnamed, model, steps=2)
    assert out.attrs["conserved"] == "t2m: means over the input's cells as in the input"


def test_an_accelerator_corrects_as_the_host_does(era5, monkeypatch):
    model = made(footprint=31e3, components=(tiny.part(), tiny.part("tp", (RAIN,))))
    on_host = xldm.downscale(era5, model, members=2, steps=2)
    monkeypatch.setattr("xldm.models.on_device._HOST", ())
    on_device = xldm.downscale(era5, model, members=2, steps=2)
    free = xldm.downscale(era5, model, members=2, steps=2, conserve=False)
    for name in ("t2m", "tp"):
        np.testing.assert_allclose(on_device[name], on_host[name], rtol=1e-6)
        assert np.abs(free[name] - on_host[name]).max() > 1e-3
