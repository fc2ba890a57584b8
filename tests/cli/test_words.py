"""Messages of the library, in the words of the command line."""

import argparse

import pytest

from xldm.cli.words import in_options

FLAGS = {
    "missing": "--missing",
    "region": "--region",
    "resume": "--resume",
    "storage_options": "--storage-option",
    "keep_bits": "--keep-bits",
    "members": "--members",
    "correlation": "--correlation",
}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("pass missing='climatology' to set", "pass --missing climatology to set"),
        ("continue it with resume=True.", "continue it with --resume."),
        ("region='covered'.", "--region covered."),
        ("members: expected a count; got 0", "--members: expected a count; got 0"),
        (" 1. members: expected a count", " 1. --members: expected a count"),
        ("a box (lon_min, lat_min, lon_max, lat_max)", "a box lon_min,lat_min,lon_max,lat_max"),
        ("endpoint_url in storage_options, or", "endpoint_url in --storage-option, or"),
        ("keep_bits: expected 1 to 23", "--keep-bits: expected 1 to 23"),
        ("correlation=0 is noise of before", "--correlation 0 is noise of before"),
        # Neither code for Python, nor words that merely look like an argument
        ("use ds.isel(members=0).", "use ds.isel(members=0)."),
        ("its members are kept", "its members are kept"),
        ("the region: north", "the region: north"),
    ],
)
def test_arguments_of_python_are_named_as_options(said, shown):
    assert in_options(said, argparse.Namespace(flags=FLAGS)) == shown


def test_a_command_without_the_option_leaves_the_message_as_it_is():
    assert in_options("missing='climatology'", argparse.Namespace()) == "missing='climatology'"
