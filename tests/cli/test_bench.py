"""The bench command refuses what it cannot measure."""

import pytest
import torch

from xldm.cli import main, year


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


def test_a_year_is_what_its_piece_took_times_its_share():
    piece = year.Piece(fields=10, begun=1.0, seconds=2.0, stored=10**6)
    said = piece.text(members=2)
    assert "5 fields/s" in said
    assert "17,520 fields: 0.97 h, a store of 2 GB" in said


@pytest.mark.parametrize("wrong", [["--members", "0"], ["--hours", "1"]])
def test_a_piece_of_a_year_that_tells_nothing_is_refused(wrong, capsys):
    assert main(["bench", "--year", *wrong]) == 1
    assert wrong[0].strip("-") in capsys.readouterr().err
