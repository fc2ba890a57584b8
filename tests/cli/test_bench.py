"""The bench command refuses what it cannot measure."""

from xldm.cli import main


def test_steps_off_the_loop_are_refused(capsys):
    assert main(["bench", "--steps", "0"]) == 1
    assert "from 1 to 100" in capsys.readouterr().err


def test_an_unknown_model_is_named(capsys):
    assert main(["bench", "--model", "italy-3km"]) == 1
    assert "italy-3km" in capsys.readouterr().err
