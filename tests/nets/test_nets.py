"""Networks against what their description says, without any checkpoint."""

import numpy as np
import pytest
import torch

from xldm.config import AutoencoderConfig, ConditionerConfig, DenoiserConfig, RegressionConfig
from xldm.nets import afno
from xldm.nets.afno import AFNOFilter
from xldm.nets.autoencoder import Autoencoder
from xldm.nets.blocks import ResidualBlock
from xldm.nets.conditioner import Conditioner
from xldm.nets.denoiser import Denoiser, embed_step
from xldm.nets.regression import RegressionUNet


def millions(net: torch.nn.Module) -> float:
    return sum(p.numel() for p in net.parameters()) / 1e6


def test_the_papers_regression_has_31_million_weights():
    with torch.device("meta"):
        assert millions(RegressionUNet(32, 1, RegressionConfig())) == pytest.approx(31.05, abs=0.01)


def test_the_papers_denoiser_has_274_million_weights():
    context = ConditionerConfig((54, 162, 486))
    with torch.device("meta"):
        assert millions(Denoiser(32, DenoiserConfig(), context)) == pytest.approx(274.5, abs=0.05)


def test_the_papers_conditioner_has_23_8_million_weights_with_its_unused_layer():
    with torch.device("meta"):
        net = Conditioner(14, 18, ConditionerConfig((54, 162, 486)))
    unused = (243 * 486 + 486) / 1e6  # the release's way back from the static latent
    assert millions(net) + unused == pytest.approx(23.8, abs=0.05)


def filtered(net: AFNOFilter, x: np.ndarray) -> np.ndarray:
    """The filter's definition, mode by mode, in NumPy and double precision."""
    height, width, channels = x.shape
    modes = np.fft.rfft2(x, axes=(0, 1), norm="ortho")
    out = np.zeros_like(modes)
    w1, b1, w2, b2 = (
        p[0] + 1j * p[1]
        for p in (getattr(net, n).detach().double().numpy() for n in ("w1", "b1", "w2", "b2"))
    )
    size = channels // net.blocks
    for row in range(height):
        for column in range(min(height // 2 + 1, width // 2 + 1)):
            for block in range(net.blocks):
                part = slice(block * size, (block + 1) * size)
                hidden = modes[row, column, part] @ w1[block] + b1[block]
                hidden = np.maximum(hidden.real, 0) + 1j * np.maximum(hidden.imag, 0)
                value = hidden @ w2[block] + b2[block]
                shrunk = [
                    np.sign(p) * np.maximum(np.abs(p) - 0.01, 0) for p in (value.real, value.imag)
                ]
                out[row, column, part] = shrunk[0] + 1j * shrunk[1]
    return np.fft.irfft2(out, s=(height, width), axes=(0, 1), norm="ortho") + x


@pytest.fixture
def wide():
    """A filter far from the shrinkage, so that both sides of it are met."""
    torch.manual_seed(0)
    net = AFNOFilter(16, blocks=8)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(20)
    return net


@pytest.fixture
def in_products(monkeypatch):
    """Filter as on an accelerator."""
    monkeypatch.setattr(afno, "in_products", lambda device: True)


SHAPES = pytest.mark.parametrize("shape", [(6, 6), (8, 5), (4, 10), (5, 12)])


@SHAPES
def test_the_filter_is_its_definition_also_where_modes_are_dropped(wide, shape):
    x = np.random.default_rng(0).normal(size=(*shape, 16))
    got = wide(torch.from_numpy(x)[None].float())[0].detach().numpy()
    np.testing.assert_allclose(got, filtered(wide, x), atol=2e-5)


@SHAPES
def test_matrix_products_filter_each_field_of_a_batch_by_the_definition(wide, in_products, shape):
    x = np.random.default_rng(0).normal(size=(2, *shape, 16))
    got = wide(torch.from_numpy(x).float()).detach().numpy()
    np.testing.assert_allclose(got, [filtered(wide, field) for field in x], atol=2e-5)


def test_matrix_products_have_the_gradients_of_transforms(wide, monkeypatch):
    x, target = torch.randn(2, 2, 6, 8, 16)
    found = []
    for way in (False, True):
        monkeypatch.setattr(afno, "in_products", lambda device, way=way: way)
        wide.zero_grad()
        given = x.clone().requires_grad_()
        (wide(given) * target).sum().backward()
        found.append([given.grad, *(p.grad.clone() for p in wide.parameters())])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_matrix_products_in_bfloat16_err_as_its_digits_do(wide, in_products):
    x = np.random.default_rng(0).normal(size=(12, 8, 16))
    with torch.autocast("cpu", torch.bfloat16):
        got = wide(torch.from_numpy(x)[None].float())[0].detach().numpy()
    error = got - filtered(wide, x)
    assert 0 < np.abs(error).max() < 2**-6 * np.abs(got).max()


def test_matrix_products_do_not_overflow_in_half_precision(wide, in_products):
    x = torch.full((1, 32, 32, 16), 3e3)  # its mean mode is 96,000, float16 ends at 65,504
    with torch.autocast("cpu", torch.float16):
        assert wide(x).isfinite().all()


def test_the_filter_refuses_channels_that_blocks_do_not_divide():
    with pytest.raises(ValueError, match="multiple of blocks=8, got 12"):
        AFNOFilter(12)


def test_step_embedding_has_cosines_first():
    embedding = embed_step(torch.tensor([0, 3]), 4)
    want = [[1, 1, 0, 0], [np.cos(3), np.cos(0.03), np.sin(3), np.sin(0.03)]]
    np.testing.assert_allclose(embedding, want, atol=1e-6)


def test_a_new_denoiser_predicts_zero():
    context = ConditionerConfig((8, 8, 8), out_width=16)
    net = Denoiser(8, DenoiserConfig(width=16), context)
    maps = [torch.randn(1, 16 * 2**i, 8 // 2**i, 8 // 2**i) for i in range(3)]
    assert net(torch.randn(1, 8, 8, 8), torch.tensor([5]), maps).abs().max() == 0


def test_the_context_reaches_the_denoisers_output():
    context = ConditionerConfig((8, 8, 8), out_width=16)
    net = Denoiser(8, DenoiserConfig(width=16), context)
    torch.nn.init.normal_(net.out[2].weight)
    x, t = torch.randn(1, 8, 8, 8), torch.tensor([5])
    maps = [torch.randn(1, 16 * 2**i, 8 // 2**i, 8 // 2**i) for i in range(3)]
    for level in range(3):
        other = [m + (i == level) for i, m in enumerate(maps)]
        assert not torch.equal(net(x, t, maps), net(x, t, other))


def test_conditioning_in_two_parts_is_conditioning_at_once():
    config = ConditionerConfig((8, 8, 16), static_width=8, coarse_width=8, out_width=16, depth=1)
    net = Conditioner(3, 2, config)
    static, coarse = torch.randn(1, 2, 64, 64), torch.randn(2, 3, 8, 8)
    parts = net.context(net.static_features(static), coarse)
    for whole, part in zip(net(static, coarse), parts, strict=True):
        assert torch.equal(whole, part)


def test_a_residual_block_of_zeros_is_its_projection():
    block = ResidualBlock(2, 3)
    torch.nn.init.zeros_(block.conv2.weight)
    torch.nn.init.zeros_(block.conv2.bias)
    x = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(block(x), block.proj(x))


def test_the_latent_has_an_eighth_of_the_resolution():
    net = Autoencoder(2, AutoencoderConfig((2, 4, 16)))
    mean, log_var = net.encode(torch.zeros(1, 2, 40, 24))
    assert mean.shape == log_var.shape == (1, 8, 5, 3)
