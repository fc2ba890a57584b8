"""Measurements of ``xldm bench``, on a model small enough to be quick."""

import pytest
import tiny
import torch

from xldm.cli import timing


@pytest.fixture(scope="module")
def given() -> timing.Inputs:
    net = tiny.network(tiny.part())
    for tensor in net.denoiser.state_dict().values():
        tensor.mul_(0.5)
    return timing.Inputs.of(net, 14, torch.randn(1, 4, 64, 64), 8)


def test_both_loops_do_the_same(given):
    loops = timing.plain_and_cached(given, steps=5)
    assert len(loops.plain) == len(loops.cached) == 5
    assert loops.difference <= 1e-5


def test_the_cached_loop_is_the_beginning_of_the_sampler(given):
    latent = timing.plain_and_cached(given, steps=4, of=4).latent
    with torch.inference_mode():
        condition = given.net.condition(given.coarse, given.net.prepare(given.static))
        whole = given.net.draw_latent(condition, given.noise, "ddim", 4)
    torch.testing.assert_close(latent, whole, rtol=1e-5, atol=1e-5)


def test_the_weights_are_left_as_they_were(given):
    before = {k: v.clone() for k, v in given.net.state_dict().items()}
    timing.plain_and_cached(given, steps=1)
    assert all(torch.equal(before[k], v) for k, v in given.net.state_dict().items())


def test_the_ratio_counts_the_context_once():
    loops = timing.Loops(2.0, cached=[1.0, 1.5], plain=[4.0, 6.0], difference=0.0, latent=None)
    assert loops.ratio(100) == pytest.approx((2 + 100) / 400)


def test_work_is_counted_as_it_is_done():
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert timing.flops(lambda: a @ b) == 2 * 3 * 5 * 7


def test_every_part_of_a_field_is_measured(given):
    measured = timing.parts(given)
    assert len(measured) == 5
    assert all(seconds > 0 and work > 0 for _, seconds, work in measured)
