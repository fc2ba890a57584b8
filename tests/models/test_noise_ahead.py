"""Noise made ahead of time is handed out in its place, and threads end with the work."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.models import noise_ahead


@settings(max_examples=25)
@given(st.integers(1, 20), st.integers(1, 12), st.integers(1, 30), st.booleans(), st.data())
def test_blocks_get_their_own_fields_whatever_their_size(hours, members, limit, beside, data):
    size = data.draw(st.sampled_from([1, 2**23, 2**28]))
    with noise_ahead.noise_ahead(
        lambda hour, member: (hour, member), hours, members, size, beside=beside
    ) as take:
        hour, member = 0, 0
        while hour < hours:  # as `draw_together` cuts them
            block = (
                slice(hour, min(hour + max(1, limit // members), hours)),
                slice(member, min(member + limit, members)),
            )
            taken = take(*block)
            assert taken == [
                (h, m)
                for h in range(block[0].start, block[0].stop)
                for m in range(block[1].start, block[1].stop)
            ]
            if len(taken) > 1 and data.draw(st.booleans()):  # memory ran out
                limit = len(taken) // 2
                continue
            member = block[1].stop % members
            hour = hour if member else block[0].stop


def test_no_more_is_made_ahead_than_memory_is_given():
    made = []
    size = noise_ahead.AHEAD_BYTES // 4
    with noise_ahead.noise_ahead(
        lambda hour, member: made.append(hour), 50, 1, size, beside=True
    ) as take:
        take(slice(0, 1), slice(0, 1))
    assert len(made) <= 1 + 4 + 2  # and the rest of a run of two


def test_an_error_of_a_thread_is_raised_where_the_field_is_wanted():
    def fail(hour: int, member: int) -> None:
        raise ValueError("no such time")

    ahead = noise_ahead.noise_ahead(fail, 2, 1, 1, beside=False)
    with ahead as take, pytest.raises(ValueError, match="no such time"):
        take(slice(0, 1), slice(0, 1))


def test_no_thread_outlives_its_use():
    def running() -> set[str]:
        return {t.name for t in threading.enumerate() if t.name.startswith("xldm-noise")}

    with noise_ahead.noise_ahead(lambda *at: at, 9, 9, 1, beside=True) as take:
        take(slice(0, 1), slice(0, 9))
        assert running()
    assert not running()
