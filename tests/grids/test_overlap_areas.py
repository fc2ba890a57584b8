"""Areas of overlaps, against a plane cut by hand."""

import numpy as np

from xldm.grids.overlap_areas import overlaps


def test_areas_in_common_are_those_of_a_plane_cut_by_hand():
    """A square on its tip, of side 2, in unit boxes: (0, 0) is its centre."""
    r = np.sqrt(2)
    x, y = np.array([[0], [r], [0], [-r]]), np.array([[-r], [0], [r], [0]])
    areas, row, column = overlaps(x, y, np.array([0.0, 1.0]), np.array([0.0]))
    corner = (r - 1) ** 2 / 2  # what lies right of x = 1, above or below
    assert (row.tolist(), column.tolist()) == ([[0, 1]], [[0, 1, 2]])
    np.testing.assert_allclose(areas[0], [[1, 1 - corner, corner]] * 2, atol=1e-12)
