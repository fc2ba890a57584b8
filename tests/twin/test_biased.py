"""The twin as a forecast and as a climate model."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from xldm.errors import ArgumentError
from xldm.twin import both_sides
from xldm.twin.biased import climate_model, forecast


@pytest.fixture(scope="module")
def era5() -> xr.Dataset:
    times = np.array(["2008-01-15T12", "2008-07-15T12"], "datetime64[h]")
    return both_sides(times)[0]


def test_a_forecast_at_lead_0_is_the_twin(era5):
    xr.testing.assert_allclose(forecast(era5, 0.0), era5, rtol=1e-6)


def test_errors_of_a_forecast_grow_with_the_lead(era5):
    off = [float(abs(forecast(era5, h)["t2m"] - era5["t2m"]).mean()) for h in (0, 24, 72, 240)]
    assert off == sorted(off)
    assert off[-1] > 1.0


def test_a_forecast_loses_variance(era5):
    assert float(forecast(era5, 72.0)["u10"].std()) < 0.9 * float(era5["u10"].std())


@pytest.mark.parametrize("off", [lambda e: forecast(e, 72.0), climate_model])
def test_the_layout_is_that_of_the_twin(era5, off):
    found = off(era5)
    assert {n: (v.dims, v.dtype, v.attrs) for n, v in found.items()} == {
        n: (v.dims, v.dtype, v.attrs) for n, v in era5.items()
    }


@pytest.mark.parametrize("off", [lambda e: forecast(e, 72.0), climate_model])
def test_no_field_leaves_its_bounds(era5, off):
    found = off(era5)
    assert float(found["q"].min()) > 0
    assert float(found["tp"].min()) >= 0
    assert bool((found["d2m"] <= found["t2m"]).all())


def test_the_climate_model_errs_the_other_way_in_winter(era5):
    error = (climate_model(era5)["sst"] - era5["sst"]).mean(("latitude", "longitude"))
    assert float(error[1] - error[0]) > 1.0


def test_a_negative_lead_is_refused(era5):
    with pytest.raises(ArgumentError, match="at least 0"):
        forecast(era5, -6.0)
