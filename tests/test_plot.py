"""The picture of the demo: what is drawn where."""

import numpy as np
import pytest
import xarray as xr

from xldm import plot, statics


@pytest.fixture(scope="module")
def figure():
    static = statics.embedded().isel(y=slice(None, None, 8), x=slice(None, None, 8))
    lat, lon = np.arange(48.0, 33.0, -1.0), np.arange(4.0, 20.0)
    flat = dict.fromkeys(("t2m", "u10", "v10"))
    coarse = xr.Dataset(
        {n: (("latitude", "longitude"), np.full((15, 16), 280.0)) for n in flat},
        {"latitude": lat, "longitude": lon},
    )
    fine = xr.Dataset({n: static["orog"] * 0.0 + 280.0 for n in flat})
    members = xr.concat([fine, fine + 2.0], "member").assign_coords(member=[0, 1])
    members = members.assign_coords(time=np.datetime64("2026-03-25T12", "ns"))
    return plot.story(coarse, fine, members, static)


def axes(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def test_every_panel_is_drawn_and_its_colours_are_labelled(figure):
    assert len(axes(figure)) == 16 and all(ax.collections for ax in axes(figure))
    bars = [ax.get_ylabel() for ax in figure.axes if ax.get_label() == "<colorbar>"]
    assert bars[:2] == ["2 m temperature, °C", "spread of 2 m temperature, °C"]
    assert len(bars) == 4


def test_the_date_and_the_grid_of_the_input_are_named(figure):
    assert figure.get_suptitle().startswith("2026-03-25 12:00 UTC")
    assert axes(figure)[0].get_title() == "ERA5, input at its own grid of 1°"


def test_temperature_is_in_degrees_celsius_and_the_spread_is_that_of_the_members(figure):
    interpolated, spread = axes(figure)[1], axes(figure)[3]
    np.testing.assert_allclose(interpolated.collections[0].get_array(), 280.0 - 273.15, rtol=1e-5)
    np.testing.assert_allclose(spread.collections[0].get_array(), np.sqrt(2.0), rtol=1e-5)


def test_the_zooms_lie_in_the_domain(figure):
    below = axes(figure)[4]
    whole = axes(figure)[0]
    assert whole.get_xlim()[0] < below.get_xlim()[0] < below.get_xlim()[1] < whole.get_xlim()[1]
    assert whole.get_ylim()[0] < below.get_ylim()[0] < below.get_ylim()[1] < whole.get_ylim()[1]
