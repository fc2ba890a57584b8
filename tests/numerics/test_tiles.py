"""Tiles cover, their shares add up to one, and crops of a field blend to the field."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xldm.numerics.tiles import blend, cover, weights


@st.composite
def axes(draw):
    """(cells, size, overlap, step) of an axis."""
    step = draw(st.integers(1, 4))
    size = draw(st.integers(1, 12))
    overlap = draw(st.integers(0, size // 2))
    return draw(st.integers(1, 60)) * step, size * step, overlap * step, step


@given(axes())
def test_every_cell_is_covered(axis):
    cells, size, *_ = axis
    size = min(size, cells)
    covered = np.zeros(cells, int)
    for start in cover(*axis):
        covered[start : start + size] += 1
    assert covered.min() >= 1


@given(axes())
def test_tiles_start_at_multiples_of_the_step_and_end_inside(axis):
    cells, size, _, step = axis
    starts = cover(*axis)
    assert all(s % step == 0 for s in starts)
    assert starts[0] == 0 and starts[-1] == max(cells - size, 0)


@given(axes())
def test_neighbours_share_the_overlap_at_least(axis):
    _, size, overlap, _ = axis
    assert all(size - d >= overlap and d > 0 for d in np.diff(cover(*axis)))


@given(axes())
def test_shares_are_not_negative_and_add_up_to_one(axis):
    cells, size, *_ = axis
    starts, size = cover(*axis), min(size, cells)
    total = np.zeros(cells)
    for start, share in zip(starts, weights(starts, size), strict=True):
        assert share.min() >= 0
        total[start : start + size] += share
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-14)


@given(axes())
def test_the_ends_of_the_axis_belong_to_one_tile(axis):
    cells, size, *_ = axis
    starts = cover(*axis)
    shares = weights(starts, min(size, cells))
    assert shares[0, 0] == shares[-1, -1] == 1


@given(st.integers(1, 20))
def test_shares_fall_as_a_raised_cosine_over_the_middle_half(quarter):
    n = 4 * quarter
    falls = weights((0, n), 2 * n)[0, n + quarter : 2 * n - quarter]
    phase = (np.arange(2 * quarter) + 0.5) / (2 * quarter)
    np.testing.assert_allclose(falls, (1 + np.cos(np.pi * phase)) / 2, atol=1e-14)


@given(axes())
def test_the_outer_quarter_of_the_overlap_is_left_to_the_neighbour(axis):
    cells, size, overlap, _ = axis
    starts, size = cover(*axis), min(size, cells)
    shares, margin = weights(starts, size), overlap // 4
    if len(starts) > 1:
        assert not shares[1:, :margin].any()
        assert not shares[:-1, size - margin :].any()


@given(axes(), axes(), st.integers(0, 2**32 - 1))
def test_crops_of_a_field_blend_to_the_field(down, across, seed):
    shape = (2, down[0], across[0])
    field = np.random.default_rng(seed).normal(size=shape)
    sizes = [min(a[1], a[0]) for a in (down, across)]
    starts = cover(*down), cover(*across)
    shares = tuple(weights(s, n) for s, n in zip(starts, sizes, strict=True))
    crops = (
        field[:, top : top + sizes[0], left : left + sizes[1]]
        for top in starts[0]
        for left in starts[1]
    )
    np.testing.assert_allclose(blend(np.zeros(shape), crops, starts, shares), field, atol=1e-13)


def test_tensors_blend_as_arrays_do():
    starts = cover(16, 8, 4), cover(12, 8, 2)
    shares = tuple(weights(s, 8) for s in starts)
    parts = list(np.random.default_rng(0).normal(size=(len(starts[0]) * len(starts[1]), 8, 8)))
    of_tensors = blend(
        torch.zeros(16, 12, dtype=torch.float64),
        map(torch.from_numpy, parts),
        starts,
        tuple(map(torch.from_numpy, shares)),
    )
    np.testing.assert_array_equal(of_tensors, blend(np.zeros((16, 12)), parts, starts, shares))


def test_a_length_that_is_no_multiple_of_the_step_is_refused():
    with pytest.raises(ValueError, match="multiples of 4, but size is 10"):
        cover(24, 10, 4, step=4)


@pytest.mark.parametrize("overlap", [-1, 5])
def test_an_overlap_of_more_than_half_a_tile_is_refused(overlap):
    with pytest.raises(ValueError, match="at most half"):
        cover(24, 8, overlap)
