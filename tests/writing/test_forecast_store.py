"""A forecast from the coarse input to scores: drawn lead by lead, appended, read and scored."""

from __future__ import annotations

import numpy as np
import pytest
import s3
import tiny
import xarray as xr
from conftest import cds_new
from test_forecasts import OPTIONS, forecast
from writing.test_appending import contents

import xldm
from xldm.models.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture(scope="module")
def coarse() -> xr.Dataset:
    """Ten leads of five members."""
    ds = forecast(cds_new(times=10).drop_vars(["number", "expver"]), members=5)
    for name in ("tp", "ssrd"):  # a lead alone does not tell it
        ds[name].attrs["cell_methods"] = "time: sum (interval: 1 hour)"
    return ds


@pytest.fixture(scope="module")
def eager(coarse, model) -> xr.Dataset:
    return xldm.downscale(coarse, model, members=2, **OPTIONS)


def test_leads_drawn_and_appended_to_s3_as_they_arrive_are_those_of_one_run(
    coarse, eager, model, tmp_path
):
    xldm.to_store(eager, tmp_path / "whole.zarr")
    with s3.serve(tmp_path) as options:
        url = f"s3://{s3.BUCKET}/forecast.zarr"
        for i in range(coarse.sizes["lead_time"]):
            arrived = coarse.isel(lead_time=[i])
            out = xldm.downscale(arrived, model, members=2, **OPTIONS)
            xldm.to_store(out, url, append_dim="lead_time", storage_options=options)
        assert contents(url, options) == contents(tmp_path / "whole.zarr")


def test_a_stored_forecast_is_scored_by_lead_as_the_one_in_memory(eager, tmp_path):
    xldm.to_store(eager, tmp_path / "a.zarr")
    stored = xr.open_zarr(tmp_path / "a.zarr")
    drawn = eager.isel(member=0, ensemble_member=0, init_time=0, drop=True)
    truth = drawn.swap_dims(lead_time="valid_time").drop_vars("lead_time")
    truth = (truth + 1.0).rename(valid_time="time")[["t2m"]]
    truth["t2m"].attrs = eager["t2m"].attrs
    first, second = (xldm.evaluate({"F": f}, truth, progress=False) for f in (eager, stored))
    assert first["lead"].values.tolist() == list(range(1, 11))
    xr.testing.assert_allclose(first["crps"], second["crps"])
    assert np.isfinite(first["crps"].sel(forecast="F", period="all")).all()
