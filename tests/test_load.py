"""A sample of load.py: several ways of calling at once give the bits of a plain call."""

from __future__ import annotations

import sys

import load
import pytest


def test_threads_draw_what_a_plain_call_draws() -> None:
    assert load.in_threads(8) == {load.drawn()}


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_does_not_grow_by_a_field_for_each_call() -> None:
    for _ in range(3):
        load.drawn()
    before = load.memory()
    for _ in range(10):
        load.drawn()
    assert load.memory() - before < 30
