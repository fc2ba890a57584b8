"""The bench command refuses what it cannot measure."""

import pytest
import torch

from xldm.cli import main


def test_steps_off_the_loop_are_refused(capsys):
    assert main(["bench", "--steps", "0"]) == 1
    assert "from 1 to 100" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused_in_one_line(capsys):
    assert main(["bench", "--device", "cuda"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("xldm: --device: 'cuda' cannot be used here: ")


def test_an_unknown_model_is_named(capsys):
    assert main(["bench", "--model", "italy-3km"]) == 1
    assert "italy-3km" in capsys.readouterr().err
