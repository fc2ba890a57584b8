"""Alignment of forecasts: each lead by its own tables."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from aligning import CONFIG, reference, stacked

import xldm
from xldm.alignment import aligned
from xldm.alignment.quantiles import fit_cells

pytest.importorskip("xsdba")

HOURS = np.array([0, 24, 72])
STARTS = np.arange("2001-01-01", "2002-01-01", 48, dtype="datetime64[h]").astype("datetime64[ns]")


def forecasts(starts: np.ndarray = STARTS, seed: int = 0, hours: np.ndarray = HOURS) -> xr.Dataset:
    """The truth of each valid time, too cold by 1 K a day of lead."""
    leads = hours.astype("timedelta64[h]").astype("timedelta64[ns]")
    valid = starts[:, None] + leads
    each = np.unique(valid)
    truth = reference(each, seed).sel(time=xr.DataArray(valid, dims=("init_time", "lead_time")))
    truth = truth.rename(time="valid_time").assign_coords(init_time=starts, lead_time=leads)
    days = xr.DataArray(hours / 24, dims="lead_time").astype("float32")
    off = truth.assign(t2m=truth["t2m"] - days, d2m=truth["d2m"] - days)
    return off.transpose("init_time", "lead_time", "y", "x")


@pytest.fixture(scope="module")
def alignment():
    hist = forecasts()
    return fit_cells(hist, reference(np.unique(hist["valid_time"])), CONFIG)


@pytest.fixture(scope="module")
def later() -> xr.Dataset:
    return forecasts(STARTS + np.timedelta64(365 * 4, "D"), seed=3)


def errors(cells: xr.DataArray, like: xr.Dataset, seed: int) -> np.ndarray:
    """Mean error of the dew point by lead."""
    truth = reference(np.unique(like["valid_time"]), seed).sel(time=like["valid_time"])["d2m"]
    return (cells.sel(predictor="d2m") - truth).mean(("init_time", "y", "x")).values


def test_each_lead_loses_its_own_error(alignment, later):
    # Warm air lets the dew point rise above a temperature that is too cold.
    before = errors(stacked(later), later, 3)
    after = errors(aligned(stacked(later), alignment), later, 3)
    np.testing.assert_allclose(before, -HOURS / 24, atol=1e-5)
    np.testing.assert_allclose(after, 0.0, atol=0.3)


def test_a_lead_between_two_takes_part_of_both(alignment):
    between = forecasts(STARTS[20:40], hours=np.array([48]))
    found = aligned(stacked(between), alignment).sel(predictor="t2m")
    correction = float((found - between["t2m"]).mean())
    assert 1.5 < correction < 2.5


def test_a_scalar_lead_counts(alignment, later):
    of_one = later.isel(lead_time=2)
    found = aligned(stacked(of_one), alignment)
    whole = aligned(stacked(later), alignment).isel(lead_time=2)
    np.testing.assert_array_equal(found, whole)


def test_dims_in_another_order_give_the_same(alignment, later):
    turned = stacked(later).transpose("lead_time", "predictor", "init_time", "y", "x")
    found = aligned(turned, alignment)
    assert found.dims == turned.dims
    expected = aligned(stacked(later), alignment)
    np.testing.assert_array_equal(found.transpose(*expected.dims), expected)


def test_lazy_forecasts_are_the_same_bits(alignment, later):
    lazy = aligned(stacked(later).chunk(init_time=50, lead_time=1), alignment)
    np.testing.assert_array_equal(lazy.compute(), aligned(stacked(later), alignment))


def test_leads_beyond_those_fitted_are_refused(alignment):
    far = forecasts(STARTS[:3], hours=np.array([72, 96]))
    with pytest.raises(xldm.AlignmentError, match=r"leads of 0 to 72 hours.*has 96"):
        aligned(stacked(far), alignment)


def test_a_series_without_leads_is_refused(alignment):
    with pytest.raises(xldm.AlignmentError, match="fitted on leads, but the input has no lead"):
        aligned(stacked(reference(STARTS[:3])), alignment)


def test_forecasts_are_refused_by_an_alignment_without_leads(later):
    ref = reference()
    with pytest.raises(xldm.AlignmentError, match="fitted without leads, but the input has leads"):
        aligned(stacked(later), fit_cells(ref, ref, CONFIG))


def test_many_leads_are_fitted_in_groups():
    hist = forecasts(hours=np.arange(0, 24 * 20, 24))
    found = fit_cells(hist, reference(np.unique(hist["valid_time"])), CONFIG)
    assert found.tables.sizes["lead"] == 12
    assert found.leads == (0.0, 456.0)


def test_a_reference_with_leads_is_refused(later):
    with pytest.raises(xldm.AlignmentError, match="ref has leads"):
        fit_cells(later, later, CONFIG)
