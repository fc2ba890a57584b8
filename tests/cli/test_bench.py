"""What ``xldm bench`` prints, on a model small enough to be quick; its figures decide nothing."""

import pytest
import tiny
import torch

from xldm.cli import bench, main


@pytest.fixture(scope="module")
def given() -> bench.Inputs:
    net = tiny.network(tiny.part())
    for tensor in net.denoiser.state_dict().values():
        tensor.mul_(0.5)
    return bench.Inputs.of(net, 14, torch.randn(1, 4, 64, 64), 8)


def test_both_loops_do_the_same(given):
    loops = bench.plain_and_cached(given, steps=5)
    assert len(loops.plain) == len(loops.cached) == 5
    assert loops.difference <= 1e-5


def test_the_cached_loop_is_the_beginning_of_the_sampler(given):
    latent = bench.plain_and_cached(given, steps=4, of=4).latent
    with torch.inference_mode():
        condition = given.net.condition(given.coarse, given.net.prepare(given.static))
        whole = given.net.draw_latent(condition, given.noise, "ddim", 4)
    torch.testing.assert_close(latent, whole, rtol=1e-5, atol=1e-5)


def test_the_weights_are_left_as_they_were(given):
    before = {k: v.clone() for k, v in given.net.state_dict().items()}
    bench.plain_and_cached(given, steps=1)
    assert all(torch.equal(before[k], v) for k, v in given.net.state_dict().items())


def test_the_ratio_counts_the_context_once():
    loops = bench.Loops(2.0, cached=[1.0, 1.5], plain=[4.0, 6.0], difference=0.0, latent=None)
    assert loops.ratio(100) == pytest.approx((2 + 100) / 400)


def test_work_is_counted_as_it_is_done():
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert bench.flops(lambda: a @ b) == 2 * 3 * 5 * 7


def test_every_part_of_a_field_is_measured(given):
    measured = bench.parts(given)
    assert len(measured) == 5
    assert all(seconds > 0 and work > 0 for _, seconds, work in measured)


def test_steps_off_the_loop_are_refused(capsys):
    assert main(["bench", "--steps", "0"]) == 1
    assert "from 1 to 100" in capsys.readouterr().err


def test_an_unknown_model_is_named(capsys):
    assert main(["bench", "--model", "italy-3km"]) == 1
    assert "italy-3km" in capsys.readouterr().err
