"""The twin's fine rain: what it keeps of the coarse side, and how it falls."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import scipy.ndimage
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.cli import main
from xldm.twin import Twin
from xldm.twin import rain as rains
from xldm.twin.carried import Carried
from xldm.twin.coarse_view import LATITUDE, LONGITUDE
from xldm.twin.hourly import _rain_cells
from xldm.twin.lazy_dataset import lazy

SHAPE, SIDE = (3, 4), 7.5  # coarse cells, and fine cells along each
WET_HOURS = ("2006-01-09T08", "2006-01-09T09")


def coarse_cells() -> rains.Cells:
    """Coarse cells whose edges cut fine ones in half."""
    fine = tuple(int(n * SIDE) for n in SHAPE)
    overlaps = []
    for count, cells in zip(SHAPE, fine, strict=True):
        low, first = np.arange(cells), np.arange(count)[:, None] * SIDE
        overlaps.append(np.clip(np.minimum(low + 1, first + SIDE) - np.maximum(low, first), 0, 1))
    means = scipy.sparse.csr_array(np.kron(*overlaps) / SIDE**2)
    row, column = ((i + 0.5) / SIDE - 0.5 for i in np.indices(fine))
    return rains.cells(means, SHAPE, row, column)


CELLS = coarse_cells()


def drawn(seed: int, coarse: np.ndarray, kind: float, sharp: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    relief, climb = rng.normal(0, 400, CELLS.fine), rng.normal(0, 0.3, CELLS.fine)
    weather = rains.Weather(np.full(SHAPE, kind), relief, climb, sharp)
    return rains.amounts(rng.standard_normal(CELLS.fine), coarse, CELLS, weather)


def coarse_amounts(seed: int, dry: float, contrast: float) -> np.ndarray:
    """Return amounts of the coarse cells in mm, a share of them 0, the others over e-folds."""
    rng = np.random.default_rng([seed, 1])
    amounts = np.exp(rng.uniform(3.5 - contrast, 3.5, SHAPE))
    return np.where(rng.random(SHAPE) < dry, 0, amounts)


hours = (st.integers(0, 10_000), st.floats(0, 0.9), st.floats(0, 16), st.floats(0, 1))


@settings(max_examples=40)
@given(*hours)
def test_means_over_coarse_cells_are_the_coarse_amounts(seed, dry, contrast, kind):
    coarse = coarse_amounts(seed, dry, contrast)
    found = CELLS.means @ drawn(seed, coarse, kind).ravel()
    np.testing.assert_allclose(found, coarse.ravel(), rtol=1e-4, atol=0)


@settings(max_examples=40)
@given(*hours)
def test_it_never_rains_less_than_nothing_nor_in_dry_coarse_cells(seed, dry, contrast, kind):
    coarse = coarse_amounts(seed, dry, contrast)
    rain = drawn(seed, coarse, kind)
    assert (rain >= 0).all()
    without = CELLS.means[np.flatnonzero(coarse.ravel() == 0)]
    assert (rain.ravel()[np.unique(without.indices)] == 0).all()


def test_light_rain_falls_on_less_of_the_ground_than_heavy_rain():
    shares = [(drawn(3, np.full(SHAPE, a), 0.3, 0.0) > 0).mean() for a in (0.02, 0.2, 2.0)]
    assert shares[0] < 0.6 < shares[2] and shares == sorted(shares)


def test_showers_are_heavier_and_fall_on_less_of_the_ground_than_steady_rain():
    steady, showers = (drawn(3, np.full(SHAPE, 0.5), kind, 0.0) for kind in (0.0, 1.0))
    assert showers.max() > steady.max()
    assert (showers >= 0.1).mean() < (steady >= 0.1).mean()


def test_where_sharp_coarse_amounts_vary_more_their_cells_do_too():
    """At the middle cell, whose amount is the same."""
    inside = []
    for others in (0.4, 0.2, 0.05):
        coarse = np.full(SHAPE, others)
        coarse[1, 1] = 0.5
        rain = drawn(3, coarse, 0.3).ravel()
        middle = CELLS.means[[1 * SHAPE[1] + 1]].indices
        inside.append(rain[middle].std() / rain[middle].mean())
    assert inside == sorted(inside) and inside[2] > 1.5 * inside[0]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_smooth_coarse_amounts_stay_as_they_are_and_sharp_ones_keep_their_mean(seed, kind):
    rng = np.random.default_rng(seed)
    smooth, storms = rng.gamma(1.0, 1.0, 20_000), tuple(rng.standard_normal((2, 20_000)))
    kinds = np.full(20_000, kind)
    np.testing.assert_allclose(rains.gathered(smooth, storms, kinds, 0.0), smooth)
    sharp = rains.gathered(smooth, storms, kinds, 1.0)
    assert (sharp == 0).any() and sharp.mean() == pytest.approx(smooth.mean(), rel=0.06)


@pytest.mark.parametrize(("threshold", "power"), [(-4.0, 2.0), (0.3, 1.8), (2.5, 2.6)])
def test_expected_excess_is_the_integral(threshold, power):
    def density(g):
        return (g - threshold) ** power * np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)

    whole = scipy.integrate.quad(density, threshold, 12)[0]
    found = rains.expected_excess(np.array(threshold), np.array(power))
    assert found == pytest.approx(whole, rel=1e-6)


@pytest.fixture(scope="module")
def pairs():
    twin = Twin(0)
    return [twin.hour(time, rain=True) for time in WET_HOURS]


def test_the_twins_fine_rain_has_the_coarse_amount_as_its_mean_over_each_box(pairs):
    """Against fine cells counted by 5 by 5 points of each, in longitude and latitude."""
    era5, fine = pairs[0]
    lat, lon, rain = (fine[name].values for name in ("lat", "lon", "tp"))
    north, east = np.gradient(lat), np.gradient(lon)
    total, area = np.zeros((59, 71)), np.zeros((59, 71))
    for a in np.linspace(-0.4, 0.4, 5):
        for b in np.linspace(-0.4, 0.4, 5):
            phi, theta = (f + a * d[0] + b * d[1] for f, d in ((lat, north), (lon, east)))
            box = (
                np.rint((LATITUDE[0] - phi) * 4).astype(int),
                np.rint((theta - LONGITUDE[0]) * 4).astype(int),
            )
            np.add.at(total, box, rain)
            np.add.at(area, box, 1)
    full = area > 0.95 * np.median(area[area > 0])
    coarse = era5["tp"].values[0] * 1e3
    mean = np.divide(total, area, out=np.zeros_like(total), where=full)
    assert full.sum() > 2000 and (coarse[full] > 0.1).sum() > 100
    np.testing.assert_allclose(mean[full], coarse[full], rtol=0.1, atol=0.02)


def test_rain_is_in_mm_finite_never_negative_and_dry_somewhere(pairs):
    rain = pairs[0][1]["tp"]
    assert rain.attrs["units"] == "mm" and rain.dtype == "float32"
    assert "sum" in rain.attrs["cell_methods"]
    assert float(rain.min()) == 0 < float(rain.max()) < 200
    assert 0.05 < float((rain == 0).mean()) < 1


def test_an_hour_of_rain_is_the_same_whatever_was_asked_before(pairs):
    np.testing.assert_array_equal(Twin(0).fine(WET_HOURS[0], rain=True)["tp"], pairs[0][1]["tp"])


def departure(pair) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of fine over coarse rain, less its smooth part; and where it rains."""
    era5, fine = pair
    coarse = _rain_cells().spread(era5["tp"].values[0] * 1e3)
    wet = coarse > 0.1
    pattern = np.log(np.maximum(fine["tp"].values, 0.02) / np.maximum(coarse, 0.02))
    pattern = np.where(wet, pattern, 0)
    return np.where(wet, pattern - scipy.ndimage.gaussian_filter(pattern, 8), 0), wet


