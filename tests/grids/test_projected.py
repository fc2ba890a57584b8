"""Axes of the nested grids."""

from __future__ import annotations

import numpy as np

from xldm.grids.projected import ITALY, axes


def test_eight_by_eight_fine_cells_nest_in_a_coarse_one():
    for fine, coarse in zip(axes(ITALY, fine=True), axes(ITALY, fine=False), strict=True):
        np.testing.assert_allclose(fine.reshape(-1, 8).mean(axis=1), coarse)
