"""A card says what a model is, wherever it is shown."""

from __future__ import annotations

import pytest
import tiny

from xldm.config import Subset
from xldm.models import card


def test_the_warning_is_the_first_line() -> None:
    shown = card.text(tiny.config(warning="Not for science."))
    assert shown.splitlines()[0] == "Not for science."


@pytest.mark.parametrize(
    "fact", ["tiny", "t2m [K]", "w850 [Pa s-1]", "12,345", "abc123", "Apache-2.0", "16 km (8 x 8)"]
)
@pytest.mark.parametrize("show", [card.text, card.html])
def test_facts_are_shown(show, fact: str) -> None:
    assert fact in show(tiny.config(), "abc123", 12345)


def test_html_is_escaped() -> None:
    shown = card.html(tiny.config(title="<script>", licence="<b>", warning="<i>"))
    assert not any(tag in shown for tag in ("<script>", "<td style='text-align:left'><b>", "<i>"))


def test_a_bar_in_a_value_does_not_end_a_cell_of_markdown() -> None:
    assert "a \\| b" in card.markdown(tiny.config(licence="a | b"))


def test_a_score_keeps_its_second_digit():
    config = tiny.config(subsets=(Subset((), {"t2m": 0.2}), Subset(("sst",), {"t2m": 0.204})))
    assert "nothing: t2m 0.20; sst: t2m 0.20" in card.text(config)
