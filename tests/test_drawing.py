"""Blocks of a lazy record."""

from __future__ import annotations

import dask.array as da
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.drawing import _cut


@settings(max_examples=40)
@given(
    given_chunks=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    most=st.integers(1, 5),
    columns=st.integers(1, 2),
)
def test_cut_blocks_are_those_of_a_rechunked_array(given_chunks, most, columns):
    values = np.arange(2.0 * sum(given_chunks) * columns).reshape(-1, columns, 2)
    array = da.from_array(values, chunks=(tuple(given_chunks), 1, 2))
    pieces = array.rechunk({0: most}).chunks[0]
    cut = _cut(array, [pieces])
    assert cut.chunks == array.rechunk({0: most}).chunks
    np.testing.assert_array_equal(cut, values)


def test_a_long_record_is_cut_without_intermediate_tasks():
    array = da.zeros((4800, 2), chunks=(24, 2))
    cut = _cut(array, [(3,) * 1600])
    assert len(cut.dask.layers[cut.name]) == 1600 and len(cut.dask.layers) == 2
