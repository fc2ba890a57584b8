"""The examples of batches in docs/howto/training.md run as they stand, with smaller windows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import training_store

DOCS = Path(__file__).parents[2] / "docs" / "howto" / "training.md"


def test_the_loops_in_the_docs_run(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    training_store.written(tmp_path / "italy.zarr")
    monkeypatch.chdir(tmp_path)
    section = DOCS.read_text().split("## Loops of your own")[1].split("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    steps: list[int] = []
    known = {"step": lambda coarse, *others: steps.append(len(coarse))}
    for example in examples:
        exec(example.replace("(64, 64)", "(4, 4)"), known)
    assert len(examples) == 4 and len(steps) > 20
    assert abs(float(known["kelvin"].mean()) - 280) < 20
