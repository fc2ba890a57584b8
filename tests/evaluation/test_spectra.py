"""Spectra against what theory says of simple fields."""

import numpy as np
import pytest

from xldm.evaluation.spectra import radial_spectrum


def test_white_noise_is_flat_at_its_variance():
    noise = np.random.default_rng(0).normal(0, 3, (64, 96, 80))
    _, power = radial_spectrum(noise, 2.0)
    np.testing.assert_allclose(power.mean(0)[4:], 9.0, rtol=0.1)


@pytest.mark.parametrize("cells", [4, 8, 16])
def test_a_sine_wave_lands_at_its_wavelength(cells):
    x = np.arange(128)
    wavelength, power = radial_spectrum(np.tile(np.sin(2 * np.pi * x / cells), (128, 1)), 2.0)
    assert wavelength[power.argmax()] == pytest.approx(2.0 * cells)


def test_power_grows_with_the_square_of_the_amplitude():
    field = np.random.default_rng(1).normal(size=(40, 40))
    one, two = (radial_spectrum(a * field, 2.0)[1] for a in (1, 2))
    np.testing.assert_allclose(two, 4 * one, rtol=1e-12)


def test_leading_dimensions_are_kept():
    wavelength, power = radial_spectrum(np.zeros((2, 3, 32, 48)), 2.0)
    assert power.shape == (2, 3, wavelength.size) == (2, 3, 16)
