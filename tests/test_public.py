"""The names that users import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import xldm
from xldm.accessor import LDM, StoreLDM
from xldm.batches.generator import batches


@pytest.mark.parametrize("name", xldm.__all__)
def test_every_public_name_is_there(name):
    assert getattr(xldm, name) is not None


def test_what_lacks_its_extra_is_there_and_says_what_to_install_when_called():
    code = (
        "import inspect, sys\n"
        "sys.modules['lightning'] = None\n"
        "import xldm\n"
        "inspect.getmembers(xldm)\n"
        "from xldm import *\n"
        "try:\n    train('preset', 'store', 'folder')\n"
        "except xldm.MissingPackageError as error:\n    print(error)"
    )
    assert "pip install 'xldm[train]'" in _printed(code)


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


def test_importing_xldm_imports_neither_torch_nor_xarray_nor_intake():
    code = "import sys, xldm; print([m for m in ('torch', 'xarray', 'intake') if m in sys.modules])"
    assert _printed(code) == "[]"


def test_the_accessors_are_there_in_whatever_order_xldm_and_xarray_are_imported():
    for order in ("xldm, xarray", "xarray, xldm"):
        shown = "hasattr(xarray.Dataset, 'ldm'), hasattr(xarray.DataTree, 'ldm')"
        code = f"import {order}; print({shown})"
        assert _printed(code) == "True True"


def test_an_import_of_xarray_that_failed_can_be_repeated():
    code = (
        "import sys, xldm\n"
        "sys.modules['pandas'] = None\n"
        "try:\n    import xarray\nexcept ImportError:\n    del sys.modules['pandas']\n"
        "import xarray\nprint(hasattr(xarray.Dataset, 'ldm'))"
    )
    assert _printed(code) == "True"


def _printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_dir_lists_every_public_name_and_nothing_else():
    assert dir(xldm) == sorted(xldm.__all__)


@pytest.mark.parametrize(
    ("method", "function", "first"),
    [
        (LDM.downscale, xldm.downscale, 2),
        (LDM.interpolate, xldm.interpolate, 2),
        (LDM.drift, xldm.drift, 2),
        (StoreLDM.batches, batches, 1),
    ],
)
def test_a_method_of_the_accessor_has_every_option_of_its_function(method, function, first):
    def options(of, start):
        return [str(p) for p in list(inspect.signature(of).parameters.values())[start:]]

    assert options(method, first) == options(function, first)
