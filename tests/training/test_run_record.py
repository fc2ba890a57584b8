"""Whose a stage's folder is."""

from __future__ import annotations

from pathlib import Path

import pytest

from xldm.config import to_yaml
from xldm.errors import TrainingError
from xldm.storage.location import locate
from xldm.training.preset import read_preset
from xldm.training.run_record import claim


def record(store: str = "a") -> str:
    return f"# store {store}\n{to_yaml(read_preset('tiny'))}"


def test_a_run_that_came_no_further_than_its_claim_is_begun_again(tmp_path: Path) -> None:
    claim(locate(tmp_path), "regression", record(), resume=False)
    claim(locate(tmp_path), "regression", record(), resume=False)
    with pytest.raises(TrainingError, match="begun here already"):
        claim(locate(tmp_path), "regression", record("b"), resume=False)


def test_a_run_that_came_further_is_resumed_only_if_asked(tmp_path: Path) -> None:
    claim(locate(tmp_path), "regression", record(), resume=False)
    (tmp_path / "logs").write_text("")
    with pytest.raises(TrainingError, match="begun here already"):
        claim(locate(tmp_path), "regression", record(), resume=False)
    claim(locate(tmp_path), "regression", record(), resume=True)
