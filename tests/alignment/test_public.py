"""The doors: any layout in, an alignment or a report out."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import xarray as xr

import xldm
from xldm.alignment import aligned
from xldm.alignment.fit import cells
from xldm.grids import regridding
from xldm.inputs.predictors import check, predictors
from xldm.models.downscaler import Sampling
from xldm.twin import both_sides
from xldm.twin.biased import forecast

JULY = np.concatenate(
    [np.arange(f"{y}-07-01T12", f"{y}-08-01", 60, dtype="datetime64[h]") for y in (2001, 2002)]
)
# A corner of the domain.
BOX = (10.0, 42.5, 13.5, 45.0)


@pytest.fixture(scope="module")
def model():
    return xldm.load_model("italy-2km").drawing(["t2m", "u10", "v10"])


@pytest.fixture(scope="module")
def past() -> xr.Dataset:
    return both_sides(JULY)[0]


def as_forecast(era5: xr.Dataset) -> xr.Dataset:
    """In the layout of a series of forecasts of one lead."""
    lead = np.timedelta64(72, "h").astype("timedelta64[ns]")
    given = forecast(era5, 72.0).rename(valid_time="init_time")
    given = given.assign_coords(init_time=given["init_time"] - lead, lead_time=lead)
    return given.expand_dims("lead_time", 1)


@pytest.fixture(scope="module")
def alignment(past) -> xldm.Alignment:
    pytest.importorskip("xsdba")
    return xldm.fit_alignment(as_forecast(past), past, region=BOX)


def test_alignment_recovers_most_of_the_skill_that_errors_of_a_forecast_cost(alignment, model):
    """Absolute error of the regression, on hours that the fit did not see."""
    era5, fine = both_sides(np.array(["2008-07-10T12", "2008-07-20T00"], "datetime64[h]"))
    given = as_forecast(era5)

    def error(ds: xr.Dataset, align: xldm.Alignment | None) -> np.ndarray:
        report = check(ds, model.config, region=BOX)
        coarse = regridding.to_coarse(predictors(ds, report), model.config, report.grid)
        coarse = coarse if align is None else aligned(coarse, align)
        coarse = coarse.transpose(..., "predictor", "y", "x")
        flat = coarse.values.reshape(2, *coarse.shape[-3:])
        times = era5["valid_time"].values
        found = model.baseline("regression").fields(
            flat, times, Sampling((0,)), rows=report.rows, columns=report.columns
        )[0]
        ends = [slice(8 * s.start, 8 * s.stop) for s in (report.rows, report.columns)]
        truth = np.stack([fine[n].isel(y=ends[0], x=ends[1]) for n in ("t2m", "u10", "v10")], 1)
        return np.abs(found - truth).mean((0, 2, 3))

    best, without, with_ = error(era5, None), error(given, None), error(given, alignment)
    lost, still = without - best, with_ - best
    assert (lost > 0.02).all()
    assert (still < 0.2 * lost).all()


def test_a_training_store_is_a_reference(past, model):
    pytest.importorskip("xsdba")
    coarse = cells(past, model.config, None, "ref")
    store = xr.DataTree.from_dict({"/": xr.Dataset(), "/coarse": coarse})
    found = xldm.fit_alignment(past, store, region=BOX)
    assert abs(found.tables["shift"].isel(month=6).sel(predictor="t2m")).max() < 1e-3


def test_another_tree_is_refused(past):
    pytest.importorskip("xsdba")
    with pytest.raises(xldm.AlignmentError, match="without /coarse"):
        xldm.fit_alignment(past, xr.DataTree(), region=BOX)


def test_a_side_that_cannot_be_used_is_named(past):
    pytest.importorskip("xsdba")
    with pytest.raises(xldm.AlignmentError, match=r"^ref: "):
        xldm.fit_alignment(past, past.isel(latitude=slice(0, 5)))


def test_without_xsdba_the_message_says_how_to_install_it(past, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(xldm.MissingPackageError, match=r"pip install 'xldm\[align\]'"):
        xldm.fit_alignment(past, past)
