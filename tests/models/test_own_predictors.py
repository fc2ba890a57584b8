"""Predictors that networks see with the transform of their targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from xldm.config import Variable
from xldm.models.components import ResidualDiffusion
from xldm.models.own_predictors import OwnPredictors

COARSE = Variable("tp", "lwe_thickness_of_precipitation_amount", "m", mean=1e-4, std=3e-4)
T2M = Variable("t2m", "air_temperature", "K", mean=285.0, std=8.0)
FINE = Variable(
    "tp", "precipitation_amount", "kg m-2", 0.3, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
)


def normalised(metres: float) -> torch.Tensor:
    rain = torch.full((1, 1, 2, 2), (metres - COARSE.mean) / COARSE.std)
    return torch.cat([torch.full((1, 1, 2, 2), 0.5), rain], 1)


@pytest.mark.parametrize("millimetres", [0.001, 0.05, 1.0, 27.0])
def test_a_sum_is_seen_as_its_cube_root(millimetres):
    seen = OwnPredictors([T2M, COARSE], [FINE])(normalised(millimetres / 1e3))
    expected = (np.cbrt(millimetres) - 0.3) / 0.4
    np.testing.assert_allclose(seen[0, 1].numpy(), expected, rtol=1e-3, atol=1e-3)


def test_other_predictors_stay_as_they_are():
    seen = OwnPredictors([T2M, COARSE], [FINE])(normalised(1e-3))
    assert (seen[:, 0] == 0.5).all()


def test_a_dropped_predictor_stays_dropped():
    assert not OwnPredictors([COARSE], [FINE])(torch.zeros(1, 1, 2, 2)).any()


def test_networks_without_it_have_the_same_weights():
    config = tiny.config()
    part = replace(config.components[0], own_transform=True)
    net, plain = (ResidualDiffusion.of(p, config) for p in (part, config.components[0]))
    assert net.own_predictors is not None and plain.own_predictors is None
    assert list(net.state_dict()) == list(plain.state_dict())
