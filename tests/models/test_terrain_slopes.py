"""Slopes of predictors against terrain, against fields that were made with known ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from xldm.config import Variable
from xldm.errors import ArgumentError
from xldm.models.coarse_scale import CoarseScale
from xldm.models.components import ResidualDiffusion
from xldm.models.terrain_slopes import TerrainSlopes

T2M = Variable("t2m", "air_temperature", "K", 280.0, 10.0)
FINE = Variable("t2m", "air_temperature", "K", 285.0, 8.0)
U10 = Variable("u10", "eastward_wind", "m s-1", 1.0, 2.0)
SCALE = CoarseScale([U10, T2M], [U10, FINE], factor=8, smoothing=(1.0, 1.0))
SHAPE = (192, 160)
SLOPES = TerrainSlopes(SCALE, window=6.0, sea=1)


def terrain_and_sea() -> torch.Tensor:
    """Return hills of all sizes, and sea in the west, as static channels (1, 2, H, W)."""
    rng = np.random.default_rng(0)
    k = np.hypot(np.fft.fftfreq(SHAPE[0])[:, None], np.fft.rfftfreq(SHAPE[1]))
    k[0, 0] = np.inf
    hills = np.fft.irfft2(np.fft.rfft2(rng.normal(size=SHAPE)) / k**1.5, s=SHAPE)
    sea = np.broadcast_to(np.arange(SHAPE[1]) < 40, SHAPE)
    hills = np.where(sea, 0, hills / hills.std())
    return torch.from_numpy(np.stack([hills, sea])[None]).float()


def falling(static: torch.Tensor, lapse: float) -> torch.Tensor:
    """Return coarse predictors whose temperature falls with height, by so much per unit."""
    t2m = -lapse * SCALE.averaged(static[:, :1])
    return torch.cat([torch.zeros_like(t2m), t2m], 1)


def test_the_slope_between_coarse_cells_is_carried_to_the_fine_terrain():
    static = terrain_and_sea()
    seen = SLOPES(falling(static, 0.4), static)[0, 1]
    expected = -0.4 * 10 / 8 * SCALE.departed(static[:, :1])[0, 0]  # in the target's scaling
    land = static[0, 1] == 0
    errors = (seen - expected)[land]
    assert errors.square().mean() < 0.001 * expected[land].square().mean()


def test_each_region_has_its_own_slope():
    static = terrain_and_sea()
    north, south = falling(static, 0.2), falling(static, 0.6)
    half = torch.arange(24)[:, None] < 12
    seen = SLOPES(torch.where(half, north, south), static)[0, 1]
    departed = SCALE.departed(static[:, :1])[0, 0]

    def slope(rows: slice) -> float:
        z, y = departed[rows].flatten(), seen[rows].flatten()
        return float(-(z @ y) / (z @ z) * 8 / 10)

    assert slope(slice(0, 32)) < 0.3 < 0.5 < slope(slice(160, 192))


def test_warm_sea_is_no_slope():
    static = terrain_and_sea()
    predictors = falling(static, 0.4)
    warm = predictors + 2 * SCALE.averaged(static[:, 1:])
    without, having = SLOPES(predictors, static), SLOPES(warm, static)
    assert (having - without).abs().max() < 0.05 * without.abs().max()


@given(mean=st.floats(-3, 3), gain=st.floats(-2, 2))
def test_the_field_is_linear_in_the_predictor_and_knows_no_mean(mean, gain):
    static = terrain_and_sea()
    predictors = torch.randn(1, 2, 24, 20, generator=torch.Generator().manual_seed(1))
    seen = SLOPES(predictors, static)
    torch.testing.assert_close(
        SLOPES(mean + gain * predictors, static), gain * seen, rtol=1e-3, atol=1e-3
    )


def test_a_dropped_predictor_and_flat_land_give_nothing():
    static, predictors = terrain_and_sea(), torch.ones(2, 2, 24, 20).cumsum(3)
    assert SLOPES(torch.zeros_like(predictors), static).abs().max() < 1e-5
    static[:, 0] = 0
    assert not SLOPES(predictors, static).any()


def test_hours_are_seen_one_by_one():
    static = terrain_and_sea()
    both = torch.randn(2, 2, 24, 20, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(SLOPES(both, static)[1:], SLOPES(both[1:], static))


def test_the_regression_sees_a_channel_for_each_target():
    part = replace(tiny.part(), smoothing=(1.0, 1.0))
    config = tiny.config(components=(part,))
    plain = ResidualDiffusion.of(part, config)
    seeing = ResidualDiffusion.of(replace(part, slope_window=6.0), config)
    first = "regression.e1.conv.conv.0.weight"
    more = seeing.state_dict()[first].shape[1] - plain.state_dict()[first].shape[1]
    assert (more, seeing.slopes.sea, plain.slopes) == (len(part.targets), 2, None)


def test_slopes_without_a_smoothing_are_refused():
    with pytest.raises(ArgumentError, match="slope_window needs smoothing"):
        replace(tiny.part(), slope_window=6.0)
