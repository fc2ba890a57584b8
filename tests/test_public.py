"""The names that users import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import xldm


@pytest.mark.parametrize("name", xldm.__all__)
def test_every_public_name_is_there(name):
    assert getattr(xldm, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'downscal'"):
        _ = xldm.downscal


@pytest.mark.parametrize(
    ("old", "new"),
    [("open_store", "open_training_store"), ("write_store", "write_training_store")],
)
def test_an_old_name_warns_and_gives_the_new_function(old, new):
    with pytest.warns(FutureWarning, match=f"xldm.{old} is now xldm.{new}"):
        function = getattr(xldm, old)
    assert function is getattr(xldm, new)


def test_importing_xldm_imports_neither_torch_nor_zarr_nor_intake():
    code = "import sys, xldm; print([m for m in ('torch', 'zarr', 'intake') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
