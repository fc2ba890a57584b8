"""What losses see of rain: its dry values, and its logarithm."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xldm.config import Variable
from xldm.numerics.scaling import denormalise, normalise
from xldm.training.dry_values import censored, with_logarithms

RAIN = Variable(
    "tp", "lwe_thickness_of_precipitation_amount", "mm", 0.5, 0.75,
    transform="cbrt", lower=0.0, dry_below=0.1,
)  # fmt: skip
HEAT = Variable("t2m", "air_temperature", "K", 285.0, 8.0)


def test_all_that_is_dry_scores_the_same():
    z = torch.tensor([[[-5.0, -0.6, 0.4]], [[-5.0, -0.6, 0.4]]])
    found = censored(z, [RAIN, HEAT])
    assert found[0, 0, 0] == found[0, 0, 1] < found[0, 0, 2] == z[0, 0, 2]
    assert (found[1] == z[1]).all()
    assert (denormalise(found, [RAIN, HEAT])[0] == denormalise(z, [RAIN, HEAT])[0])[0, 2]


def test_a_dry_value_where_rain_is_wanted_is_taught_to_rise():
    drawn = torch.full((1, 4, 4), -2.0, requires_grad=True)
    wanted = torch.ones(1, 4, 4)
    rate = 0.1
    for _ in range(100):
        (slope,) = torch.autograd.grad((censored(drawn, [RAIN]) - wanted).abs().sum(), drawn)
        drawn = (drawn - rate * slope).detach().requires_grad_()
    assert drawn.detach().numpy() == pytest.approx(wanted.numpy(), abs=rate)


def test_a_dry_value_where_it_is_dry_is_left_alone():
    drawn, dry = torch.full((1, 4, 4), -2.0, requires_grad=True), torch.full((1, 4, 4), -3.0)
    (censored(drawn, [RAIN]) - censored(dry, [RAIN])).abs().sum().backward()
    assert not drawn.grad.any()


def test_logarithms_are_of_the_amount_over_the_threshold():
    amounts = np.array([[[0.0, 0.1, 1.0, 10.0]], [[270.0, 280.0, 290.0, 300.0]]], "float32")
    z = torch.from_numpy(normalise(amounts, [RAIN, HEAT]))
    found = with_logarithms(censored(z, [RAIN, HEAT]), [RAIN, HEAT])
    assert found.shape == (3, 1, 4)
    np.testing.assert_allclose(found[2], np.log([[1, 1, 10, 100]]), atol=1e-5)


def test_targets_that_are_never_dry_have_no_logarithm():
    z = torch.zeros(2, 1, 3, 3)
    assert with_logarithms(z, [HEAT]) is z
    assert censored(z, [HEAT]) is z
