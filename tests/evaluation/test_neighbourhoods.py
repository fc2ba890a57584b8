"""Neighbourhoods against pysteps, scores and theory."""

from __future__ import annotations

import numpy as np
import pytest
import scores.spatial
import xarray as xr
from pysteps.verification.spatialscores import fss as fss_of_pysteps
from scipy.ndimage import gaussian_filter

from xldm.evaluation.neighbourhoods import fractions, fss, squares


def fields(seed, shape=(40, 56)):
    noise = np.random.default_rng(seed).normal(size=(2, *shape))
    return gaussian_filter(noise, (0, 2, 2)) * 8


@pytest.mark.parametrize("size", [1, 2, 5, 10, 40])
@pytest.mark.parametrize("threshold", [0.5, 2.0])
def test_the_score_is_that_of_pysteps(size, threshold):
    forecast, truth = fields(1)
    shares = (fractions(field >= threshold, size) for field in (forecast, truth))
    expected = fss_of_pysteps(forecast, truth, threshold, size)
    assert float(fss(squares(*shares))) == pytest.approx(expected, rel=1e-9)


def test_hours_together_have_the_score_of_scores_in_one_cell():
    forecast, truth = fields(2), fields(3)
    pairs = zip(forecast, truth, strict=True)
    sums = sum(squares(*(fractions(f > 1, 1) for f in pair)) for pair in pairs)
    f, o = (xr.DataArray(a, dims=("time", "y", "x")) for a in (forecast, truth))
    expected = scores.spatial.fss_2d(
        f, o, event_threshold=1.0, window_size=(1, 1), spatial_dims=("y", "x")
    )
    assert float(fss(sums)) == pytest.approx(float(expected), rel=1e-9)


def test_shares_at_the_edge_count_the_cells_beyond_as_dry():
    assert fractions(np.ones((8, 8), bool), 4)[0, 0] == pytest.approx(2 * 2 / 16)
    assert fractions(np.ones((8, 8), bool), 3)[4, 4] == 1


def test_a_score_without_any_event_is_unknown():
    dry = fractions(np.zeros((8, 8), bool), 3)
    assert np.isnan(fss(squares(dry, dry)))
