"""The coarse scale of fields, against means by hand and a wide Gaussian of SciPy's."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from scipy.ndimage import gaussian_filter

from xldm.config import Variable
from xldm.models.coarse_scale import CoarseScale
from xldm.models.components import ResidualDiffusion

T2M = Variable("t2m", "air_temperature", "K", 280.0, 10.0)
FINE = Variable("t2m", "air_temperature", "K", 285.0, 8.0)
U10 = Variable("u10", "eastward_wind", "m s-1", 1.0, 2.0)


@pytest.fixture
def coarse_scale() -> CoarseScale:
    return CoarseScale([U10, T2M], [FINE], factor=8, smoothing=(1.0, 0.85))


def field(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_coarse_means_are_gaussian_means_around_the_cells(coarse_scale):
    fine = field(1, 1, 160, 160)
    smooth = gaussian_filter(fine[0, 0].numpy().astype("float64"), (8.0, 6.8), truncate=6)
    # A cell's centre lies between four fine cells.
    wanted = (smooth[3::8, 3::8] + smooth[4::8, 3::8] + smooth[3::8, 4::8] + smooth[4::8, 4::8]) / 4
    found = coarse_scale.coarsened(fine)[0, 0].numpy()
    np.testing.assert_allclose(found[6:-6, 6:-6], wanted[6:-6, 6:-6], atol=2e-3)


def test_a_linear_field_stays_as_it_is(coarse_scale):
    y, x = np.meshgrid(np.arange(64.0), np.arange(48.0), indexing="ij")
    slope = torch.from_numpy(0.1 * y - 0.2 * x).float()[None, None]
    np.testing.assert_allclose(coarse_scale.departure(slope).numpy(), 0, atol=1e-4)


def test_the_coarse_scale_of_what_comes_out_does_not_depend_on_that_of_what_goes_in(coarse_scale):
    fine, coarse = field(1, 1, 64, 48), field(1, 2, 8, 6)
    tilted = fine + torch.linspace(-5, 5, 64)[:, None]
    torch.testing.assert_close(
        coarse_scale(fine, coarse), coarse_scale(tilted, coarse), atol=1e-4, rtol=0
    )


def test_a_smooth_field_gets_the_coarse_mean_that_it_was_given(coarse_scale):
    coarse = torch.full((1, 2, 8, 6), 0.5)
    out = coarse_scale(torch.zeros(1, 1, 64, 48), coarse)
    # 0.5 standard deviations of the predictor above its mean are 285 K: the target's mean.
    np.testing.assert_allclose(out.numpy(), 0, atol=1e-5)


def test_targets_without_their_own_predictor_are_left_alone():
    alone = CoarseScale([T2M], [U10, FINE], factor=8, smoothing=(1.0, 1.0))
    fine = field(1, 2, 64, 48)
    out = alone(fine, field(1, 1, 8, 6))
    np.testing.assert_array_equal(out[:, 0], fine[:, 0])
    assert not np.allclose(out[:, 1], fine[:, 1])


def test_a_target_is_given_unless_its_own_predictor_was_dropped(coarse_scale):
    coarse = field(2, 2, 8, 6)
    coarse[1, 1] = 0
    assert coarse_scale.given(coarse).flatten().tolist() == [1, 0]


def test_gradients_pass_through_the_constraint(coarse_scale):
    fine = field(1, 1, 64, 48).requires_grad_()
    coarse_scale(fine, field(1, 2, 8, 6)).square().sum().backward()
    assert torch.isfinite(fine.grad).all() and fine.grad.abs().sum() > 0


def test_members_hardly_differ_at_the_coarse_scale():
    part = replace(tiny.part(), smoothing=(1.0, 1.0))
    of = CoarseScale.of(part, tiny.predictor_variables(), 8)
    net = tiny.network(part)
    net = ResidualDiffusion(part, 14, len(tiny.COVER) + 2, of)
    net.load_state_dict(tiny.network(part).state_dict())
    broad = gaussian_filter(field(3, 2, 64, 64).numpy(), (0, 0, 16, 16))
    mean, small = field(1, 2, 64, 64), torch.from_numpy(broad)
    drawn = net.joined(mean, small)
    spread = of.coarsened(drawn) - of.coarsened(mean)
    assert spread.std() < 0.3 * of.coarsened(small).std()


def test_predictors_in_other_units_constrain_as_if_they_had_the_targets():
    celsius = Variable("t2m", "air_temperature", "degC", 280.0 - 273.15, 10.0)
    fine, coarse = field(1, 1, 64, 48), field(1, 1, 8, 6)
    found, wanted = (
        CoarseScale([p], [FINE], factor=8, smoothing=(1.0, 1.0))(fine, coarse)
        for p in (celsius, T2M)
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
