"""How the bar of a written store moves."""

import io

from tqdm import tqdm

from xldm.writing.tasks import Moving


def test_a_bar_moves_by_field_and_agrees_with_the_blocks_that_are_done():
    bar = tqdm(total=10, file=io.StringIO())
    moving = Moving(bar)
    seen = []
    for drawn in (0.5, 0.5, 1.0):
        moving.drawn(drawn)
        seen.append(bar.n)
    moving.done(4)  # of which two were drawn elsewhere
    moving.drawn(20.0)  # drawn again, say
    assert (*seen, bar.n) == (0, 1, 2, 10)


def test_a_bar_never_goes_back():
    bar = tqdm(total=10, file=io.StringIO())
    moving = Moving(bar)
    moving.drawn(5.0)
    moving.done(3)
    assert bar.n == 5
