"""The arguments of all commands, and what answering about them costs."""

import argparse
import subprocess
import sys

import pytest

from xldm import __version__
from xldm.cli import COMMANDS, _parser, main, train
from xldm.cli.options import storage_options
from xldm.training.preset import shipped
from xldm.training.stages import STAGES


def parsers(parser, name="xldm"):
    """Return the parsers of all commands and actions below a parser, by name."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from parsers(below, f"{name} {word}")


@pytest.mark.parametrize("name", [name for name, _ in parsers(_parser())])
def test_every_argument_has_help(name):
    parser = dict(parsers(_parser()))[name]
    assert parser.description
    assert [
        a.dest for a in parser._actions if not a.help and a.metavar not in ("COMMAND", "ACTION")
    ] == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_needs_neither_xarray_nor_torch_nor_pydantic(command):
    words = [*([command] if command else []), "--help"]
    code = (
        "import sys\nfrom xldm.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('xarray', 'torch', 'pydantic', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.startswith(f"usage: xldm {command}".rstrip())


def test_the_stages_are_those_of_training():
    assert list(train.CHAIN) == [n for n, stage in STAGES.items() if not stage.by_name]
    assert list(train.OTHERS) == [n for n, stage in STAGES.items() if stage.by_name]


def test_the_presets_are_those_of_training():
    assert train._shipped() == sorted(shipped())


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "xldm", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"xldm {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_completion_script_knows_commands_and_options(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "downscale" in script and "--storage-option" in script and "climatology" in script


def test_the_completion_script_completes_in_bash(tmp_path, capsys):
    main(["completion", "bash"])
    (tmp_path / "xldm").write_text(capsys.readouterr().out)
    ask = (
        f"source {tmp_path / 'xldm'}; COMP_WORDS=(xldm downscale --miss); COMP_CWORD=2; "
        "_shtab_xldm; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--missing"]


@pytest.mark.parametrize("words", [["info", "s3://bucket/a"], ["import", "mine"]])
def test_a_model_at_a_url_takes_storage_options(words):
    given = _parser().parse_args(["models", *words, "--storage-option", "anon=true"])
    assert storage_options(given) == {"anon": True}
