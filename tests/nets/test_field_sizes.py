"""Sizes of fields that the networks can halve as often as they do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch

from xldm import config as cfg
from xldm.nets.field_sizes import FieldSizes, field_sizes

PART = tiny.part()


def part(factor: int, **changes: object) -> cfg.ComponentConfig:
    """Networks for a grid of some factor, a power of two."""
    widths = (4,) * (factor.bit_length() - 2) + (16,)
    conditioner = replace(PART.conditioner, static_channels=widths)
    latent = {"autoencoder": cfg.AutoencoderConfig(widths), "conditioner": conditioner}
    return replace(PART, **latent | changes)


def draws(component: cfg.ComponentConfig, factor: int, height: int, width: int) -> bool:
    """Whether the networks draw a field of so many coarse cells."""
    net = tiny.network(component)
    coarse = torch.zeros(1, 14, height, width)
    static, noise = torch.zeros(1, 4, height * factor, width * factor), None
    if component.denoiser is not None:
        noise = torch.zeros(1, component.autoencoder.latent_channels, height, width)
    try:
        shape = net.sample(coarse, static, noise=noise, sampler="ddim", steps=1).shape
    except (RuntimeError, StopIteration):
        return False
    return shape == (1, 1, height * factor, width * factor)


WITHOUT_LATENT = {"autoencoder": None, "conditioner": None, "denoiser": None}


@pytest.mark.parametrize(
    ("factor", "changes", "multiple"),
    [
        (8, {}, 4),
        (2, {}, 8),
        (4, {}, 4),
        (2, {"denoiser": replace(PART.denoiser, multipliers=(1, 2))}, 8),
        (8, {"regression": None}, 4),
        (8, WITHOUT_LATENT, 2),
        (2, WITHOUT_LATENT, 8),
        (16, WITHOUT_LATENT, 1),
        (12, WITHOUT_LATENT, 4),
    ],
)
def test_multiples_are_drawn_and_half_of_them_are_not(factor, changes, multiple):
    component = part(factor, **changes)
    sizes = field_sizes([component], factor)
    assert sizes.multiple == multiple
    assert draws(component, factor, multiple * 3, sizes.least)
    if multiple > 1:
        assert not draws(component, factor, multiple * 3 + multiple // 2, sizes.least)


def test_a_model_needs_what_all_of_its_components_need():
    alone = replace(PART, name="UV", **WITHOUT_LATENT)
    assert field_sizes([alone], 8) == FieldSizes(2, 4)
    assert field_sizes([alone, PART], 8) == FieldSizes(4, 8)


def test_a_size_fits_if_it_is_a_multiple_and_not_less_than_the_least():
    assert [n for n in range(-8, 20) if FieldSizes(4, 8).fit(n)] == [8, 12, 16]
