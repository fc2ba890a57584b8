"""The GAN's losses against their formulas, with gradients taken by hand."""

import pytest
import torch
from torch import nn

from xldm.training.objectives.gan import adaptive_weight, discriminator_loss, generator_loss


@pytest.fixture
def layer():
    return nn.Parameter(torch.tensor([1.0, 2.0]))


def test_the_weight_is_the_ratio_of_the_gradients(layer):
    error, adversary = (torch.tensor(k) * layer for k in ([3.0, 4.0], [0.0, 2.0]))
    found = adaptive_weight(error.sum(), adversary.sum(), layer)
    assert float(found) == pytest.approx(5 / (2 + 1e-4))


def test_the_weight_has_a_limit_where_the_discriminator_is_blind(layer):
    assert float(adaptive_weight((9 * layer).sum(), (0 * layer).sum(), layer)) == 1e4


def test_no_gradient_flows_through_the_weight(layer):
    error, logits = (3 * layer).sum(), (layer**2)[None]
    generator_loss(error, logits, layer, weight=0.2).backward()
    balance = 3 * 2**0.5 / ((layer.detach()).norm() + 1e-4)  # the mean of squares has slope layer
    expected = 3 - 0.2 * balance * layer.detach()
    torch.testing.assert_close(layer.grad, expected)


def test_the_discriminator_is_content_beyond_the_margin():
    assert float(discriminator_loss(torch.tensor([1.5, 3.0]), torch.tensor([-1.0, -2.0]))) == 0


def test_the_discriminator_pays_for_what_it_mistakes():
    loss = discriminator_loss(torch.tensor([0.5]), torch.tensor([0.25]))
    assert float(loss) == pytest.approx((0.5 + 1.25) / 2)
