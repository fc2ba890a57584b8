"""Spectra against direct sums over modes, another library, and theory."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.fft

from xldm.evaluation.spectra import (
    band_error,
    effective_resolution,
    radial_spectrum,
    ring_power,
    wind_spectra,
)

SPACING = 2000.0
SHAPES = [(32, 32), (24, 36), (36, 24), (16, 8), (6, 18), (9, 15), (15, 8), (7, 7)]

shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
windows = pytest.mark.parametrize("window", ["hann", None])


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def hann(n):
    return np.sin(np.pi * np.arange(1, n + 1) / (n + 1)) ** 2


def windowed(field, window):
    """Anomaly under a window whose mean square is one."""
    weights = np.outer(*map(hann, field.shape)) if window else np.ones(field.shape)
    return (field - field.mean()) * weights / np.sqrt((weights**2).mean())


def modes(shape):
    """Every mode's cycles along y and x, as whole numbers from -n/2 to below n/2."""
    return [(i, j) for i in whole(shape[0]) for j in whole(shape[1])]


def whole(n):
    return range(-(n // 2), n - n // 2)


def ring(mode, shape):
    """Nearest whole number of cycles per shorter side, by exact arithmetic."""
    short = min(shape)
    squared = sum(Fraction(m * short, n) ** 2 for m, n in zip(mode, shape, strict=True))
    k = 0
    while squared >= Fraction(2 * k + 1, 2) ** 2:
        k += 1
    return k


def plane_wave(shape, right, north, phase=0.3):
    """A wave with so many cycles over the grid, rows from north to south."""
    rows, columns = shape
    y, x = -np.arange(rows)[:, None] / rows, np.arange(columns) / columns
    return np.cos(2 * np.pi * (right * x + north * y) + phase)


@shapes
@windows
def test_power_is_the_mean_of_squared_direct_fourier_sums(shape, window):
    field = noise(*shape)
    y, x = (np.arange(n) / n for n in shape)
    a = windowed(field, window)
    sums: dict[int, list[float]] = {}
    for i, j in modes(shape):
        wave = np.exp(-2j * np.pi * (i * y[:, None] + j * x))
        sums.setdefault(ring((i, j), shape), []).append(abs((a * wave).sum()) ** 2 / a.size)
    _, power = radial_spectrum(field, SPACING, window=window)
    expected = [np.mean(sums[k]) for k in range(1, min(shape) // 2 + 1)]
    np.testing.assert_allclose(power, expected, rtol=1e-11)


@pytest.mark.parametrize("side", [64, 75])
@windows
def test_power_is_that_of_pysteps(side, window):
    # Both divide by the number of cells. On other than square grids pysteps counts cycles per grid
    # length along each axis, which is no wavenumber; it also leaves out the shortest wave.
    spectral = pytest.importorskip("pysteps.utils.spectral")
    field = noise(side, side)
    _, power = radial_spectrum(field, SPACING, window=window)
    expected = spectral.rapsd(windowed(field, window), fft_method=np.fft)[1:]
    np.testing.assert_allclose(power[: expected.size], expected, rtol=1e-10)


@shapes
@windows
def test_parseval_holds(shape, window):
    field = noise(*shape)
    power, count = ring_power(field, window=window)
    assert count.sum() == field.size
    variance = (windowed(field, window) ** 2).mean()
    assert (power * count).sum() / field.size == pytest.approx(variance, rel=1e-12)


def test_without_a_window_power_over_all_modes_is_the_variance():
    field = 300 + noise(5, 40, 30)
    power, count = ring_power(field, window=None)
    np.testing.assert_allclose(power @ count / 1200, field.var((1, 2)), rtol=1e-12)


def test_white_noise_is_flat_at_its_variance():
    _, power = radial_spectrum(3 * noise(64, 96, 80), SPACING)
    np.testing.assert_allclose(power.mean(0)[4:], 9.0, rtol=0.1)


@pytest.mark.parametrize("cells", [2, 4, 8, 16])
@windows
def test_a_sine_wave_lands_at_its_wavelength(cells, window):
    wave = np.tile(np.cos(2 * np.pi * np.arange(128) / cells), (128, 1))
    for field in (wave, wave.T):
        wavelength, power = radial_spectrum(field, SPACING, window=window)
        assert wavelength[power.argmax()] == pytest.approx(SPACING * cells)


@pytest.mark.parametrize(("right", "north"), [(3, 4), (-5, 12), (8, -6), (0, 10)])
def test_an_oblique_wave_lands_in_the_bin_of_its_wavelength_alone(right, north):
    wavelength, power = radial_spectrum(plane_wave((64, 64), right, north), SPACING, window=None)
    at = np.argmin(abs(wavelength - 64 * SPACING / np.hypot(right, north)))
    assert power[at] > 1
    np.testing.assert_allclose(np.delete(power, at), 0, atol=1e-20)


def test_wavelengths_are_physical_on_a_grid_that_is_not_square():
    # 12 cycles over 96 rows and 6 over 48 columns: 8 cells either way.
    for field in (plane_wave((96, 48), 0, 12), plane_wave((96, 48), 6, 0)):
        wavelength, power = radial_spectrum(field, SPACING, window=None)
        assert wavelength[power.argmax()] == pytest.approx(8 * SPACING)


def test_power_grows_with_the_square_of_the_amplitude():
    field = noise(40, 40, seed=1)
    one, two = (radial_spectrum(a * field, SPACING)[1] for a in (1, 2))
    np.testing.assert_allclose(two, 4 * one, rtol=1e-12)


def test_leading_dimensions_are_kept():
    fields = noise(2, 3, 32, 48)
    wavelength, power = radial_spectrum(fields, SPACING)
    assert power.shape == (2, 3, wavelength.size) == (2, 3, 16)
    np.testing.assert_array_equal(power[1, 2], radial_spectrum(fields[1, 2], SPACING)[1])


def test_single_precision_fields_are_transformed_in_double():
    field = (280 + noise(32, 32)).astype("float32")
    one, two = (radial_spectrum(f, SPACING)[1] for f in (field, field.astype("float64")))
    np.testing.assert_array_equal(one, two)


def test_a_missing_value_leaves_no_power_known():
    field = noise(16, 16)
    field[3, 4] = np.nan
    assert np.isnan(radial_spectrum(field, SPACING)[1]).all()


def test_an_unknown_window_is_refused_with_what_there_is():
    with pytest.raises(ValueError, match='"hann", or None'):
        radial_spectrum(noise(8, 8), SPACING, window="boxcar")


@windows
def test_kinetic_energy_is_half_the_power_of_both_components(window):
    u, v = noise(2, 24, 36)
    _, power = wind_spectra(u, v, SPACING, window=window)
    parts = [radial_spectrum(w, SPACING, window=window)[1] for w in (u, v)]
    np.testing.assert_allclose(power["kinetic_energy"], sum(parts) / 2, rtol=1e-12)


waves = pytest.mark.parametrize(("right", "north"), [(3, 4), (-5, 2), (6, 0), (0, 7)])


@waves
def test_a_wave_along_its_wind_only_diverges(right, north):
    energy, vorticity, divergence = wave_totals(right, north, along=True)
    assert divergence == pytest.approx(2 * wavenumber_squared(right, north) * energy)
    assert vorticity < 1e-20 * divergence


@waves
def test_a_wave_across_its_wind_only_rotates(right, north):
    energy, vorticity, divergence = wave_totals(right, north, along=False)
    assert vorticity == pytest.approx(2 * wavenumber_squared(right, north) * energy)
    assert divergence < 1e-20 * vorticity


GRID = (48, 32)


def wavenumber_squared(right, north):
    rows, columns = GRID
    return (2 * np.pi / SPACING) ** 2 * ((right / columns) ** 2 + (north / rows) ** 2)


def wave_totals(right, north, along):
    rows, columns = GRID
    direction = np.array([right / columns, north / rows])
    u, v = direction if along else (-direction[1], direction[0])
    wave = plane_wave(GRID, right, north)
    _, power = wind_spectra(u * wave, v * wave, SPACING, window=None)
    return tuple(power[n].sum() for n in ("kinetic_energy", "vorticity", "divergence"))


def test_the_wind_of_a_stream_function_has_its_laplacian_as_vorticity_and_no_divergence():
    shape = (40, 56)
    u, v, laplacian = 0.0, 0.0, 0.0
    for right, north, size in [(1, 2, 5e5), (3, -4, 2e5), (0, 5, 1e5), (7, 1, 4e4)]:
        k, l = 2 * np.pi * right / 56 / SPACING, 2 * np.pi * north / 40 / SPACING  # noqa: E741
        stream = size * plane_wave(shape, right, north)
        slope = -size * plane_wave(shape, right, north, phase=0.3 - np.pi / 2)
        u, v = u - l * slope, v + k * slope
        laplacian = laplacian - (k**2 + l**2) * stream
    _, power = wind_spectra(u, v, SPACING, window=None)
    _, expected = radial_spectrum(laplacian, SPACING, window=None)
    np.testing.assert_allclose(power["vorticity"], expected, rtol=1e-9, atol=1e-24)
    assert power["divergence"].max() < 1e-20 * power["vorticity"].max()


def test_a_shear_flow_has_the_vorticity_of_its_shear():
    rows = 64
    length = rows * SPACING / 4
    u = 10 * np.sin(2 * np.pi * np.arange(rows) * SPACING / length)[:, None] * np.ones(64)
    wavelength, power = wind_spectra(u, np.zeros_like(u), SPACING, window=None)
    at = power["vorticity"].argmax()
    assert wavelength[at] == pytest.approx(length)
    ratio = power["vorticity"][at] / power["kinetic_energy"][at]
    assert ratio == pytest.approx(2 * (2 * np.pi / length) ** 2)
    assert power["divergence"].max() < 1e-20 * power["vorticity"].max()


def test_half_the_power_is_three_decibels_less_in_every_band():
    wavelength, truth = radial_spectrum(noise(64, 64), SPACING)
    for band in [(4e3, 10e3), (10e3, 20e3), (20e3, 1e6)]:
        error = band_error(wavelength, truth / 2, truth, band)
        assert error == pytest.approx(-3.0103, abs=1e-4)


def test_bands_share_no_bin():
    wavelength = np.array([30.0, 20.0, 10.0])
    truth, power = np.array([1.0, 1.0, 1.0]), np.array([[1.0, 10.0, 1.0]])
    errors = [band_error(wavelength, power, truth, b) for b in [(10, 20), (20, 30), (30, 40)]]
    np.testing.assert_allclose(np.squeeze(errors), [0, 10, 0], atol=1e-12)


def test_a_band_without_bins_has_no_error():
    assert np.isnan(band_error(np.array([20.0, 10.0]), np.ones(2), np.ones(2), (1, 5)))


@windows
def test_a_filtered_field_resolves_what_the_filter_leaves_half_of(window):
    field, half = noise(128, 96), 20e3
    frequency = np.hypot(scipy.fft.fftfreq(128, SPACING)[:, None], scipy.fft.rfftfreq(96, SPACING))
    response = 2 ** (-0.5 * (frequency * half) ** 2)  # of the amplitude
    smooth = scipy.fft.irfft2(scipy.fft.rfft2(field) * response, s=field.shape)
    wavelength, truth = radial_spectrum(field, SPACING, window=window)
    _, power = radial_spectrum(smooth, SPACING, window=window)
    assert effective_resolution(wavelength, power, truth) == pytest.approx(half, rel=0.05)


def test_between_bins_a_power_law_is_resolved_exactly():
    wavelength = 100.0 / np.arange(1, 20)
    found = effective_resolution(wavelength, (wavelength / 14) ** 3 / 2, np.ones(19))
    assert found == pytest.approx(14)


WAVELENGTH = np.array([40.0, 20.0, 10.0, 5.0])


@pytest.mark.parametrize(
    ("power", "low", "high"),
    [
        ([1, 0.1, 1, 0.1], 5, 10),  # the last crossing counts
        ([1, 1, 0, 0], 20, 20),
        ([0.1, 0.1, 0.1, 0.1], 40, 40),
        ([np.nan, 1, 0.1, 0.1], 10, 20),
    ],
)
def test_the_crossing_lies_between_the_last_resolved_bin_and_the_next(power, low, high):
    assert low <= effective_resolution(WAVELENGTH, np.array(power), np.ones(4)) <= high


@pytest.mark.parametrize("power", [[1, 1, 1, 1], [1, 0.1, 0.1, 1], [np.nan] * 4])
def test_what_does_not_end_under_half_has_no_effective_resolution(power):
    assert np.isnan(effective_resolution(WAVELENGTH, np.array(power, float), np.ones(4)))


def test_every_spectrum_of_a_stack_has_its_resolution():
    power = np.array([[[1, 1, 0.2, 0.1], [1, 1, 1, 1]], [[0.1] * 4, [1, 1, 1, 0.1]]])
    stacked = effective_resolution(WAVELENGTH, power, np.ones(4))
    alone = [[effective_resolution(WAVELENGTH, p, np.ones(4)) for p in row] for row in power]
    np.testing.assert_array_equal(stacked, alone)
