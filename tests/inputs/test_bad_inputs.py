"""Inputs that nobody should use are refused by errors of xldm, soon, and never by surprise."""

import signal

import numpy as np
import pytest
import tiny
import xarray as xr
from bad_inputs import AXES, ODD, READ, UNITS, VALUES, with_attribute
from conftest import cds_new

import xldm
from xldm.inputs.units import conversion, hours_of, is_rate, stated_hours
from xldm.models.model import Model


@pytest.fixture(autouse=True)
def in_time():
    """End a test that computes for ever."""

    def late(*_: object) -> None:
        pytest.fail("it took too long")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, 10)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.fixture(scope="module")
def model() -> Model:
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture(scope="module")
def corner() -> xr.Dataset:
    return cds_new(times=3).sel(latitude=slice(48.5, 44), longitude=slice(3.5, 9)).load()


@pytest.mark.parametrize("what", VALUES)
def test_bad_values_are_refused(what, corner, model):
    with pytest.raises(xldm.XldmError, match="t2m"):
        xldm.downscale(VALUES[what](corner), model, steps=1)


@pytest.mark.parametrize("what", VALUES)
def test_bad_lazy_values_are_refused_before_or_when_they_are_met(what, corner, model):
    with pytest.raises(xldm.XldmError, match="t2m"):
        xldm.downscale(VALUES[what](corner).chunk(), model, steps=1).compute()


@pytest.mark.parametrize("what", AXES)
def test_bad_axes_are_refused(what, corner, model):
    with pytest.raises(xldm.XldmError):
        xldm.downscale(AXES[what](corner.isel(valid_time=slice(2))), model, steps=1)


@pytest.mark.parametrize("what", UNITS)
def test_bad_units_are_refused_soon(what, corner, model):
    with pytest.raises(xldm.InputError, match="t2m"):
        xldm.downscale(with_attribute(corner, "t2m", "units", UNITS[what]), model, steps=1)


@pytest.mark.parametrize("units", [u for u in UNITS.values() if isinstance(u, str)])
def test_bad_units_convert_to_nothing(units):
    assert conversion(units, "K") is None and conversion("K", units) is None
    assert not is_rate(units, "m", water=True)
    assert hours_of(units) is None
    stated_hours(units)  # of a rate, whatever its amount is


@pytest.mark.parametrize("units", ["m s**-1", "kg m**-2 s**-1", "kg m-3", "m^2 s^-2"])
def test_powers_that_are_in_use_are_units(units):
    assert conversion(units, units) == (1.0, 0.0)


# Each attribute meets a third of what is odd, and each odd thing a third of the attributes.
_MET = [
    (*what, odd) for i, what in enumerate(READ) for j, odd in enumerate(ODD) if (i + j) % 3 == 0
]


@pytest.mark.parametrize(("name", "key", "odd"), _MET)
def test_an_odd_attribute_is_reported_or_harmless(name, key, odd, corner, model):
    with_attribute(corner, name, key, ODD[odd]).ldm.check(model)


_HOLES = {"NaN": np.nan, "infinity": np.inf, "-infinity": -np.inf}


def _with_hole(ds: xr.Dataset, value: float) -> xr.Dataset:
    """Return a lazy dataset with a hole at the time between those that are looked at."""
    field = ds["t2m"].copy(deep=True)
    field[1, 9, 9] = value
    return ds.assign(t2m=field).chunk(valid_time=1)


@pytest.mark.parametrize("value", _HOLES.values(), ids=_HOLES)
def test_a_hole_outside_the_sample_is_refused_when_it_is_drawn(value, corner, model):
    out = xldm.downscale(_with_hole(corner, value), model, steps=1)
    out.isel(time=[0, 2]).compute()
    with pytest.raises(xldm.InputError, match="t2m holds NaN or infinity at 2020-02-12T01:00 UTC"):
        out.compute()


@pytest.mark.parametrize("value", _HOLES.values(), ids=_HOLES)
def test_a_hole_outside_the_sample_is_refused_when_it_is_interpolated(value, corner, model):
    out = xldm.interpolate(_with_hole(corner, value), model)
    out.isel(time=[0, 2]).compute()
    with pytest.raises(xldm.InputError, match="t2m holds NaN or infinity at 2020-02-12T01:00 UTC"):
        out.compute()


def test_an_infinity_of_the_sea_is_refused_where_land_may_be_missing(corner, model):
    sst = corner["sst"].copy(deep=True)
    sst[1] = np.inf
    lazy = corner.assign(sst=sst).chunk(valid_time=1)
    with pytest.raises(xldm.InputError, match="sst holds NaN or infinity at 2020-02-12T01:00 UTC"):
        xldm.downscale(lazy, model, steps=1).compute()


def test_fields_that_come_out_infinite_are_refused_with_hour_and_target(corner, model):
    field = corner["t2m"].copy(deep=True)
    field[1, :, :] = 3e38
    lazy = corner.assign(t2m=field).chunk(valid_time=1)
    with (
        pytest.warns(xldm.OutOfDistributionWarning),
        pytest.raises(xldm.InputError, match="t2m at 2020-02-12T01:00 UTC, member 0, came out"),
    ):
        xldm.downscale(lazy, model, steps=1).compute()
