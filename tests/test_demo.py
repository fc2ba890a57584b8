"""What the demo says while it draws."""

import logging

from xldm import demo


def test_the_time_left_is_that_of_whole_fields(monkeypatch, caplog):
    """Where components take turns: half a field in 2 s, the other half in 1 s."""
    now = [0.0]
    monkeypatch.setattr(demo.time, "perf_counter", lambda: now[0])
    with caplog.at_level(logging.INFO, "xldm.demo"):
        told = demo._Told(20)
        for part in range(40):
            now[0] += 1.0 if part % 2 else 2.0
            told.drawn(0.5)
    words = [record.getMessage() for record in caplog.records]
    assert words[1] == "3.0 s a field here"
    assert words[2] == "3 of 20 fields, 49.5 s left"
