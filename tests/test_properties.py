"""What holds for any chunks, order of dims, members and region."""

import numpy as np
import pytest
import tiny
import xarray as xr
from conftest import cds_new
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xldm
from xldm.config import GridConfig
from xldm.models.model import Model

# Four windows of the networks, so that regions differ.
GRID = GridConfig("EPSG:3035", x=(3918e3, 4158e3), y=(2690e3, 2450e3), spacing=16e3)
DIMS = ("valid_time", "pressure_level", "latitude", "longitude")


@pytest.fixture(scope="module")
def model() -> Model:
    config = tiny.config(grid=GRID, footprint=31e3)
    parts = {"2mT": tiny.network(config.components[0])}
    return Model(config, tiny.static(GRID), parts, "a" * 64)


@pytest.fixture(scope="module")
def corner() -> xr.Dataset:
    return cds_new(times=2).sel(latitude=slice(48.5, 43), longitude=slice(3.5, 10)).load()


@st.composite
def ways(draw: st.DrawFn) -> dict:
    """Ways to ask for the same fields: chunks and order, and what is asked for."""
    west, south = draw(st.floats(4.6, 7.5)), draw(st.floats(44.5, 47.0))
    box = (west, south, west + draw(st.floats(0.1, 2)), south + draw(st.floats(0.1, 2)))
    numbers = st.lists(st.integers(0, 2**40), min_size=1, max_size=2, unique=True)
    return {
        "order": draw(st.permutations(DIMS)),
        "chunks": {dim: draw(st.integers(1, 30)) for dim in DIMS},
        "members": draw(st.none() | st.integers(1, 2) | numbers),
        "region": draw(st.sampled_from([None, "covered", box, box])),
        "conserve": draw(st.booleans()),
    }


def _drawn(ds: xr.Dataset, model: Model, way: dict) -> xr.Dataset | str:
    options = {k: way[k] for k in ("members", "region", "conserve")}
    try:
        return xldm.downscale(ds, model, steps=1, progress=False, **options).compute()
    except xldm.XldmError as error:  # a box beyond the domain
        return str(error)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(way=ways())
@pytest.mark.filterwarnings("ignore::xldm.OutOfDistributionWarning")
def test_lazy_fields_are_those_drawn_at_once(way, corner, model):
    lazy = corner.transpose(*way["order"]).chunk(way["chunks"])
    at_once, later = _drawn(corner, model, way), _drawn(lazy, model, way)
    if isinstance(at_once, str):
        assert at_once == later
        return
    xr.testing.assert_identical(at_once, later)
    assert np.isfinite(at_once["t2m"]).all()
