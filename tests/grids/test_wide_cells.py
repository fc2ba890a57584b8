"""Sums of wide cells, shared out over their parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xldm.grids.wide_cells import parts_of_axis, shared_out

#: Dry cells, and wet ones over seven orders of magnitude.
AMOUNTS = st.one_of(st.just(0.0), st.floats(1e-5, 100.0))
CELLS = arrays("float64", st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=AMOUNTS)
COUNTS = st.sampled_from([2, 4, 6])
cases = settings(max_examples=60)


def of_cells(fine: np.ndarray, count: int) -> np.ndarray:
    rows, columns = (n // count for n in fine.shape)
    return fine.reshape(rows, count, columns, count).mean(axis=(1, 3))


@cases
@given(cells=CELLS, count=COUNTS)
def test_each_cell_keeps_its_mean(cells, count):
    np.testing.assert_allclose(
        of_cells(shared_out(cells, count), count), cells, rtol=1e-12, atol=1e-12 * cells.max()
    )


@cases
@given(cells=CELLS, count=COUNTS)
def test_nothing_is_negative_and_dry_cells_stay_dry(cells, count):
    fine = shared_out(cells, count)
    assert fine.min() >= -1e-13 * cells.max()
    dry = np.repeat(np.repeat(cells == 0, count, 0), count, 1)
    np.testing.assert_allclose(fine[dry], 0, atol=1e-13 * cells.max())


@pytest.mark.parametrize("axis", [0, 1])
def test_there_is_no_step_where_cells_meet(axis):
    """Of ever smaller parts, neighbours across an edge differ as little as within a cell."""
    cells = np.random.default_rng(0).gamma(0.5, size=(8, 8))
    cells[2:4, 5:] = 0
    steps = np.abs(np.diff(shared_out(cells, 200), axis=axis))
    assert steps.max() < 0.05 * cells.max()
    evenly = np.repeat(np.repeat(cells, 200, 0), 200, 1)
    assert np.abs(np.diff(evenly, axis=axis)).max() > 0.5 * cells.max()


def test_a_plane_stays_a_plane_within():
    rows, columns = np.mgrid[:6, :7]
    fine = shared_out(20.0 + 2 * rows - columns, 4)
    at = (np.arange(4) + 0.5) / 4 - 0.5
    expected = (
        20.0
        + 2 * (np.arange(6)[:, None] + at).ravel()[:, None]
        - (np.arange(7)[:, None] + at).ravel()
    )
    np.testing.assert_allclose(fine[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-12)


def test_a_missing_cell_is_missing_and_its_neighbours_do_not_slope_to_it():
    cells = np.full((3, 3), 2.0)
    cells[1, 1] = np.nan
    fine = shared_out(cells, 2)
    np.testing.assert_array_equal(np.isnan(fine), np.kron(np.isnan(cells), np.ones((2, 2))) > 0)
    np.testing.assert_array_equal(fine[~np.isnan(fine)], 2.0)


def test_parts_lie_within_cells_of_any_width():
    axis = (0.0, 1.0, 3.0)
    assert parts_of_axis(axis, 2) == (-0.25, 0.25, 0.875, 1.625, 2.5, 3.5)
