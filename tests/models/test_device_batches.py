"""Blocks of hours and members: every field drawn once, in its place, and retried where too many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from xldm.models.device_batches import _power_of_two, draw_together

CPU = torch.device("cpu")


def draw(hours: int, members: int, together: int, fits: int = 99) -> tuple[np.ndarray, list, int]:
    """Fields that say what they are; what was conditioned on; fields of a block in the end."""
    out = np.full((members, hours), -1.0)
    conditioned = []

    def condition(block: slice) -> Tensor:
        conditioned.append((block.start, block.stop))
        return torch.arange(block.start, block.stop)

    def one(condition, hours: slice, members: slice) -> Tensor:
        numbers = torch.arange(members.start, members.stop)
        drawn = (100.0 * condition[:, None] + numbers).flatten()
        if len(drawn) > fits:
            raise torch.OutOfMemoryError("too many")
        return drawn

    def put(drawn: np.ndarray, hours: slice, members: slice) -> None:
        place = out[members, hours]
        assert (place == -1).all()
        place[:] = drawn.reshape(place.shape[::-1]).T

    with ThreadPoolExecutor(1) as putting:
        fields, last = draw_together(hours, members, together, condition, one, put, CPU, putting)
    for done in last:
        done.result()
    return out, conditioned, fields


@pytest.mark.parametrize("fits", [1, 2, 99])
@pytest.mark.parametrize("together", [1, 2, 3, 4, 8, 64])
@pytest.mark.parametrize(("hours", "members"), [(1, 1), (3, 1), (1, 5), (4, 3), (2, 8)])
def test_every_field_is_drawn_once_and_in_its_place(hours, members, together, fits) -> None:
    out, _, _ = draw(hours, members, together, fits)
    want = np.arange(members)[:, None] + 100.0 * np.arange(hours)
    np.testing.assert_array_equal(out, want)


def test_what_depends_on_the_hour_is_done_once_for_all_its_members() -> None:
    _, conditioned, _ = draw(hours=2, members=8, together=3)
    assert conditioned == [(0, 1), (1, 2)]


def test_hours_share_a_block_where_their_members_fit() -> None:
    _, conditioned, _ = draw(hours=5, members=2, together=4)
    assert conditioned == [(0, 2), (2, 4), (4, 5)]


def test_a_block_that_does_not_fit_is_halved_until_it_does() -> None:
    _, _, together = draw(hours=1, members=16, together=16, fits=5)
    assert together == 4


def test_an_error_while_fields_are_put_is_raised_before_all_are_drawn() -> None:
    drawn = []

    def put(*_) -> None:
        raise OSError("no room")

    def one(*_) -> Tensor:
        drawn.append(1)
        return torch.zeros(1)

    with ThreadPoolExecutor(1) as putting, pytest.raises(OSError, match="no room"):
        draw_together(9, 1, 1, lambda hours: None, one, put, CPU, putting)
    assert len(drawn) < 9


def test_a_field_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        draw(hours=1, members=2, together=2, fits=0)


@pytest.mark.parametrize(("fields", "want"), [(0.3, 1), (1, 1), (7.9, 4), (8.0, 8), (1e9, 64)])
def test_what_fits_is_rounded_down_to_a_power_of_two(fields, want) -> None:
    assert _power_of_two(fields) == want