def test_rain_moves_with_the_wind_aloft(pairs):
    """What fine rain adds to coarse is found again downwind after an hour, and not upwind.

    Over windows of 256 km, moved by the wind of their centre.
    """
    twin, hour = Twin(0), int(np.datetime64(WET_HOURS[0], "h").astype(int))
    steering = rains.steering(twin._climate.at(twin._support, hour))
    u, v = (twin._rows @ field @ twin._columns for field in steering)
    (now, wet), (later, _) = (departure(pair) for pair in pairs)
    found = []
    for row, column in itertools.product(range(100, 600, 100), range(100, 512, 100)):
        window = slice(row - 64, row + 64), slice(column - 64, column + 64)
        if wet[window].mean() < 0.5:
            continue
        for way in (1, -1):
            shift = [round(way * 1.8 * w[row, column]) for w in (-v, u)]
            moved = np.roll(now, shift, (0, 1))[window]
            found.append(np.corrcoef(moved.ravel(), later[window].ravel())[0, 1])
    along, against = np.mean(np.reshape(found, (-1, 2)), axis=0)
    assert along > against + 0.1


def test_another_draw_has_the_same_coarse_means(pairs):
    """Except at the edge, where no fine cell is the coarse cell's own."""
    twin, hour, at = Twin(0), int(np.datetime64(WET_HOURS[0], "h").astype(int)), _rain_cells()
    other = twin._rain(hour, Carried(9, (672, 576), 2000.0))
    own = pairs[0][1]["tp"].values
    held = at.means @ at.whole.astype(float) > 0.3
    assert held.sum() > 2500
    means = [(at.means @ field.ravel())[held] for field in (own, other)]
    np.testing.assert_allclose(*means, rtol=1e-4, atol=1e-6)
    wet = (own > 0.1) & (other > 0.1)
    assert np.corrcoef(own[wet], other[wet])[0, 1] < 0.8


def test_rain_comes_only_when_asked_for(pairs):
    era5, fine = pairs[0]
    plain = Twin(0).hour(WET_HOURS[0])
    assert list(plain[1]) == ["t2m", "u10", "v10"] and list(fine) == [*plain[1], "tp"]
    assert plain[0].identical(era5) and plain[1].identical(fine.drop_vars("tp"))


def test_the_lazy_dataset_has_the_same_rain(pairs):
    made = lazy(np.array(WET_HOURS[:1], "datetime64[h]"), "fine", rain=True)
    assert made["tp"].chunks
    np.testing.assert_array_equal(made["tp"][0], pairs[0][1]["tp"])


def test_archives_with_rain_are_refused(tmp_path, capsys):
    words = ["twin", "2001-07-15", "2001-07-15", str(tmp_path / "a"), "--rain", "--archive"]
    assert main(words) == 1
    assert "--rain is for stores" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
